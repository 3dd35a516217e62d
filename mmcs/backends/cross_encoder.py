"""Any cross-encoder in the hub's format (config.json, tokenizer.json, model.safetensors), by name:
MMCS_RANKER=BAAI/bge-reranker-v2-m3, MMCS_VERIFIER=cross-encoder/nli-deberta-v3-base, or a folder.

A model with one number for a pair says how likely the passage answers, or the source says so; one
with labels says it by the label "entailment", or, where they have no names, by the second of two.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PretrainedConfig

from mmcs.backends._device import BUILDING, device
from mmcs.backends._pooling import BATCH, MAX_CHARACTERS
from mmcs.backends._vlm.files import whole_folder
from mmcs.errors import ModelUnavailable
from mmcs.roles import Read
from mmcs.settings import Settings

MOST_TOKENS = 512  # of a pair; the end of the longer text is not read
LOCAL = {"trust_remote_code": False, "local_files_only": True}

Chances = NDArray[np.float64]


class CrossEncoder:
    """A classifier of pairs of texts, as a Ranker and as a Verifier."""

    def __init__(self, folder: Path, name: str, settings: Settings) -> None:
        """Load tokenizer and weights from a folder; a GPU is used when there is one.

        Raises:
            ValueError: its labels do not tell which of them means yes.
        """
        self.name = name
        torch.set_num_threads(settings.threads)
        self._device = device(settings)
        self._tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), **LOCAL)
        model = AutoModelForSequenceClassification.from_pretrained(
            str(folder), dtype=torch.float32, use_safetensors=True, **LOCAL
        )
        self._yes = label_of_yes(model.config)
        self._model = model.eval().to(self._device)

    def rank(self, question: str, passages: Sequence[str]) -> tuple[Read, ...]:
        """Return for each passage how likely it answers."""
        return tuple(Read(chance) for chance in self._chances([(question, p) for p in passages]))

    def verify(self, claims: Sequence[str], sources: Sequence[str]) -> Chances:
        """Return for each claim the chance, 0-1, that the source beside it says so, (claims,)."""
        return np.array(self._chances(list(zip(sources, claims, strict=True))))

    def _chances(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        chances: list[float] = []
        for start in range(0, len(pairs), BATCH):
            left, right = zip(*pairs[start : start + BATCH], strict=True)
            tokens = self._tokenizer(
                [text[:MAX_CHARACTERS] for text in left],
                [text[:MAX_CHARACTERS] for text in right],
                truncation="longest_first",
                max_length=min(MOST_TOKENS, self._tokenizer.model_max_length),
                padding=True,
                return_tensors="pt",
            ).to(self._device)
            with torch.inference_mode():
                logits = self._model(**tokens).logits.float()
            one = logits.shape[1] == 1
            likely = logits.sigmoid()[:, 0] if one else logits.softmax(dim=1)[:, self._yes]
            chances += likely.tolist()
        return chances


def label_of_yes(config: PretrainedConfig) -> int:
    """Return the place of the label that means yes.

    Raises:
        ValueError: the labels do not tell.
    """
    named = {place: label.lower() for place, label in config.id2label.items()}
    for place, label in named.items():
        if "entail" in label and not label.startswith(("not", "non", "no_")):
            return int(place)
    if len(named) <= 2:
        return len(named) - 1
    raise ValueError(f"none of the labels {', '.join(named.values())} means entailment")


def ranker(settings: Settings) -> CrossEncoder:
    """Load the cross-encoder that MMCS_RANKER names. Raises: as ``_loaded``."""
    return _loaded(settings.ranker, settings)


def verifier(settings: Settings) -> CrossEncoder:
    """Load the cross-encoder that MMCS_VERIFIER names. Raises: as ``_loaded``."""
    return _loaded(settings.verifier, settings)


def _loaded(asked: str, settings: Settings) -> CrossEncoder:
    """Load a cross-encoder and warm it up.

    Raises:
        ModelUnavailable: it cannot be had, or is no cross-encoder.
    """
    folder = whole_folder(asked, settings)
    try:
        with BUILDING:
            model = CrossEncoder(folder, asked, settings)
    except (OSError, ValueError, KeyError, SafetensorError) as broken:
        raise ModelUnavailable(f"{asked} could not be loaded as a cross-encoder.") from broken
    model.verify(["warm up"], ["warm up"])
    return model
