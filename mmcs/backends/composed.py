"""A caption without a model: one sentence put together from the kind, the tags and the text.

It says what was recognised and how surely, and nothing about condition, cause or intent: nobody
looked for damage, so the sentence never speaks of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mmcs.roles import Image
from mmcs.settings import Settings
from mmcs.ticket import ImageKind, Line, Picture

PROBABLY = 0.5  # a tag's score from which it is called probable
PERHAPS = 0.2  # … and below which it isn't named
SURE_ENOUGH = 0.7  # confidence of a line that is quoted
LONGEST_QUOTE = 60  # characters

NOUNS: dict[ImageKind, str] = {
    "screenshot": "A screenshot",
    "document": "A document",
    "product": "A photo",
    "parcel": "A photo, probably of a parcel",
    "other": "An image",
}
UNCOUNTED = {"velvet", "wool", "hay", "corn", "toilet paper", "ice cream", "red wine", "dough"}
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
WORDS = re.compile(r"[^\W\d_]{2}")  # two letters, or two Chinese characters, side by side
UNPLAIN = re.compile(r"[\x00-\x1f\x7f<>|`*_{}\[\]\\“”\"]+")  # control, markup, quotation marks


class Composed:
    """Says what the other models found in one sentence."""

    name = "composed"

    def caption(self, image: Image, picture: Picture) -> str:
        """Return one English sentence; the pixels aren't looked at again."""
        shown = _shown(picture) if picture.kind in {"product", "other"} else ""
        noun = NOUNS[picture.kind] + shown
        separator = "," if "," in noun else ""
        return f"{noun}{separator} {_text(picture.lines)}."


def _shown(picture: Picture) -> str:
    """Return what the best tag says, as far as it can be believed."""
    if not picture.tags or picture.tags[0].score < PERHAPS:
        return ""
    tag = picture.tags[0]
    surely = "probably" if tag.score >= PROBABLY else "perhaps"
    return f", {surely} of {_with_article(tag.label)}"


def _with_article(label: str) -> str:
    plural = label.endswith("s") and not label.endswith(("ss", "us"))
    if plural or label in UNCOUNTED:
        return label
    return f"an {label}" if label[0].lower() in "aeio" else f"a {label}"


def _text(lines: Sequence[Line]) -> str:
    """Return how much text there is, and what its largest line says."""
    if not lines:
        return "without readable text"
    count = NUMBERS[len(lines)] if len(lines) < len(NUMBERS) else str(len(lines))
    told = f"with {count} line{'s' if len(lines) > 1 else ''} of text"
    quotable = [line for line in lines if _says_something(line)]
    if not quotable:
        return told
    largest = max(quotable, key=lambda line: line.box[3] - line.box[1])
    which = ", which says" if len(lines) == 1 else ", the largest of which says"
    return f"{told}{which} “{_quoted(largest.text)}”"


def _says_something(line: Line) -> bool:
    return line.confidence >= SURE_ENOUGH and bool(WORDS.search(_quoted(line.text)))


def _quoted(text: str) -> str:
    """Return a text as it can stand in a sentence: one line, no markup, not too long."""
    plain = " ".join(UNPLAIN.sub(" ", text).split())
    if len(plain) <= LONGEST_QUOTE:
        return plain.rstrip(".!。！")
    cut = plain[: LONGEST_QUOTE - 1]
    return (cut[: cut.rfind(" ")] if " " in cut[30:] else cut).rstrip(" ,.;:") + "…"


def captioner(settings: Settings) -> Composed:
    """Return the captioner; there is nothing to load."""
    return Composed()
