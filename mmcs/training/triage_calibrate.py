"""What is weighed on held-out tickets, which a net has not learned from: how far each modality of a
late fusion is believed, how sure its chances may be, and from where a ticket lies outside."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from mmcs.training.triage_data import UNLABELLED, Targets
from mmcs.triage.features import Table
from mmcs.triage.judge import LEAST, SCOPE, belonging, tempered
from mmcs.triage.nets import Batch, Late, read

COLDEST, HOTTEST = 0.05, 20.0  # temperatures
MOST_RELIABLE = 4.0
SHRINK = 0.002  # towards a reliability of 1, where few tickets tell


@dataclass(frozen=True)
class Examples:
    """Scaled features with what is true of them."""

    table: Table
    targets: Targets


def log_probabilities(net: nn.Module, table: Table) -> Mapping[str, Tensor]:
    """Return what a net says of scaled features."""
    net.eval()
    with torch.inference_mode():
        return read(net, Batch.of(table)).logs


def set_priors(net: Late, targets: Targets) -> None:
    """Tell a late fusion how common each label is."""
    for question, target in targets.items():
        prior = net.prior(question)
        counts = np.bincount(target[target != UNLABELLED], minlength=len(prior)) + 1
        prior.copy_(torch.tensor(np.log(counts / counts.sum()), dtype=torch.float32))


def weigh(net: nn.Module, held_out: Examples) -> None:
    """Find the reliabilities of a late fusion that make held-out tickets likeliest; leave another
    net as it is. The likelihood is concave in them."""
    if not isinstance(net, Late):
        return
    net.eval()
    with torch.inference_mode():
        found = read(net, Batch.of(held_out.table))
    for question, target in held_out.targets.items():
        known = torch.from_numpy(target != UNLABELLED)
        if not bool(known.any()):
            continue
        prior = net.prior(question)
        there = [place for place, logs in enumerate(found.alone) if logs]
        present = torch.from_numpy(held_out.table.present[:, there]).float()
        parts = torch.stack([found.alone[p][question] - prior for p in there], dim=1)
        beyond = (parts * present[:, :, None])[known].double().numpy()
        best = _reliabilities(beyond, prior.double().numpy(), target[known.numpy()])
        net.reliability(question).copy_(torch.tensor(best, dtype=torch.float32))


def _reliabilities(
    beyond: NDArray[np.float64], prior: NDArray[np.float64], right: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the weight of each modality, at least 0.

    Args:
        beyond: what each knows beyond the prior, (tickets, modalities, labels).
        prior: (labels,).
        right: the place of each ticket's label.
    """
    rows = np.arange(len(right))

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logs = log_softmax(prior + np.einsum("m,tml->tl", weights, beyond), axis=1)
        expected = np.einsum("tl,tml->tm", np.exp(logs), beyond)
        slope = (expected - beyond[rows, :, right]).mean(axis=0) + 2 * SHRINK * (weights - 1)
        penalty = SHRINK * float(((weights - 1) ** 2).sum())
        return -float(logs[rows, right].mean()) + penalty, slope

    begun = np.ones(beyond.shape[1])
    bounds = [(0.0, MOST_RELIABLE)] * len(begun)
    found = minimize(loss, begun, jac=True, method="L-BFGS-B", bounds=bounds)
    weights: NDArray[np.float64] = found.x
    return weights


def temperatures(net: nn.Module, held_out: Examples) -> Mapping[str, float]:
    """Return for each head the temperature that makes its chances likeliest on held-out tickets
    (Guo et al. 2017, section 4.2); 1 where none has a label."""
    found: dict[str, float] = {}
    for head, log in log_probabilities(net, held_out.table).items():
        target = torch.from_numpy(held_out.targets[head])
        known = target != UNLABELLED
        found[head] = _temperature(log[known].clone(), target[known]) if bool(known.any()) else 1.0
    return found


def _temperature(log: Tensor, target: Tensor) -> float:
    def loss(exponent: float) -> float:
        return float(nn.functional.cross_entropy(log / math.exp(exponent), target))

    bounds = (math.log(COLDEST), math.log(HOTTEST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded")
    return round(math.exp(float(found.x)), 4)


def outside_scale(
    net: nn.Module, held_out: Examples, scales: Mapping[str, float]
) -> tuple[float, float] | None:
    """Return the slope and the bias that turn the logarithm of ``belonging`` into the chance of
    "none of these" on held-out tickets (Platt 1999); None where there are not both kinds."""
    known = held_out.targets.get(SCOPE, np.array([UNLABELLED])) != UNLABELLED
    if len(np.unique(held_out.targets.get(SCOPE, np.zeros(1))[known])) < 2:
        return None
    logs = log_probabilities(net, held_out.table)
    heads = {h: tempered(log.double().numpy(), scales[h])[known] for h, log in logs.items()}
    inside = np.log(np.maximum(belonging(heads), LEAST))[:, None]
    model = LogisticRegression().fit(inside, held_out.targets[SCOPE][known])
    return round(float(model.coef_[0, 0]), 4), round(float(model.intercept_[0]), 4)
