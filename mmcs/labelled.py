"""Labelled examples for training and measuring, one JSON object a line."""

from __future__ import annotations

from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

from mmcs.errors import UsageError
from mmcs.ticket import from_json
from mmcs.wellformed import parse_json

T = TypeVar("T")


def read_labelled(path: Path, kind: type[T], noun: str = "example") -> tuple[T, ...]:
    """Return the lines of a .jsonl file as objects of ``kind``.

    Args:
        path: the file.
        kind: a dataclass whose fields are the keys of a line.
        noun: what a line is called in an error.

    Raises:
        UsageError: there is no such file, or a line is not what it should be.
    """
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as missing:
        raise UsageError(f"There are no labelled {noun}s (.jsonl) in {path}.") from missing
    found: list[T] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(from_json(kind, parse_json(line)))
        except ValueError as wrong:
            raise UsageError(
                f"Line {number} of {path.name} is no {noun}; it needs {', '.join(_needed(kind))}."
            ) from wrong
    if not found:
        raise UsageError(f"{path.name} holds no {noun}.")
    return tuple(found)


def _needed(kind: Any) -> tuple[str, ...]:
    """Return the fields that have no default."""
    return tuple(f.name for f in fields(kind) if MISSING is f.default is f.default_factory)
