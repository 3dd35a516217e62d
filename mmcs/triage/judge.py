"""What a trained fusion says of tickets: labels with calibrated chances, and whether a ticket
belongs to none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch.nn import functional

from mmcs.triage.checkpoint import Checkpoint, Recipe
from mmcs.triage.features import Matrix, Table
from mmcs.triage.labelled import SCOPED
from mmcs.triage.nets import Batch, read

SCOPE = "scope"  # the head that tells whether a ticket belongs to any category
INSIDE, OUTSIDE = "inside", "outside"
LEAST = 1e-12  # chance, before its logarithm
ROWS = 512  # tickets at a time

Chances = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """What is said of some tickets."""

    chances: Mapping[str, Chances]  # question -> (tickets, labels), rows sum to 1
    labels: Mapping[str, tuple[str, ...]]
    outside: Chances  # (tickets,): the chance that it belongs to no category
    weights: Chances  # (tickets, modalities): how much each modality counted
    hidden: Matrix  # (tickets, hidden), unit rows: what the net makes of them

    def best(self, question: str) -> tuple[str, ...]:
        """Return each ticket's likeliest label."""
        places = self.chances[question].argmax(axis=1)
        return tuple(self.labels[question][place] for place in places)


def judge(checkpoint: Checkpoint, table: Table) -> Judged:
    """Return what a checkpoint says of tickets, from their unscaled features."""
    shape = checkpoint.recipe.shape
    batch = Batch.of(checkpoint.scale.applied(table.widened(shape.widths)))
    logs: dict[str, list[NDArray[np.float64]]] = {head: [] for head in shape.labels}
    weights: list[NDArray[np.float64]] = [np.zeros((0, 3))]
    hidden: list[Matrix] = [np.zeros((0, shape.hidden), np.float32)]
    with torch.inference_mode():
        for start in range(0, len(table), ROWS):
            found = read(
                checkpoint.net, batch.take(torch.arange(start, min(start + ROWS, len(table))))
            )
            for head, log in found.logs.items():
                logs[head].append(log.double().numpy())
            weights.append(found.weights.double().numpy())
            hidden.append(functional.normalize(found.hidden, dim=1).numpy())
    heads = {
        head: tempered(np.concatenate(parts), checkpoint.recipe.temperatures.get(head, 1.0))
        for head, parts in logs.items()
    }
    questions = {head: chances for head, chances in heads.items() if head != SCOPE}
    labels = {head: names for head, names in shape.labels.items() if head != SCOPE}
    outside = _outside(heads, checkpoint.recipe, len(table))
    return Judged(questions, labels, outside, np.concatenate(weights), np.concatenate(hidden))


def tempered(logs: NDArray[np.float64], temperature: float) -> Chances:
    """Return the chances of log-probabilities divided by a temperature (Guo et al. 2017, "On
    Calibration of Modern Neural Networks", section 4.2)."""
    scaled = logs / temperature
    odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    chances: Chances = odds / odds.sum(axis=1, keepdims=True)
    return chances


def belonging(heads: Mapping[str, Chances]) -> Chances:
    """Return the chance that a ticket belongs to a category times that of the likeliest one,
    (tickets,), for its logarithm: what is foreign has little of either (the maximum softmax
    probability of Hendrycks and Gimpel 2017, times what the head has learned)."""
    best: Chances = heads[SCOPED].max(axis=1)
    return best * heads[SCOPE][:, 0] if SCOPE in heads else best


def _outside(heads: Mapping[str, Chances], recipe: Recipe, tickets: int) -> Chances:
    """Return the chance that a ticket belongs to no category, as held-out tickets scale it (Platt
    1999); what is left of ``belonging`` where there were none to scale it by."""
    if SCOPED not in heads:
        return np.zeros(tickets)
    inside = belonging(heads)
    if recipe.outside is None:
        return 1.0 - inside
    slope, bias = recipe.outside
    return expit(slope * np.log(np.maximum(inside, LEAST)) + bias)  # type: ignore[no-any-return]  # scipy is untyped
