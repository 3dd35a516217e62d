"""Shares of a whole, which there are none of where the whole is empty."""

from __future__ import annotations


def share_of(part: int, whole: int) -> float | None:
    """Return how much of a whole a part is; None of an empty one."""
    return part / whole if whole else None


def told_share(share: float | None, digits: int = 3) -> str:
    """Return a share for people."""
    return "-" if share is None else f"{share:.{digits}f}"
