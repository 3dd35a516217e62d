"""One score in 0-1 from all signals: how likely it is that a passage's article answers.

A weighted sum of the signals orders the passages; a logistic curve over that sum, over how like the
best passage is and over how far it stands out from the next articles makes a probability of it. The
numbers are fitted by ``fit`` and lie in assets/weights/retrieval.json, its card beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmcs.errors import KnowledgeError
from mmcs.knowledge.index import Floats, Index
from mmcs.knowledge.signals import Query, Signals
from mmcs.settings import ASSETS
from mmcs.ticket import from_json

NUMBERS = ASSETS / "weights" / "retrieval.json"
RIVALS = 5  # articles after the best one, from which it should stand out


@dataclass(frozen=True)
class Formula:
    """The numbers for questions in one script."""

    weights: Mapping[str, float]  # of each signal in the sum that orders the passages
    anchors: Mapping[str, float]  # of each signal of the best passage, whose size tells likeness
    bias: float
    per_lead: float  # for how far the best article stands out
    per_gap: float  # for how far a passage stays behind the best
    usual_lead: float  # stands in where there is no other article


@dataclass(frozen=True)
class Fusion:
    """The numbers for questions in Latin letters (English) and in Chinese."""

    latin: Formula
    chinese: Formula

    def formula(self, query: Query) -> Formula:
        """Return the numbers for a question."""
        return self.chinese if query.chinese else self.latin


def load_fusion(path: Path = NUMBERS) -> Fusion:
    """Return the fitted numbers.

    Raises:
        KnowledgeError: the file is missing or is not what ``fit`` wrote.
    """
    try:
        return from_json(Fusion, json.loads(path.read_text("utf-8")))
    except (OSError, ValueError) as broken:
        raise KnowledgeError(
            f"The numbers of the search in {path.name} cannot be read; install MMCS again."
        ) from broken


def weighted_sum(signals: Signals, weights: Mapping[str, float]) -> Floats:
    """Return the sum that orders the passages."""
    total: Floats = sum(
        (weight * getattr(signals, name) for name, weight in weights.items()),
        np.zeros(len(signals.meaning)),
    )
    return total


def best_of_articles(passages: Floats, index: Index) -> Floats:
    """Return each article's best passage's number."""
    best = np.full(len(index.articles), -np.inf)
    np.maximum.at(best, index.owners, passages)
    return best


def lead(total: Floats, index: Index) -> float | None:
    """Return how far the best article stands out from the next; None if it is the only one."""
    ordered = np.sort(best_of_articles(total, index))[::-1]
    if len(ordered) < 2:
        return None
    return float(ordered[0] - ordered[1 : 1 + RIVALS].mean())


def scores(signals: Signals, index: Index, formula: Formula) -> Floats:
    """Return one score in 0-1 a passage."""
    total = weighted_sum(signals, formula.weights)
    best = int(total.argmax())
    found = lead(total, index)
    logits = (
        formula.bias
        + sum(weight * getattr(signals, name)[best] for name, weight in formula.anchors.items())
        + formula.per_lead * (formula.usual_lead if found is None else found)
        + formula.per_gap * (total - total[best])
    )
    probability: Floats = 1 / (1 + np.exp(-logits))
    return probability
