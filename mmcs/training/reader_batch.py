"""Pairs of texts as the reader's net takes them, and what it is to learn of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from mmcs.backends._reader_net import TASKS, ReaderNet, coded
from mmcs.training.reader_data import Pair

SPAN_LOSS = 0.3  # weight of the tokens' loss beside the pairs'


@dataclass(frozen=True)
class Batch:
    """Some pairs as the net takes them. Shapes are (pairs, tokens), but for the tasks."""

    ids: Tensor
    mask: Tensor
    tasks: Tensor  # (pairs, 1): which output of the pair head is meant
    true: Tensor  # (pairs,), 0 or 1
    passage: Tensor  # whether a token is the passage's
    answering: Tensor  # whether it is of a sentence that answers
    starts: Tensor  # the character of its text at which a token begins

    def to(self, where: str) -> Batch:
        """Return it on a device."""
        return Batch(*(tensor.to(where) for tensor in vars(self).values()))


def batch_of(pairs: Sequence[Pair], tokenizer: Any) -> Batch:
    """Return pairs in tokens."""
    tokens = coded([(pair.left, pair.right) for pair in pairs], tokenizer)
    starts = tokens["offset_mapping"][:, :, 0]
    rows = range(len(pairs))
    passage = torch.tensor([[part == 1 for part in tokens.sequence_ids(row)] for row in rows])
    answering = torch.zeros_like(passage)
    for row, pair in enumerate(pairs):
        for begin, end in pair.spans:
            answering[row] |= passage[row] & (starts[row] >= begin) & (starts[row] < end)
    return Batch(
        tokens["input_ids"],
        tokens["attention_mask"],
        torch.tensor([[TASKS.index(pair.task)] for pair in pairs]),
        torch.tensor([float(pair.true) for pair in pairs]),
        passage,
        answering,
        starts,
    )


def loss_of(net: ReaderNet, batch: Batch) -> Tensor:
    """Return the cross-entropy of the pairs, and of the tokens where the answer is marked."""
    pairs, tokens = net(batch.ids, batch.mask)
    loss = binary_cross_entropy_with_logits(pairs.gather(1, batch.tasks)[:, 0], batch.true)
    marked = batch.answering.any(dim=1)
    if not bool(marked.any()):
        return loss
    wanted, passage = batch.answering[marked].float(), batch.passage[marked].float()
    each = binary_cross_entropy_with_logits(tokens[marked], wanted, reduction="none")
    of_pairs = (each * passage).sum(dim=1) / passage.sum(dim=1)
    return loss + SPAN_LOSS * of_pairs.mean()
