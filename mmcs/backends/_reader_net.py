"""The reader's net: all-mpnet-base-v2 with corrections of low rank (Hu et al. 2021, LoRA) in its
upper layers, and three heads: the passage says the claim; it answers the question; this token is of
a sentence that does.

What is trained has the names of MPNetModel's parameters, and those of the heads:

    encoder.layer.L.attention.attn.{q,k,v,o}.{down,up}    L from 4 to 11; x W + x downᵀ upᵀ, with
    encoder.layer.L.{intermediate,output}.dense.{down,up} down (32, in), up (out, 32)
    encoder.layer.L.attention.LayerNorm.{weight,bias}     (768,)
    encoder.layer.L.output.LayerNorm.{weight,bias}        (768,)
    head.weight, head.bias                                (2, 768), (2,): of the first token's state
    unit.weight, unit.bias                                (1, 768), (1,): of each token's state
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers import AutoModel, BatchEncoding

from mmcs.backends._low_rank import add_corrections, merge

Task = Literal["says", "answers"]
TASKS: tuple[Task, ...] = ("says", "answers")  # in the order of the pair head's outputs
RANK = 32
UPPER = 8  # layers from above that are corrected
MOST_LEFT = 96  # tokens of the claim or question; the rest is not read
MOST_TOKENS = 224  # of both texts; the passage is cut


class ReaderNet(nn.Module):
    """The corrected encoder and its heads."""

    def __init__(self, encoder: nn.Module, width: int) -> None:
        """Put new heads on an encoder with states of ``width``."""
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(width, len(TASKS))
        self.unit = nn.Linear(width, 1)
        for head in (self.head, self.unit):
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of the pairs, (pairs, 2), and of their tokens, (pairs, tokens)."""
        with torch.autocast(ids.device.type, torch.bfloat16, enabled=has_bf16(ids.device.type)):
            states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        states = states.float()
        return self.head(states[:, 0]), self.unit(states)[:, :, 0]

    def trained(self) -> dict[str, nn.Parameter]:
        """Return what is trained, by the names in the file."""
        named = {name.removeprefix("encoder."): p for name, p in self.named_parameters()}
        return {name: p for name, p in named.items() if p.requires_grad}

    def take(self, held: Mapping[str, Tensor]) -> None:
        """Take what was trained, and merge the corrections into the matrices.

        Raises:
            ValueError: it belongs to another net.
        """
        named = self.trained()
        if held.keys() != named.keys():
            raise ValueError("the trained numbers belong to another net")
        with torch.no_grad():
            for name, parameter in named.items():
                parameter.copy_(held[name])
        merge(self.encoder)


def has_bf16(where: str) -> bool:
    """Say whether a kind of device multiplies numbers in bfloat16."""
    if where == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def reader_net(folder: Path) -> ReaderNet:
    """Return the net over a base model, with corrections and heads that know nothing yet.

    Raises:
        OSError, ValueError, SafetensorError: the base model cannot be loaded.
    """
    encoder: Any = AutoModel.from_pretrained(
        str(folder), local_files_only=True, dtype=torch.float32, add_pooling_layer=False
    )
    add_corrections(encoder, RANK, max(0, len(encoder.encoder.layer) - UPPER))
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return ReaderNet(encoder, int(encoder.config.hidden_size))


def without_corrections(encoder: Any) -> Any:
    """Return an encoder as it came, before what was trained is taken; the layers that training
    leaves alone are the very same ones."""
    plain = copy.deepcopy(encoder)
    merge(plain)  # corrections that know nothing change nothing
    plain.embeddings = encoder.embeddings
    for place in range(len(encoder.encoder.layer) - UPPER):
        plain.encoder.layer[place] = encoder.encoder.layer[place]
    return plain


def coded(pairs: Sequence[tuple[str, str]], tokenizer: Any) -> BatchEncoding:
    """Return pairs of texts in tokens, the left one cut to ``MOST_LEFT``, each token with the
    characters of its text at which it begins and ends."""
    tokens: BatchEncoding = tokenizer(
        _cut([left for left, _ in pairs], tokenizer),
        [right for _, right in pairs],
        truncation="only_second",
        max_length=MOST_TOKENS,
        padding=True,
        return_tensors="pt",
        return_offsets_mapping=True,
    )
    return tokens


def _cut(texts: Sequence[str], tokenizer: Any) -> list[str]:
    """Return texts without what follows their first ``MOST_LEFT`` tokens."""
    coded = tokenizer(
        list(texts),
        truncation=True,
        max_length=MOST_LEFT,
        add_special_tokens=False,
        return_offsets_mapping=True,
    )
    return [
        text[: places[-1][1]] if len(places) == MOST_LEFT else text
        for text, places in zip(texts, coded["offset_mapping"], strict=True)
    ]
