"""Whether explanations are true: without the parts that they name first, the chance of the label
must fall farther than without as many others, drawn at random (comprehensiveness, DeYoung et al.
2020, "ERASER", section 4)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from mmcs.evaluate.bootstrap import Difference, paired_bootstrap
from mmcs.explanation import CHANNELS, Explanation
from mmcs.triage.explain import MOST_GROUPS, Asked, Explainer, grouped
from mmcs.triage.features import Table
from mmcs.triage.gather import gather
from mmcs.triage.judge import judge
from mmcs.triage.parts import Parts, Variant
from mmcs.triage.words import Understood

TAKEN = 0.2  # share of the parts that are taken away
SEED = 1

T = TypeVar("T")


@dataclass(frozen=True)
class Faithful:
    """How far the chance falls, on average, without some parts of one kind."""

    parts: str
    tickets: int  # that have parts to choose from
    first: float  # without those that the explanation names first
    drawn: float  # without as many drawn at random
    difference: Difference

    def line(self) -> str:
        """Return it for people."""
        return (
            f"{self.parts}: {self.tickets} tickets; without the first named the chance falls by "
            f"{self.first:.3f}, without as many drawn at random by {self.drawn:.3f}; "
            + self.difference.line()
        )


@dataclass(frozen=True)
class Fall:
    """How far one ticket's chance falls."""

    parts: str
    first: float
    drawn: float


def faithfulness(
    explainer: Explainer,
    understood: Sequence[Understood],
    question: str,
    seen: Callable[[], object],
) -> tuple[Faithful, ...]:
    """Return how faithful the explanations of some tickets are, by the kind of part.

    Args:
        explainer: the net and its encoders.
        understood: the tickets.
        question: category, say.
        seen: is told of each ticket.
    """
    chance = np.random.default_rng(SEED)
    falls: list[Fall] = []
    for one in understood:
        falls += _falls(explainer, one, question, chance)
        seen()
    found = []
    for parts in dict.fromkeys(fall.parts for fall in falls):
        first = [fall.first for fall in falls if fall.parts == parts]
        drawn = [fall.drawn for fall in falls if fall.parts == parts]
        difference = paired_bootstrap(f"first {parts} against drawn", first, drawn)
        means = float(np.mean(first)), float(np.mean(drawn))
        found.append(Faithful(parts, len(first), *means, difference))
    return tuple(found)


def _falls(
    explainer: Explainer, one: Understood, question: str, chance: np.random.Generator
) -> Iterator[Fall]:
    table = Table.of([gather(one, explainer.encoders, explainer.settings)])
    if not table.present.any():
        return
    asked = Asked(question, judge(explainer.checkpoint, table).best(question)[0])
    why = explainer.explain(one, asked)
    for parts, whole, first, drawn in _pairs(
        Parts(one, explainer.encoders, explainer.settings), why, chance
    ):
        before, *after = explainer.chances([whole, first, drawn], asked)
        yield Fall(parts, before - after[0], before - after[1])


def _pairs(
    ticket: Parts, why: Explanation, chance: np.random.Generator
) -> Iterator[tuple[str, Variant, Variant, Variant]]:
    """Yield for each kind of part the ticket, the ticket without the first, and without others."""
    whole = ticket.only(CHANNELS)
    if len(why.channels) > 1:
        first, drawn = _taken(why.channels, [s.value for s in why.channels], chance, 1)
        left = [[s.channel for s in why.channels if s not in gone] for gone in (first, drawn)]
        yield "channels", whole, ticket.only(left[0]), ticket.only(left[1])
    groups = grouped(ticket.text.tokens, MOST_GROUPS)
    if len(groups) > 1:
        values = [why.words[group[0]].value for group in groups]
        sets = [[at for group in some for at in group] for some in _taken(groups, values, chance)]
        yield "words", whole, ticket.without_words(sets[0]), ticket.without_words(sets[1])
    for name in dict.fromkeys(region.attachment for region in why.regions):
        here = [region for region in why.regions if region.attachment == name]
        if len(here) > 1:
            covered = [
                ticket.covered(name, some)
                for some in _taken(here, [region.value for region in here], chance)
            ]
            yield "regions", ticket.covered(name), covered[0], covered[1]
    for name in dict.fromkeys(stretch.attachment for stretch in why.stretches):
        spans = [stretch for stretch in why.stretches if stretch.attachment == name]
        if len(spans) > 1:
            cuts = _taken(spans, [stretch.value for stretch in spans], chance)
            left_over = ticket.cut(name, cuts)
            yield "stretches", whole, left_over[0], left_over[1]


def _taken(
    parts: Sequence[T], values: Sequence[float], chance: np.random.Generator, count: int = 0
) -> tuple[list[T], list[T]]:
    """Return the parts of the highest values, and as many drawn at random."""
    count = count or max(1, math.floor(TAKEN * len(parts)))
    highest = np.argsort(-np.array(values), kind="stable")[:count]
    drawn = chance.choice(len(parts), count, replace=False)
    return [parts[at] for at in highest], [parts[at] for at in drawn]
