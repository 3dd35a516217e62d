"""Each figure, its budget and its peer."""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import numpy as np
import psutil

from mmcs import weights
from mmcs.bench import standard
from mmcs.bench.peers import PlainReader, PlainWhisper, plain_llama
from mmcs.draft import warm_up_messages
from mmcs.intake import Request, take
from mmcs.models import Models
from mmcs.pipeline import Pipeline
from mmcs.roles import ChatMessage, ChatModel, ChatOptions
from mmcs.settings import Settings
from mmcs.ticket import Case

REPLY = ChatOptions(max_tokens=80)


@dataclass(frozen=True)
class Figure:
    """One thing that was measured."""

    what: str
    measured: float
    unit: str
    budget: float | None = None
    at_most: bool = True  # False: the budget is a floor
    peer: str = ""  # the plain engine that ran beside
    peer_measured: float | None = None

    @property
    def kept(self) -> bool | None:
        """Whether the budget is kept; None if there is none."""
        if self.budget is None:
            return None
        return self.measured <= self.budget if self.at_most else self.measured >= self.budget


@dataclass(frozen=True)
class Benchmark:
    """All figures of one run."""

    machine: str
    figures: tuple[Figure, ...]

    def lines(self) -> list[str]:
        """Return it for people, as a Markdown table."""
        rows = [
            self.machine,
            "",
            "| what | measured | budget | | plain engine | ratio |",
            "|---|---|---|---|---|---|",
        ]
        for f in self.figures:
            sign = "at most" if f.at_most else "at least"
            budget = f"{sign} {f.budget:g} {f.unit}" if f.budget is not None else ""
            mark = {True: "kept", False: "**missed**", None: ""}[f.kept]
            peer = f"{f.peer}: {f.peer_measured:.3g} {f.unit}" if f.peer_measured else ""
            ratio = f"{f.measured / f.peer_measured:.2f}" if f.peer_measured else ""
            row = (f.what, f"{f.measured:.3g} {f.unit}", budget, mark, peer, ratio)
            rows.append(f"| {' | '.join(row)} |")
        return rows


def measure(settings: Settings) -> Benchmark:
    """Measure everything; takes some minutes and the whole machine.

    Raises:
        MMCSError: a model cannot be had.
    """
    machine = (
        f"{settings.threads} cores, {psutil.virtual_memory().total / 1e9:.0f} GB of memory, "
        f"language model {settings.chat_model}"
    )
    figures = [_page(settings)]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "weights").symlink_to(settings.cache / "weights")
        fresh = replace(settings, cache=Path(folder), home=Path(folder) / "home")
        pipeline = Pipeline(fresh, Models(fresh))
        pipeline.start()
        pipeline.wait()
        figures += _cases(pipeline, Path(folder))
        figures.append(_memory())
        figures += _decoding(pipeline)
        figures += _perception(pipeline)
    return Benchmark(machine, tuple(figures))


def _page(settings: Settings) -> Figure:
    """Start the real desk and wait until its page is served."""
    app = Path(__file__).resolve().parents[2] / "app.py"
    port = _free_port()
    begun = time.perf_counter()
    desk = subprocess.Popen(  # noqa: S603  # our own app
        [sys.executable, str(app)],
        env=settings.for_child(port=str(port)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while time.perf_counter() - begun < 120 and desk.poll() is None and not _serves(port):
            pass
        seconds = time.perf_counter() - begun
    finally:
        desk.terminate()
        desk.wait()
    return Figure("page served after `python app.py`", seconds, "s", 6)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _serves(port: int) -> bool:
    """Ask for the page; wait a little where nobody listens yet."""
    transport = httpx.HTTPTransport(retries=2)
    try:
        with httpx.Client(transport=transport, trust_env=False, timeout=5) as client:
            return client.get(f"http://127.0.0.1:{port}/").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _cases(pipeline: Pipeline, folder: Path) -> list[Figure]:
    """Draft each standard message twice: all fresh, then with its evidence ready."""
    fresh: list[Case] = []
    ready: list[Case] = []
    instants: list[float] = []
    for number, message in enumerate(standard.MESSAGES):
        sound, image = standard.write_case(folder, number)
        request = Request("", message, (str(sound),), (str(image),))
        ticket, _ = take(request, pipeline.settings)
        begun = time.perf_counter()
        for case in pipeline.run(ticket):
            if case.draft and len(instants) == number:
                instants.append(time.perf_counter() - begun)
        fresh.append(case)
        ready.append(list(pipeline.run(ticket, evidence=case.evidence))[-1])
    before = [sum(v for k, v in c.seconds.items() if k not in _DRAFTING) for c in fresh]
    first = [b + c.seconds.get("first_token", 0) for b, c in zip(before, fresh, strict=True)]
    whole = [b + c.seconds.get("draft", 0) for b, c in zip(before, fresh, strict=True)]
    return [
        Figure("instant draft, all fresh, p50", statistics.median(instants), "s", 4),
        Figure("instant draft, evidence ready, p50", _to_instant(ready), "s", 0.5),
        Figure(
            "first token of the model's draft, all fresh, p50", statistics.median(first), "s", 8
        ),
        Figure("first token, evidence ready, p50", _p(fresh, "first_token", 50), "s", 4),
        Figure("whole model draft, all fresh, p50", statistics.median(whole), "s", 14),
        Figure("whole model draft, all fresh, p95", float(np.percentile(whole, 95)), "s", 20),
    ]


_DRAFTING = ("first_token", "draft")


def _p(cases: Sequence[Case], stage: str, percent: int) -> float:
    return float(np.percentile([c.seconds.get(stage, 0.0) for c in cases], percent))


def _to_instant(cases: Sequence[Case]) -> float:
    spent = [sum(v for k, v in c.seconds.items() if k not in _DRAFTING) for c in cases]
    return statistics.median(spent)


def _memory() -> Figure:
    used = psutil.Process().memory_info().rss / 1e9
    return Figure("memory of the process", used, "GB", 3.5)


def _decoding(pipeline: Pipeline) -> list[Figure]:
    """Measure decoding alone, beside a transcription, and in llama.cpp as it comes."""
    chat: ChatModel = pipeline.models.get("chat")
    messages = warm_up_messages(pipeline.domain, "en")
    alone = _tokens_per_second(chat, messages)
    transcriber = pipeline.models.get("transcriber")
    sound = standard.speech()
    stop = threading.Event()

    def listen() -> None:
        while not stop.is_set():
            transcriber.transcribe(sound)

    beside = threading.Thread(target=listen)
    beside.start()
    try:
        shared = _tokens_per_second(chat, messages)
    finally:
        stop.set()
        beside.join()
    with plain_llama(_gguf(pipeline.settings)) as plain:
        plain.write("Hello", 4)  # warm
        theirs = plain.write("\n".join(message.content for message in messages), 80)
    return [
        Figure("decoding", alone, "tokens/s", 12, False, "llama.cpp", theirs.tokens_per_second),
        Figure("decoding beside a transcription", shared, "tokens/s", alone / 2, False),
    ]


def _tokens_per_second(chat: ChatModel, messages: Sequence[ChatMessage]) -> float:
    """Return how fast a reply is written once its first piece is there."""
    begun, pieces = 0.0, 0
    with closing(chat.chat(messages, REPLY)) as reply:
        for _ in reply:
            begun = begun or time.perf_counter()
            pieces += 1
    return (pieces - 1) / (time.perf_counter() - begun)


def _gguf(settings: Settings) -> Path:
    """Return the file of the embedded language model that the settings name."""
    names = {"small": "qwen2.5-coder-0.5b", "tiny": "smollm2-135m"}
    row = weights.row(names.get(settings.chat_model, "qwen2.5-coder-1.5b"))
    return weights.fetch(row.name, settings) / row.files[0].name


def _perception(pipeline: Pipeline) -> list[Figure]:
    """Measure speech and reading, each beside the plain engine, in turn; the best of three."""
    sound, image = standard.speech(), standard.pixels(standard.screenshot())
    transcriber, reader = pipeline.models.get("transcriber"), pipeline.models.get("reader")
    plain_speech, plain_reading = PlainWhisper(pipeline.settings), PlainReader()
    heard, heard_plain, seen, seen_plain = (
        min(times)
        for times in zip(
            *(
                (
                    _seconds(lambda: transcriber.transcribe(sound)),
                    _seconds(lambda: plain_speech.transcribe(sound)),
                    _seconds(lambda: reader.read(image)),
                    _seconds(lambda: plain_reading.read(image)),
                )
                for _ in range(3)
            ),
            strict=True,
        )
    )
    rate, rate_plain = heard / standard.SPEECH, heard_plain / standard.SPEECH
    return [
        Figure(
            "transcription, real-time factor", rate, "x", 0.10, True, "openai-whisper", rate_plain
        ),
        Figure("reading the image", seen, "s", 1.2, True, "RapidOCR", seen_plain),
    ]


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
