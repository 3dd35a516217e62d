"""Fonts of several families, for English and Chinese, found among those installed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from PIL import ImageFont

FOLDER = Path("/usr/share/fonts")
# regular and bold of each family; those that aren't installed are left out
SANS = (
    ("Inter-Regular.otf", "Inter-Bold.otf"),
    ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"),
    ("Roboto-Regular.ttf", "Roboto-Bold.ttf"),
    ("OpenSans-Regular.ttf", "OpenSans-Bold.ttf"),
    ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"),
    ("DejaVuSansCondensed.ttf", "DejaVuSansCondensed-Bold.ttf"),
)
SERIF = (
    ("DejaVuSerif.ttf", "DejaVuSerif-Bold.ttf"),
    ("NotoSerif-Regular.ttf", "NotoSerif-Bold.ttf"),
    ("RobotoSlab-Regular.otf", "RobotoSlab-Bold.otf"),
    ("LiberationSerif-Regular.ttf", "LiberationSerif-Bold.ttf"),
)
MONO = (
    ("DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf"),
    ("Hack-Regular.ttf", "Hack-Bold.ttf"),
    ("Inconsolata.otf", "Inconsolata.otf"),
    ("NotoMono-Regular.ttf", "NotoMono-Regular.ttf"),
)
CHINESE = (("NotoSansCJK-Regular.ttc", "NotoSansCJK-Bold.ttc"),)
CHINESE_SERIF = (("NotoSerifCJK-Regular.ttc", "NotoSerifCJK-Bold.ttc"),) + CHINESE
SIMPLIFIED = 2  # the face of the Noto CJK collections for simplified characters


@cache
def _files() -> dict[str, Path]:
    return {path.name: path for path in sorted(FOLDER.rglob("*")) if path.is_file()}


def is_chinese(text: str) -> bool:
    """Whether a text has a Chinese character."""
    return any("\u3000" <= letter <= "\u9fff" or "\uff00" <= letter <= "\uffef" for letter in text)


class Family:
    """One family in any size; Chinese texts get a Chinese family beside it."""

    def __init__(self, random: np.random.Generator, families: tuple[tuple[str, str], ...] = SANS):
        there = [family for family in families if family[0] in _files()]
        if not there:
            raise FileNotFoundError(f"None of the fonts {families} is installed.")
        self._latin = there[random.integers(len(there))]
        chinese = CHINESE_SERIF if families is SERIF else CHINESE
        there = [family for family in chinese if family[0] in _files()]
        self._chinese = there[random.integers(len(there))] if there else self._latin

    def at(self, size: float, text: str = "", bold: bool = False) -> ImageFont.FreeTypeFont:
        """The font that can write the text."""
        name = (self._chinese if is_chinese(text) else self._latin)[bold]
        index = SIMPLIFIED if name.endswith(".ttc") else 0
        return ImageFont.truetype(str(_files()[name]), max(6, round(size)), index=index)


def wrapped(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """The lines of a text that fit a width."""
    words = list(text) if is_chinese(text) else [word + " " for word in text.split()]
    lines = [""]
    for word in words:
        if lines[-1] and font.getlength(lines[-1] + word.rstrip()) > width:
            lines.append("")
        lines[-1] += word
    return [line.strip() for line in lines]
