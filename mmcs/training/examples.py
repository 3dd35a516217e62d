"""Written questions to examples: each with the passages that a search brings up for it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmcs.knowledge import Knowledge
from mmcs.knowledge.index import Index
from mmcs.knowledge.questions import Question, mark, read_questions

NEGATIVES = 3  # passages beside the one that answers
MOST_RIGHT = 2  # passages of one question that answer
HELD_OUT = 10  # one article in so many is kept out of the embedder's training
LOOKED_AT = 12  # best passages of the search among which negatives are taken


@dataclass(frozen=True)
class Example:
    """A question and one passage: does it answer, and which of its units do?"""

    question: str
    group: str  # the question's id
    article: str
    title: str
    units: tuple[str, ...]
    answers: bool
    right: tuple[bool, ...]  # one a unit


def held_out(article: str) -> bool:
    """Say whether all questions on an article are kept out of the embedder's training."""
    return int(hashlib.sha256(article.encode()).hexdigest(), 16) % HELD_OUT == 0


def unseen(question: Question) -> bool:
    """Say whether the embedder was not trained on a question. It was on English questions with
    known units and nothing but words typed; it brings those too near to their answers."""
    plain = question.units and not (question.spoken or question.shown or question.query.chinese)
    return not plain or held_out(question.articles[0])


def relevance_examples(path: Path, knowledge: Knowledge) -> Iterator[Example]:
    """Yield each typed question with the passages that answer and with hard ones that do not."""
    index = knowledge.index
    texts = [tuple(unit.text for unit in part.units) for part in index.parts]
    for line, right, wrong in searched(path, knowledge, LOOKED_AT):
        if line.spoken or line.shown:
            continue
        for row in (*right[:MOST_RIGHT], *wrong[:NEGATIVES]):
            yield Example(
                line.text,
                line.id,
                index.articles[index.owners[row]].id,
                index.title_of(row),
                texts[row],
                row in right,
                tuple(row in right and mark(unit) in line.units for unit in texts[row]),
            )


def searched(
    path: Path, knowledge: Knowledge, most: int
) -> Iterator[tuple[Question, list[int], list[int]]]:
    """Yield each question of a file with the passages that answer, of the best ``most`` of the
    search or, if none of them does, of all; and with the others of these. A question is passed
    over if it can be answered and nobody says by which units.

    Raises:
        UsageError: there is no such file, or a line is not a labelled question.
    """
    for line in read_questions(path):
        if line.answerable and not line.units:
            continue
        answers = answering(line, knowledge.index)
        scores = knowledge.near(line.query)
        nearest = [int(row) for row in np.argsort(-scores, kind="stable")[:most]]
        right = [row for row in nearest if row in answers] or sorted(answers)
        yield line, right, [row for row in nearest if row not in answers]


def answering(line: Question, index: Index) -> set[int]:
    """Return the passages that hold a unit of a question's answer, in an article that answers; all
    of such an article where nobody says by which units."""
    named = {place for place, page in enumerate(index.articles) if page.id in line.articles}
    return {
        row
        for row in np.flatnonzero(np.isin(index.owners, sorted(named))).tolist()
        if not line.units or any(mark(unit.text) in line.units for unit in index.parts[row].units)
    }
