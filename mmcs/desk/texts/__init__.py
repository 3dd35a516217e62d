"""Every word that the page itself says, in English and Chinese, and what the stages say."""

from __future__ import annotations

from collections.abc import Mapping

from mmcs.desk.texts.en import EN
from mmcs.desk.texts.sentences import engine_name, translated
from mmcs.desk.texts.words import Texts, Words
from mmcs.desk.texts.zh import ZH
from mmcs.ticket import Language

__all__ = [
    "EN",
    "TEXTS",
    "ZH",
    "Texts",
    "Words",
    "engine_name",
    "preferred_language",
    "translated",
]

TEXTS: Mapping[Language, Texts] = {"en": EN, "zh": ZH}


def preferred_language(accept_language: str) -> Language:
    """Return the first of a browser's languages that the page speaks; English if none.

    Args:
        accept_language: the header of that name, in the browser's order of preference.
    """
    for choice in accept_language.lower().split(","):
        code = choice.split(";")[0].strip().split("-")[0]
        if code in ("en", "zh"):
            return "zh" if code == "zh" else "en"
    return "en"
