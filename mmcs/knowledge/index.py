"""The searchable form of a folder of articles, kept on disk so that only changes cost time."""

from __future__ import annotations

import hashlib
import json
import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path

import bm25s
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer

from mmcs.cache import refuses
from mmcs.errors import KnowledgeError
from mmcs.kept import Kept, text_key
from mmcs.knowledge.articles import Article, Source, article, sources, without_hubs
from mmcs.knowledge.embedded import Embedded
from mmcs.knowledge.passages import Part
from mmcs.knowledge.words import characters, words
from mmcs.roles import Embedder, Vectors
from mmcs.sentences import bare
from mmcs.ticket import from_json

FORMAT = 7  # of the cache; raise it whenever articles are read, cut or matched differently
FEW = 300  # passages
NAMESAKES = 2  # articles that are named for one code: one a language
GRAMS = 2**18  # columns that runs of characters are hashed to
K1, B = 1.2, 0.75  # BM25's usual saturation and length correction

Floats = NDArray[np.float64]
Tell = Callable[[int, int], object]  # is told how many articles are done, and of how many
_ARTICLES = "articles"  # what articles that were read are kept under


def untold(done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Index:
    """Passages, and what each kind of likeness needs; row i belongs to passage i."""

    articles: tuple[Article, ...]
    parts: tuple[Part, ...]
    owners: NDArray[np.int64]  # the article of each passage
    vectors: Vectors
    embedded: Embedded  # all texts that there are vectors of
    kept: Kept
    letters: sparse.csr_matrix  # characters of each passage, tf-idf, unit length
    title_letters: sparse.csr_matrix  # the same of each article's title
    rarity: Floats  # idf of each column of letters
    words: tuple[tuple[str, ...], ...]  # of each passage, with its title and heading
    title_words: tuple[frozenset[str], ...]  # of each article
    passage_ranker: bm25s.BM25
    article_ranker: bm25s.BM25
    left_out: tuple[str, ...] = ()  # sentences about files, and parts of them

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences about what was left out, and about a disk that keeps nothing."""
        if not self.kept.refused:
            return self.left_out
        unkept = f"The articles' index could not be kept in {self.kept.folder}; each start builds "
        return (*self.left_out, f"{unkept}it anew.")

    def unit_vectors(self, rows: Sequence[int]) -> list[Vectors]:
        """Return the vectors of the units of some passages, each led by title and heading; those
        that ``grow`` has not come to are embedded now. They are rounded to half precision, as the
        judges have learned them."""
        texts = [self._unit_texts(row) for row in rows]
        vectors = self.embedded.of([text for some in texts for text in some])
        rounded = vectors.astype(np.float16).astype(np.float32)
        return np.split(rounded, np.cumsum([len(some) for some in texts])[:-1])

    def grow(self) -> Iterator[int]:
        """Embed the units of all passages ahead of the questions, some at a time. It is the greater
        part of the work, and a question needs those of a few passages alone."""
        rows = range(len(self.parts))
        yield from self.embedded.grow([text for row in rows for text in self._unit_texts(row)])
        self.embedded.forget_others()

    def _unit_texts(self, row: int) -> list[str]:
        part, title = self.parts[row], self.articles[self.owners[row]].title
        return [embedded_text(title, Part(part.heading, bare(u.text))) for u in part.units]

    @cached_property
    def scripts(self) -> NDArray[np.str_]:
        """The script of each passage's article, "en" or "zh"."""
        found = ["zh" if page.language == "zh" else "en" for page in self.articles]
        return np.array(found)[self.owners]

    def title_of(self, row: int) -> str:
        """Return the title of a passage's article and its own heading."""
        title, heading = self.articles[self.owners[row]].title, self.parts[row].heading
        return f"{title}: {heading}" if heading else title

    def named_by(self, codes: Iterable[str]) -> set[int]:
        """Return the articles whose titles hold a code that at most ``NAMESAKES`` titles hold."""
        named: set[int] = set()
        for code in codes:
            holding = [row for row, held in enumerate(self.title_words) if code in held]
            if len(holding) <= NAMESAKES:
                named.update(holding)
        return named

    @cached_property
    def holding(self) -> Mapping[str, int]:
        """How many passages hold each word."""
        return Counter(word for held in self.words for word in set(held))

    def word_rarity(self, word: str) -> float:
        """Return the idf of a word. In a few passages every word would seem common, so a small
        folder counts as one of ``FEW`` passages."""
        passages = max(FEW, len(self.parts))
        return float(np.log((1 + passages) / (1 + self.holding.get(word, 0))))


def open_index(folder: Path, embedder: Embedder, cache: Path, tell: Tell = untold) -> Index:
    """Return the index of a folder; only what changed is read and embedded anew. What is done is
    kept as it goes: an opening that ends early is gone on with by the next one.

    Args:
        folder: of Markdown files.
        embedder: who embeds.
        cache: the folder for what is kept.
        tell: is told how many articles are done, of all, again and again. What it raises ends the
            opening.

    Raises:
        KnowledgeError: the folder cannot be read, or no file in it holds an article.
    """
    found: list[Source] = []
    problems: list[str] = []
    for source in sources(folder):
        if isinstance(source, Source):
            found.append(source)
        else:
            problems.append(source)
    kept = Kept(cache_folder(folder, embedder, cache))
    tell(0, len(found))
    pages = _pages(found, kept, lambda: tell(0, len(found)))
    problems += [problem for page in pages for problem in page.problems]
    telling = tuple(page for page in without_hubs(pages) if page.parts)
    if not telling:
        raise KnowledgeError(f"No Markdown file in {folder} holds text that could answer anything.")
    embedded = Embedded(embedder.embed, embedder.name, kept)
    ends = list(accumulate(len(page.parts) for page in telling))
    for passages in embedded.grow([text for page in telling for text in _texts(page)]):
        tell(len(found) - len(telling) + bisect_right(ends, passages), len(found))
    if kept.refused:
        refuses(cache)
    return _index(telling, tuple(problems), embedded, kept)


def _pages(found: Sequence[Source], kept: Kept, between: Callable[[], object]) -> list[Article]:
    """Return the articles that files hold; those that did not change are not read again."""
    keys = [text_key(f"{source.id}\0{source.sha256}") for source in found]
    pages: dict[str, Article] = {}
    for key, blob in kept.get(_ARTICLES, keys).items():
        with suppress(ValueError):  # kept in another shape
            pages[key] = from_json(Article, json.loads(blob))
    fresh = {}
    for key, source in zip(keys, found, strict=True):
        if key not in pages:
            between()
            fresh[key] = article(source)
    kept.put(_ARTICLES, ((key, json.dumps(asdict(page)).encode()) for key, page in fresh.items()))
    kept.keep_only(_ARTICLES, keys)
    pages |= fresh
    return [pages[key] for key in keys]


def embedded_text(title: str, part: Part) -> str:
    """Return what is embedded and matched of a passage: title and heading lead its text."""
    return ". ".join(piece for piece in (title, part.heading, part.text) if piece)


def _texts(page: Article) -> list[str]:
    return [embedded_text(page.title, part) for part in page.parts]


def _grams(texts: Iterable[str]) -> sparse.csr_matrix:
    """Return how often each run of characters is in each text, (texts, GRAMS)."""
    listed = list(texts)
    if not listed:
        return sparse.csr_matrix((0, GRAMS), dtype=np.float32)
    hashing = HashingVectorizer(
        analyzer=characters, n_features=GRAMS, norm=None, alternate_sign=False, dtype=np.float32
    )
    counts: sparse.csr_matrix = hashing.transform(listed)
    return counts


def _index(
    pages: tuple[Article, ...], problems: tuple[str, ...], embedded: Embedded, kept: Kept
) -> Index:
    parts = tuple(part for page in pages for part in page.parts)
    owners = np.array([i for i, page in enumerate(pages) for _ in page.parts], dtype=np.int64)
    texts = [text for page in pages for text in _texts(page)]
    counts = _grams(texts)
    rarity = _rarity(counts)
    matched = [tuple(words(text)) for text in texts]
    whole: list[list[str]] = [[] for _ in pages]
    for owner, found in zip(owners, matched, strict=True):
        whole[owner].extend(found)
    return Index(
        articles=pages,
        parts=parts,
        owners=owners,
        vectors=embedded.of(texts),
        embedded=embedded,
        kept=kept,
        letters=weighted(counts, rarity),
        title_letters=weighted(_grams(a.title for a in pages), rarity),
        rarity=rarity,
        words=tuple(matched),
        title_words=tuple(frozenset(words(a.title)) for a in pages),
        passage_ranker=_ranker(matched),
        article_ranker=_ranker(whole),
        left_out=problems,
    )


def _ranker(documents: Iterable[Iterable[str]]) -> bm25s.BM25:
    ranker = bm25s.BM25(k1=K1, b=B, method="lucene")
    listed = [list(d) or ["\0"] for d in documents]  # bm25s needs a word in each
    ranker.index(listed, show_progress=False)
    return ranker


def _rarity(counts: sparse.csr_matrix) -> Floats:
    """Return scikit-learn's smoothed idf of each column."""
    holding = np.bincount(counts.indices, minlength=GRAMS)
    rarity: Floats = np.log((1 + counts.shape[0]) / (1 + holding)) + 1
    return rarity


def weighted(counts: sparse.csr_matrix, rarity: Floats) -> sparse.csr_matrix:
    """Return counts as sublinear tf-idf rows of unit length."""
    weights = counts.astype(np.float64)
    weights.data = (1 + np.log(weights.data)) * rarity[weights.indices]
    lengths = np.sqrt(weights.multiply(weights).sum(axis=1)).A1
    return sparse.diags(1 / np.maximum(lengths, 1e-9)).dot(weights).tocsr()


def query_letters(text: str, rarity: Floats) -> Floats:
    """Return a text's characters in the columns of the index, (GRAMS,)."""
    letters: Floats = weighted(_grams([text]), rarity).toarray().ravel()
    return letters


def cache_folder(folder: Path, embedder: Embedder, cache: Path) -> Path:
    identity = f"{FORMAT}\0{embedder.name}\0{folder.resolve()}"
    return cache / "knowledge" / hashlib.sha256(os.fsencode(identity)).hexdigest()[:16]
