"""Train an adapter with which a small language model drafts: ``python -m mmcs train drafter``.

The model reads facts and a question, worded as in the prompt of a draft but without instructions
and worked examples, and learns a reply that an agent would send. What changes are corrections of
low rank (Hu et al. 2021, LoRA) to the matrices of its upper layers.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from mmcs.backends import llama_cpp
from mmcs.backends._device import device
from mmcs.draft import lesson_messages
from mmcs.errors import UsageError
from mmcs.labelled import read_labelled
from mmcs.roles import ChatOptions
from mmcs.settings import Settings
from mmcs.ticket import Language
from mmcs.training.adapter import Opened, open_model, write_adapter

EPOCHS = 1
LEARNING_RATE = 3e-4
WARM_UP = 0.05  # share of the steps
KEPT = 0.5  # share of the layers, from below, that stay as they are: a quarter of the time saved
STEP_TOKENS = 1_400  # a step, padding included: about five examples
MIXED = 80  # examples among which those of like length are put together
HELD_OUT = 12  # one source in so many is kept out
LOOKED_AT = 60  # examples of them, by which the loss is told
LOOKS = 4  # at them, an epoch
SPOKEN = 4  # one question in so many is put as speech
SEED = 1


@dataclass(frozen=True)
class Lesson:
    """One example. An id is ``SOURCE-NUMBER``: examples of one source are held out together."""

    id: str
    facts: tuple[str, ...]  # sentences of articles, some of them beside the point
    asked: str
    reply: str  # the body, without greeting and signature
    language: Language = "en"

    @property
    def source(self) -> str:
        """What the example shares with others on the same facts."""
        return self.id.rpartition("-")[0] or self.id


@dataclass(frozen=True)
class Read:
    """A lesson as the model reads it."""

    tokens: tuple[int, ...]
    given: int  # how many of them are the prompt; the rest is learned


@dataclass(frozen=True)
class DrafterReport:
    """What came of a training. Losses are in nats a token of replies that were held out."""

    model: str
    examples: int
    held_out: int  # examples that were not learned from
    loss_before: float
    loss: float
    minutes: float
    adapter: str  # its file

    def lines(self) -> list[str]:
        """Return it for people."""
        return [
            f"{self.model}: {self.examples:,} examples in {self.minutes:.0f} minutes.",
            f"Held out: {self.held_out:,} examples; {self.loss_before:.3f} nats a token before, "
            f"{self.loss:.3f} after.",
            f"MMCS_CHAT_ADAPTER={self.adapter} lets the desk draft with it. Whether that is better "
            "than the worked examples, `python -m mmcs eval drafts` says.",
        ]


def train(data: Path, out: Path, settings: Settings, epochs: int = EPOCHS) -> DrafterReport:
    """Train an adapter for the language model of the settings, and write it.

    The file is written whenever the held-out loss has fallen: a training that is stopped leaves its
    best.

    Args:
        data: a .jsonl of lessons.
        out: the GGUF file.
        settings: the language model and the machine.
        epochs: how often each example is taken.

    Raises:
        UsageError: the data cannot be read or are of one source, or the model cannot be trained.
        ModelUnavailable: the language model cannot be had.
    """
    learned, held_out = _split(read_labelled(data, Lesson, "lesson"), data.name)
    path, name = llama_cpp.model_file(settings)
    torch.manual_seed(SEED)
    torch.set_num_threads(settings.threads)
    model = open_model(path, device(settings), KEPT)
    shown, kept = _read(learned, held_out, model.end, settings)
    begun = time.monotonic()
    course = Course(model, kept[:LOOKED_AT], out)
    course.look()
    before = course.best
    steps = [step for epoch in range(epochs) for step in _steps(shown, epoch)]
    course.follow(steps, looks=LOOKS * epochs)
    minutes = (time.monotonic() - begun) / 60
    return DrafterReport(
        name, len(learned), len(course.held_out), before, course.best, minutes, str(out)
    )


class Course:
    """A training as it goes: its best corrections are in ``out``."""

    def __init__(self, model: Opened, held_out: Sequence[Read], out: Path) -> None:
        self.best = math.inf  # nats a token
        self.held_out = held_out
        self._model = model
        self._out = out

    def look(self) -> None:
        """Measure the loss on what was held out, and write the corrections if it has fallen."""
        self._model.network.eval()
        with torch.inference_mode():
            losses = [_loss(self._model, [one]) for one in self.held_out]
        tokens = sum(count for _, count in losses)
        loss = sum(float(total) for total, _ in losses) / tokens
        if loss < self.best:
            self.best = loss
            write_adapter(self._model.snapshot(), self._model.family, self._out)

    def follow(self, steps: Sequence[Sequence[Read]], looks: int) -> None:
        """Learn step by step; the learning rate rises, then falls along a cosine."""
        optimizer = torch.optim.AdamW(self._model.trained(), lr=LEARNING_RATE, weight_decay=0.0)
        rises = max(1, int(len(steps) * WARM_UP))
        every = max(1, len(steps) // looks)
        progress = tqdm(steps, unit=" steps", desc="train drafter")
        for number, step in enumerate(progress, 1):
            fallen = (number - rises) / max(1, len(steps) - rises)
            share = number / rises if number <= rises else (1 + math.cos(math.pi * fallen)) / 2
            for group in optimizer.param_groups:
                group["lr"] = LEARNING_RATE * max(share, 0.02)
            total, count = _loss(self._model, step)
            optimizer.zero_grad()
            torch.autograd.backward(total / count)
            torch.nn.utils.clip_grad_norm_(self._model.trained(), 1.0)
            optimizer.step()
            if number % every == 0 or number == len(steps):
                self.look()
                progress.set_postfix(held_out=f"{self.best:.3f}")


def _split(lessons: Sequence[Lesson], name: str) -> tuple[tuple[Lesson, ...], tuple[Lesson, ...]]:
    """Return the lessons to learn and those that are kept out, each in an order drawn by lot."""
    sources = sorted({lesson.source for lesson in lessons})
    if len(sources) < 2:
        raise UsageError(f"{name} has one source alone; another is needed to be held out.")
    drawn = random.Random(SEED)  # noqa: S311  # no secret
    drawn.shuffle(sources)
    kept_out = set(sources[: max(1, len(sources) // HELD_OUT)])
    mixed = drawn.sample(list(lessons), len(lessons))
    return (
        tuple(lesson for lesson in mixed if lesson.source not in kept_out),
        tuple(lesson for lesson in mixed if lesson.source in kept_out),
    )


def _read(
    learned: Sequence[Lesson], held_out: Sequence[Lesson], end: int, settings: Settings
) -> tuple[list[Read], list[Read]]:
    """Return the lessons in the tokens that llama.cpp itself makes of them at the desk."""
    chat = llama_cpp.chat(replace(settings, chat_adapter=""))

    def read(lesson: Lesson, number: int) -> Read:
        spoken = number % SPOKEN == 0
        messages = lesson_messages(lesson.facts, lesson.asked, lesson.language, spoken=spoken)
        prompt = chat.prompt(messages, ChatOptions())
        return Read((*prompt, *chat.tokens(lesson.reply), end), len(prompt))

    learn = [read(lesson, n) for n, lesson in enumerate(tqdm(learned, desc="read"))]
    return learn, [read(lesson, n) for n, lesson in enumerate(held_out)]


def _steps(lessons: Sequence[Read], epoch: int) -> list[list[Read]]:
    """Return the lessons in steps of like length, in an order drawn by lot."""
    drawn = random.Random(SEED + epoch)  # noqa: S311  # no secret
    steps: list[list[Read]] = []
    for begin in range(0, len(lessons), MIXED):
        step: list[Read] = []
        for one in sorted(lessons[begin : begin + MIXED], key=lambda one: len(one.tokens)):
            if step and (len(step) + 1) * len(one.tokens) > STEP_TOKENS:
                steps.append(step)
                step = []
            step.append(one)
        steps.append(step)
    drawn.shuffle(steps)
    return steps


def _loss(model: Opened, lessons: Sequence[Read]) -> tuple[Tensor, int]:
    """Return the summed loss over the tokens of replies, in nats, and how many they are."""
    longest = max(len(one.tokens) for one in lessons)
    ids = torch.full((len(lessons), longest), model.end)
    learned = torch.zeros(len(lessons), longest, dtype=torch.bool)
    for row, one in enumerate(lessons):
        ids[row, : len(one.tokens)] = torch.tensor(one.tokens)
        learned[row, one.given : len(one.tokens)] = True
    where = next(model.network.parameters()).device
    ids, learned = ids.to(where), learned.to(where)
    scores = model.scores(ids, learned.roll(-1, dims=1))
    return functional.cross_entropy(scores, ids[learned], reduction="sum"), int(learned.sum())
