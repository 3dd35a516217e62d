"""Labelled questions, one a line: what a customer asked and which articles answer it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from mmcs.errors import UsageError
from mmcs.knowledge.signals import Query
from mmcs.ticket import from_json


@dataclass(frozen=True)
class Question:
    """A question with the ids of all articles that answer it; none, if nothing does."""

    id: str
    text: str
    articles: tuple[str, ...]
    answerable: bool
    spoken: str = ""
    shown: str = ""  # text read off an image

    @property
    def query(self) -> Query:
        """The question as the search takes it."""
        return Query(written=self.text, spoken=self.spoken, shown=self.shown)


def read_questions(path: Path) -> tuple[Question, ...]:
    """Return the questions of a .jsonl file, or of the questions.jsonl in a folder.

    Raises:
        UsageError: there is no such file, or a line is not a labelled question.
    """
    file = path / "questions.jsonl" if path.is_dir() else path
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as missing:
        raise UsageError(f"There are no labelled questions (.jsonl) in {path}.") from missing
    questions: list[Question] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            questions.append(from_json(Question, json.loads(line)))
        except (json.JSONDecodeError, ValidationError) as wrong:
            raise UsageError(
                f"Line {number} of {file.name} is no question; "
                'it needs {"id", "text", "articles", "answerable"}.'
            ) from wrong
    if not questions:
        raise UsageError(f"{file.name} holds no question.")
    return tuple(questions)
