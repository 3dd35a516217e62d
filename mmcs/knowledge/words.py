"""Text to the units that are matched: stemmed words, codes, and runs of characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

import Stemmer  # type: ignore[import-not-found]  # PyStemmer has no types

from mmcs.knowledge.synonyms import with_common_words

_CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+(?:['’._:/\\-][^\W_{_CJK}]+)*")
_CHINESE = re.compile(rf"[{_CJK}]")
_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
_JOINTS = re.compile(r"['’._:/\\-]")
_SPACED_CODE = re.compile(r"\b([a-z]{1,2})[ \u00a0#]{1,2}(\d{2,3})\b")  # "E 04" is E04
_CODE = re.compile(r"(?=[^\W_]*[a-z])(?=[^\W_]*\d)[a-z0-9]{2,20}")
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？；])|\n+")
_STEMMER = Stemmer.Stemmer("english")

# Words that say nothing about the subject. A small help centre hardly holds "hi" or "me", so
# their rarity there would make them weigh like names.
STOP_WORDS = frozenset(
    """
    a about after again all also am an and any anyone are as at be been before being both but by
    can could did do does doing don't done each ever for from get gets getting go goes going gone
    got had has have having he hello help her here hers hey hi him his how i i'd i'll i'm i've if
    in into is it it's its just know let like me mine more most much my myself no not now of on
    one only or our ours out over please pls really said same say says she should so some someone
    something still such tell than thank thanks that that's the their theirs them then there these
    they thing things this those though to too u until up us very want wants was we well went were
    what what's when where which while who whom whose why will with would yes yet you your yours
    dear regards sir madam ok okay im ive dont didnt doesnt cant wont isnt
    """.split()
)
_ASKING = re.compile(  # how one asks in Chinese, whatever about
    "怎么办|怎么样|怎么|怎样|什么时候|为什么|什么|可不可以|可以|能不能|是不是|有没有|请问|你好|您好|谢谢|麻烦"
    "|帮我|看看|一下|如何|啥意思|啥|咋办|咋"
)
STOP_CHARACTERS = frozenset(
    "的了吗呢我你您他她它们是在就都也还很这那个有和与啊吧呀么不一上下要会能可请到"
)


def words(text: str) -> list[str]:
    """Return the stemmed words in order, codes without their hyphens, Chinese as pairs."""
    found: list[str] = []
    plain = _plain(text)
    for token in _TOKEN.findall(plain):
        if _CHINESE.match(token):
            found.extend(_pairs(token))
        else:
            found.extend(_latin(token))
    found.extend(letters + digits for letters, digits in _SPACED_CODE.findall(plain))
    return found


def _plain(text: str) -> str:
    """Return a text in lower case and one width, without what every question says."""
    lower = unicodedata.normalize("NFKC", text).lower()
    return _ASKING.sub(" ", with_common_words(lower)) if _CHINESE.search(lower) else lower


def _pairs(run: str) -> Iterator[str]:
    if len(run) == 1 and run not in STOP_CHARACTERS:
        yield run
    for first, second in pairwise(run):
        if first not in STOP_CHARACTERS or second not in STOP_CHARACTERS:
            yield first + second


def _latin(token: str) -> Iterator[str]:
    if token.replace("’", "'") in STOP_WORDS:
        return
    pieces = _JOINTS.split(token)
    if len(pieces) == 1:
        yield _STEMMER.stemWord(token)
        return
    joined = "".join(pieces)
    yield _STEMMER.stemWord(joined)  # e-mail, Wi-Fi, NL-503
    if not _CODE.fullmatch(joined):
        yield from (_STEMMER.stemWord(p) for p in pieces if len(p) > 2 and p not in STOP_WORDS)


def codes(text: str) -> list[str]:
    """Return the words that mix letters and digits, as ``words`` writes them: e04, nl503."""
    return [word for word in dict.fromkeys(words(text)) if _CODE.fullmatch(word)]


def characters(text: str) -> Iterator[str]:
    """Yield runs of 3 to 5 characters of each word, and of 1 to 3 Chinese characters."""
    for token in _TOKEN.findall(_plain(text)):
        if token in STOP_WORDS:
            continue
        chinese = bool(_CHINESE.match(token))
        padded = token if chinese else f" {token} "
        for size in (1, 2, 3) if chinese else (3, 4, 5):
            for start in range(len(padded) - size + 1):
                run = padded[start : start + size]
                if not STOP_CHARACTERS.issuperset(run):
                    yield run


def sentences(text: str) -> list[str]:
    """Return the sentences of a message that hold at least three words."""
    pieces = (piece.strip() for piece in _SENTENCE.split(text))
    return [piece for piece in pieces if len(words(piece)) >= 3]


def language_of(text: str) -> str:
    """Return "zh" for a text that is largely in Chinese characters, else "en"."""
    return "zh" if is_chinese(text) else "en"


def is_chinese(text: str) -> bool:
    """Tell whether more than three in ten of its words are Chinese characters."""
    characters = len(_CHINESE.findall(text))
    return characters > 0.3 * (characters + len(_WORD.findall(_CHINESE.sub(" ", text))))


def word_count(text: str) -> int:
    """Return the number of words; five Chinese characters count as three words."""
    characters = len(_CHINESE.findall(text))
    return len(_CHINESE.sub(" ", text).split()) + round(characters * 0.6)
