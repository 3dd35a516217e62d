"""Labelled tickets to what a net learns from: their evidence, their features, their targets.

Files are heard, read and looked at by the desk's own models, and every finding is kept by its
content: a second run finds it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mmcs import perceive
from mmcs.errors import BadInput
from mmcs.intake import Request, take
from mmcs.kept import Kept
from mmcs.models import EMBEDDED, chosen_backends
from mmcs.roles import load
from mmcs.settings import Settings
from mmcs.ticket import Attachment, Evidence, Line, Picture, Transcript
from mmcs.triage.features import Features, Table
from mmcs.triage.gather import Encoders, audio_features, image_features, kept_texts
from mmcs.triage.judge import INSIDE, OUTSIDE, SCOPE
from mmcs.triage.labelled import SCOPED, LabelledTicket
from mmcs.triage.words import Understood, words_of

UNLABELLED = -1  # as a target
HELD_OUT = 0.1  # share of the tickets

Targets = Mapping[str, NDArray[np.int64]]  # head -> (tickets,): the place of the label
Seen = Callable[[int], object]  # is told how many tickets are done, some at a time


@dataclass(frozen=True)
class Split:
    """Rows to learn from and rows to stop by."""

    train: NDArray[np.intp]
    held_out: NDArray[np.intp]


def has_files(tickets: Sequence[LabelledTicket]) -> bool:
    """Say whether a ticket has a sound or an image."""
    return any(ticket.audio or ticket.images for ticket in tickets)


def kept_apart(settings: Settings) -> Settings:
    """Return settings under which files are kept in the cache, apart from the desk's customers."""
    return replace(settings, home=settings.cache / "training")


def understand(
    tickets: Sequence[LabelledTicket], settings: Settings, seen: Seen
) -> list[Understood]:
    """Return each ticket with its evidence. Files are copied to a store in the cache, apart from
    those of the desk's customers.

    Raises:
        BadInput: a file cannot be used.
        ModelUnavailable: a model that is needed cannot be had.
    """
    apart = kept_apart(settings)
    found: list[Understood] = []
    for ticket in tickets:
        taken, problems = take(Request(ticket.id, ticket.text, ticket.audio, ticket.images), apart)
        for problem in problems:
            raise BadInput(problem.message)
        found.append(Understood(taken, _evidence(taken.attachments, apart)))
        seen(1)
    return found


def _evidence(attachments: Sequence[Attachment], settings: Settings) -> Evidence:
    backends = chosen_backends(settings)
    if settings.captioner == "auto":  # no language model is needed to tell the kind of an image
        backends["captioner"] = EMBEDDED["captioner"]
    transcripts: list[Transcript] = []
    images: list[Picture] = []
    for attachment in attachments:
        if attachment.kind == "audio":
            transcriber = load("transcriber", backends["transcriber"], settings)
            transcripts.append(perceive.hear(attachment, transcriber, settings))
        else:
            view = perceive.View(attachment, settings)
            reading = perceive.read(view, load("reader", backends["reader"], settings))
            tagger = load("tagger", backends["tagger"], settings)
            captioner = load("captioner", backends["captioner"], settings)
            images.append(perceive.look(view, reading, tagger, captioner))
    return Evidence(tuple(transcripts), tuple(images))


def with_true_words(understood: Understood, ticket: LabelledTicket) -> Understood:
    """Return the ticket as if its recognisers had made no mistake, where the truth is known."""
    evidence = understood.evidence
    transcripts = evidence.transcripts
    if len(ticket.transcripts) == len(transcripts):
        pairs = zip(transcripts, ticket.transcripts, strict=True)
        transcripts = tuple(replace(heard, text=true) for heard, true in pairs)
    images = evidence.images
    if len(ticket.readings) == len(images):
        nowhere = (0.0, 0.0, 0.0, 0.0)
        images = tuple(
            replace(image, lines=(Line(true, 1.0, nowhere),) if true else ())
            for image, true in zip(images, ticket.readings, strict=True)
        )
    return replace(understood, evidence=replace(evidence, transcripts=transcripts, images=images))


def featured(
    understood: Sequence[Understood], encoders: Encoders, settings: Settings, seen: Seen
) -> Table:
    """Return the features of many tickets, each kept by its content.

    Args:
        understood: the tickets.
        encoders: the models.
        settings: where the cache is.
        seen: is told how many are done: a ticket's words are one, and all of its files.
    """
    apart = kept_apart(settings)
    words = [words_of(one) for one in understood]
    worded = [row for row, text in enumerate(words) if text]
    texts: dict[int, NDArray[np.float32]] = {}
    if worded:
        kept = Kept(settings.cache / "features")
        rows = kept_texts([words[row] for row in worded], encoders, kept, seen)
        texts = dict(zip(worded, rows, strict=True))
    found: list[Features] = []
    for row, one in enumerate(understood):
        image, audio = image_features(one, encoders, apart), audio_features(one, encoders, apart)
        found.append(Features(texts.get(row), image, audio))
        if one.ticket.attachments:
            seen(1)
    return Table.of(found)


def heads_of(
    tickets: Sequence[LabelledTicket], questions: Mapping[str, tuple[str, ...]]
) -> Mapping[str, tuple[str, ...]]:
    """Return the heads that these tickets can teach: the questions, and "none of these" where some
    tickets lie outside of all categories."""
    outside = {ticket.outside for ticket in tickets}
    scoped = SCOPED in questions and {True, False} <= outside
    return {**questions, SCOPE: (INSIDE, OUTSIDE)} if scoped else questions


def targets_of(tickets: Sequence[LabelledTicket], heads: Mapping[str, tuple[str, ...]]) -> Targets:
    """Return the place of each ticket's label in each head; ``UNLABELLED`` where it has none, or
    one that the head does not know."""
    places = {head: {label: i for i, label in enumerate(labels)} for head, labels in heads.items()}
    return {
        head: np.array([places[head].get(_label(one, head), UNLABELLED) for one in tickets])
        for head in heads
    }


def _label(ticket: LabelledTicket, head: str) -> str:
    if head == SCOPE:
        return {True: OUTSIDE, False: INSIDE, None: ""}[ticket.outside]
    return ticket.label(head) or ""


def split(tickets: Sequence[LabelledTicket], share: float = HELD_OUT) -> Split:
    """Hold out a share of the groups of each label, the same ones every time: those whose hash
    comes first. A ticket without a group is one of its own."""
    groups: dict[str, list[int]] = {}
    for row, ticket in enumerate(tickets):
        groups.setdefault(ticket.group or f"{row} {ticket.text}", []).append(row)
    strata: dict[str, list[str]] = {}
    for name, rows in groups.items():
        labels = tickets[rows[0]].labels
        strata.setdefault(labels.get(SCOPED) or str(labels.values()), []).append(name)
    held: list[int] = []
    for names in strata.values():
        names.sort(key=lambda name: hashlib.sha256(name.encode("utf-8")).digest())
        for name in names[: _taken(len(names), share)]:
            held += groups[name]
    chosen = np.zeros(len(tickets), bool)
    chosen[held] = True
    return Split(np.flatnonzero(~chosen), np.flatnonzero(chosen))


def _taken(groups: int, share: float) -> int:
    """Return how many of a label's groups are held out: one at least, where another is left."""
    return min(max(round(groups * share), 1), groups - 1)
