"""Codes and numbers spelled out: "N L X two zero four", "forty-eight two thirteen", 四幺零六.

A text is cut into runs of pieces: letters that stand alone, digits, and numbers in words, each as
the characters it stands for. Codes are then sought in what the pieces spell together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mmcs.entities.numerals import (
    CHINESE_DIGITS,
    DIGITS,
    TEENS,
    TENS,
    chinese_number,
    english_number,
)

MOST_LETTERS = 4  # in one piece; a longer word is a word
MOST_PIECES = 24  # of a number that is spelled
MOST_GAP = 3  # characters between the pieces of a run
MOST_WORDS = 9  # "forty-eight thousand two hundred and thirteen" has seven

_TOKEN = re.compile(r"[A-Za-z]+|\d+|[零〇一二三四五六七八九两兩幺十百千万萬]+", re.ASCII)
_GAP = re.compile(r"[\s,.，、。:：·–—\0杠-]*")
_AS_IN = re.compile(r"\bas in [A-Za-z-]{1,15}")  # "V as in Victor"
_DASHES = frozenset({"dash", "hyphen", "minus"})
_REPEATS = {"double": 2, "triple": 3}
_SCALES = frozenset({"hundred", "thousand"})
_NUMBER_WORDS = frozenset({*DIGITS, *TEENS, *TENS, *_SCALES})
_COUNTING = _NUMBER_WORDS - {"o", "oh"}
# Short words that are no letters of a code, unless each stands in capitals.
_SHORT = frozenset(
    "a am an and any app are as ask at be box buy but by call can do for from get go got had has "
    "have he her hi him his how i id if in is it its let like may me mr mrs ms my new no not now "
    "of off ok old on or our out pay pls re say see she sn so tel than that the them then they "
    "this to too tv uh um up us use via was we well were when who why will with yes you your "
    "did does don just says said".split()
)


@dataclass(frozen=True)
class Piece:
    """Characters that one token, or a number of several words, stands for."""

    text: str  # digits, letters in capitals, or "-"
    start: int
    end: int
    gap: str  # what stands between it and the piece before

    @property
    def is_digits(self) -> bool:
        """Whether it is all digits."""
        return self.text.isdigit()

    @property
    def is_apart(self) -> bool:
        """Whether more than a space or a hyphen sets it off from the piece before."""
        return any(character in self.gap for character in ",.，、。:：\n")


def spell(pieces: Sequence[Piece]) -> str:
    """Return what pieces stand for together."""
    return "".join(piece.text for piece in pieces)


def cuts(pieces: Sequence[Piece]) -> Iterator[Sequence[Piece]]:
    """Yield all the pieces, then those up to each pause: what may be one number."""
    yield pieces
    for number, piece in enumerate(pieces[:MOST_PIECES]):
        if number and piece.is_apart:
            yield pieces[:number]


def until_pause(pieces: Sequence[Piece]) -> Sequence[Piece]:
    """Return the pieces up to the first pause; all, where each is one character."""
    if len(pieces[0].text) == 1:
        return pieces
    return next((cut for cut in list(cuts(pieces))[1:]), pieces)


class _Token(NamedTuple):  # quicker to make than a dataclass; a long text has thousands
    text: str
    word: str  # the text in lower case
    start: int
    end: int
    gap: str


def runs(text: str) -> Iterator[tuple[Piece, ...]]:
    """Yield the runs of pieces in a text; each holds at least one digit."""
    run: list[_Token] = []
    end = 0
    if " as in " in text:
        text = _AS_IN.sub(lambda match: "\0" * len(match.group()), text)
    for match in _TOKEN.finditer(text):
        gap = text[end : match.start()]
        words = match.group()
        token = _Token(words, words.lower(), match.start(), match.end(), gap)
        if run and not (len(gap.replace("\0", "")) <= MOST_GAP and _GAP.fullmatch(gap)):
            yield from _pieces(run)
            run = []
        end = match.end()
        if gap[-1:] not in {"'", "’"} and _spells(token):  # the s of "it's" is no letter
            run.append(token)
        elif run:
            yield from _pieces(run)
            run = []
    if run:
        yield from _pieces(run)


def _spells(token: _Token) -> bool:
    """Say whether a token is digits, a number in words, or letters that may be part of a code."""
    if not token.text.isascii() or token.text.isdigit():
        return True
    word = token.word
    if word in _NUMBER_WORDS or word in _DASHES or word in _REPEATS:
        return True
    if len(word) > MOST_LETTERS:
        return False
    return word not in _SHORT or (token.text.isupper() and len(word) < 3 and word not in {"i", "a"})


def _pieces(run: Sequence[_Token]) -> Iterator[tuple[Piece, ...]]:
    pieces: list[Piece] = []
    position = 0
    while position < len(run):
        text, used = _read(run, position)
        first, last = run[position], run[position + used - 1]
        pieces.append(Piece(text, first.start, last.end, first.gap if pieces else ""))
        position += used
    if any(piece.text[:1].isdigit() for piece in pieces):
        yield tuple(pieces)


def _read(run: Sequence[_Token], position: int) -> tuple[str, int]:
    """Return what the tokens from a position spell, and how many of them it takes."""
    token = run[position]
    word = token.word
    following = run[position + 1] if position + 1 < len(run) else None
    if token.text.isdigit():
        return token.text, 1
    if not token.text.isascii():
        return _chinese(token.text), 1
    if word in _REPEATS and following:
        digit = DIGITS.get(following.word, following.text)
        if len(digit) == 1 and digit.isdigit():
            return digit * _REPEATS[word], 2
    if word in _NUMBER_WORDS:
        return _english(run, position)
    return ("-" if word in _DASHES else token.text.upper()), 1


def _english(run: Sequence[_Token], position: int) -> tuple[str, int]:
    """Read one number: "forty-eight", "forty eight thousand two hundred thirteen", "oh"."""
    first = run[position].word
    words = [first]
    for token in run[position + 1 : position + MOST_WORDS]:
        if token.gap not in {" ", "-"} or token.word not in _COUNTING:
            break
        words.append(token.word)
        if len(words) == 2 and first in DIGITS and token.word not in _SCALES:
            break  # dictated digit by digit
    for used in range(len(words), 1, -1):
        number = english_number(" ".join(words[:used])) if _SCALES & set(words[:used]) else None
        if number is not None:
            return str(number), used
    if first in TENS:
        unit = DIGITS.get(words[1], "0") if len(words) > 1 else "0"
        return TENS[first] + unit, 1 if unit == "0" else 2
    return TEENS.get(first) or DIGITS.get(first) or first.upper(), 1


def _chinese(words: str) -> str:
    if all(character in CHINESE_DIGITS for character in words):
        return "".join(CHINESE_DIGITS[character] for character in words)
    number = chinese_number(words) if len(words) <= 12 and "幺" not in words else None
    return str(number) if number is not None else words
