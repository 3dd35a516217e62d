"""Why a trained net gave a ticket its label: what the chance is worth without a part of it.

    channels    exact Shapley values of what was written, said and shown (Shapley 1953): all subsets
    words       each left out, the others read again
    regions     each covered with grey, and the lines that stand there left out
    stretches   each cut out of the sound, and the words that are said there left out

Leaving out and looking again needs nothing of the models but their answers (occlusion, Zeiler and
Fergus 2014, section 2.2), and what it says of a part is what would be seen if it were not there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, groupby
from typing import TypeVar

import numpy as np

from mmcs.explanation import Explanation, Neighbour, Share, Word
from mmcs.settings import Settings
from mmcs.triage.checkpoint import Checkpoint
from mmcs.triage.gather import Encoders
from mmcs.triage.judge import OUTSIDE, SCOPE, Judged, judge
from mmcs.triage.parts import Parts, Variant, table_of
from mmcs.triage.words import Token, Understood

MOST_GROUPS = 64  # of words; each is read anew
NEAREST = 3  # tickets of the training

Player = TypeVar("Player", bound=Hashable)


@dataclass(frozen=True)
class Asked:
    """The verdict that is to be explained."""

    question: str
    label: str
    outside: bool = False  # it was filed so because it belongs to none of the categories


@dataclass(frozen=True)
class Explainer:
    """A net and the models that make its features."""

    checkpoint: Checkpoint
    encoders: Encoders
    settings: Settings

    def explain(self, understood: Understood, asked: Asked) -> Explanation:
        """Return why a ticket has its label. A file that cannot be read explains nothing."""
        ticket = Parts(understood, self.encoders, self.settings)
        channels, tokens = ticket.channels, ticket.text.tokens
        subsets = [s for size in range(1, len(channels) + 1) for s in combinations(channels, size)]
        groups = grouped(tokens, MOST_GROUPS)
        regions, stretches = ticket.regions(), ticket.stretches()
        sounds = [list(some) for _, some in groupby(stretches, lambda s: s.attachment)]
        bare = list(dict.fromkeys(region.attachment for region in regions))
        chances = iter(
            self.chances(
                [
                    *(ticket.only(subset) for subset in subsets),
                    *(ticket.without_words(group) for group in groups),
                    *(ticket.covered(name) for name in bare),
                    *(ticket.covered(region.attachment, [region]) for region in regions),
                    *(
                        v
                        for some in sounds
                        for v in ticket.cut(some[0].attachment, [[s] for s in some])
                    ),
                ],
                asked,
            )
        )
        nothing = self.nothing(asked)
        worth = {frozenset(subset): next(chances) for subset in subsets}
        whole = worth.get(frozenset(channels), nothing)
        values = shapley(channels, lambda some: worth[some] if some else nothing)
        words = _words(tokens, groups, [whole - next(chances) for _ in groups])
        seen = {name: next(chances) for name in bare}
        return Explanation(
            asked.question,
            asked.label,
            whole,
            nothing,
            tuple(Share(channel, values[channel]) for channel in channels),
            words,
            tuple(replace(r, value=seen[r.attachment] - next(chances)) for r in regions),
            tuple(replace(s, value=whole - next(chances)) for s in stretches),
            self._neighbours(ticket, asked),
        )

    def chances(self, variants: Sequence[Variant], asked: Asked) -> list[float]:
        """Return the chance of the label for each variant; of one with nothing left, that of
        ``nothing``."""
        if not variants:
            return []
        judged = self._judged(variants)
        found = chance_of(judged, asked)
        return [self.nothing(asked) if v.empty else c for v, c in zip(variants, found, strict=True)]

    def nothing(self, asked: Asked) -> float:
        """Return the chance of the label before anything is known: its share of the training."""
        recipe = self.checkpoint.recipe
        if asked.outside:
            return recipe.share(SCOPE, OUTSIDE)
        return recipe.share(asked.question, asked.label)

    def _judged(self, variants: Sequence[Variant]) -> Judged:
        return judge(self.checkpoint, table_of(variants, self.encoders))

    def _neighbours(self, ticket: Parts, asked: Asked) -> tuple[Neighbour, ...]:
        memory = self.checkpoint.memory
        labels = memory.labels.get(asked.question) if memory else None
        if memory is None or labels is None:
            return ()
        hidden = self._judged([ticket.only(ticket.channels)]).hidden[0]
        likeness = memory.hidden @ hidden
        order = [place for place in np.argsort(-likeness) if labels[place]]
        return tuple(
            Neighbour(memory.texts[place], labels[place], round(float(likeness[place]), 3))
            for place in order[:NEAREST]
        )


def shapley(
    players: Sequence[Player], worth: Callable[[frozenset[Player]], float]
) -> Mapping[Player, float]:
    """Return each player's Shapley value: what it adds to the worth of those who came before it,
    the mean over every order of coming (Shapley 1953). They sum to the worth of all less that of
    none."""
    count = len(players)
    found: dict[Player, float] = {}
    for player in players:
        others = [other for other in players if other != player]
        found[player] = sum(
            (worth(frozenset({*some, player})) - worth(frozenset(some)))
            * (math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count))
            for size in range(count)
            for some in combinations(others, size)
        )
    return found


def chance_of(judged: Judged, asked: Asked) -> list[float]:
    """Return the chance of a label, one a ticket."""
    if asked.outside:
        return [float(chance) for chance in judged.outside]
    place = judged.labels[asked.question].index(asked.label)
    return [float(chance) for chance in judged.chances[asked.question][:, place]]


def grouped(tokens: Sequence[Token], most: int) -> list[list[int]]:
    """Return the places of the tokens, neighbours of one source together, in few groups."""
    size = max(1, math.ceil(len(tokens) / most))
    groups: list[list[int]] = []
    for place, token in enumerate(tokens):
        full = not groups or len(groups[-1]) == size
        if full or tokens[groups[-1][-1]].ref != token.ref:
            groups.append([])
        groups[-1].append(place)
    return groups


def _words(
    tokens: Sequence[Token], groups: Sequence[Sequence[int]], values: Sequence[float]
) -> tuple[Word, ...]:
    """Return each token with the value of its group."""
    value_of = {at: value for group, value in zip(groups, values, strict=True) for at in group}
    return tuple(Word(t.kind, t.ref, t.text, value_of[at]) for at, t in enumerate(tokens))
