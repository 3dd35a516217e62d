"""What each modality is worth: a net with nothing but one of them, and without one of them.

Modalities are told apart in two ways. As features: all words, the looks of the images, the sound of
the voice. As channels: what was written, said and shown; a voice note that is taken away takes its
words along. Where nothing is left to go by, the commonest label of the training is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mmcs.evaluate.bootstrap import Difference, paired_bootstrap
from mmcs.explanation import CHANNELS
from mmcs.settings import Settings
from mmcs.triage.checkpoint import Checkpoint
from mmcs.triage.features import MODALITIES, Table
from mmcs.triage.gather import Encoders
from mmcs.triage.judge import judge
from mmcs.triage.labelled import LabelledTicket
from mmcs.triage.parts import Parts, table_of
from mmcs.triage.words import Understood

Bits = NDArray[np.bool_]
Right = Mapping[str, Bits]  # question -> (labelled tickets,)


@dataclass(frozen=True)
class Modality:
    """What one modality is worth for one question, over all tickets that have a label in it."""

    kind: Literal["features", "channel"]
    name: str
    question: str
    tickets: int  # that have it
    alone: float  # accuracy with nothing else
    without: float  # accuracy with everything else
    gain: Difference  # of accuracy, of the whole net over this modality alone
    loss: Difference  # of accuracy, where it is there and something else too, when it is taken away

    def line(self) -> str:
        """Return it for people."""
        return (
            f"{self.question}, {self.name}: in {self.tickets} tickets; alone {self.alone:.3f}, "
            f"without it {self.without:.3f}; {self.gain.line()}; {self.loss.line()}"
        )


@dataclass(frozen=True)
class _Tables:
    """The tickets with nothing but one modality, and without it."""

    kind: Literal["features", "channel"]
    name: str
    alone: Table
    without: Table


def worth_of_modalities(
    checkpoint: Checkpoint,
    table: Table,
    tickets: Sequence[LabelledTicket],
    understood: Sequence[Understood],
    encoders: Encoders,
    settings: Settings,
) -> tuple[Modality, ...]:
    """Return what each modality is worth, by features and by channel, for each question."""
    whole = _right(checkpoint, table, tickets)
    found: list[Modality] = []
    for one in (*_by_features(table), *_by_channels(understood, encoders, settings)):
        alone = _right(checkpoint, one.alone, tickets)
        without = _right(checkpoint, one.without, tickets)
        there, left = one.alone.filled, one.without.filled
        if not there.any() or not left.any():
            continue
        for question, right in whole.items():
            rows = [row for row, ticket in enumerate(tickets) if ticket.label(question)]
            both = (there & left)[rows]
            found.append(
                Modality(
                    one.kind,
                    one.name,
                    question,
                    int(there[rows].sum()),
                    float(alone[question].mean()),
                    float(without[question].mean()),
                    _difference(f"all over {one.name} alone", right, alone[question]),
                    _difference(
                        f"lost where there is more than {one.name}, without it",
                        right[both],
                        without[question][both],
                    ),
                )
            )
    return tuple(found)


def _by_features(table: Table) -> list[_Tables]:
    names = {"text": "words", "image": "looks", "audio": "sound"}
    return [
        _Tables(
            "features",
            names[modality],
            table.only([modality]),
            table.only([other for other in MODALITIES if other != modality]),
        )
        for modality in MODALITIES
    ]


def _by_channels(
    understood: Sequence[Understood], encoders: Encoders, settings: Settings
) -> list[_Tables]:
    parts = [Parts(one, encoders, settings) for one in understood]
    found: list[_Tables] = []
    for channel in CHANNELS:
        others = [other for other in CHANNELS if other != channel]
        alone = [part.only([channel]) for part in parts]
        without = [part.only(others) for part in parts]
        both = table_of([*alone, *without], encoders)
        rows = np.arange(len(parts))
        tables = (both.take(rows), both.take(rows + len(parts)))
        found.append(_Tables("channel", f"what was {channel}", *tables))
    return found


def _right(checkpoint: Checkpoint, table: Table, tickets: Sequence[LabelledTicket]) -> Right:
    """Return whether each labelled ticket is called what it is."""
    judged = judge(checkpoint, table)
    there = table.widened(checkpoint.recipe.shape.widths).filled
    found: dict[str, NDArray[np.bool_]] = {}
    for question in judged.chances:
        best, common = judged.best(question), checkpoint.recipe.commonest(question)
        called = [best[row] if there[row] else common for row in range(len(tickets))]
        true = [ticket.label(question) for ticket in tickets]
        found[question] = np.array([c == t for c, t in zip(called, true, strict=True) if t], bool)
    return found


def _difference(what: str, mine: Bits, theirs: Bits) -> Difference:
    return paired_bootstrap(what, mine.astype(float).tolist(), theirs.astype(float).tolist())
