"""Articles in another language, for a Chinese question that no Chinese article answers.

A coarser search than the one within a language: by one embedding that knows both, the head of each
article first, then the passages of the nearest. It finds what an agent may read and translate; a
draft is never made of it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from mmcs.knowledge.embedded import Embedded
from mmcs.knowledge.index import Index, embedded_text
from mmcs.knowledge.signals import Query
from mmcs.roles import Embedder, Vectors
from mmcs.ticket import Passage

HEAD = 150  # characters of an article's first passage that are read with its title
BODY = 600  # characters of a passage
NEAREST = 5  # articles whose passages are read
# Cosine from which an article may answer. Of 24 Chinese questions to an English help centre each
# had one above; of 8 that had nothing to do with it, 2.
LEAST = 0.26
DIGITS = 4  # of a score that is shown


class Across:
    """The articles that have no Chinese twin."""

    def __init__(self, index: Index, embedder: Embedder) -> None:
        """Embed nothing yet.

        Args:
            index: all articles.
            embedder: one that joins languages, or this finds nothing.
        """
        self._index = index
        self._embedder = embedder
        self._heads = Embedded(self._across, f"{embedder.name} across", index.kept)
        self._growing = threading.Lock()  # who asks meanwhile waits, and doesn't embed them again

    @cached_property
    def articles(self) -> tuple[int, ...]:
        """The numbers of the articles that there are in another language alone: a Chinese twin has
        the same id in another folder, zh/returns/size beside en/returns/size."""
        pages = self._index.articles
        chinese = {_in_its_folder(page.id) for page in pages if page.language == "zh"}
        return tuple(
            number
            for number, page in enumerate(pages)
            if page.language != "zh" and page.parts and _in_its_folder(page.id) not in chinese
        )

    def nearest(self, query: Query, top_k: int) -> tuple[Passage, ...]:
        """Return the best passage of each article that may answer, the nearest first."""
        asked = self._embedder.embed_across([query.asked])
        if asked is None or not self.articles:
            return ()
        with self._growing:
            heads = self._heads.of(self._texts) @ asked[0]
        near = [int(place) for place in np.argsort(-heads)[:NEAREST] if heads[place] >= LEAST]
        found = [self._passage(self.articles[place], float(heads[place]), asked) for place in near]
        return tuple(sorted(found, key=lambda passage: -passage.score)[:top_k])

    def grow(self) -> Iterator[int]:
        """Embed the heads ahead of the first customer who asks, some at a time."""
        if not self.articles or self._embedder.embed_across([""]) is None:
            return
        with self._growing:
            yield from self._heads.grow(self._texts)
            self._heads.forget_others()

    def _across(self, texts: Sequence[str]) -> Vectors:
        vectors = self._embedder.embed_across(texts)
        assert vectors is not None  # noqa: S101  # whoever asks has made sure
        return vectors

    @cached_property
    def _texts(self) -> list[str]:
        return [self._head(number) for number in self.articles]

    def _head(self, number: int) -> str:
        page = self._index.articles[number]
        return f"{page.title}. {page.parts[0].text[:HEAD]}"

    def _passage(self, number: int, likeness: float, asked: Vectors) -> Passage:
        """Return the nearest passage of an article, as near as it or its article's head."""
        page = self._index.articles[number]
        bodies = [embedded_text(page.title, part)[:BODY] for part in page.parts]
        vectors = self._across(bodies)
        cosines = vectors @ asked[0]
        part = page.parts[int(cosines.argmax())]
        return Passage(
            article=page.id,
            title=page.title,
            text=part.text,
            score=round(max(likeness, float(cosines.max())), DIGITS),
            heading=part.heading,
            language=page.language,
        )


def _in_its_folder(article: str) -> str:
    """Return an article's id without its first folder, which may be that of its language."""
    return article.partition("/")[2] or article
