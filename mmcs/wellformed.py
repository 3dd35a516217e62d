"""Text and JSON from outside, in the form that every library takes.

Half of a surrogate pair is no character: the first library that encodes it fails. Scripts send it
where they cut an emoji in two, and file names and YAML can hold it too.
"""

from __future__ import annotations

import json
from typing import Any


def well_formed(text: str) -> str:
    """Return a text in which halves that belong together are one character, and each half that is
    left alone is U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def well_formed_values(value: Any) -> Any:
    """Return JSON values with every text in them well formed; what JSON has no form for, such as
    the dates of YAML, as text.

    Raises:
        ValueError: they are nested too deep, or a mapping has a key that is no plain value.
    """
    try:
        return json.loads(well_formed(json.dumps(value, ensure_ascii=False, default=str)))
    except (RecursionError, TypeError) as error:
        raise ValueError("no JSON values") from error


def parse_json(text: str | bytes) -> Any:
    """Return the values of a JSON text. Texts in them may hold halves of characters.

    Raises:
        ValueError: it is no JSON, is nested too deep, has a number that is none or has thousands of
            digits, or names one key twice, of which the first would be lost.
    """
    try:
        return json.loads(text, parse_constant=_no_number, object_pairs_hook=_object)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found
