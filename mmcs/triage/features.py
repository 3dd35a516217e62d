"""One ticket's features, many tickets' as one table, and the scales that make columns comparable.

What a ticket has not is masked, never zeros that a net could take for a finding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]  # (width,)
Matrix = NDArray[np.float32]  # (tickets, width)
Mask = NDArray[np.bool_]  # (tickets, modalities)
Modality = Literal["text", "image", "audio"]
MODALITIES: tuple[Modality, ...] = ("text", "image", "audio")
# Every way to have something: text, image, audio, text and image, … all three.
SUBSETS: tuple[tuple[Modality, ...], ...] = tuple(
    subset for size in (1, 2, 3) for subset in combinations(MODALITIES, size)
)
LEAST_DEVIATION = 1e-3  # so that a column that hardly varies doesn't grow
MOST_DEVIATIONS = 8.0  # from the mean; what lies farther was never seen in training


@dataclass(frozen=True)
class Features:
    """One ticket's features; None for a modality that it has not."""

    text: Vector | None = None
    image: Vector | None = None
    audio: Vector | None = None


@dataclass(frozen=True)
class Table:
    """The features of many tickets."""

    text: Matrix
    image: Matrix
    audio: Matrix
    present: Mask  # which modalities each ticket has; where it has not, its row is zeros

    @classmethod
    def of(cls, rows: Sequence[Features]) -> Table:
        """Return the tickets as a table; a modality that none of them has is 0 wide."""
        columns = {m: [getattr(row, m) for row in rows] for m in MODALITIES}
        present = np.array([[v is not None for v in columns[m]] for m in MODALITIES], bool).T
        return cls(**{m: _stacked(columns[m]) for m in MODALITIES}, present=present)

    def __len__(self) -> int:
        """Return how many tickets there are."""
        return len(self.present)

    @property
    def widths(self) -> tuple[int, ...]:
        """Return how many columns each modality has, 0 where no ticket has it."""
        return tuple(int(self.of_modality(m).shape[1]) for m in MODALITIES)

    @property
    def filled(self) -> NDArray[np.bool_]:
        """Whether each ticket has any modality at all."""
        return np.array(self.present.any(axis=1), bool)

    def of_modality(self, modality: Modality) -> Matrix:
        """Return the columns of one modality."""
        matrix: Matrix = getattr(self, modality)
        return matrix

    def take(self, rows: NDArray[np.intp]) -> Table:
        """Return some of the tickets."""
        parts = {m: self.of_modality(m)[rows] for m in MODALITIES}
        return Table(**parts, present=self.present[rows])

    def only(self, modalities: Sequence[Modality]) -> Table:
        """Return the tickets as if they had nothing but these modalities."""
        kept = np.array([m in modalities for m in MODALITIES])
        return replace(self, present=self.present & kept)

    def having(self, modalities: Sequence[Modality]) -> NDArray[np.intp]:
        """Return the rows of the tickets that have all of these modalities."""
        wanted = [MODALITIES.index(m) for m in modalities]
        return np.flatnonzero(self.present[:, wanted].all(axis=1))

    def widened(self, widths: Sequence[int]) -> Table:
        """Return the table as a net with these widths reads it.

        A modality that the net never learned is masked; one that no ticket here has gets columns.
        """
        present = self.present & (np.array(widths) > 0)
        parts: dict[str, Matrix] = {}
        for modality, width in zip(MODALITIES, widths, strict=True):
            found = self.of_modality(modality)
            fits = found.shape[1] == width
            parts[modality] = found if fits else np.zeros((len(self), width), np.float32)
            if not fits and width and found.shape[1]:
                raise ValueError(f"{modality} is {found.shape[1]} wide, the net reads {width}")
        return Table(**parts, present=present)


def _stacked(vectors: Sequence[Vector | None]) -> Matrix:
    width = next((len(vector) for vector in vectors if vector is not None), 0)
    none = np.zeros(width, np.float32)
    rows = [none if vector is None else vector for vector in vectors]
    return np.array(rows, np.float32).reshape(len(vectors), width)


@dataclass(frozen=True)
class Scale:
    """The mean and the standard deviation of each column, of the tickets that have it."""

    mean: tuple[Vector, ...]  # one a modality
    deviation: tuple[Vector, ...]

    @classmethod
    def of(cls, table: Table) -> Scale:
        """Return the scale of a table."""
        means, deviations = [], []
        for place, modality in enumerate(MODALITIES):
            rows = table.of_modality(modality)[table.present[:, place]]
            width = table.of_modality(modality).shape[1]
            means.append(rows.mean(axis=0) if len(rows) else np.zeros(width, np.float32))
            deviations.append(rows.std(axis=0) if len(rows) else np.ones(width, np.float32))
        return cls(tuple(means), tuple(np.maximum(d, LEAST_DEVIATION) for d in deviations))

    def applied(self, table: Table) -> Table:
        """Return the table with columns of mean 0 and deviation 1; rows that are masked stay 0."""
        parts: dict[str, Matrix] = {}
        for place, modality in enumerate(MODALITIES):
            scaled = (table.of_modality(modality) - self.mean[place]) / self.deviation[place]
            scaled = np.clip(scaled, -MOST_DEVIATIONS, MOST_DEVIATIONS)
            parts[modality] = (scaled * table.present[:, place, None]).astype(np.float32)
        return Table(**parts, present=table.present)
