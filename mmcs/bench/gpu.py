"""How fast the multimodal model in this process reads and writes, and what memory it takes.

Each figure is of the model that MMCS_MODEL names, as the desk loads it. Random weights of the same
configuration are as fast as trained ones, so a model's speed can be known before it is fetched.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import psutil
import torch

from mmcs.backends import transformers_vlm
from mmcs.backends.transformers_vlm import VisionChat
from mmcs.bench import standard
from mmcs.bench.figures import Benchmark, Figure
from mmcs.roles import ChatMessage, ChatOptions
from mmcs.settings import Settings

AT_ONCE = (1, 8, 32)  # drafts
TOKENS = 80  # of a draft, as in the standard case
PROMPTS = 5  # for a median
CONSTANT = " ".join(standard.MESSAGES) + " "  # about 300 tokens; twice is more than the 450 of ours
COPIED = 1 << 30  # bytes that are copied to find the memory's bandwidth
TABLE = re.compile(r"(?<=<!-- gpu -->\n).*?(?=<!-- /gpu -->)", re.DOTALL)  # in README
FIRST_TOKEN, SINGLE, EIGHT_TIMES = 1.2, 60.0, 4.0  # seconds; tokens/s; times one draft's speed


@dataclass(frozen=True)
class Timed:
    """One draft."""

    first: float  # seconds to its first piece
    whole: float  # seconds to its last
    tokens: int  # its pieces; nearly every token is one


def measure(settings: Settings, precisions: Sequence[str] = ("bf16", "nf4")) -> Benchmark:
    """Measure a model in each precision, one after the other.

    Raises:
        ModelUnavailable: it can't be had, or doesn't fit.
    """
    figures: list[Figure] = []
    for precision in precisions:
        figures += _in_precision(replace(settings, precision=precision), precision)
        transformers_vlm.unload()
    return Benchmark(f"{settings.model}, {_device()}", tuple(figures))


def write_table(readme: Path, measured: Sequence[Benchmark], day: date) -> None:
    """Put what was measured into README, in the place of what is there, with the day."""
    told = [f"Measured on {day:%d %B %Y}.", ""]
    for benchmark in measured:
        told += [*benchmark.lines(), ""]
    present = readme.read_text("utf-8")
    readme.write_text(TABLE.sub(lambda _: "\n".join(told), present, count=1), "utf-8")


def _in_precision(settings: Settings, name: str) -> Iterator[Figure]:
    begun = time.perf_counter()
    model = transformers_vlm.chat(settings)
    yield Figure(f"{name}: seconds to load", time.perf_counter() - begun, "s")
    yield Figure(f"{name}: memory of the weights", model.weight_bytes / 1e9, "GB")
    alone = [_timed(model, number) for number in range(PROMPTS + 1)][1:]  # the first warms up
    first = statistics.median(draft.first for draft in alone)
    yield Figure(f"{name}: first token, 1280x960 image, p50", first, "s", FIRST_TOKEN)
    unread = []
    for number in range(PROMPTS):
        model.forget()
        unread.append(_timed(model, number).first)
    yield Figure(f"{name}: the same, nothing read before, p50", statistics.median(unread), "s")
    single = statistics.median((d.tokens - 1) / (d.whole - d.first) for d in alone)
    yield Figure(f"{name}: decoding, 1 draft", single, "tokens/s", SINGLE, at_most=False)
    floor = bandwidth() / model.weight_bytes
    yield Figure(f"{name}: the most that its memory allows", floor, "tokens/s")
    for drafts in AT_ONCE[1:]:
        budget = EIGHT_TIMES * single if drafts == 8 else None
        speed = _together(model, drafts)
        what = f"{name}: decoding, {drafts} drafts, {min(drafts, model.at_once)} at once"
        yield Figure(what, speed, "tokens/s", budget, at_most=False)
    yield Figure(f"{name}: memory at its most", _most_memory() / 1e9, "GB")


def _timed(model: VisionChat, number: int) -> Timed:
    """Let the model write one draft about a screenshot that it has not seen."""
    image = standard.pixels(standard.screenshot(number))
    messages = [
        ChatMessage("system", CONSTANT * 2),
        ChatMessage("user", standard.MESSAGES[number % len(standard.MESSAGES)], (image,)),
    ]
    begun = time.perf_counter()
    times: list[float] = []
    for _ in model.chat(messages, ChatOptions(max_tokens=TOKENS)):
        times.append(time.perf_counter() - begun)
    return Timed(times[0], times[-1], len(times))


def _together(model: VisionChat, drafts: int) -> float:
    """Return the tokens a second of so many drafts asked for at the same moment."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(drafts) as agents:
        written = list(agents.map(lambda number: _timed(model, number), range(drafts)))
    return sum(draft.tokens for draft in written) / (time.perf_counter() - begun)


def bandwidth() -> float:
    """Return how many bytes a second the memory of the weights can be read at, by copying."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    source = torch.zeros(COPIED // 4, dtype=torch.float32, device=device)
    target = torch.empty_like(source)
    target.copy_(source)
    best = 0.0
    for _ in range(5):
        _finished()
        begun = time.perf_counter()
        target.copy_(source)
        _finished()
        best = max(best, 2 * COPIED / (time.perf_counter() - begun))  # read and written
    return best


def _finished() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _most_memory() -> int:
    """Return the most bytes that were taken: of the GPU, or without one of this process now."""
    if torch.cuda.is_available():
        return sum(torch.cuda.max_memory_reserved(d) for d in range(torch.cuda.device_count()))
    return int(psutil.Process().memory_info().rss)


def _device() -> str:
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(d) for d in range(torch.cuda.device_count())]
        return ", ".join(names)
    return f"{psutil.cpu_count()} cores without a GPU"
