"""Both embedding models at one desk: English by MiniLM, which was taught customers' questions, and
Chinese by multilingual E5. A text in one language and a text in the other have no likeness.

E5's vectors all point one way: unrelated texts have a cosine of 0.8. Less their mean, and at unit
length again, they spread like MiniLM's. The mean is of 800 Chinese sentences and questions of the
sample shop, assets/weights/chinese_centre.npy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmcs.backends.minilm import DIMENSIONS
from mmcs.roles import Embedder, Vectors, load
from mmcs.sentences import script
from mmcs.settings import ASSETS, Settings

CENTRE = ASSETS / "weights" / "chinese_centre.npy"  # (384,)


class Bilingual:
    """Embeds each text by the model of its script; vectors of both have 384 dimensions."""

    def __init__(self, english: Embedder, chinese: Embedder) -> None:
        self.name = f"{english.name} and centred {chinese.name}"
        self._models = {"en": english, "zh": chinese}
        self._centre = np.load(CENTRE, allow_pickle=False)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, (texts, 384)."""
        scripts = [script(text) for text in texts]
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for name, model in self._models.items():
            rows = [row for row, found in enumerate(scripts) if found == name]
            if rows:
                vectors[rows] = model.embed([texts[row] for row in rows])
                if name == "zh":
                    vectors[rows] -= self._centre
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


def embedder(settings: Settings) -> Bilingual:
    """Load both models and warm them up.

    Raises:
        ModelUnavailable: the weights of one cannot be had, or are not what they should be.
    """
    english, chinese = (load("embedder", n, settings) for n in ("minilm", "multilingual_e5"))
    return Bilingual(english, chinese)
