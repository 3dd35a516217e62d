"""``python -m mmcs train triage``: labelled tickets to a net that fuses what was written, said and
shown, with its card and its learning curves.

Features are made once and kept. An interrupted training goes on where it was: its state lies in the
cache under the hash of the data and the options.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm

from mmcs.errors import UsageError
from mmcs.models import chosen_backends
from mmcs.roles import load
from mmcs.settings import Settings
from mmcs.ticket import to_json
from mmcs.training.triage_calibrate import Examples, log_probabilities, outside_scale, temperatures
from mmcs.training.triage_card import write_card, write_curves
from mmcs.training.triage_data import (
    UNLABELLED,
    Split,
    Targets,
    featured,
    has_files,
    heads_of,
    split,
    targets_of,
    understand,
)
from mmcs.training.triage_fit import Options, fit, macro_f1
from mmcs.training.triage_rules import plain_rules, shares_of
from mmcs.training.triage_state import Epoch
from mmcs.triage.checkpoint import SHIPPED, Checkpoint, Memory, Plain, Recipe, save
from mmcs.triage.features import MODALITIES, Modality, Scale, Table
from mmcs.triage.gather import Encoders
from mmcs.triage.judge import SCOPE, judge
from mmcs.triage.labelled import LabelledTicket, questions_of, read_folder
from mmcs.triage.nets import FUSIONS, Fusion, Late, Shape
from mmcs.triage.words import words_of

MOST_REMEMBERED = 1_000  # tickets, to be shown beside others
REMEMBERED = 200  # characters of each


@dataclass(frozen=True)
class Asked:
    """What the command line asks for."""

    data: Path
    out: Path = SHIPPED
    fusions: tuple[Fusion, ...] = ("late",)
    questions: tuple[str, ...] = ()  # empty: all that are in the data
    licence: str = ""
    options: Options = field(default_factory=Options)


@dataclass(frozen=True)
class Trained:
    """One net that was trained."""

    fusion: Fusion
    file: Path
    tickets: int
    held_out: int
    epochs: int
    figures: dict[str, float]  # macro F1 of each question, held out


@dataclass(frozen=True)
class TrainingReport:
    """What the command made; the file of ``best`` is the one that was asked for."""

    nets: tuple[Trained, ...]
    best: Fusion

    def lines(self) -> list[str]:
        """Return it for people."""
        told = []
        for one in self.nets:
            figures = ", ".join(f"{name} {value:.3f}" for name, value in one.figures.items())
            told.append(
                f"{one.fusion} fusion, {one.tickets} tickets, {one.epochs} epochs; macro F1 of a "
                f"training without {one.held_out} of them, on these: {figures}; {one.file}"
            )
        return told


@dataclass(frozen=True)
class Lesson:
    """Everything that the nets learn from."""

    table: Table
    targets: Targets
    heads: dict[str, tuple[str, ...]]
    split: Split
    words: tuple[str, ...]  # of each ticket
    encoders: str
    plain_columns: int  # of a text's features: those of the embedder alone

    @property
    def worded(self) -> NDArray[np.intp]:
        """The rows to learn from that have words."""
        rows = self.split.train
        words = self.table.present[rows, MODALITIES.index("text")]
        return np.array(rows[words], np.intp)


def train(asked: Asked, settings: Settings) -> TrainingReport:
    """Train, calibrate and write the nets that were asked for.

    Raises:
        UsageError: the data cannot be used, or lack a question.
        ModelUnavailable: a model that makes features cannot be had.
    """
    tickets, chosen = read_folder(asked.data)
    lesson = _lesson(tickets, chosen, asked, settings)
    texts = lesson.table.text[:, : lesson.plain_columns]
    plain = plain_rules(texts, lesson.heads, lesson.targets, lesson.worded)
    made: list[tuple[Trained, Checkpoint, tuple[Epoch, ...]]] = []
    for fusion in asked.fusions:
        made.append(_trained(fusion, lesson, plain, asked, settings))
    best = max(made, key=lambda one: np.mean(list(one[0].figures.values())))
    for trained, checkpoint, epochs in made:
        files = {trained.file, asked.out} if trained is best[0] else {trained.file}
        for file in files:
            save(checkpoint, file)
            write_card(checkpoint, file, asked.licence, trained.held_out)
            write_curves(epochs, checkpoint.name, file)
        for until in (0, trained.epochs):
            key = training_key(trained.fusion, lesson, asked, until)
            _state_file(key, settings).unlink(missing_ok=True)
    return TrainingReport(tuple(one[0] for one in made), best[0].fusion)


def _lesson(
    tickets: Sequence[LabelledTicket],
    chosen: Sequence[LabelledTicket],
    asked: Asked,
    settings: Settings,
) -> Lesson:
    both = (*tickets, *chosen)
    questions = questions_of(both)
    missing = [question for question in asked.questions if question not in questions]
    if missing or not questions:
        lacking, known = ", ".join(missing) or "anything", ", ".join(questions) or "nothing"
        raise UsageError(f"The tickets have no two labels for {lacking}; they have for {known}.")
    if asked.questions:
        questions = {question: questions[question] for question in asked.questions}
    heads = heads_of(both, questions)
    files = has_files(both)
    modalities: tuple[Modality, ...] = ("text", "image", "audio") if files else ("text",)
    encoders = encoders_for(modalities, settings)
    with tqdm(total=len(both), desc="Understanding", unit="ticket", disable=not files) as bar:
        understood = understand(both, settings, bar.update)
    halves = sum(1 + bool(one.ticket.attachments) for one in understood)
    with tqdm(total=halves, desc="Features") as bar:
        table = featured(understood, encoders, settings, bar.update)
    parts = split(both)
    if chosen:
        places = np.arange(len(both))
        parts = Split(places[: len(tickets)], places[len(tickets) :])
    plain = encoders.embedder.embed(["How wide is this?"]).shape[1]
    words = tuple(words_of(one) for one in understood)
    targets = targets_of(both, heads)
    return Lesson(table, targets, dict(heads), parts, words, encoders.text_name, plain)


def encoders_for(modalities: Sequence[Modality], settings: Settings) -> Encoders:
    """Load the frozen models that make the features of these modalities.

    Raises:
        ModelUnavailable: the weights of one cannot be had.
    """
    embedder = chosen_backends(settings)["embedder"]
    if not {"image", "audio"} & set(modalities):
        return Encoders(load("embedder", embedder, settings))
    from mmcs.backends._encoders import encoders  # Whisper's and EfficientNet's take seconds

    return encoders(settings, modalities, embedder)


def _trained(
    fusion: Fusion, lesson: Lesson, plain: dict[str, Plain], asked: Asked, settings: Settings
) -> tuple[Trained, Checkpoint, tuple[Epoch, ...]]:
    """Train a net on a part of the tickets, which says how long and how sure; then, as long, and
    along a whole cosine, the one that is kept, on all of them."""
    rows = lesson.split
    everything = np.concatenate((rows.train, rows.held_out))
    scale, train, held_out = _examples(rows.train, lesson)
    first, epochs = _fitted(fusion, lesson, train, held_out, asked, settings)
    figures = dict(macro_f1(log_probabilities(first, held_out.table), held_out.targets))
    scales = temperatures(first, held_out)
    outside = outside_scale(first, held_out, scales)
    scale, whole, again = _examples(everything, lesson)
    net, _ = _fitted(fusion, lesson, whole, again, asked, settings, len(epochs))
    if isinstance(net, Late) and isinstance(first, Late):
        net.believe_as(first)
    recipe = Recipe(
        Shape(fusion, lesson.table.widths, lesson.heads),
        lesson.encoders,
        scales,
        shares_of(lesson.heads, lesson.targets, everything),
        len(everything),
        asked.data.name,
        len(epochs),
        outside,
        figures,
    )
    file = asked.out
    if len(asked.fusions) > 1:
        file = asked.out.with_name(f"{asked.out.stem}-{fusion}{asked.out.suffix}")
    told = Trained(fusion, file, len(everything), len(rows.held_out), len(epochs), figures)
    checkpoint = Checkpoint(net, scale, recipe, plain)
    return told, replace(checkpoint, memory=_memory(checkpoint, lesson)), epochs


def _memory(checkpoint: Checkpoint, lesson: Lesson) -> Memory:
    """Return what a net makes of the tickets that it learned from, or of some, evenly chosen."""
    count = len(lesson.words)
    rows = np.unique(np.linspace(0, count - 1, min(count, MOST_REMEMBERED)).round().astype(int))
    hidden = judge(checkpoint, lesson.table.take(rows)).hidden
    labels: dict[str, tuple[str, ...]] = {}
    for head, names in lesson.heads.items():
        if head != SCOPE:
            targets = lesson.targets[head][rows]
            labels[head] = tuple("" if t == UNLABELLED else names[t] for t in targets)
    texts = tuple(" ".join(lesson.words[row].split())[:REMEMBERED] for row in rows)
    return Memory(hidden, texts, labels)


def _examples(rows: NDArray[np.intp], lesson: Lesson) -> tuple[Scale, Examples, Examples]:
    """Return the scale of some tickets, these tickets scaled, and those held out in this scale."""
    scale = Scale.of(lesson.table.take(rows))
    train, held_out = (
        Examples(
            scale.applied(lesson.table.take(some)), {h: t[some] for h, t in lesson.targets.items()}
        )
        for some in (rows, lesson.split.held_out)
    )
    return scale, train, held_out


def _fitted(
    fusion: Fusion,
    lesson: Lesson,
    train: Examples,
    held_out: Examples,
    asked: Asked,
    settings: Settings,
    until: int = 0,
) -> tuple[nn.Module, tuple[Epoch, ...]]:
    title = f"{fusion} fusion, all tickets" if until else f"{fusion} fusion"
    with tqdm(total=until or asked.options.epochs, desc=title, unit="epoch") as bar:

        def seen(epoch: Epoch) -> None:
            bar.set_postfix(loss=f"{epoch.loss:.3f}", macro_f1=f"{epoch.macro_f1:.3f}")
            bar.update()

        state = _state_file(training_key(fusion, lesson, asked, until), settings)
        shape = Shape(fusion, lesson.table.widths, lesson.heads)
        options = replace(asked.options, epochs=until) if until else asked.options
        return fit(shape, train, held_out, state, seen, options, until)


def training_key(fusion: Fusion, lesson: Lesson, asked: Asked, until: int) -> str:
    """Return the hash of everything that decides how a training goes."""
    told = [fusion, until, to_json(asked.options), lesson.heads]
    digest = hashlib.sha256(json.dumps(told).encode())
    for part in (lesson.table.text, lesson.table.image, lesson.table.audio, lesson.split.train):
        digest.update(np.ascontiguousarray(part).tobytes())
    for target in lesson.targets.values():
        digest.update(target.tobytes())
    return digest.hexdigest()[:24]


def _state_file(key: str, settings: Settings) -> Path:
    return settings.cache / "training" / "states" / f"{key}.safetensors"


def parse_fusions(name: str) -> tuple[Fusion, ...]:
    """Return the fusions that a name stands for.

    Raises:
        UsageError: it stands for none.
    """
    found = FUSIONS if name == "all" else tuple(fusion for fusion in FUSIONS if fusion == name)
    if not found:
        raise UsageError(f"There is no fusion {name!r}; there is {', '.join(FUSIONS)}, or all.")
    return found
