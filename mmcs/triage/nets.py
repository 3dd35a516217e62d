"""Three ways to fuse F = f_T(T) ⊕ f_I(I) ⊕ f_A(A), with one interface (Baltrušaitis, Ahuja and
Morency 2019, "Multimodal Machine Learning: A Survey and Taxonomy", section 6).

    early         one network over the features side by side
    intermediate  modalities projected to one width attend to each other, a gate weighs them
    late          a classifier a modality; their log-probabilities weighed by learned reliability

A modality that a ticket has not is masked: in early fusion a learned vector stands for it, in the
others it gets no weight. Heads are questions (category, urgency, …), each with its labels; a net
gives log-probabilities. "None of these" is a head of its own.
"""

from __future__ import annotations

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
DROPOUT = 0.4
INPUT_DROPOUT = 0.1


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
        return {q: functional.log_softmax(one(hidden), dim=1) for q, one in self.linear.items()}


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
    """Projections to one width, attention between them, and a gate that weighs them."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.projections = _projections(shape)
        self.attention = nn.MultiheadAttention(shape.hidden, HEADS_OF_ATTENTION, batch_first=True)
        self.norm = nn.LayerNorm(shape.hidden)
        self.gate = nn.Linear(shape.hidden, 1)
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
        scores = self.gate(tokens).squeeze(2).masked_fill(masked, float("-inf"))
        shares = scores.softmax(dim=1)
        weights = torch.zeros(batch.present.shape)
        weights[:, places] = shares
        hidden = (shares[:, :, None] * tokens).sum(dim=1)
        return Read(self.heads(hidden), weights, hidden)


class Late(nn.Module):
    """A classifier a modality; log p is the mean of theirs, weighed by reliability (a logarithmic
    opinion pool, Genest and Zidek 1986)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.projections = _projections(shape)
        self.reliability = nn.ModuleDict({m: nn.Linear(shape.hidden, 1) for m in self.projections})
        self.heads = nn.ModuleDict({m: Heads(shape.hidden, shape.labels) for m in self.projections})

    def forward(self, batch: Batch) -> Read:
        scores = torch.full(batch.present.shape, float("-inf"))
        alone: list[Mapping[str, Tensor]] = [{} for _ in MODALITIES]
        hiddens: dict[int, Tensor] = {}
        for place, modality in enumerate(MODALITIES):
            if modality in self.projections:
                hidden = self.projections[modality](batch.parts[place])
                hiddens[place] = hidden
                alone[place] = self.heads[modality](hidden)
                scores[:, place] = self.reliability[modality](hidden).squeeze(1)
        learned = list(hiddens)
        weights = torch.zeros(batch.present.shape)
        masked = _masked(batch.present[:, learned])
        weights[:, learned] = scores[:, learned].masked_fill(masked, float("-inf")).softmax(dim=1)
        pooled = {
            question: torch.stack(
                [weights[:, place, None] * alone[place][question] for place in learned]
            ).sum(dim=0)
            for question in alone[learned[0]]
        }
        logs = {question: functional.log_softmax(log, dim=1) for question, log in pooled.items()}
        told = torch.stack([weights[:, p, None] * hidden for p, hidden in hiddens.items()])
        return Read(logs, weights, told.sum(dim=0), tuple(alone))


def _projections(shape: Shape) -> nn.ModuleDict:
    pairs = zip(MODALITIES, shape.widths, strict=True)
    return nn.ModuleDict({m: Projection(width, shape.hidden) for m, width in pairs if width})


def _masked(present: Tensor) -> Tensor:
    """Return which modalities get no weight. Of a ticket that has none, all get some: a softmax
    over nothing is not a number."""
    nothing = ~present.any(dim=1, keepdim=True)
    return ~present & ~nothing
