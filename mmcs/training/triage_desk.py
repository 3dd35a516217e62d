"""``python -m mmcs train triage --from-desk``: what agents corrected, and what they let stand,
teaches the net that filed their tickets.

It goes on from that net, with tickets of our own beside the desk's so that it forgets nothing. The
new net is used only if it is right more often on tickets of the desk that it has not seen.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from mmcs.errors import BadInput
from mmcs.kept import Kept
from mmcs.labelled import read_labelled
from mmcs.settings import ASSETS, Settings
from mmcs.store import Store
from mmcs.ticket import Case, Question
from mmcs.training.triage import encoders_for
from mmcs.training.triage_calibrate import Examples
from mmcs.training.triage_data import Targets, targets_of
from mmcs.training.triage_fit import Options, fit
from mmcs.triage.checkpoint import Checkpoint, load
from mmcs.triage.features import MODALITIES, Features, Table
from mmcs.triage.gather import Encoders, gather, kept_texts
from mmcs.triage.judge import SCOPE, judge
from mmcs.triage.labelled import LabelledTicket
from mmcs.triage.shelf import current, put
from mmcs.triage.words import Understood

LEAST = 20  # tickets that agents have confirmed
HELD_OUT = 4  # one in so many is not learned from
GENTLY = Options(epochs=30, patience=10, learning_rate=5e-4, modality_dropout=0.1)
BESIDE = 2  # tickets of our own for one of the desk
QUESTIONS: tuple[str, ...] = get_args(Question)
OWN = ASSETS / "training" / "triage" / "messages.jsonl"


@dataclass(frozen=True)
class DeskReport:
    """What the desk's own tickets have taught."""

    tickets: int
    corrected: int  # of them, those in which an agent changed something
    held_out: int
    before: float  # share of right verdicts on those held out, by the net in use
    after: float  # by the new one
    used: str  # the file of the net that is used from now on

    def lines(self) -> list[str]:
        """Return it for people."""
        told = "used from the desk's next start on" if self.after > self.before else "not used"
        return [
            f"{self.tickets} tickets of the desk, {self.corrected} with a correction. On "
            f"{self.held_out} that were not learned from, {self.before:.3f} of the verdicts were "
            f"right before and {self.after:.3f} are after: the new net is {told} ({self.used})."
        ]


def learn_from_desk(settings: Settings) -> DeskReport:
    """Train the net in use further on the desk's tickets, and use it if it got better.

    Raises:
        BadInput: agents have confirmed too few tickets, or no net files this domain's.
        StoreError: the tickets cannot be read.
        ModelUnavailable: the net, or a model that makes its features, cannot be had.
    """
    cases = [case for case in Store(settings).every() if confirmed(case)]
    if len(cases) < LEAST:
        raise BadInput(
            f"Agents have confirmed or corrected {len(cases)} tickets; {LEAST} are needed. "
            "A ticket is confirmed when its reply is sent."
        )
    before = load(current(settings))
    widths = zip(MODALITIES, before.recipe.shape.widths, strict=True)
    encoders = encoders_for([modality for modality, width in widths if width], settings)
    if before.recipe.encoders != encoders.text_name:
        raise BadInput("The trained triage reads features of other models than this desk's.")
    table, targets = _desk_lesson(cases, before, encoders, settings)
    held_out = np.array([is_held_out(case.id) for case in cases])
    if held_out.all() or not held_out.any():
        raise BadInput("The confirmed tickets are too alike to hold any out; wait for more.")
    after = _taught(before, table, targets, held_out, encoders, settings)
    rows = np.flatnonzero(held_out)
    scores = [_right(net, table.take(rows), targets, rows) for net in (before, after)]
    used = put(after, settings) if scores[1] > scores[0] else current(settings)
    corrected = sum(bool(case.triage and case.triage.corrected) for case in cases)
    return DeskReport(len(cases), corrected, len(rows), scores[0], scores[1], str(used))


def confirmed(case: Case) -> bool:
    """Say whether an agent has judged a ticket's triage: corrected it, or answered with it."""
    return case.triage is not None and bool(labels_of(case))


def labels_of(case: Case) -> dict[str, str]:
    """Return what agents decided, and of an answered ticket also what they let stand."""
    if case.triage is None:
        return {}
    answered = case.ticket.status == "answered"
    decided = [q for q in QUESTIONS if answered or q in case.triage.corrected]
    return {question: getattr(case.triage, question).label for question in decided}


def is_held_out(case_id: str) -> bool:
    """Say whether a ticket is never learned from: its id alone decides, for good."""
    return hashlib.sha256(case_id.encode()).digest()[0] % HELD_OUT == 0


def _desk_lesson(
    cases: Sequence[Case], net: Checkpoint, encoders: Encoders, settings: Settings
) -> tuple[Table, Targets]:
    rows = []
    with tqdm(total=len(cases), desc="Features", unit="ticket") as bar:
        for case in cases:
            rows.append(gather(Understood(case.ticket, case.evidence), encoders, settings))
            bar.update()
    labelled = [LabelledTicket(labels_of(case), id=case.id) for case in cases]
    return Table.of(rows), targets_of(labelled, net.recipe.shape.labels)


def _taught(
    before: Checkpoint,
    table: Table,
    targets: Targets,
    held_out: NDArray[np.bool_],
    encoders: Encoders,
    settings: Settings,
) -> Checkpoint:
    """Return the net after more training. It stops by a part of what it may learn from."""
    shape, rows = before.recipe.shape, np.flatnonzero(~held_out)
    stop = rows[::5]
    learn = np.setdiff1d(rows, stop)
    desk = Examples(
        before.scale.applied(table.take(learn).widened(shape.widths)),
        {head: target[learn] for head, target in targets.items()},
    )
    watched = Examples(
        before.scale.applied(table.take(stop).widened(shape.widths)),
        {head: target[stop] for head, target in targets.items()},
    )
    ours = _own_examples(before, encoders, settings, BESIDE * len(learn))
    with tempfile.TemporaryDirectory() as folder, tqdm(total=GENTLY.epochs, desc="Learning") as bar:
        net, epochs = fit(
            shape,
            joined(desk, ours),
            watched,
            Path(folder) / "state.safetensors",
            lambda epoch: bar.update(),
            GENTLY,
            start=before.net.state_dict(),
        )
    recipe = replace(
        before.recipe,
        tickets=before.recipe.tickets + len(learn),
        data=f"{before.recipe.data}, then {len(learn)} tickets of the desk",
        epochs=before.recipe.epochs + len(epochs),
        figures={},
    )
    return replace(before, net=net, recipe=recipe)


def _own_examples(net: Checkpoint, encoders: Encoders, settings: Settings, most: int) -> Examples:
    """Return the words of some of our own tickets, if they are of this net's labels."""
    shape = net.recipe.shape
    tickets = [
        ticket
        for ticket in (read_labelled(OWN, Written, "ticket") if OWN.is_file() else ())
        if ticket.split == "train" and ticket.words
        if all(ticket.labels.get(q) in labels for q, labels in shape.labels.items() if q != SCOPE)
    ]
    tickets = tickets[:: max(1, len(tickets) // max(most, 1))]
    kept = Kept(settings.cache / "features")
    with tqdm(total=len(tickets), desc="Words of our own") as bar:
        rows = kept_texts([one.words for one in tickets], encoders, kept, bar.update)
    table = Table.of([Features(row) for row in rows]).widened(shape.widths)
    labelled = [LabelledTicket(ticket.labels) for ticket in tickets]
    return Examples(net.scale.applied(table), targets_of(labelled, shape.labels))


@dataclass(frozen=True)
class Written:
    """A line of our own tickets."""

    labels: dict[str, str]
    text: str
    said: str
    split: str

    @property
    def words(self) -> str:
        """What was typed and said."""
        return "\n".join(part for part in (self.text.strip(), self.said.strip()) if part)


def joined(first: Examples, second: Examples) -> Examples:
    """Return both, one after the other."""
    one, other = first.table, second.table
    parts = {m: np.concatenate((one.of_modality(m), other.of_modality(m))) for m in MODALITIES}
    table = Table(**parts, present=np.concatenate((one.present, other.present)))
    heads = first.targets
    return Examples(table, {h: np.concatenate((heads[h], second.targets[h])) for h in heads})


def _right(net: Checkpoint, table: Table, targets: Targets, rows: NDArray[np.intp]) -> float:
    """Return the share of right verdicts, over all questions."""
    judged = judge(net, table)
    right: list[bool] = []
    for question, chances in judged.chances.items():
        true = targets[question][rows]
        called = chances.argmax(axis=1)
        right += (called == true)[true >= 0].tolist()
    return float(np.mean(right)) if right else 0.0
