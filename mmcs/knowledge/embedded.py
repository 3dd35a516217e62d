"""The vectors of a folder's texts: each is embedded once, and kept by its content."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mmcs.kept import Kept, Vector, text_key
from mmcs.roles import Vectors

PIECE = 32  # texts that are embedded, and kept, at a time: less than a second's work


class Embedded:
    """Gives the vectors of texts, from memory, from the disk, or else embedded now."""

    def __init__(self, embed: Callable[[Sequence[str]], Vectors], name: str, kept: Kept) -> None:
        """Take who embeds, and the name under which its vectors are kept."""
        self._embed = embed
        self._name = name
        self._kept = kept
        self._known: dict[str, Vector] = {}  # by text_key

    def of(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, (texts, dimensions)."""
        for _ in self.grow(texts):
            pass
        return np.stack([self._known[text_key(text)] for text in texts])

    def grow(self, texts: Sequence[str]) -> Iterator[int]:
        """Embed what is not there yet, some at a time, and yield how many of the texts, from the
        first one on, are there; what is there when it is closed stays."""
        keys = [text_key(text) for text in texts]
        self._recall(keys)
        for start in range(0, len(texts), PIECE):
            piece = slice(start, start + PIECE)
            missing = self._missing(keys[piece])
            if missing:
                self._recall(missing)  # another process may have come here first
                self._add(dict(zip(keys[piece], texts[piece], strict=True)))
            yield min(piece.stop, len(texts))

    def forget_others(self) -> None:
        """Forget on the disk what was not asked for since the start: texts that have changed."""
        self._kept.keep_only(self._name, self._known.keys())

    def _missing(self, keys: Sequence[str]) -> list[str]:
        return [key for key in dict.fromkeys(keys) if key not in self._known]

    def _recall(self, keys: Sequence[str]) -> None:
        self._known.update(self._kept.vectors(self._name, self._missing(keys)))

    def _add(self, texts: dict[str, str]) -> None:
        fresh = self._missing(list(texts))
        if fresh:
            made = list(zip(fresh, self._embed([texts[key] for key in fresh]), strict=True))
            self._known.update(made)
            self._kept.put_vectors(self._name, made)
