"""Numbers in words, English and Chinese, written in digits, so that one set of rules reads both."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from cn2an import cn2an
from text_to_num import text2num

DIGITS = {
    w: str(n) for n, w in enumerate("zero one two three four five six seven eight nine".split())
} | {
    "oh": "0",
    "o": "0",
}
TEENS = {
    word: str(number)
    for number, word in enumerate(
        "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(),
        start=10,
    )
}
TENS = {
    word: str(number)
    for number, word in enumerate(
        "twenty thirty forty fifty sixty seventy eighty ninety".split(), 2
    )
}
CHINESE_DIGITS = dict(zip("零〇一二三四五六七八九两兩幺", "00123456789221", strict=True))

_ORDINALS = {
    word: number
    for number, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
        "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth "
        "twentieth".split(),
        start=1,
    )
} | {"thirtieth": 30}
_CARDINAL = "|".join(
    [*(w for w in DIGITS if w not in {"o", "oh"}), *TEENS, *TENS, "hundred", "thousand"]
)
# As on banknotes: 陆拾陆; one alone only of money, 收拾 and 陆续 are words.
_FORMAL_DIGIT = "零壹贰叁肆伍陆柒捌玖"
_FORMAL = (
    rf"[{_FORMAL_DIGIT}拾][{_FORMAL_DIGIT}拾佰仟万]+"
    rf"|[{_FORMAL_DIGIT[1:]}拾](?=[元圆块欧美])"
)
_WORDS = re.compile(
    rf"\b(?:(?P<tens>twenty|thirty)[\s-])?(?<!\d[ -])(?P<ordinal>{'|'.join(_ORDINALS)})\b"
    rf"|\b(?P<number>(?:a\s(?=hundred|thousand))?(?:{_CARDINAL})"
    rf"(?:[\s-](?:and\s)?(?:{_CARDINAL})\b)*)\b"
    rf"|(?P<chinese>[零〇一二三四五六七八九两兩十百千万萬]+|{_FORMAL})(?P<year>年)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class View:
    """A text with some stretches rewritten, and the way back to the characters it came from."""

    text: str
    offsets: tuple[int, ...]  # where, in ``text``, an unchanged or a rewritten stretch begins
    origins: tuple[tuple[int, int], ...]  # the same stretch in the original
    rewritten: tuple[bool, ...]

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return the stretch of the original that characters ``start`` to ``end`` stand for."""
        return self._back(start, 0), self._back(end - 1, 1)

    def at(self, start: int, end: int) -> str:
        """Return what the characters ``start`` to ``end`` of the original are here."""
        return self.text[self._forth(start, 0) : self._forth(end - 1, 1)]

    def _forth(self, position: int, side: int) -> int:
        part = bisect_right([begin for begin, _ in self.origins], position) - 1
        if not self.rewritten[part]:
            return self.offsets[part] + position - self.origins[part][0] + side
        ends = (*self.offsets[1:], len(self.text))
        return ends[part] if side else self.offsets[part]

    def _back(self, position: int, side: int) -> int:
        part = bisect_right(self.offsets, position) - 1
        if self.rewritten[part]:
            return self.origins[part][side]
        return self.origins[part][0] + position - self.offsets[part] + side


def in_digits(text: str) -> View:
    """Return the text with its cardinal and ordinal numbers in digits: "third" is "3rd"."""
    written: list[str] = []
    offsets: list[int] = []
    origins: list[tuple[int, int]] = []
    rewritten: list[bool] = []
    length = 0
    for start, end, new in _stretches(text):
        written.append(text[start:end] if new is None else new)
        offsets.append(length)
        origins.append((start, end))
        rewritten.append(new is not None)
        length += len(written[-1])
    return View("".join(written), tuple(offsets), tuple(origins), tuple(rewritten))


def english_number(words: str) -> int | None:
    """Return what "two hundred and nine" means; None if the words are no one number."""
    plain = re.sub(r"[\s-]+", " ", words.lower())
    try:
        return int(text2num(re.sub(r"^a ", "one ", plain), "en"))
    except ValueError:
        return None


@lru_cache(4096)
def chinese_number(words: str) -> int | None:
    """Return what 四万八千二百一十三 means; None if the characters are no one number."""
    if len(words) > 1 and all(character in CHINESE_DIGITS for character in words):
        return None  # 两三: two or three
    try:
        return int(cn2an(words, "smart"))
    except ValueError:
        return None


def _stretches(text: str) -> Iterator[tuple[int, int, str | None]]:
    """Yield what is left as it is (None) and what is rewritten, from start to end."""
    position = 0
    for match in _WORDS.finditer(text):
        for start, end, new in _rewrite(match):
            if start > position:
                yield position, start, None
            yield start, end, new
            position = end
    if position < len(text) or not text:
        yield position, len(text), None


def _rewrite(match: re.Match[str]) -> Iterable[tuple[int, int, str]]:
    if match["ordinal"]:
        number = _ORDINALS[match["ordinal"].lower()]
        if match["tens"]:
            number += 20 if match["tens"].lower() == "twenty" else 30
        return [(match.start(), match.end(), f"{number}th")]
    if match["chinese"]:
        new = _chinese(match["chinese"], bool(match["year"]))
        return [(*match.span("chinese"), new)] if new else []
    number_words = match["number"]
    whole = english_number(number_words)
    if whole is not None:
        return [(match.start(), match.end(), str(whole))]
    return list(_parts(number_words, match.start()))


def _parts(words: str, start: int) -> Iterator[tuple[int, int, str]]:
    """Yield the numbers of "one hundred and two hundred", which is two numbers."""
    position = 0
    for part in re.split(r"(\sand\s)", words):
        number = english_number(part) if part.strip().lower() != "and" else None
        if number is not None:
            yield start + position, start + position + len(part), str(number)
        position += len(part)


def _chinese(words: str, year: bool) -> str | None:
    if len(words) > 1 and all(character in CHINESE_DIGITS for character in words):
        return "".join(CHINESE_DIGITS[c] for c in words) if year else None
    if len(words) > 12:
        return None
    number = chinese_number(words)
    return None if number is None else str(number)
