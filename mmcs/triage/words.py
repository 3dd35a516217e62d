"""The words of a ticket, in the order in which the models read them: written, said, shown.

Each token knows where it stands, so that a part of the ticket can be taken away with its words.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from mmcs.explanation import Channel
from mmcs.ticket import Evidence, Picture, Segment, Ticket, Transcript

MOST_TEXT = 1_200  # characters; MiniLM reads no more than 256 tokens
# A word with the white space around it; of Chinese, which has none, a clause.
_TOKEN = re.compile(r"\s*(?:[\u3400-\u9fff]{1,12}|[^\s\u3400-\u9fff]+)[，。！？；：、]*\s*")

CHANNEL_OF: dict[str, Channel] = {"text": "written", "transcript": "said", "image": "shown"}


@dataclass(frozen=True)
class Understood:
    """A ticket and what the models understood of it."""

    ticket: Ticket
    evidence: Evidence


@dataclass(frozen=True)
class Token:
    """One word."""

    kind: Literal["text", "transcript", "image"]
    ref: str  # as of a Support: "text", "a.wav@3.2", "b.png#4"
    text: str
    attachment: str = ""  # the name of the file it was said or shown in
    time: float = 0.0  # seconds, about when it was said
    place: tuple[float, float] = (0.0, 0.0)  # x, y in pixels: the middle of its line

    @property
    def channel(self) -> Channel:
        """How it reached the desk."""
        return CHANNEL_OF[self.kind]


@dataclass(frozen=True)
class Text:
    """All tokens of a ticket."""

    parts: tuple[tuple[Token, ...], ...]  # a message, a transcript, an image

    @classmethod
    def of(cls, understood: Understood) -> Text:
        """Return the tokens of a ticket."""
        evidence = understood.evidence
        written = (Token("text", "text", word) for word in _split(understood.ticket.customer_text))
        parts = [tuple(written)]
        parts += [tuple(_said(heard)) for heard in evidence.transcripts]
        parts += [tuple(_shown(image)) for image in evidence.images]
        return cls(tuple(part for part in parts if part))

    @property
    def tokens(self) -> tuple[Token, ...]:
        """All tokens, in order."""
        return tuple(token for part in self.parts for token in part)

    def without(self, gone: Collection[int]) -> str:
        """Return the words as the models read them, without some of the tokens.

        Args:
            gone: places in ``tokens``.
        """
        written: list[str] = []
        place = 0
        for part in self.parts:
            kept = [t.text for at, t in enumerate(part, place) if at not in gone]
            written.append("".join(kept).strip())
            place += len(part)
        return "\n".join(one for one in written if one)[:MOST_TEXT]


def words_of(understood: Understood) -> str:
    """Return all words of a ticket: written, said, shown; cut where no model reads on."""
    return Text.of(understood).without(())


def _split(text: str) -> list[str]:
    return _TOKEN.findall(text)


def _said(heard: Transcript) -> Iterator[Token]:
    """Return the words of a transcript. Within a segment they are taken to be evenly spoken."""
    segments = list(_found(heard))
    place = 0
    for word in _split(heard.text):
        here = [(start, s) for start, s in segments if start <= place + len(word) / 2]
        begun, segment = here[-1] if here else (0, Segment(0.0, 0.0, heard.text, 1.0))
        share = (place + len(word) / 2 - begun) / max(len(segment.text), 1)
        time = segment.start + min(max(share, 0.0), 1.0) * (segment.end - segment.start)
        ref = f"{heard.attachment}@{segment.start:.1f}"
        yield Token("transcript", ref, word, heard.attachment, time)
        place += len(word)


def _found(heard: Transcript) -> Iterator[tuple[int, Segment]]:
    """Return where each segment begins in the transcript's text."""
    place = 0
    for segment in heard.segments:
        found = heard.text.find(segment.text.strip(), place)
        place = found if found >= 0 else place
        yield place, segment
        place += len(segment.text.strip()) if found >= 0 else 0


def _shown(image: Picture) -> Iterator[Token]:
    for number, line in enumerate(image.lines):
        x0, y0, x1, y1 = line.box
        middle = ((x0 + x1) / 2, (y0 + y1) / 2)
        for word in _split(line.text + " "):
            ref = f"{image.attachment}#{number}"
            yield Token("image", ref, word, image.attachment, place=middle)
