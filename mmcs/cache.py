"""Files below the cache folder: each is written whole or not at all, and all can be made anew.

A folder that is full or cannot be written costs time, never a ticket. Whoever runs a ticket asks
for the news of it and tells the agent.
"""

from __future__ import annotations

from pathlib import Path

from mmcs import private

_refused: set[Path] = set()  # cache folders in which a write failed, until somebody is told


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, whoever else writes the same, with its folders.

    Raises:
        OSError: it cannot be written; what was there before is there still.
    """
    with private.written(path) as draft:
        draft.write_bytes(content)


def keep(path: Path, content: bytes, cache: Path) -> bool:
    """Keep a file that can be made anew, and say whether it is kept.

    Args:
        path: where.
        content: of the whole file.
        cache: the cache folder that it belongs to.
    """
    try:
        replace_file(path, content)
    except OSError:
        refuses(cache)
        return False
    return True


def refuses(cache: Path) -> None:
    """Remember that something could not be kept in a cache folder."""
    _refused.add(cache)


def news(cache: Path) -> str:
    """Return the sentence that says that something could not be kept in a cache folder since the
    last time that this was asked; empty if everything could."""
    if cache not in _refused:
        return ""
    _refused.discard(cache)
    return (
        f"Nothing can be kept in {cache}, which cannot be written or is full: each ticket takes as "
        "long as the first. Free some space, or set MMCS_CACHE to another folder."
    )
