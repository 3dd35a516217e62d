"""Why a ticket was filed as it was: what each part of it adds to the chance of its label.

A value is a difference of two chances, from -1 to 1: above 0 it speaks for the label, below 0
against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Channel = Literal["written", "said", "shown"]  # the message, the voice notes, the images
STRONGEST = 5  # words that are told
CHANNELS: tuple[Channel, ...] = ("written", "said", "shown")


@dataclass(frozen=True)
class Share:
    """What one channel adds, beside the others."""

    channel: Channel
    value: float  # Shapley's


@dataclass(frozen=True)
class Word:
    """A word that was written, said, or read off an image, and how far the chance falls without it.

    The words of one source, joined, are its text again.
    """

    kind: Literal["text", "transcript", "image"]
    ref: str  # as of a Support: "text", "a.wav@3.2", "b.png#4"
    text: str  # with the white space behind it
    value: float


@dataclass(frozen=True)
class Region:
    """A part of an image, and how far the chance falls if it is covered."""

    attachment: str
    box: tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels of the upright original
    value: float


@dataclass(frozen=True)
class Stretch:
    """A part of a voice note, and how far the chance falls if it is cut out."""

    attachment: str
    start: float  # seconds
    end: float  # seconds
    value: float


@dataclass(frozen=True)
class Neighbour:
    """A ticket that the model was trained on and that it takes for alike."""

    text: str
    label: str
    likeness: float  # -1 to 1, cosine


@dataclass(frozen=True)
class Explanation:
    """Why a ticket got its label in one question."""

    question: str  # category, urgency or sentiment
    label: str
    chance: float  # 0-1, of the label
    nothing: float  # 0-1, of the label before anything of the ticket is known
    channels: tuple[
        Share, ...
    ]  # those that the ticket has; with ``nothing`` they sum to ``chance``
    words: tuple[Word, ...] = ()
    regions: tuple[Region, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()  # the likest first

    def lines(self) -> list[str]:
        """Return it for people, in English."""
        told = [
            f"{self.question}: {self.label}, {self.chance:.0%}; {self.nothing:.0%} before anything "
            "is known"
        ]
        told += [f"  what was {share.channel}: {points(share.value)}" for share in self.channels]
        words = sorted(self.words, key=lambda word: -abs(word.value))[:STRONGEST]
        if words:
            told.append("  without the word the chance changes by:")
            told += [
                f"    {word.text.strip()} [{word.ref}]: {points(-word.value)}" for word in words
            ]
        for region in sorted(self.regions, key=lambda region: -abs(region.value))[:1]:
            x0, y0, x1, y1 = (round(side) for side in region.box)
            told.append(
                f"  {region.attachment} covered from {x0}, {y0} to {x1}, {y1}: "
                f"{points(-region.value)}"
            )
        for stretch in sorted(self.stretches, key=lambda stretch: -abs(stretch.value))[:1]:
            told.append(
                f"  {stretch.attachment} without {stretch.start:.1f}-{stretch.end:.1f} s: "
                f"{points(-stretch.value)}"
            )
        for near in self.neighbours:
            told.append(f"  alike ({near.likeness:.2f}): {near.label}: {near.text}")
        return told


def points(value: float) -> str:
    """Return a difference of chances in hundredths, with its sign."""
    return f"{100 * value:+.1f} points"
