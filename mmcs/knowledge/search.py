"""A folder of articles that can be searched.

The signals bring up passages, the ranker reads the best of them beside the question, and the judges
say which of their units belong in the answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mmcs.knowledge.across import Across
from mmcs.knowledge.fusion import Fusion, load_fusion, scores
from mmcs.knowledge.index import Floats, Index, Tell, open_index, untold
from mmcs.knowledge.relevance import (
    Numbers,
    Question,
    Relevance,
    judge,
    load_numbers,
)
from mmcs.knowledge.signals import Query, signals
from mmcs.roles import Embedder, Ranker
from mmcs.sentences import script, split_units
from mmcs.ticket import Passage

CANDIDATES = 8  # passages of the search that are looked at closely
COMPANION = 0.3  # share of the best chance that another passage needs
MOST_OF_AN_ARTICLE = 3  # passages, so that a long article doesn't crowd out the others
LONG = {"en": 30, "zh": 45}  # words, characters from which a ticket is asked by sentences too
SHORT_SENTENCE = {"en": 5, "zh": 7}  # words, characters; a shorter one asks nothing
MOST_SENTENCES = 10
OF_A_SENTENCE = 0.9  # what a sentence's score counts beside the whole question's
DIGITS = 4  # of a score that is shown


@dataclass(frozen=True)
class Judged:
    """What a question finds: the passages that were looked at closely, nearest first."""

    fused: Floats  # (passages,) of the whole folder, in 0-1
    rows: tuple[int, ...]
    relevance: tuple[Relevance, ...]  # one a row

    @property
    def best(self) -> float:
        """The chance that the likeliest passage answers; 0 if there is none."""
        return max((one.answers for one in self.relevance), default=0.0)


@dataclass(frozen=True)
class Knowledge:
    """The passages of a folder, and how a question finds them."""

    index: Index
    embedder: Embedder
    fusion: Fusion
    numbers: Numbers
    across: Across
    ranker: Ranker | None = None  # reads what the search brings up, for English questions

    @classmethod
    def open(cls, folder: Path, embedder: Embedder, cache: Path, tell: Tell = untold) -> Knowledge:
        """Read a folder of Markdown; what is unchanged comes from ``cache``.

        Args and raises: as ``open_index``.
        """
        index = open_index(folder, embedder, cache, tell)
        across = Across(index, embedder)
        return cls(index, embedder, load_fusion(), load_numbers(), across)

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences about files that were left out, and about a cache that can't be written."""
        return self.index.problems

    def search(
        self,
        query: Query,
        top_k: int,
        threshold: float | None = None,
        parts: Sequence[Query] = (),
    ) -> tuple[Passage, ...]:
        """Return the passages that help, likeliest first; none if the best is not likely enough.

        Where no Chinese article answers a Chinese question, those in another language that may.

        Args:
            query: what is asked.
            top_k: at most so many passages.
            threshold: chance of the best passage from which an article helps; None: the fitted one.
            parts: of the question, each of which may ask by itself.
        """
        if not query.everything.strip():
            return ()
        judged = self.judged(query, parts)
        needed = self.threshold(query) if threshold is None else threshold
        if judged.best >= needed:
            return self._best(judged, top_k)
        return self.across.nearest(query, top_k) if query.chinese else ()

    def judged(self, query: Query, parts: Sequence[Query] = ()) -> Judged:
        """Return the nearest passages, each with the best that the question or a part of it says
        about it."""
        asked = (query, *parts)
        near = [self.near(query), *(self.near(part, by_sentences=False) for part in parts)]
        whole: Floats = np.max(near, axis=0)
        rows = nearest(whole, self.index)
        by_query = [
            judge(Question(one, self.index, self.embedder), rows, fused, self.index, self.numbers)
            for one, fused in zip(asked, near, strict=True)
        ]
        likeliest = (max(row, key=lambda one: one.answers) for row in zip(*by_query, strict=True))
        return Judged(whole, rows, self.read(query, rows, tuple(likeliest)))

    def read(
        self, query: Query, rows: Sequence[int], found: tuple[Relevance, ...]
    ) -> tuple[Relevance, ...]:
        """Return what is said about some passages once they are read beside the question; in
        Chinese, and without a ranker, as it was found."""
        if self.ranker is None or query.chinese or not rows:
            return found
        read = self.ranker.rank(query.everything, [self.told(row) for row in rows])
        return tuple(
            replace(one, answers=self.numbers.blend.chance(one.answers, seen))
            for one, seen in zip(found, read, strict=True)
        )

    def told(self, row: int) -> str:
        """Return the title of a passage and its units, a line each, as the ranker reads them."""
        units = (unit.text for unit in self.index.parts[row].units)
        return "\n".join((self.index.title_of(row), *units))

    def near(self, query: Query, by_sentences: bool = True) -> Floats:
        """Return the fused score of every passage, (passages,) in 0-1, which a sentence of a long
        question may raise by itself."""
        found = signals(query, self.index, self.embedder)
        fused = scores(found, self.index, self.fusion.formula(query))
        for sentence in _sentences(query.asked) if by_sentences else ():
            alone = Query(written=sentence, language=query.language)
            fused = np.maximum(fused, OF_A_SENTENCE * self.near(alone, by_sentences=False))
        return fused

    def threshold(self, query: Query) -> float:
        """Return the chance of the best passage from which an article helps."""
        if self.ranker is not None and not query.chinese:
            return self.numbers.blend.threshold
        return self.numbers.judge(query.chinese).threshold

    def _best(self, judged: Judged, top_k: int) -> tuple[Passage, ...]:
        pairs = zip(judged.rows, judged.relevance, strict=True)
        taken: list[Passage] = []
        share: Counter[int] = Counter()
        for row, relevance in sorted(pairs, key=lambda pair: -pair[1].answers):
            owner = int(self.index.owners[row])
            if relevance.answers < COMPANION * judged.best or len(taken) == top_k:
                break
            if share[owner] < MOST_OF_AN_ARTICLE:
                share[owner] += 1
                taken.append(self._passage(row, relevance))
        return tuple(taken)

    def _passage(self, row: int, relevance: Relevance) -> Passage:
        page = self.index.articles[self.index.owners[row]]
        part = self.index.parts[row]
        return Passage(
            article=page.id,
            title=page.title,
            text=part.text,
            score=round(relevance.answers, DIGITS),
            heading=part.heading,
            language=page.language,
            unit_scores=relevance.units,
        )


def nearest(fused: Floats, index: Index) -> tuple[int, ...]:
    """Return the passages that are looked at closely, the nearest first."""
    ordered = np.argsort(-fused, kind="stable")[:CANDIDATES]
    return tuple(int(row) for row in ordered if index.parts[row].units)


def _sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a long text that may ask something."""
    kind = script(text)

    def length(words: str) -> int:
        return len(words) if kind == "zh" else len(words.split())

    if length(text) >= LONG[kind]:
        asking = [u.text for u in split_units(text) if length(u.text) >= SHORT_SENTENCE[kind]]
        yield from asking[:MOST_SENTENCES]
