"""Labelled examples, one JSON object a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from mmcs.errors import UsageError
from mmcs.ticket import from_json

T = TypeVar("T")


def read_labelled(path: Path, kind: type[T]) -> tuple[T, ...]:
    """Return the lines of a .jsonl file as objects of ``kind``.

    Raises:
        UsageError: there is no such file, or a line is not what it should be.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as missing:
        raise UsageError(f"There are no labelled examples (.jsonl) in {path}.") from missing
    found: list[T] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(from_json(kind, json.loads(line)))
        except (json.JSONDecodeError, ValidationError) as wrong:
            fields = ", ".join(getattr(kind, "__annotations__", {}))
            raise UsageError(f"Line {number} of {path.name} needs {fields}.") from wrong
    if not found:
        raise UsageError(f"{path.name} holds no example.")
    return tuple(found)
