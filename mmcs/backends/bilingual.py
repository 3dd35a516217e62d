"""Both embedding models at one desk: English by MiniLM, which was taught customers' questions, and
Chinese by multilingual E5. Their vectors of a text in one language and a text in the other have no
likeness; ``embed_across`` takes E5 for both.

E5's vectors all point one way: unrelated texts have a cosine of 0.8. Less the mean of their
language, and at unit length again, they spread like MiniLM's. The means are of 800 sentences and
questions of the sample shop each, assets/weights/chinese_centre.npy and english_centre.npy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmcs.backends.minilm import DIMENSIONS
from mmcs.roles import Embedder, Vectors, load
from mmcs.sentences import script
from mmcs.settings import ASSETS, Settings

CENTRES = {  # (384,) each
    "en": ASSETS / "weights" / "english_centre.npy",
    "zh": ASSETS / "weights" / "chinese_centre.npy",
}


class Bilingual:
    """Embeds each text by the model of its script; vectors of both have 384 dimensions."""

    def __init__(self, english: Embedder, multilingual: Embedder) -> None:
        self.name = f"{english.name} and centred {multilingual.name}"
        self._english = english
        self._multilingual = multilingual
        self._centres = {name: np.load(f, allow_pickle=False) for name, f in CENTRES.items()}

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, (texts, 384)."""
        scripts = [script(text) for text in texts]
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for name, embed in (("en", self._english.embed), ("zh", self.embed_across)):
            rows = [row for row, found in enumerate(scripts) if found == name]
            if rows:
                vectors[rows] = embed([texts[row] for row in rows])
        return vectors

    def embed_across(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text by the model that knows both languages, (texts, 384)."""
        centres = np.stack([self._centres[script(text)] for text in texts])
        vectors: Vectors = self._multilingual.embed(texts) - centres
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


def embedder(settings: Settings) -> Bilingual:
    """Load both models and warm them up.

    Raises:
        ModelUnavailable: the weights of one cannot be had, or are not what they should be.
    """
    english, multilingual = (load("embedder", n, settings) for n in ("minilm", "multilingual_e5"))
    return Bilingual(english, multilingual)
