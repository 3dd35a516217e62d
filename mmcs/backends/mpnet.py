"""The reader that ships: all-mpnet-base-v2 (Apache-2.0, English) as a cross-encoder with three
heads, trained here on pairs of question and passage, and of source and claim.

It reads both texts at once, so it sees what no likeness of two vectors shows: who does what, and
under which condition. The corrections, the heads and their calibration are
assets/weights/reader.safetensors, written by ``python -m mmcs train reader``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from mmcs.backends._device import BUILDING, device
from mmcs.backends._pooling import BATCH, MAX_CHARACTERS, embedded, in_batches
from mmcs.backends._reader_net import (
    MOST_TOKENS,
    TASKS,
    Task,
    coded,
    has_bf16,
    reader_net,
    without_corrections,
)
from mmcs.errors import ModelUnavailable
from mmcs.roles import Read, Remembering, Vectors, load
from mmcs.settings import ASSETS, Settings
from mmcs.weights import fetch

CORRECTIONS = ASSETS / "weights" / "reader.safetensors"
MOST_KNOWN = 4_000  # texts whose vectors are kept, 3 kB each; passages come up again

Chances = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """Platt's numbers: the chance of a logit z is 1 / (1 + exp(-(slope z + shift)))."""

    slope: float
    shift: float

    def chances(self, logits: Chances) -> Chances:
        """Return 0-1 for each logit."""
        chances: Chances = 1 / (1 + np.exp(-(self.slope * logits + self.shift)))
        return chances


class MPNetReader:
    """The cross-encoder, as a Ranker and a Verifier."""

    name = "mpnet-reader"

    def __init__(self, folder: Path, trained: Path, settings: Settings) -> None:
        """Load the base from a folder and merge what was trained; a GPU is used when there is one,
        and half precision where the processor multiplies it."""
        torch.set_num_threads(settings.threads)
        disable_progress_bar()  # it would draw on a command's stderr for a tenth of a second
        self._device = device(settings)
        self._tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        held = load_file(trained)
        self._says, self._answers = (
            Calibration(*held.pop(f"calibration.{task}").tolist()) for task in TASKS
        )
        held.pop("calibration.units")
        self._net = reader_net(folder).eval()
        plain = without_corrections(self._net.encoder)
        self._net.take(held)
        self._net.to(self._device)
        kind = torch.bfloat16 if has_bf16(self._device) else torch.float32
        for encoder in (self._net.encoder, plain):
            encoder.to(self._device, kind)
        self._plain = Remembering(_Plain(plain, self._tokenizer), MOST_KNOWN)

    def rank(self, question: str, passages: Sequence[str]) -> tuple[Read, ...]:
        """Return for each passage how likely it answers; beside it how like the two are by the
        model as it came, which knows more subjects than were trained."""
        logits = self._read([(question, passage) for passage in passages], "answers")
        likeness = self._likeness(question, passages)
        chances = self._answers.chances(logits)
        return tuple(map(Read, chances.tolist(), likeness.tolist()))

    def verify(self, claims: Sequence[str], sources: Sequence[str]) -> Chances:
        """Return for each claim the chance, 0-1, that the source beside it says so, (claims,)."""
        return self._says.chances(self._read(list(zip(claims, sources, strict=True)), "says"))

    def _likeness(self, question: str, passages: Sequence[str]) -> Chances:
        """Return the cosine of each passage and the question, (passages,)."""
        if not passages:
            return np.zeros(0)
        likeness: Vectors = self._plain.embed(passages) @ self._plain.embed([question])[0]
        return likeness.astype(np.float64)

    def _read(self, pairs: Sequence[tuple[str, str]], task: Task) -> Chances:
        """Return the logit of each pair, (pairs,), read with pairs of like length."""
        logits = np.zeros(len(pairs))
        by_length = sorted(range(len(pairs)), key=lambda row: len(pairs[row][0] + pairs[row][1]))
        for start in range(0, len(by_length), BATCH):
            rows = by_length[start : start + BATCH]
            cut = [(pairs[row][0][:MAX_CHARACTERS], pairs[row][1][:MAX_CHARACTERS]) for row in rows]
            tokens = coded(cut, self._tokenizer).to(self._device)
            with torch.inference_mode():
                found, _ = self._net(tokens["input_ids"], tokens["attention_mask"])
            logits[rows] = found[:, TASKS.index(task)].cpu().numpy()
        return logits


class _Plain:
    """The base model as it came, as an Embedder."""

    name = "all-mpnet-base-v2"

    def __init__(self, encoder: Any, tokenizer: Any) -> None:
        self._encoder, self._tokenizer = encoder, tokenizer

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, (texts, 768)."""
        return in_batches(texts, self._encoder.config.hidden_size, self._batch)

    def embed_across(self, texts: Sequence[str]) -> None:
        """Return nothing: it knows English alone."""
        return None

    def _batch(self, texts: list[str]) -> Vectors:
        return embedded(texts, self._tokenizer, self._encoder, MOST_TOKENS)


def ranker(settings: Settings) -> MPNetReader:
    """Load the reader and warm it up.

    Raises:
        ModelUnavailable: its weights cannot be had, or are not what they should be.
    """
    folder = fetch("mpnet", settings)
    try:
        with BUILDING:
            model = MPNetReader(folder, CORRECTIONS, settings)
    except (OSError, KeyError, ValueError, SafetensorError) as broken:
        raise ModelUnavailable(
            "The reader all-mpnet-base-v2 could not be loaded; "
            "run `python -m mmcs weights --check` to see which file is damaged."
        ) from broken
    model.verify(["warm up"], ["warm up"])
    return model


def verifier(settings: Settings) -> MPNetReader:
    """Return the same model, loaded if it is not there yet. Raises: as ``ranker``."""
    model: MPNetReader = load("ranker", "mpnet", settings)
    return model
