"""Why a ticket was filed as it was: what each part of it adds to the chance of its label.

A value is a difference of two chances, from -1 to 1: above 0 it speaks for the label, below 0
against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Channel = Literal["written", "said", "shown"]  # the message, the voice notes, the images
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
