"""The plainest rules, fitted on the tickets that a net is trained on, to be measured beside it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from mmcs.training.triage_data import UNLABELLED, Targets
from mmcs.triage.checkpoint import Plain
from mmcs.triage.features import Matrix
from mmcs.triage.judge import SCOPE

STRENGTH = 10.0  # inverse of the L2 penalty
STEPS = 300  # at most
NEVER = -1e4  # the bias of a label that nothing was learned of

Heads = Mapping[str, tuple[str, ...]]


def shares_of(
    heads: Heads, targets: Targets, rows: NDArray[np.intp]
) -> dict[str, tuple[float, ...]]:
    """Return how many of the tickets have each label, by head."""
    found: dict[str, tuple[float, ...]] = {}
    for head, labels in heads.items():
        target = targets[head][rows]
        counts = np.bincount(target[target != UNLABELLED], minlength=len(labels))
        found[head] = tuple((counts / max(counts.sum(), 1)).round(4).tolist())
    return found


def plain_rules(
    texts: Matrix, heads: Heads, targets: Targets, rows: NDArray[np.intp]
) -> dict[str, Plain]:
    """Return a logistic regression on the text's embedding for each question.

    Args:
        texts: (tickets, columns), the embedder's vectors.
        heads: the questions with their labels.
        targets: what is true.
        rows: the tickets to learn from; each has words.
    """
    found: dict[str, Plain] = {}
    for question, labels in heads.items():
        known = rows[targets[question][rows] != UNLABELLED]
        right = targets[question][known]
        if question != SCOPE and len(np.unique(right)) > 1:
            model = LogisticRegression(C=STRENGTH, max_iter=STEPS).fit(texts[known], right)
            found[question] = _all_labels(model, len(labels))
    return found


def _all_labels(model: LogisticRegression, labels: int) -> Plain:
    """Return a fitted rule with a row for each label, also those that it never saw."""
    weight = np.zeros((labels, model.coef_.shape[1]), np.float32)
    bias = np.full(labels, NEVER, np.float32)
    bias[model.classes_[0]] = 0.0
    own = model.classes_[-len(model.coef_) :]  # of two labels one row tells them apart
    weight[own] = model.coef_
    bias[own] = model.intercept_
    return Plain(weight, bias)
