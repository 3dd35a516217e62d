"""A Case to the passages that help: the search brings up candidates, the relevance networks say how
likely each one answers and which of its sentences belong in the answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mmcs.knowledge import Knowledge, Query
from mmcs.knowledge.index import Index
from mmcs.knowledge.relevance import Relevance
from mmcs.sentences import script, split_units
from mmcs.ticket import Case, Passage

CANDIDATES = 8  # passages of the search that are looked at closely
COMPANION = 0.2  # share of the best chance that another passage needs
LONG = {"en": 30, "zh": 45}  # words, characters from which a ticket is asked by sentences too
SHORT_SENTENCE = {"en": 5, "zh": 7}  # words, characters; a shorter one asks nothing
MOST_SENTENCES = 10
OF_A_SENTENCE = 0.9  # what a sentence's score counts beside the whole ticket's
MOST_OF_AN_ARTICLE = 3  # passages, so that a long article doesn't crowd out the others

Scores = NDArray[np.float64]  # (passages,) in 0-1


def retrieve(
    case: Case, knowledge: Knowledge, language: str, top_k: int, threshold: float | None = None
) -> tuple[Passage, ...]:
    """Return the passages that help with a Case, best first; none if none is likely to answer.

    Args:
        case: what the customer wrote, said and showed.
        knowledge: the articles.
        language: in which the reply will be, ISO 639-1.
        top_k: at most so many passages.
        threshold: chance of the best passage from which an article helps; None: the fitted one.
    """
    whole, *parts = queries_of(case, language)
    if not whole.everything.strip():
        return ()
    signals = [knowledge.signals(query) for query in (whole, *parts)]
    fused = [knowledge.fused(*pair) for pair in zip((whole, *parts), signals, strict=True)]
    for sentence in _sentences(whole.asked):
        asked = Query(written=sentence, language=language)
        fused[0] = np.maximum(fused[0], OF_A_SENTENCE * knowledge.scores(asked))
    rows = nearest(np.max(fused, axis=0), knowledge.index)
    by_query = (
        knowledge.relevance(query, rows, found, scores)
        for query, found, scores in zip((whole, *parts), signals, fused, strict=True)
    )
    judged = [max(row, key=lambda one: one.answers) for row in zip(*by_query, strict=True)]
    needed = knowledge.threshold(whole) if threshold is None else threshold
    return _best(rows, judged, knowledge, top_k, needed)


def nearest(fused: Scores, index: Index) -> list[int]:
    """Return the passages that are looked at closely, the nearest first."""
    ordered = np.argsort(-fused, kind="stable")[:CANDIDATES]
    return [int(row) for row in ordered if index.parts[row].units]


def queries_of(case: Case, language: str) -> list[Query]:
    """Return what a Case asks: all of it together, then what was written and what was said, since
    either may ask by itself."""
    written = case.ticket.customer_text
    spoken = " ".join(heard.text for heard in case.evidence.transcripts)
    shown = " ".join(line.text for image in case.evidence.images for line in image.lines)
    entities = tuple(entity.value for entity in case.evidence.entities)
    whole = Query(written, spoken, shown, entities, language)
    if sum(bool(part.strip()) for part in (written, spoken, shown)) < 2:
        return [whole]
    asked = (written, spoken)
    return [whole, *(Query(written=part, language=language) for part in asked if part.strip())]


def _sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a long text that may ask something."""
    kind = script(text)

    def length(words: str) -> int:
        return len(words) if kind == "zh" else len(words.split())

    if length(text) >= LONG[kind]:
        asking = [u.text for u in split_units(text) if length(u.text) >= SHORT_SENTENCE[kind]]
        yield from asking[:MOST_SENTENCES]


def _best(
    rows: Sequence[int],
    judged: Sequence[Relevance],
    knowledge: Knowledge,
    top_k: int,
    threshold: float,
) -> tuple[Passage, ...]:
    pairs = sorted(zip(rows, judged, strict=True), key=lambda pair: -pair[1].answers)
    if not pairs or pairs[0][1].answers < threshold:
        return ()
    taken: list[Passage] = []
    share: Counter[int] = Counter()
    for row, relevance in pairs:
        owner = int(knowledge.index.owners[row])
        if relevance.answers < COMPANION * pairs[0][1].answers or len(taken) == top_k:
            break
        if share[owner] < MOST_OF_AN_ARTICLE:
            share[owner] += 1
            passage = knowledge.passage(row, relevance.answers)
            taken.append(replace(passage, unit_scores=relevance.units))
    return tuple(taken)
