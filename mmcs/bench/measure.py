"""Each figure, its budget and its peer."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil

from mmcs import weights
from mmcs.bench import standard
from mmcs.bench.agents import measure_agents
from mmcs.bench.figures import Benchmark, Figure
from mmcs.bench.images import measure_images
from mmcs.bench.overhear import Overhearing
from mmcs.bench.peers import PlainReader, PlainWhisper, plain_llama
from mmcs.bench.served import started
from mmcs.errors import ModelUnavailable
from mmcs.intake import Request, take
from mmcs.pipeline import Pipeline
from mmcs.settings import Settings
from mmcs.ticket import Case

COMPARED = 4  # prompts of real drafts that plain llama.cpp answers too


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
        agents = measure_agents(fresh, Path(folder))
        models = Overhearing(fresh)
        pipeline = Pipeline(fresh, models)
        pipeline.start()
        pipeline.wait()
        figures += _cases(pipeline, Path(folder))
        figures.append(_memory())
        figures += _decoding(models)
        figures += _perception(pipeline)
        figures += measure_images(pipeline, Path(folder))
        figures += agents
    return Benchmark(machine, tuple(figures))


def _page(settings: Settings) -> Figure:
    """Start the real desk and wait until its page is served."""
    begun = time.perf_counter()
    with started(settings):
        seconds = time.perf_counter() - begun
    return Figure("page served after `python app.py`", seconds, "s", 6)


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
    written = [case for case in fresh if "draft" in case.seconds]  # not where nothing answers
    if not written:
        raise ModelUnavailable("The language model wrote no draft of the standard tickets.")
    before = [sum(v for k, v in c.seconds.items() if k not in _DRAFTING) for c in written]
    first = [b + c.seconds["first_token"] for b, c in zip(before, written, strict=True)]
    whole = [b + c.seconds["draft"] for b, c in zip(before, written, strict=True)]
    return [
        Figure("instant draft, all fresh, p50", statistics.median(instants), "s", 4),
        Figure("instant draft, evidence ready, p50", _to_instant(ready), "s", 0.5),
        Figure(
            "first token of the model's draft, all fresh, p50", statistics.median(first), "s", 8
        ),
        Figure("first token, evidence ready, p50", _p(written, "first_token", 50), "s", 4),
        Figure("whole model draft, all fresh, p50", statistics.median(whole), "s", 14),
        Figure("whole model draft, all fresh, p95", float(np.percentile(whole, 95)), "s", 20),
        Figure("standard tickets that an article answers", len(written), f"of {len(fresh)}"),
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


def _decoding(models: Overhearing) -> list[Figure]:
    """Compare how fast the drafts were written with llama.cpp as it comes, and with one that is
    written beside a transcription."""
    replies = models.chat.first_replies()[:COMPARED]
    transcriber = models.get("transcriber")
    sound = standard.speech()
    stop = threading.Event()

    def listen() -> None:
        while not stop.is_set():
            transcriber.transcribe(sound)

    beside = threading.Thread(target=listen)
    beside.start()
    try:
        shared = models.chat.write_again(replies[0])
    finally:
        stop.set()
        beside.join()
    with plain_llama(_gguf(models.settings)) as plain:
        plain.write(replies[0].messages, 4)  # warm
        theirs = [plain.write(reply.messages, reply.pieces) for reply in replies]
    rate = statistics.median(reply.tokens_per_second for reply in replies)
    plain_rate = statistics.median(reply.tokens_per_second for reply in theirs)
    half = replies[0].tokens_per_second / 2
    return [
        Figure("decoding", rate, "tokens/s", 12, False, "llama.cpp", plain_rate),
        Figure(
            "decoding beside a transcription", shared.tokens_per_second, "tokens/s", half, False
        ),
    ]


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
