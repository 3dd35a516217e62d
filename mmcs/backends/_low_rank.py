"""Corrections of low rank to the matrices of a transformer (Hu et al. 2021, LoRA): small enough to
keep beside the code, merged into the matrices when the model is loaded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

RANK = 16
KEPT = 2  # layers from below that stay as they are: training costs half as much


class LowRank(nn.Module):
    """A linear layer and its correction: x W + x A B."""

    def __init__(self, base: nn.Linear, rank: int = RANK) -> None:
        """Begin with no correction."""
        super().__init__()
        self.base = base
        self.down = nn.Parameter(torch.randn(rank, base.in_features) / base.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, states: Tensor) -> Tensor:
        """Return the corrected product, (…, out features)."""
        corrected: Tensor = self.base(states) + states @ self.down.T @ self.up.T
        return corrected

    def merged(self) -> nn.Linear:
        """Return one linear layer that does the same."""
        with torch.no_grad():
            self.base.weight += self.up @ self.down
        return self.base


def add_corrections(model: PreTrainedModel, rank: int = RANK, kept: int = KEPT) -> None:
    """Put corrections into an encoder's layers from ``kept`` on; they and the norms there can be
    trained, nothing else."""
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    layers = model.encoder.layer[kept:]
    for layer in layers:
        for name, parameter in layer.named_parameters():
            parameter.requires_grad_("LayerNorm" in name)
    correct(layers, rank=rank)


def correct(layers: Iterable[nn.Module], names: Collection[str] = (), rank: int = RANK) -> None:
    """Put a correction beside each matrix of these names in these layers; of any name if none is
    given."""
    for layer in layers:
        for owner, name, child in list(_children(layer)):
            if isinstance(child, nn.Linear) and (not names or name in names):
                setattr(owner, name, LowRank(child, rank))


def save_corrections(model: nn.Module, path: Path) -> None:
    """Write what training changed, in half precision."""
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    halves = {name: p.detach().to(torch.float16).contiguous() for name, p in trained.items()}
    save_file(halves, path)


def take_corrections(model: PreTrainedModel, path: Path) -> None:
    """Read what ``save_corrections`` wrote and merge it into the matrices.

    Raises:
        ValueError: the file belongs to another model.
    """
    add_corrections(model)
    found = {name: value.to(torch.float32) for name, value in load_file(path).items()}
    if found.keys() != {name for name, p in model.named_parameters() if p.requires_grad}:
        raise ValueError(f"{path.name} belongs to another model")
    model.load_state_dict(found, strict=False)
    merge(model)


def merge(model: nn.Module) -> None:
    """Put one matrix in the place of each and its correction."""
    for owner, name, child in list(_children(model)):
        if isinstance(child, LowRank):
            setattr(owner, name, child.merged())


def _children(model: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Module]]:
    for owner in model.modules():
        for name, child in owner.named_children():
            yield owner, name, child
