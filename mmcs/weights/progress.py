"""How far each fetch of this process is; anybody may read it at any time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fetch:
    """A model whose files are being fetched, or are there."""

    name: str
    done_bytes: int
    total_bytes: int
    source: str  # "installed package", "hub", "package index", or "cache" once all is there

    @property
    def done(self) -> bool:
        """Whether the files are there and have passed their check."""
        return self.source == "cache"


_fetches: dict[str, Fetch] = {}


def progress() -> tuple[Fetch, ...]:
    """Return every model that this process asked for, in the order of asking."""
    return tuple(_fetches.values())


def report(fetch: Fetch) -> None:
    """Show how far a fetch is."""
    _fetches[fetch.name] = fetch


def withdraw(name: str) -> None:
    """Show a fetch no longer: it failed, and its error says why."""
    _fetches.pop(name, None)
