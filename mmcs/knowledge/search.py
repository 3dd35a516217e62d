"""A folder of articles that can be searched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmcs.knowledge.fusion import Fusion, load_fusion, scores
from mmcs.knowledge.index import Floats, Index, open_index
from mmcs.knowledge.relevance import (
    Judge,
    Question,
    Relevance,
    judge,
    load_judges,
)
from mmcs.knowledge.signals import Query, Signals, signals
from mmcs.roles import Embedder
from mmcs.ticket import Passage

COMPANION = 0.25  # of the threshold: what a passage beside the best one must reach
DIGITS = 4  # of a score that is shown


@dataclass(frozen=True)
class Knowledge:
    """The passages of a folder, and how a question finds them."""

    index: Index
    embedder: Embedder
    fusion: Fusion
    judges: Mapping[str, Judge]

    @classmethod
    def open(cls, folder: Path, embedder: Embedder, cache: Path) -> Knowledge:
        """Read a folder of Markdown; what is unchanged comes from ``cache``.

        Raises:
            KnowledgeError: the folder cannot be read, or no file in it holds an article.
        """
        return cls(open_index(folder, embedder, cache), embedder, load_fusion(), load_judges())

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences about files that were left out."""
        return self.index.problems

    def signals(self, query: Query) -> Signals:
        """Return how alike a question and every passage are, in each way."""
        return signals(query, self.index, self.embedder)

    def fused(self, query: Query, found: Signals) -> Floats:
        """Return one score of all signals, (passages,) in 0-1."""
        return scores(found, self.index, self.fusion.formula(query))

    def scores(self, query: Query) -> Floats:
        """Return the fused score of every passage, (passages,) in 0-1."""
        return self.fused(query, self.signals(query))

    def relevance(
        self, query: Query, rows: Sequence[int], found: Signals, fused: Floats
    ) -> tuple[Relevance, ...]:
        """Return for each of some passages how likely it answers, and each of its units."""
        asked = Question(query, self.index, self.embedder)
        return judge(asked, rows, found, fused, self.index, self.judges)

    def threshold(self, query: Query) -> float:
        """Return the chance of the best passage from which an article helps."""
        return self.judges["zh" if query.chinese else "en"].threshold

    def search(
        self, query: Query, top_k: int, threshold: float | None = None
    ) -> tuple[Passage, ...]:
        """Return the passages that help, best first; none if the best doesn't reach the threshold.

        Others come with it if they reach a quarter of the threshold. One article gives at most half
        of them, so that a long one doesn't crowd out the rest. ``threshold`` overrides the stored
        one.
        """
        if not query.everything.strip():
            return ()
        found = self.scores(query)
        needed = self.fusion.formula(query).threshold if threshold is None else threshold
        if found.max() < needed:
            return ()
        taken: list[int] = []
        share: Counter[int] = Counter()
        for row in np.argsort(-found, kind="stable"):
            owner = int(self.index.owners[row])
            if found[row] < needed * COMPANION or len(taken) == top_k:
                break
            if share[owner] < max(1, (top_k + 1) // 2):
                share[owner] += 1
                taken.append(int(row))
        return tuple(self.passage(row, float(found[row])) for row in taken)

    def passage(self, row: int, score: float) -> Passage:
        """Return a passage of the index with a score."""
        page = self.index.articles[self.index.owners[row]]
        part = self.index.parts[row]
        return Passage(
            article=page.id,
            title=page.title,
            text=part.text,
            score=round(score, DIGITS),
            heading=part.heading,
            language=page.language,
        )
