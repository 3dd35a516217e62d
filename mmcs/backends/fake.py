"""A fake of every role, for fast unit tests: deterministic, real in shape, and named for what it
is. Never chosen by ``auto``."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmcs.explanation import (
    CHANNELS,
    Explanation,
    Neighbour,
    Region,
    Share,
    Stretch,
    Word,
)
from mmcs.roles import ChatMessage, ChatOptions, Image, Read, Sound, Vectors
from mmcs.settings import Settings
from mmcs.ticket import (
    Evidence,
    Line,
    Picture,
    Reading,
    Segment,
    Tag,
    Ticket,
    Transcript,
    Triage,
    Verdict,
)

SAMPLE_RATE = 16_000  # Hz


@dataclass
class FakeTranscriber:
    """Hears ``text`` in every sound that is not silent."""

    text: str = "My order four eight two one three is late."
    name: str = "fake"

    def transcribe(self, sound: Sound) -> Transcript:
        """Return one segment as long as the sound."""
        if not np.any(np.abs(sound) > 1e-3):
            return Transcript("en", "", ())
        segment = Segment(0.0, len(sound) / SAMPLE_RATE, self.text, 0.9)
        return Transcript("en", self.text, (segment,))


@dataclass
class FakeReader:
    """Reads ``lines`` off every image that is not of one colour."""

    lines: tuple[str, ...] = ("Northlight", "Order 48213")
    name: str = "fake"

    def read(self, image: Image) -> Reading:
        """Return the lines stacked from the top, each a tenth of the image high."""
        if np.ptp(image) == 0:
            return Reading(())
        height, width = image.shape[:2]
        step = height / 10
        return Reading(
            tuple(
                Line(text, 0.9, (0.0, i * step, float(width), (i + 1) * step))
                for i, text in enumerate(self.lines)
            )
        )


@dataclass
class FakeTagger:
    """Sees a carton in everything."""

    name: str = "fake"

    def tag(self, image: Image) -> tuple[Tag, ...]:
        """Return two labels."""
        return (Tag("carton", 0.7), Tag("crate", 0.2))


@dataclass
class FakeCaptioner:
    """Says the kind of the image."""

    name: str = "fake"

    def caption(self, image: Image, picture: Picture) -> str:
        """Return one sentence."""
        return f"An image of the kind {picture.kind}."


@dataclass
class FakeEmbedder:
    """Hashes words into 64 dimensions: texts that share words are alike."""

    name: str = "fake"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text."""
        vectors = np.full((len(texts), 64), 1e-6, dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                digest = hashlib.sha256(word.strip(".,?!").encode()).digest()
                vectors[row, digest[0] % 64] += 1.0
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    def embed_across(self, texts: Sequence[str]) -> Vectors:
        """Return the same: names and codes are alike in every language."""
        return self.embed(texts)


@dataclass
class FakeTriager:
    """Files every ticket under ``category``."""

    category: str = "delivery"
    name: str = "fake"

    def triage(self, ticket: Ticket, evidence: Evidence) -> Triage:
        """Return the same verdicts always."""
        return Triage(
            Verdict(self.category, 0.8),
            Verdict("normal", 0.7),
            Verdict("neutral", 0.6),
            Verdict("en", 0.99),
            engine=self.name,
        )

    def explain(self, ticket: Ticket, evidence: Evidence, question: str) -> Explanation:
        """Return a reason in the words that were written, the first half of each image, and the
        first second of each voice note."""
        words = re.findall(r"\S+\s*", ticket.customer_text)
        sent = {"said": evidence.transcripts, "shown": evidence.images}
        shares = tuple(Share(channel, 0.1) for channel in CHANNELS if sent.get(channel, words))
        return Explanation(
            question,
            self.category,
            0.8,
            0.8 - 0.1 * len(shares),
            shares,
            tuple(Word("text", "text", word, 0.2 / 2**place) for place, word in enumerate(words)),
            tuple(
                Region(image.attachment, (0.0, 0.0, 100.0, 50.0), 0.1) for image in evidence.images
            ),
            tuple(Stretch(heard.attachment, 0.0, 1.0, 0.1) for heard in evidence.transcripts),
            (Neighbour("Where is my parcel?", self.category, 0.9),),
        )


@dataclass
class FakeReading:
    """Judges texts by the words that they share: as a Ranker, and as a Verifier."""

    name: str = "fake"

    def rank(self, question: str, passages: Sequence[str]) -> tuple[Read, ...]:
        """Return the share of the question's words in each passage."""
        return tuple(Read(_shared(question, passage)) for passage in passages)

    def verify(self, claims: Sequence[str], sources: Sequence[str]) -> NDArray[np.float64]:
        """Return the share of each claim's words in the source beside it."""
        return np.array([_shared(c, s) for c, s in zip(claims, sources, strict=True)])


def _shared(text: str, other: str) -> float:
    words, held = (set(re.findall(r"\w+", one.lower())) for one in (text, other))
    return len(words & held) / max(1, len(words))


@dataclass
class FakeChat:
    """Writes ``reply`` word by word, with ``pause`` seconds before each word."""

    reply: str = "Hello, thank you for your message."
    pause: float = 0.0  # seconds
    name: str = "fake"
    images: bool = False
    at_once: int = 1
    fresh_tokens: int = 150
    taught: bool = False

    def chat(
        self, messages: Sequence[ChatMessage], options: ChatOptions
    ) -> Generator[str, None, None]:
        """Yield at most ``options.max_tokens`` words."""
        for word in self.reply.split(" ")[: options.max_tokens]:
            time.sleep(self.pause)
            yield word + " "


def transcriber(settings: Settings) -> FakeTranscriber:
    """Return a fake transcriber."""
    return FakeTranscriber()


def reader(settings: Settings) -> FakeReader:
    """Return a fake reader."""
    return FakeReader()


def tagger(settings: Settings) -> FakeTagger:
    """Return a fake tagger."""
    return FakeTagger()


def captioner(settings: Settings) -> FakeCaptioner:
    """Return a fake captioner."""
    return FakeCaptioner()


def embedder(settings: Settings) -> FakeEmbedder:
    """Return a fake embedder."""
    return FakeEmbedder()


def triager(settings: Settings) -> FakeTriager:
    """Return a fake triager."""
    return FakeTriager()


def ranker(settings: Settings) -> FakeReading:
    """Return a fake ranker."""
    return FakeReading()


def verifier(settings: Settings) -> FakeReading:
    """Return a fake verifier."""
    return FakeReading()


def chat(settings: Settings) -> FakeChat:
    """Return a fake language model."""
    return FakeChat()
