"""Labelled questions: what a customer asked, and which articles and units of them answer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from mmcs.knowledge.signals import Query
from mmcs.labelled import read_labelled


@dataclass(frozen=True)
class Question:
    """A question with the ids of all articles that answer it; none, if nothing does."""

    id: str
    text: str
    articles: tuple[str, ...]
    answerable: bool
    units: tuple[str, ...] = ()  # the marks of the units that a good reply is made of
    spoken: str = ""
    shown: str = ""  # text read off an image

    @property
    def query(self) -> Query:
        """The question as the search takes it."""
        return Query(written=self.text, spoken=self.spoken, shown=self.shown)


def mark(unit: str) -> str:
    """Return the name of a unit: the first eight hexadecimal digits of its text's SHA-256, so that
    the articles themselves need not lie beside the questions."""
    return hashlib.sha256(unit.encode()).hexdigest()[:8]


def read_questions(path: Path) -> tuple[Question, ...]:
    """Return the questions of a .jsonl file, or of the questions.jsonl in a folder.

    Raises:
        UsageError: there is no such file, or a line is not a labelled question.
    """
    file = path / "questions.jsonl" if path.is_dir() else path
    return read_labelled(file, Question, "question")
