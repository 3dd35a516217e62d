"""What both embedding models share: texts of like length in a batch, and the mean over tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmcs.roles import Vectors

MAX_CHARACTERS = 8_000  # a longer text is cut before it is split into tokens
BATCH = 8  # texts of like length; larger batches measured slower and took 260 MB more


def in_batches(
    texts: Sequence[str], dimensions: int, embed: Callable[[list[str]], Vectors]
) -> Vectors:
    """Return one vector a text, (texts, dimensions), embedded with texts of like length."""
    vectors = np.zeros((len(texts), dimensions), dtype=np.float32)
    by_length = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    for start in range(0, len(by_length), BATCH):
        rows = by_length[start : start + BATCH]
        vectors[rows] = embed([texts[row] for row in rows])
    return vectors


def embedded(texts: Sequence[str], tokenizer: Any, model: Any, most_tokens: int) -> Vectors:
    """Return one vector a text by an encoder of transformers, (texts, dimensions)."""
    tokens = tokenizer(
        [text[:MAX_CHARACTERS] for text in texts],
        padding=True,
        truncation=True,
        max_length=most_tokens,
        return_tensors="pt",
    ).to(model.device)
    with torch.inference_mode():
        states = model(**tokens).last_hidden_state.float()
        return mean_of_tokens(states, tokens["attention_mask"])


def mean_of_tokens(states: Tensor, mask: Tensor) -> Vectors:
    """Return the mean over each text's tokens, at unit length."""
    weight = mask.unsqueeze(-1).to(states.dtype)
    pooled = (states * weight).sum(dim=1) / weight.sum(dim=1)
    vectors: Vectors = torch.nn.functional.normalize(pooled, dim=1).cpu().numpy()
    return vectors
