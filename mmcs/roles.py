"""What a model can be for the desk: one-method protocols, and loading a backend by its name.

A backend is one file in ``mmcs/backends``, named for the library it wraps. It exports one factory
for each role that it plays, called like the role: ``def transcriber(settings) -> Transcriber``. The
factory loads and warms up; the method infers.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mmcs.errors import ModelUnavailable, UsageError
from mmcs.explanation import Explanation
from mmcs.settings import Settings
from mmcs.ticket import Evidence, Picture, Reading, Tag, Ticket, Transcript, Triage

Sound = NDArray[np.float32]  # (samples,), mono, 16 kHz, in [-1, 1]
Image = NDArray[np.uint8]  # (height, width, 3), RGB, upright
Vectors = NDArray[np.float32]  # (texts, dimensions), unit length

Role = Literal[
    "transcriber",
    "reader",
    "tagger",
    "captioner",
    "embedder",
    "triager",
    "ranker",
    "verifier",
    "chat",
]
ROLES: tuple[Role, ...] = get_args(Role)


class Transcriber(Protocol):
    """Speech to text."""

    name: str

    def transcribe(self, sound: Sound) -> Transcript:
        """Return what is said; no segments when nobody speaks."""


class Reader(Protocol):
    """Text off an image."""

    name: str

    def read(self, image: Image) -> Reading:
        """Return the lines in reading order, boxes in pixels of ``image``."""


class Tagger(Protocol):
    """What an image shows."""

    name: str

    def tag(self, image: Image) -> tuple[Tag, ...]:
        """Return the likeliest labels, best first."""


class Captioner(Protocol):
    """One sentence about an image."""

    name: str

    def caption(self, image: Image, picture: Picture) -> str:
        """Return one English sentence; ``picture`` holds kind, tags and lines found before."""


class Embedder(Protocol):
    """Texts to vectors whose dot product is their likeness."""

    name: str

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text."""

    def embed_across(self, texts: Sequence[str]) -> Vectors | None:
        """Return one unit vector a text that can be compared with those of texts in other
        languages; None from a model that knows one language alone."""


class Remembering:
    """An Embedder that embeds a text once: the sentences of a few articles come up again and again.

    It forgets everything when it holds ``most`` texts (1.5 kB each with MiniLM).
    """

    def __init__(self, embedder: Embedder, most: int = 20_000) -> None:
        self.name = embedder.name
        self._embedder = embedder
        self._most = most
        self._known: dict[str, NDArray[np.float32]] = {}

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, embedding only those that are new."""
        known = self._known if len(self._known) < self._most else {}
        fresh = [text for text in dict.fromkeys(texts) if text not in known]
        if fresh:
            known.update(zip(fresh, self._embedder.embed(fresh), strict=True))
        self._known = known
        return np.stack([known[text] for text in texts])

    def embed_across(self, texts: Sequence[str]) -> Vectors | None:
        """Return what the embedder itself returns."""
        return self._embedder.embed_across(texts)


class Triager(Protocol):
    """Category, urgency, sentiment and language of a ticket."""

    name: str

    def triage(self, ticket: Ticket, evidence: Evidence) -> Triage:
        """Return a verdict, with its confidence, on each."""


@runtime_checkable
class Explaining(Protocol):
    """A Triager that can say why."""

    def explain(self, ticket: Ticket, evidence: Evidence, question: str) -> Explanation:
        """Return why a ticket has its label in one question: category, urgency or sentiment.

        Raises:
            ModelUnavailable: it has not learned the question, or has nothing to go by.
        """


@dataclass(frozen=True)
class Read:
    """What a Ranker says about one passage beside a question."""

    answers: float  # 0-1, calibrated: that the passage answers
    likeness: float = 0.0  # cosine of both, where the Ranker tells it


class Ranker(Protocol):
    """Does a passage answer a question? English."""

    name: str

    def rank(self, question: str, passages: Sequence[str]) -> tuple[Read, ...]:
        """Return what is said about each passage, its title in the first line."""


class Verifier(Protocol):
    """Does a source say what a sentence claims? English."""

    name: str

    def verify(self, claims: Sequence[str], sources: Sequence[str]) -> NDArray[np.float64]:
        """Return for each claim the chance, 0-1, that the source beside it says so, (claims,)."""


class RememberingVerifier:
    """A Verifier that reads a pair once: a reply is checked again with each of its changes."""

    def __init__(self, verifier: Verifier, most: int = 20_000) -> None:
        self.name = verifier.name
        self._verifier = verifier
        self._most = most
        self._known: dict[tuple[str, str], float] = {}

    def verify(self, claims: Sequence[str], sources: Sequence[str]) -> NDArray[np.float64]:
        """Return for each claim the chance, 0-1, that the source beside it says so, (claims,)."""
        known = self._known if len(self._known) < self._most else {}
        pairs = list(zip(claims, sources, strict=True))
        fresh = [pair for pair in dict.fromkeys(pairs) if pair not in known]
        if fresh:
            read = self._verifier.verify([c for c, _ in fresh], [s for _, s in fresh])
            known.update(zip(fresh, read.tolist(), strict=True))
        self._known = known
        return np.array([known[pair] for pair in pairs])


@dataclass(frozen=True)
class ChatMessage:
    """One turn for a language model. The content is text alone, never control tokens."""

    role: Literal["system", "user", "assistant"]
    content: str
    images: tuple[Image, ...] = ()


@dataclass(frozen=True)
class ChatOptions:
    """How a language model writes."""

    max_tokens: int = 220
    temperature: float = 0.0
    stop: tuple[str, ...] = ()


class ChatModel(Protocol):
    """A language model that follows a conversation."""

    name: str
    images: bool  # whether it sees those of a message; else it skips them
    at_once: int  # conversations that it can follow at a time; the next one waits
    fresh_tokens: int  # of a prompt, not counting what it has read before, that take no long wait
    taught: bool  # trained to draft (``train drafter``), so it needs no instructions

    def chat(
        self, messages: Sequence[ChatMessage], options: ChatOptions
    ) -> Generator[str, None, None]:
        """Yield the reply piece by piece; closing the generator stops the model."""


def backend_names(role: Role) -> tuple[str, ...]:
    """Return the backends that play a role, without importing any of them."""
    folder = Path(__file__).parent / "backends"
    return tuple(
        sorted(f.stem for f in folder.glob("*.py") if f"\ndef {role}(" in f.read_text("utf-8"))
    )


_loaded: dict[tuple[Role, str, Settings], Any] = {}
_importing = threading.Lock()  # transformers' modules are lazy, and come half-made to two at once
_loading: dict[tuple[Role, str, Settings], threading.Lock] = {}  # one a model: some take minutes


def load(role: Role, backend: str, settings: Settings) -> Any:
    """Load and warm up the model that plays a role; the same call again returns the same model.

    Raises:
        UsageError: no such backend, or it does not play the role.
        ModelUnavailable: its weights or its library cannot be had.
    """
    valid = backend_names(role)
    if backend not in valid:
        raise UsageError(f"There is no {role} called {backend!r}; there is {', '.join(valid)}.")
    try:
        with _importing:
            module = importlib.import_module(f"mmcs.backends.{backend}")
    except ImportError as missing:
        raise ModelUnavailable(
            f"The {role} {backend} needs the package {missing.name}, which is not installed."
        ) from missing
    factory: Callable[[Settings], Any] = getattr(module, role)
    if role == "chat":  # the largest is loaded once by its owner, and beside the others
        return factory(settings)
    key = (role, backend, settings)
    with _loading.setdefault(key, threading.Lock()):
        if key not in _loaded:
            _loaded[key] = factory(settings)
        return _loaded[key]
