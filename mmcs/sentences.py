"""A text to its sentences, steps and table rows: the units that are quoted, written and checked."""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

import sentencex

_STEP = re.compile(r"^\s*(?:\d{1,2}[.)、]|[-*•])\s+")
_HEADING = re.compile(r"^\s*#{1,6}\s+")
_CJK = re.compile(r"[\u3400-\u9fff]")
_NEW_LINE = re.compile(r"</?(?:br|p|div|li|ul|ol|tr|h\d)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?(?!(?:a|img)\s)[a-z][a-z0-9]*(?:\s[^<>]*)?/?>", re.IGNORECASE)
_EMPHASIS = re.compile(r"\*\*|__")
_SELECTORS = re.compile(r"[\ufe00-\ufe0f]")  # of how the character before looks

UnitKind = Literal["sentence", "step", "row"]


@dataclass(frozen=True)
class Unit:
    """One sentence, one step of a list or one row of a table."""

    text: str
    kind: UnitKind
    block: int  # units of one paragraph, list or table share it


def script(text: str) -> Literal["en", "zh"]:
    """Return zh for a text of which at least a tenth is Chinese characters, else en."""
    return "zh" if len(_CJK.findall(text)) * 10 >= max(1, len(text.strip())) else "en"


def as_read(text: str) -> str:
    """Return a text as its reader sees it: without tags, emphasis and characters that don't show,
    and with digits and letters of any form or width as the plain ones. Punctuation stays."""
    seen = _EMPHASIS.sub("", _TAG.sub("", _NEW_LINE.sub("\n", html.unescape(text))))
    if seen.isascii():
        return seen
    return "".join(map(_plain, _SELECTORS.sub("", unicodedata.normalize("NFC", seen))))


def _plain(character: str) -> str:
    """Return the plain form of a character: 5 for a wide, a circled or an Arabic five."""
    kind = unicodedata.category(character)
    if kind in {"Cf", "Me"}:
        return ""
    if kind[0] == "P":
        return character
    if kind in {"Nd", "No"}:
        number = unicodedata.numeric(character)
        return str(int(number)) if number == int(number) else character
    return unicodedata.normalize("NFKC", character)


def split_units(text: str) -> tuple[Unit, ...]:
    """Return the units of a text in order; headings are left out, they claim nothing."""
    units: list[Unit] = []
    block = -1
    previous = ""
    for line in text.splitlines():
        kind = _line_kind(line)
        if kind != previous or kind in {"", "sentence"}:
            block += 1
        previous = kind
        if kind == "sentence":
            units.extend(Unit(s, "sentence", block) for s in split_sentences(line))
        elif kind in {"step", "row"}:
            units.append(Unit(line.strip(), "step" if kind == "step" else "row", block))
    return tuple(units)


def split_sentences(text: str) -> tuple[str, ...]:
    """Return the sentences of a paragraph."""
    pieces = sentencex.segment(script(text), text)
    return tuple(piece.strip() for piece in pieces if piece.strip())


def bare(step: str) -> str:
    """Return a step without its number or bullet."""
    return _STEP.sub("", step).strip()


def _line_kind(line: str) -> str:
    if not line.strip() or _HEADING.match(line):
        return ""
    if _STEP.match(line):
        return "step"
    return "row" if " | " in line or line.lstrip().startswith("|") else "sentence"
