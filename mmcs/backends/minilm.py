"""all-MiniLM-L6-v2 (Apache-2.0, English) through transformers: texts to vectors of meaning.

It carries corrections trained on customers' questions, assets/weights/minilm.safetensors: they
bring a question nearer to the passage and the sentence that answer it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from safetensors import SafetensorError
from transformers import AutoModel, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from mmcs.backends._device import BUILDING, device
from mmcs.backends._low_rank import take_corrections
from mmcs.backends._pooling import embedded, in_batches
from mmcs.errors import ModelUnavailable
from mmcs.roles import Vectors
from mmcs.settings import ASSETS, Settings
from mmcs.weights import fetch

CORRECTIONS = ASSETS / "weights" / "minilm.safetensors"
DIMENSIONS = 384
MAX_TOKENS = (
    256  # the model's own limit (sentence_bert_config.json); the rest of a text is not read
)


class MiniLM:
    """The encoder with the pooling it was trained with: the mean over tokens, at unit length."""

    name = "minilm-support"

    def __init__(self, folder: str, settings: Settings) -> None:
        """Load tokenizer and weights from a folder; a GPU is used when there is one."""
        torch.set_num_threads(settings.threads)
        disable_progress_bar()  # it would draw on a command's stderr for a tenth of a second
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
        take_corrections(model, CORRECTIONS)
        self._model = model.eval().to(device(settings))

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, (texts, 384); an empty text gets one too."""
        return in_batches(texts, DIMENSIONS, self._batch)

    def embed_across(self, texts: Sequence[str]) -> None:
        """Return nothing: it knows English alone."""
        return None

    def _batch(self, texts: list[str]) -> Vectors:
        return embedded(texts, self._tokenizer, self._model, MAX_TOKENS)


def embedder(settings: Settings) -> MiniLM:
    """Load MiniLM and warm it up.

    Raises:
        ModelUnavailable: its weights cannot be had, or are not what they should be.
    """
    folder = fetch("minilm", settings)
    try:
        with BUILDING:
            model = MiniLM(str(folder), settings)
    except (OSError, ValueError, SafetensorError) as broken:
        raise ModelUnavailable(
            "The embedding model all-MiniLM-L6-v2 could not be loaded; "
            "run `python -m mmcs weights --check` to see which file is damaged."
        ) from broken
    model.embed(["warm up"])
    return model
