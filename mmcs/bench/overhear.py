"""The language model as the pipeline uses it, with a note of how fast each reply was written."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mmcs.models import Models
from mmcs.roles import ChatMessage, ChatModel, ChatOptions, Role


@dataclass(frozen=True)
class Reply:
    """How one conversation was answered."""

    messages: tuple[ChatMessage, ...]
    options: ChatOptions
    pieces: int  # a token each
    seconds: float  # from the first piece to the end

    @property
    def tokens_per_second(self) -> float:
        """How fast it was written once its first piece was there; 0.0 if it was one piece."""
        return (self.pieces - 1) / self.seconds if self.pieces > 1 else 0.0


class Overheard:
    """A ChatModel that notes every reply that was heard to its end."""

    def __init__(self, model: ChatModel) -> None:
        self.model = model
        self.replies: list[Reply] = []
        self.name = model.name
        self.images = model.images
        self.at_once = model.at_once
        self.fresh_tokens = model.fresh_tokens
        self.taught = model.taught

    def chat(
        self, messages: Sequence[ChatMessage], options: ChatOptions
    ) -> Generator[str, None, None]:
        """Yield the model's reply piece by piece."""
        first, pieces = 0.0, 0
        with closing(self.model.chat(messages, options)) as reply:
            for piece in reply:
                first = first or time.perf_counter()
                pieces += 1
                yield piece
        seconds = time.perf_counter() - first if first else 0.0
        self.replies.append(Reply(tuple(messages), options, pieces, seconds))

    def first_replies(self) -> list[Reply]:
        """Return the first reply to each conversation, of those that are longer than a token."""
        found: dict[tuple[str, ...], Reply] = {}
        for reply in self.replies:
            if reply.pieces > 1:
                found.setdefault(tuple(message.content for message in reply.messages), reply)
        return list(found.values())

    def write_again(self, reply: Reply) -> Reply:
        """Have a conversation answered once more."""
        for _ in self.chat(reply.messages, reply.options):
            pass
        return self.replies[-1]


class Overhearing(Models):
    """Models of which the language model is overheard."""

    @cached_property
    def chat(self) -> Overheard:
        """The language model, waiting while it loads."""
        return Overheard(super().get("chat"))

    def get(self, role: Role) -> Any:
        """Return the model that plays a role, waiting while it loads."""
        if role != "chat":
            return super().get(role)
        chat: ChatModel = self.chat
        return chat
