"""A stretch of text that means something, and how stretches that overlap are settled."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from mmcs.ticket import EntityKind

MOST = 400  # candidates of one pattern in one text; a longer row of them is no customer's


@dataclass(frozen=True)
class Span:
    """An entity in a text: characters ``start`` to ``end``, not including ``end``."""

    kind: EntityKind
    value: str  # normalised
    start: int
    end: int


def matches(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Yield the first matches of a pattern, but not so many that junk costs seconds."""
    return islice(pattern.finditer(text), MOST)


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
