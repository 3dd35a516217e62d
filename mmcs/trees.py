"""Boosted trees as plain arrays: what scikit-learn has grown, without scikit-learn's own files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Trees:
    """Rows are trees, columns their nodes from the root on."""

    feature: NDArray[np.int16]  # (trees, nodes); -1 at a leaf
    limit: NDArray[np.float32]  # up to which the left branch is taken
    left: NDArray[np.int16]
    right: NDArray[np.int16]
    value: NDArray[np.float32]  # what a leaf adds to the logit
    bias: NDArray[np.float64]  # (1,); the logit that all of them add to

    def chances(self, rows: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return 0-1 for each row of features, (rows,)."""
        found = rows.astype(np.float32)
        trees = np.arange(len(self.feature))
        node = np.zeros((len(found), len(trees)), dtype=np.int16)
        while (inner := self.feature[trees, node] >= 0).any():
            asked = np.take_along_axis(found, np.maximum(self.feature[trees, node], 0), axis=1)
            onward = np.where(
                asked <= self.limit[trees, node], self.left[trees, node], self.right[trees, node]
            )
            node = np.where(inner, onward, node)
        logits = self.value[trees, node].sum(axis=1) + self.bias[0]
        chances: NDArray[np.float64] = 1 / (1 + np.exp(-logits.astype(np.float64)))
        return chances

    def arrays(self, prefix: str = "") -> dict[str, NDArray[Any]]:
        """Return what a file keeps, each name behind ``prefix``."""
        return {f"{prefix}{field.name}": getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of(cls, held: Arrays, prefix: str = "") -> Trees:
        """Return the trees that a file keeps behind ``prefix``.

        Raises:
            KeyError: it keeps none there.
        """
        return cls(**{field.name: held[f"{prefix}{field.name}"] for field in fields(cls)})
