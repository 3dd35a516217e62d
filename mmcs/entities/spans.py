"""A stretch of text that means something, and how stretches that overlap are settled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mmcs.ticket import EntityKind


@dataclass(frozen=True)
class Span:
    """An entity in a text: characters ``start`` to ``end``, not including ``end``."""

    kind: EntityKind
    value: str  # normalised
    start: int
    end: int


def settle(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the spans in reading order; where two overlap, the one given first stays."""
    kept: list[Span] = []
    taken: set[int] = set()
    for span in spans:
        here = range(span.start, span.end)
        if taken.isdisjoint(here):
            kept.append(span)
            taken.update(here)
    return tuple(sorted(kept, key=lambda span: span.start))
