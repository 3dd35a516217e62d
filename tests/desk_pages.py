"""What the desk's tests share: a page served in this process, and models that play a part."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import gradio as gr

from mmcs.backends import fake
from mmcs.backends.fake import FakeChat, FakeTranscriber
from mmcs.desk import LINKS, build, launch
from mmcs.desk.files import Files
from mmcs.desk.runs import Runs
from mmcs.desk.tickets import Tickets
from mmcs.models import Models, ModelState
from mmcs.pipeline import Pipeline
from mmcs.roles import ROLES, ChatMessage, ChatOptions, Role, Sound
from mmcs.settings import Settings
from mmcs.store import Store
from mmcs.ticket import Transcript

LATE = "My parcel with order 48213 is late. Tracking shows no movement. Is it lost?"
WITHIN = 60.0  # seconds, on a busy machine
T = TypeVar("T")
WINDOW = gr.Request(headers={}, session_hash="")  # what a page asks, without a browser


class Cast(Models):
    """Models that are there at once: fakes, but for the roles that are given."""

    def __init__(self, settings: Settings, **given: Any) -> None:
        super().__init__(settings)
        self._cast = {role: given.get(role) or getattr(fake, role)(settings) for role in ROLES}

    def start(self) -> None:
        """Have nothing to load."""

    def get(self, role: Role) -> Any:
        """Return the one that plays the role."""
        return self._cast[role]

    def ready(self, role: Role) -> bool:
        """Be ready."""
        return True

    def state(self, role: Role) -> ModelState:
        """Be ready."""
        return ModelState(role, "fake", "ready", self._cast[role].name)

    @property
    def states(self) -> tuple[ModelState, ...]:
        """Be ready in every role."""
        return tuple(self.state(role) for role in ROLES)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Gated(FakeChat):
    """Writes its first word, and the others once it may."""

    reply: str = "My parcel is late. " * 4
    may: threading.Event = field(default_factory=threading.Event)
    begun: int = 0  # drafts

    def chat(
        self, messages: Sequence[ChatMessage], options: ChatOptions
    ) -> Generator[str, None, None]:
        """Yield words; while it may not go on, nothing."""
        self.begun += 1
        first, *others = self.reply.split(" ")[: options.max_tokens]
        yield first + " "
        while not self.may.wait(0.01):
            yield ""  # where whoever reads may stop
        for word in others:
            yield word + " "


@dataclass
class GatedTranscriber(FakeTranscriber):
    """Hears nothing until it may."""

    may: threading.Event = field(default_factory=threading.Event)
    begun: int = 0  # sounds

    def transcribe(self, sound: Sound) -> Transcript:
        """Return the transcript once it may."""
        self.begun += 1
        assert self.may.wait(WITHIN)
        return super().transcribe(sound)


def until(condition: Callable[[], T]) -> T:
    """Return what a condition says as soon as it says something."""
    end = time.monotonic() + WITHIN
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.005)
    raise AssertionError("it has not come about")


def desk_of(settings: Settings, **given: Any) -> Runs:
    """Return a desk without a page, on fakes but for the given roles."""
    store = Store(settings)
    pipeline = Pipeline(settings, Cast(settings, **given), wait_for_chat=False)
    return Runs(pipeline, Tickets(settings, store, Files(settings, store.secret(LINKS))))


@contextmanager
def served(settings: Settings, port: int = 0, **given: Any) -> Iterator[str]:
    """Serve the desk on fakes, but for the given roles, and yield its address."""
    settings = replace(settings, port=port or free_port())
    store = Store(settings)
    files = Files(settings, store.secret(LINKS))
    pipeline = Pipeline(settings, Cast(settings, **given), wait_for_chat=False)
    runs = Runs(pipeline, Tickets(settings, store, files))
    blocks = build(runs, store, files)
    try:
        yield launch(blocks, settings, files)
    finally:
        runs.close()
        blocks.close(verbose=False)
