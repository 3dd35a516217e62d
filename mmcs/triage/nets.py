"""Three ways to fuse F = f_T(T) ⊕ f_I(I) ⊕ f_A(A), with one interface (Baltrušaitis, Ahuja and
Morency 2019, "Multimodal Machine Learning: A Survey and Taxonomy", section 6).

    early         one network over the features side by side
    intermediate  modalities projected to one width attend to each other, a gate weighs them
    late          a classifier a modality; their log-probabilities weighed by their reliability

A modality that a ticket has not is masked: in early fusion a learned vector stands for it, in the
others it gets no weight. Heads are questions (category, urgency, …), each with its labels; a net
gives log-probabilities. "None of these" is a head of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmcs.triage.features import MODALITIES, Modality, Table

Fusion = Literal["early", "intermediate", "late"]
FUSIONS: tuple[Fusion, ...] = ("early", "intermediate", "late")
HIDDEN = 512  # units of a projection
HEADS_OF_ATTENTION = 4
DROPOUT = 0.5
INPUT_DROPOUT = 0.3


@dataclass(frozen=True)
class Shape:
    """What a net is built from."""

    fusion: Fusion
    widths: tuple[int, ...]  # columns of each modality, 0 for one it never learned
    labels: Mapping[str, tuple[str, ...]]  # of each head
    hidden: int = HIDDEN


@dataclass(frozen=True)
class Batch:
    """A table as tensors."""

    parts: tuple[Tensor, ...]  # (tickets, width) a modality
    present: Tensor  # (tickets, modalities), bool

    @classmethod
    def of(cls, table: Table) -> Batch:
        """Return a scaled table as tensors."""
        parts = tuple(torch.from_numpy(table.of_modality(m)) for m in MODALITIES)
        return cls(parts, torch.from_numpy(table.present.copy()))

    def take(self, rows: Tensor) -> Batch:
        """Return some of the tickets."""
        return Batch(tuple(part[rows] for part in self.parts), self.present[rows])


@dataclass(frozen=True)
class Read:
    """What a net says of a batch."""

    logs: Mapping[str, Tensor]  # head -> log-probabilities, (tickets, labels)
    weights: Tensor  # (tickets, modalities): how much each modality counted, rows sum to 1
    hidden: Tensor  # (tickets, hidden): what the heads read; of late fusion, their weighed mean
    alone: tuple[Mapping[str, Tensor], ...] = ()  # the same by each modality's own classifier


class Net(Protocol):
    """A fusion net."""

    def __call__(self, batch: Batch) -> Read:
        """Return what it says of a batch."""


def build(shape: Shape) -> nn.Module:
    """Return an untrained net."""
    kinds = {"early": Early, "intermediate": Intermediate, "late": Late}
    return kinds[shape.fusion](shape)


def read(net: nn.Module, batch: Batch) -> Read:
    """Return what a net says of a batch."""
    return cast(Net, net)(batch)


class Projection(nn.Module):
    """Features to hidden units."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Dropout(INPUT_DROPOUT),
            nn.Linear(width, hidden),
            nn.LayerNorm(hidden),
            nn.GELU(),
            nn.Dropout(DROPOUT),
        )

    def forward(self, features: Tensor) -> Tensor:
        hidden: Tensor = self.block(features)
        return hidden


class Heads(nn.Module):
    """Hidden units to the log-probabilities of every question's labels."""

    def __init__(self, hidden: int, labels: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__()
        self.linear = nn.ModuleDict(
            {q: nn.Linear(hidden, len(names)) for q, names in labels.items()}
        )

    def forward(self, hidden: Tensor) -> dict[str, Tensor]:
        return {question: self.of(question, hidden) for question in self.linear}

    def of(self, question: str, hidden: Tensor) -> Tensor:
        """Return the log-probabilities of one question's labels."""
        return functional.log_softmax(self.linear[question](hidden), dim=1)


class Early(nn.Module):
    """One network over the features of all modalities side by side."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.absent = nn.ParameterList([nn.Parameter(torch.zeros(w)) for w in shape.widths])
        self.body = Projection(sum(shape.widths) + len(MODALITIES), shape.hidden)
        self.heads = Heads(shape.hidden, shape.labels)

    def forward(self, batch: Batch) -> Read:
        parts = [
            torch.where(batch.present[:, place, None], part, self.absent[place])
            for place, part in enumerate(batch.parts)
        ]
        seen = batch.present.to(torch.float32)
        hidden = self.body(torch.cat([*parts, seen], dim=1))
        weights = seen / seen.sum(dim=1, keepdim=True).clamp(min=1.0)
        return Read(self.heads(hidden), weights, hidden)


class Intermediate(nn.Module):
    """Projections to one width, attention between them, and a gate for each question that weighs
    them."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.projections = _projections(shape)
        self.attention = nn.MultiheadAttention(shape.hidden, HEADS_OF_ATTENTION, batch_first=True)
        self.norm = nn.LayerNorm(shape.hidden)
        self.gates = nn.Linear(shape.hidden, len(shape.labels))
        self.heads = Heads(shape.hidden, shape.labels)

    def forward(self, batch: Batch) -> Read:
        places = [MODALITIES.index(m) for m in cast(Iterable[Modality], self.projections)]
        pairs = zip(places, self.projections.values(), strict=True)
        tokens = torch.stack([one(batch.parts[place]) for place, one in pairs], dim=1)
        masked = _masked(batch.present[:, places])
        told, _ = self.attention(
            tokens, tokens, tokens, key_padding_mask=masked, need_weights=False
        )
        tokens = self.norm(tokens + told)
        shares = _shares(self.gates(tokens), masked)
        hidden = torch.einsum("tmq,tmh->qth", shares, tokens)
        logs = {
            question: self.heads.of(question, mixed)
            for question, mixed in zip(self.heads.linear, hidden, strict=True)
        }
        return Read(logs, _weights(shares, places, batch), hidden.mean(dim=0))


class Late(nn.Module):
    """A classifier a modality, each taught alone. Pooled, log p = log prior + the sum of what each
    knows beyond the prior, times its reliability in that question (a logarithmic opinion pool,
    Genest and Zidek 1986): a voice tells the mood, hardly the matter.

    Reliability is weighed on held-out tickets: on those that they learned from, all are reliable.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.projections = _projections(shape)
        self.heads = nn.ModuleDict({m: Heads(shape.hidden, shape.labels) for m in self.projections})
        self.questions = tuple(shape.labels)
        for question, labels in shape.labels.items():
            self.register_buffer(f"reliability_{question}", torch.ones(len(self.projections)))
            even = torch.full((len(labels),), -math.log(len(labels)))
            self.register_buffer(f"prior_{question}", even)

    def forward(self, batch: Batch) -> Read:
        places = [MODALITIES.index(m) for m in cast(Iterable[Modality], self.projections)]
        alone: list[Mapping[str, Tensor]] = [{} for _ in MODALITIES]
        hiddens = []
        for place, modality in zip(places, self.projections, strict=True):
            hiddens.append(self.projections[modality](batch.parts[place]))
            alone[place] = self.heads[modality](hiddens[-1])
        present = batch.present[:, places].float()
        logs: dict[str, Tensor] = {}
        counted = torch.zeros_like(present)
        for question in alone[places[0]]:
            shares = present * self.reliability(question)
            prior = self.prior(question)
            beyond = torch.stack([alone[place][question] - prior for place in places], dim=1)
            pooled = prior + (shares[:, :, None] * beyond).sum(dim=1)
            logs[question] = functional.log_softmax(pooled, dim=1)
            counted = counted + shares
        weights = torch.zeros(batch.present.shape)
        weights[:, places] = counted / counted.sum(dim=1, keepdim=True).clamp(min=1e-6)
        told = weights[:, places, None] * torch.stack(hiddens, dim=1)
        return Read(logs, weights, told.sum(dim=1), tuple(alone))

    def reliability(self, question: str) -> Tensor:
        """Return how far each modality that was learned is to be believed, (modalities,)."""
        return self.get_buffer(f"reliability_{question}")

    def believe_as(self, other: Late) -> None:
        """Take the reliabilities of another net of the same shape."""
        for question in self.questions:
            self.reliability(question).copy_(other.reliability(question))

    def prior(self, question: str) -> Tensor:
        """Return the logarithm of each label's share of the training, (labels,)."""
        return self.get_buffer(f"prior_{question}")


def _projections(shape: Shape) -> nn.ModuleDict:
    pairs = zip(MODALITIES, shape.widths, strict=True)
    return nn.ModuleDict({m: Projection(width, shape.hidden) for m, width in pairs if width})


def _masked(present: Tensor) -> Tensor:
    """Return which modalities get no weight. Of a ticket that has none, all get some: a softmax
    over nothing is not a number."""
    nothing = ~present.any(dim=1, keepdim=True)
    return ~present & ~nothing


def _shares(scores: Tensor, masked: Tensor) -> Tensor:
    """Return scores, (tickets, modalities, questions), as shares that sum to 1 over modalities."""
    return scores.masked_fill(masked[:, :, None], float("-inf")).softmax(dim=1)


def _weights(shares: Tensor, places: list[int], batch: Batch) -> Tensor:
    """Return how much each modality counted, the mean over the questions."""
    weights = torch.zeros(batch.present.shape)
    weights[:, places] = shares.mean(dim=2)
    return weights
