"""Tickets with labels, one JSON object a line, to train on or to measure with.

    {"text": "…", "audio": ["a.ogg"], "images": ["b.png"], "labels": {"category": "delivery"}}

Paths are relative to the file. A question (category, urgency, sentiment, or any other) may have any
labels. A category of null, or one of ``NONE_OF_THESE``, says that the ticket belongs to none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmcs.errors import UsageError
from mmcs.labelled import read_labelled

SCOPED = "category"  # the question that a ticket may lie outside of
NONE_OF_THESE = frozenset({"oos", "out_of_scope", "none_of_these"})
HELD_OUT = ("val", "dev", "valid", "validation")  # how a folder's file for early stopping begins


@dataclass(frozen=True)
class LabelledTicket:
    """One ticket with what it truly is."""

    labels: Mapping[str, str | None]
    text: str = ""
    audio: tuple[str, ...] = ()  # paths
    images: tuple[str, ...] = ()  # paths
    transcripts: tuple[str, ...] = ()  # what is truly said, one an audio file
    readings: tuple[str, ...] = ()  # what truly stands in the images, one an image
    id: str = ""
    group: str = ""  # tickets that tell one story share it, and never lie on both sides of a split

    def label(self, question: str) -> str | None:
        """Return the label of a question; None if it has none, or belongs to none of them."""
        label = self.labels.get(question)
        return None if question == SCOPED and label in NONE_OF_THESE else label

    @property
    def outside(self) -> bool | None:
        """Whether the ticket belongs to no category; None if nobody says."""
        return self.label(SCOPED) is None if SCOPED in self.labels else None


def read_tickets(path: Path) -> tuple[LabelledTicket, ...]:
    """Return the tickets of a file, with full paths.

    Raises:
        UsageError: there is no such file, a line is no labelled ticket, or a media file is missing.
    """
    found = tuple(
        _placed(one, path.parent) for one in read_labelled(path, LabelledTicket, "ticket")
    )
    for number, one in enumerate(found, 1):
        for name in (*one.audio, *one.images):
            if not Path(name).is_file():
                raise UsageError(
                    f"Ticket {one.id or number} of {path.name} names {name}: not there."
                )
    return found


def _placed(ticket: LabelledTicket, folder: Path) -> LabelledTicket:
    audio = tuple(str(folder / name) for name in ticket.audio)
    return replace(ticket, audio=audio, images=tuple(str(folder / name) for name in ticket.images))


def read_folder(path: Path) -> tuple[tuple[LabelledTicket, ...], tuple[LabelledTicket, ...]]:
    """Return the tickets to train on and those held out; none of the latter if nobody chose them.

    Args:
        path: a file, or a folder of .jsonl files, of which those called val…, dev… are held out and
            those called test… are left alone.

    Raises:
        UsageError: there is nothing to train on, or a file cannot be used.
    """
    if path.is_file():
        return read_tickets(path), ()
    files = [file for file in sorted(path.glob("*.jsonl")) if not file.stem.startswith("test")]
    chosen = [file for file in files if file.stem.startswith(HELD_OUT)]
    train = [ticket for file in files if file not in chosen for ticket in read_tickets(file)]
    if not train:
        raise UsageError(f"There are no labelled tickets (.jsonl) in {path}.")
    return tuple(train), tuple(ticket for file in chosen for ticket in read_tickets(file))


def questions_of(tickets: Sequence[LabelledTicket]) -> Mapping[str, tuple[str, ...]]:
    """Return the questions that have two labels or more, each with its labels in order."""
    asked = dict.fromkeys(question for ticket in tickets for question in ticket.labels)
    found = {q: sorted({label for t in tickets if (label := t.label(q))}) for q in asked}
    return {question: tuple(labels) for question, labels in found.items() if len(labels) > 1}
