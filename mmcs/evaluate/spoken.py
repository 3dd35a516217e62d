"""One spelling for what was said and what was heard, so that only hearing is judged.

Words are compared in lower case without punctuation; numbers digit by digit, however they are
written: "E twelve", "e-12" and "E12" are the words e, 1 and 2. Chinese is compared character by
character, in simplified script, with 四八, 48 and 四十八 alike.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import cn2an
from opencc import OpenCC
from text_to_num import alpha2digit

UNSPACED = frozenset({"zh", "ja", "th"})  # languages that are written without spaces
_FILLERS = frozenset({"um", "uh", "er", "erm", "hmm", "mm", "mhm"})
_CURRENCIES = {"$": "dollars", "€": "euros", "£": "pounds", "%": "percent"}
_DIGITS = str.maketrans("零〇一二三四五六七八九幺", "001234567891")
_NUMBER = re.compile("[零一二三四五六七八九两]?[十百千万][零一二三四五六七八九两十百千万]*")


def tokens(text: str, language: str) -> list[str]:
    """Return the words, or for Chinese and its like the characters, that are compared."""
    text = unicodedata.normalize("NFKC", text).lower()
    if language == "zh":
        text = _NUMBER.sub(_chinese_number, _to_simplified().convert(text)).translate(_DIGITS)
    if language in UNSPACED:
        return re.findall(r"\w", text)
    return _words(text, language)


def _words(text: str, language: str) -> list[str]:
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)  # 1,299
    text = re.sub(r"([$€£])\s*([\d.]+)", lambda m: f"{m[2]} {_CURRENCIES[m[1]]}", text)
    text = text.replace("%", " percent").replace("'", "").replace("’", "")
    text = " ".join(re.findall(r"\w+", text))
    if language == "en":
        text = alpha2digit(text, "en", threshold=0)
    pieces = re.findall(r"\d|[^\W\d]+", text.replace("_", " "))
    return _joined_letters([piece for piece in pieces if piece not in _FILLERS])


def _joined_letters(pieces: list[str]) -> list[str]:
    """Join letters that are spelled out, "n l x", to one word."""
    text = " ".join(pieces)
    return re.sub(r"\b[^\W\d](?: [^\W\d]\b)+", lambda m: m[0].replace(" ", ""), text).split()


def _chinese_number(found: re.Match[str]) -> str:
    try:
        return str(cn2an.cn2an(found[0], "smart"))
    except ValueError:  # 千万 and the like are no numbers
        return found[0]


@cache
def _to_simplified() -> OpenCC:
    return OpenCC("t2s")
