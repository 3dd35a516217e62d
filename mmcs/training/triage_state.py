"""Where a training stands, in one safetensors file: the net, the best net so far, the optimiser's
moments and the epochs so far. What is random is drawn anew from the seed and the epoch's number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import TypeAdapter
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mmcs import private

_NET, _BEST, _MOMENT = "net.", "best.", "moment."


@dataclass(frozen=True)
class Epoch:
    """How one epoch went."""

    loss: float  # mean, on what it learned from
    held_out_loss: float
    macro_f1: float  # held out, mean over the questions


@dataclass(frozen=True)
class State:
    """Where a training stands."""

    best: Mapping[str, Tensor]  # the net's weights at the epoch of the best macro F1
    epochs: tuple[Epoch, ...]


def write_state(path: Path, state: State, net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Write where a training stands; a kill leaves the state before, or this one."""
    tensors = {_NET + name: t.clone() for name, t in net.state_dict().items()}
    tensors |= {_BEST + name: t for name, t in state.best.items()}
    for number, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"{_MOMENT}{number}.{key}": t.clone() for key, t in moments.items()}
    told = TypeAdapter(tuple[Epoch, ...]).dump_json(state.epochs).decode()
    with private.written(path) as draft:
        save_file(tensors, draft, metadata={"epochs": told})


def read_state(path: Path, net: nn.Module, optimizer: torch.optim.Optimizer) -> State | None:
    """Put a training's state into its net and optimiser and return it; None if there is none, or
    the file is damaged: then the training begins anew."""
    try:
        with safe_open(path, framework="pt") as file:
            told = json.loads((file.metadata() or {})["epochs"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
        epochs = TypeAdapter(tuple[Epoch, ...]).validate_python(told)
        net.load_state_dict(_under(tensors, _NET))
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError):
        return None
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _under(tensors, _MOMENT).items():
        number, _, key = name.partition(".")
        moments.setdefault(int(number), {})[key] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})
    return State(_under(tensors, _BEST), epochs)


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    found = tensors.items()
    return {name.removeprefix(prefix): t for name, t in found if name.startswith(prefix)}
