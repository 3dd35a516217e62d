"""What the stages say, in the page's language.

Problems and a draft's reason come from the stages in English, which scripts read too. Here each is
known again by its pattern, and said with the same names and numbers in the page's language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

from mmcs.desk.texts.zh_engines import Pair
from mmcs.desk.texts.zh_sentences import ENGINES, PARTS, REASONS, SENTENCES
from mmcs.ticket import Language

_HOLE = re.compile(r"\{(\w+)\}")
_SENTENCES: Mapping[Language, Sequence[Pair]] = {"zh": SENTENCES}
_ENGINES: Mapping[Language, Sequence[Pair]] = {"zh": ENGINES}
_PARTS: Mapping[Language, Mapping[str, Sequence[Pair]]] = {"zh": PARTS}


def translated(sentence: str, language: Language) -> str:
    """Return a sentence of a stage in a language; one that is not known there as it is."""
    return _turned(sentence, _SENTENCES.get(language, ()), _PARTS.get(language, {}))


def engine_name(name: str, language: Language) -> str:
    """Return what a triage's engine is called in a language; one that is not known as it is."""
    return _turned(name, _ENGINES.get(language, ()), _PARTS.get(language, {}))


def _turned(text: str, pairs: Sequence[Pair], parts: Mapping[str, Sequence[Pair]]) -> str:
    fitting = [(pair, found) for pair in pairs if (found := _pattern(pair[0]).fullmatch(text))]
    if not fitting:
        return text
    # "{a} is {b}." fits much that "{a} is left out: {b}." means: the one that says most is meant.
    (_, other), found = max(fitting, key=lambda fit: len(_HOLE.sub("", fit[0][0])))
    filled = {hole: _part(said, hole, parts) for hole, said in found.groupdict().items()}
    return other.format(**filled)


def _part(said: str, hole: str, parts: Mapping[str, Sequence[Pair]]) -> str:
    """Return what stands in a hole: names and numbers as they are, known words in the language."""
    if hole not in parts:
        return said
    pieces = said.split("; ") if hole == REASONS else [said]
    return "；".join(_turned(piece, parts[hole], parts) for piece in pieces)


@cache
def _pattern(english: str) -> re.Pattern[str]:
    pieces = _HOLE.split(english)  # text, hole, text, hole, … text
    return re.compile(
        "".join(f"(?P<{p}>.+?)" if i % 2 else re.escape(p) for i, p in enumerate(pieces)),
        re.DOTALL,
    )
