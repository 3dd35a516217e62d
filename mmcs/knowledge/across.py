"""Articles in another language, for a Chinese question that no Chinese article answers.

A coarser search than the one within a language: by one embedding that knows both, the head of each
article first, then the passages of the nearest. It finds what an agent may read and translate; a
draft is never made of it.
"""

from __future__ import annotations

import hashlib
import io
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from mmcs.cache import replace_file
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

    def __init__(self, index: Index, embedder: Embedder, folder: Path) -> None:
        """Embed nothing yet.

        Args:
            index: all articles.
            embedder: one that joins languages, or this finds nothing.
            folder: where the vectors of the heads are kept.
        """
        self._index = index
        self._embedder = embedder
        self._file = folder / "heads.npz"

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
        if asked is None or self.heads is None:
            return ()
        heads = self.heads @ asked[0]
        near = [int(place) for place in np.argsort(-heads)[:NEAREST] if heads[place] >= LEAST]
        found = [self._passage(self.articles[place], float(heads[place]), asked) for place in near]
        return tuple(sorted(found, key=lambda passage: -passage.score)[:top_k])

    def warm_up(self) -> None:
        """Embed the heads now, not when the first customer asks."""
        _ = self.heads

    @cached_property
    def heads(self) -> Vectors | None:
        """A unit vector for each of ``articles``, read from the cache if nothing has changed; None
        if there are none, or the embedder knows one language alone."""
        if not self.articles:
            return None
        texts = [self._head(number) for number in self.articles]
        mark = hashlib.sha256("\0".join((self._embedder.name, *texts)).encode()).hexdigest()
        try:
            with np.load(self._file, allow_pickle=False) as kept:
                if str(kept["mark"]) == mark:
                    vectors: Vectors = kept["vectors"]
                    return vectors
        except (OSError, ValueError, KeyError, BadZipFile):
            pass  # nothing is kept, or it is damaged
        fresh = self._embedder.embed_across(texts)
        if fresh is not None:
            packed = io.BytesIO()
            np.savez(packed, vectors=fresh, mark=np.array(mark))
            with suppress(OSError):  # embedded anew at the next start
                replace_file(self._file, packed.getvalue())
        return fresh

    def _head(self, number: int) -> str:
        page = self._index.articles[number]
        return f"{page.title}. {page.parts[0].text[:HEAD]}"

    def _passage(self, number: int, likeness: float, asked: Vectors) -> Passage:
        """Return the nearest passage of an article, as near as it or its article's head."""
        page = self._index.articles[number]
        vectors = self._embedder.embed_across(
            [embedded_text(page.title, part)[:BODY] for part in page.parts]
        )
        assert vectors is not None  # noqa: S101  # ``nearest`` has a vector of the question
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
