"""The searchable form of a folder of articles, kept on disk so that only changes cost time."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import bm25s
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer

from mmcs.cache import replace_file
from mmcs.errors import KnowledgeError
from mmcs.knowledge.articles import Article, Source, article, sources, without_hubs
from mmcs.knowledge.passages import Part
from mmcs.knowledge.words import characters, words
from mmcs.roles import Embedder, Vectors
from mmcs.sentences import bare
from mmcs.ticket import from_json

FORMAT = 6  # of the cache; raise it whenever articles are read, cut or matched differently
FEW = 300  # passages
NAMESAKES = 2  # articles that are named for one code: one a language
GRAMS = 2**18  # columns that runs of characters are hashed to
K1, B = 1.2, 0.75  # BM25's usual saturation and length correction

Floats = NDArray[np.float64]
_BROKEN = (
    *(OSError, ValueError, KeyError, TypeError, EOFError, RecursionError),
    zipfile.BadZipFile,
)


@dataclass(frozen=True)
class Index:
    """Passages, and what each kind of likeness needs; row i belongs to passage i."""

    articles: tuple[Article, ...]
    parts: tuple[Part, ...]
    owners: NDArray[np.int64]  # the article of each passage
    vectors: Vectors
    unit_vectors: Vectors  # of the units of all passages, in order
    letters: sparse.csr_matrix  # characters of each passage, tf-idf, unit length
    title_letters: sparse.csr_matrix  # the same of each article's title
    rarity: Floats  # idf of each column of letters
    words: tuple[tuple[str, ...], ...]  # of each passage, with its title and heading
    title_words: tuple[frozenset[str], ...]  # of each article
    passage_ranker: bm25s.BM25
    article_ranker: bm25s.BM25
    problems: tuple[str, ...] = ()  # sentences about files that were left out

    @cached_property
    def unit_starts(self) -> NDArray[np.int64]:
        """Where the units of each passage begin in ``unit_vectors``."""
        counts = [0, *(len(part.units) for part in self.parts)]
        starts: NDArray[np.int64] = np.cumsum(counts)[:-1]
        return starts

    @cached_property
    def scripts(self) -> NDArray[np.str_]:
        """The script of each passage's article, "en" or "zh"."""
        found = ["zh" if page.language == "zh" else "en" for page in self.articles]
        return np.array(found)[self.owners]

    @cached_property
    def article_words(self) -> tuple[frozenset[str], ...]:
        """The words of each article, with its title and headings."""
        found: list[set[str]] = [set() for _ in self.articles]
        for owner, held in zip(self.owners, self.words, strict=True):
            found[owner].update(held)
        return tuple(frozenset(held) for held in found)

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


@dataclass
class _Kept:
    """What the cache holds of one article."""

    article: Article
    vectors: Vectors
    unit_vectors: Vectors  # half precision
    grams: sparse.csr_matrix  # counts, one row a passage


@dataclass
class _Cache:
    """The kept articles by key, in ``folder``."""

    folder: Path
    kept: dict[str, _Kept] = field(default_factory=dict)


def open_index(folder: Path, embedder: Embedder, cache: Path) -> Index:
    """Return the index of a folder; only articles that changed are read and embedded anew.

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
    store = _read_cache(cache_folder(folder, embedder, cache))
    fresh = [s for s in found if _key(s) not in store.kept]
    gone = set(store.kept) - {_key(s) for s in found}
    for source, kept in zip(fresh, _kept_articles(fresh, embedder), strict=True):
        store.kept[_key(source)] = kept
    for key in gone:
        del store.kept[key]
    if fresh or gone:
        problems.extend(_write_cache(store))
    ordered = [store.kept[_key(s)] for s in found]
    return _index(ordered, tuple(problems), folder)


def _key(source: Source) -> str:
    return hashlib.sha256(f"{source.id}\0{source.sha256}".encode()).hexdigest()


def embedded_text(title: str, part: Part) -> str:
    """Return what is embedded and matched of a passage: title and heading lead its text."""
    return ". ".join(piece for piece in (title, part.heading, part.text) if piece)


def _kept_articles(fresh: list[Source], embedder: Embedder) -> Iterator[_Kept]:
    """Yield what is to be kept of new articles, embedded in one go."""
    read = [article(source) for source in fresh]
    texts = [embedded_text(a.title, part) for a in read for part in a.parts]
    if not texts:
        none = np.zeros((0, 0), np.float32)
        yield from (_Kept(a, none, none, _grams([])) for a in read)
        return
    vectors, grams = embedder.embed(texts), _grams(texts)
    start = 0
    for page in read:
        rows = slice(start, start + len(page.parts))
        start = rows.stop
        yield _Kept(
            page, vectors[rows], _unit_vectors(page, embedder, vectors.shape[1]), grams[rows]
        )


def _unit_vectors(page: Article, embedder: Embedder, width: int) -> Vectors:
    """Return the vectors of an article's units, each led by title and heading."""
    units = [(part.heading, unit.text) for part in page.parts for unit in part.units]
    texts = [embedded_text(page.title, Part(heading, bare(text))) for heading, text in units]
    if texts:
        return embedder.embed(texts).astype(np.float16)
    return np.zeros((0, width), np.float16)


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


def _index(ordered: list[_Kept], problems: tuple[str, ...], folder: Path) -> Index:
    problems += tuple(problem for k in ordered for problem in k.article.problems)
    articles = without_hubs(k.article for k in ordered)
    telling = [(a, k) for a, k in zip(articles, ordered, strict=True) if a.parts]
    if not telling:
        raise KnowledgeError(f"No Markdown file in {folder} holds text that could answer anything.")
    kept = [k for _, k in telling]
    pages = tuple(a for a, _ in telling)
    owners = np.array([i for i, a in enumerate(pages) for _ in a.parts], dtype=np.int64)
    counts = sparse.vstack([k.grams for k in kept], format="csr")
    rarity = _rarity(counts)
    matched = [tuple(words(embedded_text(a.title, p))) for a in pages for p in a.parts]
    whole: list[list[str]] = [[] for _ in pages]
    for owner, found in zip(owners, matched, strict=True):
        whole[owner].extend(found)
    return Index(
        articles=pages,
        parts=tuple(p for a in pages for p in a.parts),
        owners=owners,
        vectors=np.concatenate([k.vectors for k in kept]),
        unit_vectors=np.concatenate([k.unit_vectors for k in kept]).astype(np.float32),
        letters=weighted(counts, rarity),
        title_letters=weighted(_grams(a.title for a in pages), rarity),
        rarity=rarity,
        words=tuple(matched),
        title_words=tuple(frozenset(words(a.title)) for a in pages),
        passage_ranker=_ranker(matched),
        article_ranker=_ranker(whole),
        problems=problems,
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


def _read_cache(folder: Path) -> _Cache:
    """Return what is kept; nothing, if the cache is missing, broken or of another make."""
    try:
        listed = json.loads((folder / "articles.json").read_text("utf-8"))
        packed = (folder / "rows.npz").read_bytes()
        if hashlib.sha256(packed).hexdigest() != listed["rows"]:
            return _Cache(folder)
        with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
            vectors, unit_vectors = arrays["vectors"], arrays["unit_vectors"]
            grams = sparse.csr_matrix(
                (arrays["counts"], arrays["columns"], arrays["starts"]), (len(vectors), GRAMS)
            )
        return _Cache(folder, _unpacked(listed["articles"], vectors, unit_vectors, grams))
    except _BROKEN:
        return _Cache(folder)


def _unpacked(
    listed: dict[str, dict[str, object]],
    vectors: Vectors,
    unit_vectors: Vectors,
    grams: sparse.csr_matrix,
) -> dict[str, _Kept]:
    kept: dict[str, _Kept] = {}
    start = first_unit = 0
    for key, fields in listed.items():
        page = from_json(Article, fields)
        rows = slice(start, start + len(page.parts))
        units = slice(first_unit, first_unit + sum(len(part.units) for part in page.parts))
        start, first_unit = rows.stop, units.stop
        kept[key] = _Kept(page, vectors[rows], unit_vectors[units], grams[rows])
    if start != len(vectors) or first_unit != len(unit_vectors):
        raise ValueError("rows are missing")
    return kept


def _write_cache(store: _Cache) -> Iterator[str]:
    """Write what is kept; yield a sentence if the disk refuses."""
    full = [k for k in store.kept.values() if k.article.parts]
    grams = sparse.vstack([k.grams for k in full], format="csr") if full else _grams([])
    vectors = np.concatenate([k.vectors for k in full]) if full else np.zeros((0, 0), np.float32)
    units = [k.unit_vectors for k in full] or [np.zeros((0, 0), np.float16)]
    packed = io.BytesIO()
    np.savez(
        packed,
        vectors=vectors,
        unit_vectors=np.concatenate(units),
        counts=grams.data,
        columns=grams.indices,
        starts=grams.indptr,
    )
    listed = {
        "rows": hashlib.sha256(packed.getvalue()).hexdigest(),
        "articles": {key: asdict(k.article) for key, k in store.kept.items()},
    }
    try:
        replace_file(store.folder / "rows.npz", packed.getvalue())
        replace_file(store.folder / "articles.json", json.dumps(listed).encode())
    except OSError:
        yield f"The articles' index could not be kept in {store.folder}; each start builds it anew."
