"""Written questions to examples: each with the passages that a search brings up for it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmcs.knowledge import Knowledge
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
    for line in read_questions(path):
        if line.spoken or line.shown:
            continue
        _, scores = knowledge.near(line.query)
        right: list[int] = []
        wrong: list[int] = []
        for row in np.argsort(-scores, kind="stable")[:LOOKED_AT]:
            named = index.articles[index.owners[row]].id in line.articles
            here = named and bool(set(line.units) & set(map(mark, texts[row])))
            (right if here else wrong).append(int(row))
        if line.answerable and not right:
            articles = [i for i, page in enumerate(index.articles) if page.id in line.articles]
            rows = np.flatnonzero(np.isin(index.owners, articles))
            right = [int(r) for r in rows if set(line.units) & set(map(mark, texts[r]))]
        for row in (*right[:MOST_RIGHT], *wrong[:NEGATIVES]):
            page, part = index.articles[index.owners[row]], index.parts[row]
            yield Example(
                line.text,
                line.id,
                page.id,
                f"{page.title}: {part.heading}" if part.heading else page.title,
                texts[row],
                row in right,
                tuple(row in right and mark(unit) in line.units for unit in texts[row]),
            )
