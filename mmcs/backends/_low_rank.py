"""Corrections of low rank to the matrices of a transformer (Hu et al. 2021, LoRA): small enough to
keep beside the code, merged into the matrices when the model is loaded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import BertModel

RANK = 16
KEPT = 2  # layers from below that stay as they are: training costs half as much
CORRECTED = ("query", "key", "value", "dense")  # matrices with a correction, in every other layer


class LowRank(nn.Module):
    """A linear layer and its correction: x W + x A B."""

    def __init__(self, base: nn.Linear) -> None:
        """Begin with no correction."""
        super().__init__()
        self.base = base
        self.down = nn.Parameter(torch.randn(RANK, base.in_features) / base.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(base.out_features, RANK))

    def forward(self, states: Tensor) -> Tensor:
        """Return the corrected product, (…, out features)."""
        corrected: Tensor = self.base(states) + states @ self.down.T @ self.up.T
        return corrected

    def merged(self) -> nn.Linear:
        """Return one linear layer that does the same."""
        with torch.no_grad():
            self.base.weight += self.up @ self.down
        return self.base


def add_corrections(model: BertModel) -> None:
    """Put corrections into a model's upper layers; they and the norms there can be trained."""
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    for layer in model.encoder.layer[KEPT:]:
        for name, parameter in layer.named_parameters():
            parameter.requires_grad_("LayerNorm" in name)
    correct(model.encoder.layer[KEPT:], CORRECTED)


def correct(layers: Iterable[nn.Module], names: Collection[str]) -> None:
    """Put a correction beside each matrix of these names in these layers."""
    for layer in layers:
        for owner, name, child in list(_children(layer)):
            if name in names and isinstance(child, nn.Linear):
                setattr(owner, name, LowRank(child))


def save_corrections(model: BertModel, path: Path) -> None:
    """Write what training changed, in half precision."""
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    halves = {name: p.detach().to(torch.float16).contiguous() for name, p in trained.items()}
    save_file(halves, path)


def take_corrections(model: BertModel, path: Path) -> None:
    """Read what ``save_corrections`` wrote and merge it into the matrices.

    Raises:
        ValueError: the file belongs to another model.
    """
    add_corrections(model)
    found = {name: value.to(torch.float32) for name, value in load_file(path).items()}
    if found.keys() != {name for name, p in model.named_parameters() if p.requires_grad}:
        raise ValueError(f"{path.name} belongs to another model")
    model.load_state_dict(found, strict=False)
    for owner, name, child in list(_children(model)):
        if isinstance(child, LowRank):
            setattr(owner, name, child.merged())


def _children(model: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Module]]:
    for owner in model.modules():
        for name, child in owner.named_children():
            yield owner, name, child
