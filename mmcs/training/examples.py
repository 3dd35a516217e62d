"""Written questions to examples: each with the passages that a search brings up for it.

A line of questions is ``{"id", "text", "articles", "units", "answerable"}``; a unit (a sentence, a
step, a row) is named by the first eight hexadecimal digits of the SHA-256 of its text, so that the
articles themselves need not lie beside the questions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmcs.errors import UsageError
from mmcs.knowledge import Knowledge, Query
from mmcs.ticket import from_json

NEGATIVES = 3  # passages beside the one that answers
MOST_RIGHT = 2  # passages of one question that answer
LOOKED_AT = 12  # best passages of the search among which negatives are taken


@dataclass(frozen=True)
class Line:
    """A question as it was written, with what answers it."""

    id: str
    text: str
    articles: tuple[str, ...]
    answerable: bool
    units: tuple[str, ...] = ()  # the marks of the units that a good reply is made of
    spoken: str = ""
    shown: str = ""


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


def mark(unit: str) -> str:
    """Return the name of a unit."""
    return hashlib.sha256(unit.encode()).hexdigest()[:8]


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a .jsonl file.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as broken:
        raise UsageError(f"{path} cannot be read as .jsonl.") from broken


def read_questions(path: Path) -> tuple[Line, ...]:
    """Return the questions of a .jsonl file.

    Raises:
        UsageError: it cannot be read, or a line is no question.
    """
    return tuple(from_json(Line, line) for line in read_lines(path))


def relevance_examples(path: Path, knowledge: Knowledge) -> Iterator[Example]:
    """Yield each question with the passages that answer and with hard ones that do not."""
    index = knowledge.index
    texts = [tuple(unit.text for unit in part.units) for part in index.parts]
    for line in read_questions(path):
        scores = knowledge.scores(Query(written=line.text))
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
