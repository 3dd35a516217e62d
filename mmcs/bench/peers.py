"""The engines as their makers ship them, with their own defaults: what ours are held against."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from mmcs.roles import ChatMessage, Image, Sound
from mmcs.settings import Settings


class PlainWhisper:
    """openai-whisper's own ``transcribe``, with the same base weights."""

    def __init__(self, settings: Settings) -> None:
        from mmcs.backends.openai_whisper import base

        self._model = base(settings).eval()

    def transcribe(self, sound: Sound) -> None:
        """Transcribe with the maker's defaults."""
        self._model.transcribe(sound, fp16=False)


class PlainReader:
    """RapidOCR as it comes."""

    def __init__(self) -> None:
        import rapidocr

        self._engine = rapidocr.RapidOCR()

    def read(self, image: Image) -> None:
        """Read an image; RapidOCR takes BGR."""
        self._engine(image[:, :, ::-1])


@dataclass(frozen=True)
class Decoded:
    """How a language model wrote one reply."""

    first_token: float  # s
    tokens_per_second: float


@contextmanager
def plain_llama(path: Path) -> Iterator[PlainLlama]:
    """Serve a GGUF with llama.cpp's own defaults."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = 4096
    params.n_parallel = 1
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.verbosity = -1
    server = xllamacpp.Server(params)
    with httpx.Client(base_url=server.listening_address, timeout=None, trust_env=False) as client:  # noqa: S113  # a long prompt is read in silence
        yield PlainLlama(client)
    del server


@dataclass(frozen=True)
class PlainLlama:
    """llama.cpp's own server."""

    client: httpx.Client

    def write(self, messages: Sequence[ChatMessage], tokens: int) -> Decoded:
        """Answer a conversation in at most so many tokens; nothing is kept of it."""
        asked = {
            "messages": [{"role": m.role, "content": m.content} for m in messages],
            "max_tokens": tokens,
            "stream": True,
            "cache_prompt": False,
            "temperature": 0,
        }
        begun = time.perf_counter()
        first = 0.0
        count = 0
        with self.client.stream("POST", "/v1/chat/completions", json=asked) as answer:
            for line in answer.iter_lines():
                if line.startswith("data: {") and _content(json.loads(line[6:])):
                    first = first or time.perf_counter() - begun
                    count += 1
        return Decoded(first, (count - 1) / (time.perf_counter() - begun - first))


def _content(told: dict[str, Any]) -> str | None:
    """Return what an event of a streamed answer adds to it."""
    content: str | None = told["choices"][0]["delta"].get("content") if told["choices"] else None
    return content
