"""How alike a question and each passage are, in several ways; ``fusion`` makes one score of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import bm25s
import numpy as np

from mmcs.knowledge.index import Floats, Index, query_letters
from mmcs.knowledge.words import codes, is_chinese, sentences, words
from mmcs.roles import Embedder

MAX_CHARACTERS = 4_000  # of a question that are looked at
MAX_SHOWN = 600  # characters of text read off images that join the question
MAX_SENTENCES = 12  # of a long question that are embedded one by one
PHRASE = 3  # words in a row that count as quoted
MENTIONED = 0.5  # what a code in an article counts whose title doesn't hold it
NEAR = 100  # passages that are searched for phrases
PHRASES = 4  # shared phrases that are as good as any more


@dataclass(frozen=True)
class Query:
    """What is known of a question; each part may be empty."""

    written: str = ""
    spoken: str = ""
    shown: str = ""  # text read off images
    entities: tuple[str, ...] = ()
    language: str = ""  # ISO 639-1; empty: by its script

    @property
    def asked(self) -> str:
        """What the customer wrote and said; what the images say, if that is all there is."""
        said = "\n".join(part.strip() for part in (self.written, self.spoken) if part.strip())
        return (said or self.shown.strip())[:MAX_CHARACTERS]

    @property
    def chinese(self) -> bool:
        """Whether it is asked in Chinese characters."""
        return is_chinese(self.asked)

    @property
    def everything(self) -> str:
        """The question with the text off its images."""
        shown = self.shown.strip()[:MAX_SHOWN]
        return self.asked if not shown or shown in self.asked else f"{self.asked}\n{shown}"


@dataclass(frozen=True)
class Signals:
    """One number a passage for each kind of likeness; cosines in -1 to 1, the others in 0 to 1."""

    meaning: Floats  # cosine of question and passage
    sentence: Floats  # the same of the question's best sentence
    words: Floats  # BM25 of the whole article, as a share of the best article's
    letters: Floats  # cosine of runs of characters
    title_letters: Floats  # the same with the article's title
    code: Floats  # whether the passage holds a code of the question, by how rare it is
    phrase: Floats  # phrases of the question or of an image that the passage quotes
    language: Floats  # 1 where the passage is in the question's language


def signals(query: Query, index: Index, embedder: Embedder) -> Signals:
    """Return how alike a query and each passage of an index are."""
    everything = query.everything
    found = list(dict.fromkeys(words(everything)))
    meaning, sentence = _meanings(query, index, embedder)
    letters = query_letters(everything, index.rarity)
    near: Floats = index.letters @ letters
    language = "zh" if query.chinese else query.language or "en"
    known = np.array([a.language == language for a in index.articles], dtype=np.float64)
    return Signals(
        meaning=meaning,
        sentence=sentence,
        words=_relative(bm25_scores(index.article_ranker, found))[index.owners],
        letters=near,
        title_letters=(index.title_letters @ letters)[index.owners],
        code=_code(codes("\n".join((everything, *query.entities))), index),
        phrase=_phrase(words(everything), near, index),
        language=known[index.owners],
    )


def _meanings(query: Query, index: Index, embedder: Embedder) -> tuple[Floats, Floats]:
    """Return the likeness of the question, alone or with its images, and of its best sentence."""
    asked, everything = query.asked, query.everything
    wholes = [asked] if everything == asked else [asked, everything]
    pieces = sentences(asked)[:MAX_SENTENCES]
    texts = wholes + (pieces if len(pieces) > 1 else [])
    likeness = (index.vectors @ embedder.embed(texts).T).astype(np.float64)
    likeness[(index.scripts == "zh") != query.chinese] = 0.0  # no embedding joins the two
    whole = likeness[:, : len(wholes)].max(axis=1)
    return whole, likeness[:, len(wholes) :].max(axis=1) if len(texts) > len(wholes) else whole


def bm25_scores(ranker: bm25s.BM25, found: Sequence[str]) -> Floats:
    """Return the BM25 score of each document."""
    known = [word for word in found if word in ranker.vocab_dict]
    if not known:
        return np.zeros(ranker.scores["num_docs"], dtype=np.float64)
    scores: Floats = ranker.get_scores(known).astype(np.float64)
    return scores


def _relative(scores: Floats) -> Floats:
    relative: Floats = scores / max(float(scores.max(initial=0.0)), 1e-9)
    return relative


def _code(asked: Sequence[str], index: Index) -> Floats:
    """Return the rarity, in 0-1, of the rarest code that each passage shares with the question.

    An article that has the code in its title is about it, others may just mention it.
    """
    shared = np.zeros(len(index.parts))
    most = np.log(1 + len(index.parts))
    for code in asked:
        holding = bm25_scores(index.passage_ranker, [code]) > 0
        if holding.any():
            rarity = np.log((1 + len(index.parts)) / holding.sum()) / most
            named = np.array([code in title for title in index.title_words])[index.owners]
            shared = np.maximum(shared, holding * np.where(named, rarity, MENTIONED * rarity))
    return shared


def _phrase(asked: Sequence[str], near: Floats, index: Index) -> Floats:
    """Return how many runs of words each passage shares with the question, 1 for PHRASES or more.

    Only passages that are near by their characters are looked at: the others share none.
    """
    shared = np.zeros(len(index.parts))
    runs = _runs(asked)
    for row in np.argsort(-near)[:NEAR] if runs else ():
        shared[row] = min(1.0, len(runs & _runs(index.words[row])) / PHRASES)
    return shared


def _runs(found: Sequence[str]) -> set[tuple[str, ...]]:
    return set(zip(*(found[start:] for start in range(PHRASE)), strict=False))
