"""A trained fusion in one safetensors file: the net, the scales of its features, the labels, the
temperatures, tickets that it remembers, and a plainer rule fitted on the same tickets, to be
measured beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mmcs import private
from mmcs.errors import ModelUnavailable
from mmcs.settings import ASSETS
from mmcs.ticket import from_json, to_json
from mmcs.triage.features import MODALITIES, Scale
from mmcs.triage.nets import Shape, build

SHIPPED = ASSETS / "weights" / "triage.safetensors"
FORMAT = "1"
_NET, _SCALE, _PLAIN, _MEMORY = "net.", "scale.", "plain.", "memory.hidden"


@dataclass(frozen=True)
class Plain:
    """Logistic regression on the embedding of a text alone, for one question."""

    weight: NDArray[np.float32]  # (labels, columns)
    bias: NDArray[np.float32]  # (labels,)


@dataclass(frozen=True)
class Recipe:
    """How a net came to be, and what its log-probabilities are divided by."""

    shape: Shape
    encoders: str  # the names of the models whose features it reads
    temperatures: Mapping[str, float]  # head -> temperature (Guo et al. 2017)
    shares: Mapping[str, tuple[float, ...]]  # head -> how many of the tickets had each label
    tickets: int  # trained on
    data: str  # the names of the files
    epochs: int
    outside: tuple[float, float] | None = None  # slope and bias of the chance of "none of these"
    figures: Mapping[str, float] = field(default_factory=dict)  # on the held-out part

    def share(self, head: str, label: str) -> float:
        """Return the share of the tickets that had a label, 0-1."""
        return self.shares[head][self.shape.labels[head].index(label)]

    def commonest(self, head: str) -> str:
        """Return the label that most tickets had."""
        shares = self.shares[head]
        return self.shape.labels[head][shares.index(max(shares))]


@dataclass(frozen=True)
class Memory:
    """Tickets that a net was trained on, to be shown beside others that it takes for alike."""

    hidden: NDArray[np.float32]  # (tickets, hidden), unit rows
    texts: tuple[str, ...]
    labels: Mapping[str, tuple[str, ...]]  # question -> (tickets,); "" where it has none


@dataclass(frozen=True)
class Checkpoint:
    """A trained fusion."""

    net: nn.Module
    scale: Scale
    recipe: Recipe
    plain: Mapping[str, Plain] = field(default_factory=dict)
    memory: Memory | None = None

    @property
    def name(self) -> str:
        """The model's name, as the desk shows it."""
        return f"{self.recipe.shape.fusion} fusion"


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint; the file is whole or not there at all."""
    tensors: dict[str, Tensor] = {
        _NET + name: tensor.contiguous() for name, tensor in checkpoint.net.state_dict().items()
    }
    for place, modality in enumerate(MODALITIES):
        tensors[f"{_SCALE}mean.{modality}"] = torch.from_numpy(checkpoint.scale.mean[place])
        tensors[f"{_SCALE}deviation.{modality}"] = torch.from_numpy(
            checkpoint.scale.deviation[place]
        )
    for question, plain in checkpoint.plain.items():
        tensors[f"{_PLAIN}{question}.weight"] = torch.from_numpy(plain.weight)
        tensors[f"{_PLAIN}{question}.bias"] = torch.from_numpy(plain.bias)
    told = {"format": FORMAT, "recipe": json.dumps(to_json(checkpoint.recipe), ensure_ascii=False)}
    memory = checkpoint.memory
    if memory is not None:
        tensors[_MEMORY] = torch.from_numpy(memory.hidden).half()
        told["texts"] = json.dumps(memory.texts, ensure_ascii=False)
        told["labels"] = json.dumps(memory.labels, ensure_ascii=False)
    with private.written(path) as draft:
        save_file(tensors, draft, metadata=told)


def load(path: Path) -> Checkpoint:
    """Return the checkpoint in a file, its net ready to read.

    Raises:
        ModelUnavailable: there is no such file, or it is no checkpoint of a fusion.
    """
    try:
        with safe_open(path, framework="pt") as file:
            told = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
        recipe = from_json(Recipe, json.loads(told["recipe"]))
        net = build(recipe.shape)
        net.load_state_dict(_under(tensors, _NET))
        scale = _under(tensors, _SCALE)
        means, deviations = (
            tuple(scale[f"{kind}.{modality}"].numpy() for modality in MODALITIES)
            for kind in ("mean", "deviation")
        )
        plain = _plain(_under(tensors, _PLAIN))
        memory = _memory(tensors, told)
    except (
        OSError,
        SafetensorError,
        KeyError,
        ValueError,
        RuntimeError,
        ValidationError,
    ) as broken:
        raise ModelUnavailable(
            f"{path.name} holds no trained triage; make it with `python -m mmcs train triage`."
        ) from broken
    return Checkpoint(net.eval(), Scale(means, deviations), recipe, plain, memory)


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    found = tensors.items()
    return {name.removeprefix(prefix): t for name, t in found if name.startswith(prefix)}


def _plain(tensors: Mapping[str, Any]) -> Mapping[str, Plain]:
    questions = dict.fromkeys(name.rpartition(".")[0] for name in tensors)
    return {
        q: Plain(tensors[f"{q}.weight"].numpy(), tensors[f"{q}.bias"].numpy()) for q in questions
    }


def _memory(tensors: Mapping[str, Tensor], told: Mapping[str, str]) -> Memory | None:
    if _MEMORY not in tensors:
        return None
    labels = {q: tuple(given) for q, given in json.loads(told["labels"]).items()}
    return Memory(tensors[_MEMORY].float().numpy(), tuple(json.loads(told["texts"])), labels)
