"""The training of one fusion net: all heads together, frozen encoders, and a state on disk after
each epoch from which an interrupted training goes on as if nothing had happened."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import f1_score
from torch import Tensor, nn

from mmcs.training.triage_calibrate import Examples, log_probabilities, set_priors, weigh
from mmcs.training.triage_data import UNLABELLED, Targets
from mmcs.training.triage_state import Epoch, State, read_state, write_state
from mmcs.triage.judge import SCOPE
from mmcs.triage.nets import Batch, Late, Read, Shape, build, read

STEPS = 20  # an epoch, at least
SMALLEST_BATCH = 16  # tickets
MOST_WEIGHT = 10.0  # of a rare label


@dataclass(frozen=True)
class Options:
    """How a net is trained."""

    epochs: int = 40
    patience: int = 12  # epochs without a better macro F1 after which it ends
    batch: int = 128  # tickets, at most: few tickets are taken in at least STEPS steps an epoch
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warm_up: float = 0.05  # share of the steps
    label_smoothing: float = 0.1
    modality_dropout: float = 0.3  # chance that a ticket loses one of its modalities for a step
    seed: int = 1


def fit(
    shape: Shape,
    train: Examples,
    held_out: Examples,
    state_file: Path,
    seen: Callable[[Epoch], object],
    options: Options | None = None,
    until: int = 0,
    start: Mapping[str, Tensor] | None = None,
) -> tuple[nn.Module, tuple[Epoch, ...]]:
    """Return the net of the epoch with the best macro F1 on the held-out tickets, and all epochs.

    Args:
        shape: what to build.
        train: to learn from.
        held_out: to stop by.
        state_file: where the training stands; removed by the caller when all is written.
        seen: is told of each epoch.
        options: how; the defaults if None.
        until: end after so many epochs whatever the figures, and return the net of the last one.
            Whoever asks has no tickets to weigh a late fusion's reliabilities on, and sets them.
        start: the weights to go on from, with their reliabilities; random ones if None.
    """
    options = options or Options()
    torch.manual_seed(options.seed)
    net = build(shape)
    if isinstance(net, Late):
        set_priors(net, train.targets)
    if start is not None:
        net.load_state_dict(dict(start))
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay
    )
    state = read_state(state_file, net, optimizer) or State({}, ())
    for epoch in state.epochs:
        seen(epoch)
    batch, targets = Batch.of(train.table), _tensors(train.targets)
    weights = label_weights(train.targets, shape.labels)
    while not (len(state.epochs) >= until if until else _ended(state.epochs, options)):
        number = len(state.epochs)
        torch.manual_seed(options.seed * 100_003 + number)  # so that a resumed epoch is the same
        loss = _train_epoch(net, optimizer, batch, targets, weights, number, options)
        if not until and start is None:
            weigh(net, held_out)
        epoch = Epoch(loss, *_measured(net, held_out))
        weights_of_best = state.best
        if not state.epochs or merit(epoch) > max(map(merit, state.epochs)):
            weights_of_best = {name: t.clone() for name, t in net.state_dict().items()}
        state = State(weights_of_best, (*state.epochs, epoch))
        write_state(state_file, state, net, optimizer)
        seen(epoch)
    if not until:
        net.load_state_dict(dict(state.best))
    return net.eval(), state.epochs


def merit(epoch: Epoch) -> tuple[float, float]:
    """Return what makes an epoch the best: its macro F1, and among equals the held-out loss."""
    return epoch.macro_f1, -epoch.held_out_loss


def best_of(epochs: Sequence[Epoch]) -> int:
    """Return how many epochs the best one ended."""
    merits = [merit(epoch) for epoch in epochs]
    return merits.index(max(merits)) + 1


def _ended(epochs: tuple[Epoch, ...], options: Options) -> bool:
    since = len(epochs) - best_of(epochs) if epochs else 0
    return len(epochs) >= options.epochs or since >= options.patience


def _train_epoch(
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    targets: Mapping[str, Tensor],
    weights: Mapping[str, Tensor],
    number: int,
    options: Options,
) -> float:
    """Take every ticket once and return the mean loss."""
    net.train()
    count = len(batch.present)
    size = min(options.batch, max(SMALLEST_BATCH, count // STEPS))
    steps = math.ceil(count / size)
    order = torch.randperm(count)
    total = 0.0
    for step in range(steps):
        rows = order[step * size : (step + 1) * size]
        _set_rate(optimizer, (number * steps + step) / (options.epochs * steps), options)
        some = batch.take(rows)
        some = replace(some, present=dropped(some.present, options.modality_dropout))
        found = read(net, some)
        wanted = {head: target[rows] for head, target in targets.items()}
        if found.alone:
            loss = _loss_alone(found, some.present, wanted, weights, options.label_smoothing)
        else:
            loss = loss_of(found.logs, wanted, weights, options.label_smoothing)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        total += float(loss.detach()) * len(rows)
    return total / count


def _loss_alone(
    found: Read,
    present: Tensor,
    wanted: Mapping[str, Tensor],
    weights: Mapping[str, Tensor],
    smoothing: float,
) -> Tensor:
    """Return the sum of the losses of each modality's own classifier, on the tickets that have
    it."""
    total = torch.zeros((), requires_grad=True)
    for place, logs in enumerate(found.alone):
        here = present[:, place]
        if logs and bool(here.any()):
            own = {
                head: target.where(here, torch.tensor(UNLABELLED))
                for head, target in wanted.items()
            }
            total = total + loss_of(logs, own, weights, smoothing)
    return total


def _set_rate(optimizer: torch.optim.Optimizer, done: float, options: Options) -> None:
    """Set the learning rate: up over the warm-up, then down along a cosine (Loshchilov and Hutter
    2017, without restarts)."""
    warm = min(1.0, (done + 1e-3) / options.warm_up)
    rate = options.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * done))
    for group in optimizer.param_groups:
        group["lr"] = rate


def dropped(present: Tensor, chance: float) -> Tensor:
    """Return which modalities are left when each is lost by chance; the last one never is."""
    kept = present & (torch.rand(present.shape) >= chance)
    return torch.where(kept.any(dim=1, keepdim=True), kept, present)


def label_weights(targets: Targets, labels: Mapping[str, tuple[str, ...]]) -> Mapping[str, Tensor]:
    """Return what each label counts in the loss: the square root of the mean number of tickets of
    a label over its own, so that a rare one isn't forgotten and noise in it isn't learned."""
    found: dict[str, Tensor] = {}
    for head, names in labels.items():
        known = targets[head][targets[head] != UNLABELLED]
        counts = np.bincount(known, minlength=len(names)).clip(min=1)
        weight = np.sqrt(counts.mean() / counts).clip(max=MOST_WEIGHT)
        found[head] = torch.tensor(weight, dtype=torch.float32)
    return found


def loss_of(
    logs: Mapping[str, Tensor],
    targets: Mapping[str, Tensor],
    weights: Mapping[str, Tensor],
    smoothing: float,
) -> Tensor:
    """Return the sum over the heads of their cross-entropy, labels weighed and smoothed (Szegedy et
    al. 2016, section 7); tickets without a label don't count."""
    total = torch.zeros(())
    for head, log in logs.items():
        known = targets[head] != UNLABELLED
        if bool(known.any()):
            right = targets[head][known]
            weight = weights[head][right]
            own = -log[known].gather(1, right[:, None]).squeeze(1)
            spread = -log[known].mean(dim=1)
            losses = (1 - smoothing) * own + smoothing * spread
            total = total + (weight * losses).sum() / weight.sum()
    return total


def _measured(net: nn.Module, held_out: Examples) -> tuple[float, float]:
    """Return the loss without weights and smoothing, and the mean macro F1 of the questions."""
    logs = log_probabilities(net, held_out.table)
    targets = _tensors(held_out.targets)
    even = {head: torch.ones(log.shape[1]) for head, log in logs.items()}
    loss = float(loss_of(logs, targets, even, 0.0))
    return loss, float(np.mean(list(macro_f1(logs, held_out.targets).values()) or [0.0]))


def macro_f1(logs: Mapping[str, Tensor], targets: Targets) -> Mapping[str, float]:
    """Return the macro F1 of each question over the labels that occur."""
    found: dict[str, float] = {}
    for head, log in logs.items():
        known = targets[head] != UNLABELLED
        if head != SCOPE and known.any():
            called = log.argmax(dim=1).numpy()[known]
            right = targets[head][known]
            found[head] = float(
                f1_score(right, called, average="macro", labels=np.unique(right), zero_division=0)
            )
    return found


def _tensors(targets: Targets) -> Mapping[str, Tensor]:
    return {head: torch.from_numpy(target) for head, target in targets.items()}
