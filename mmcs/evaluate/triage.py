"""How well tickets are filed: each net on each question, with every subset of what a ticket has,
beside plainer rules.

``data`` is a .jsonl of ``{"text", "audio", "images", "labels"}``, as for training. Where a line has
``transcripts`` and ``readings``, what is truly said and shown, the nets are measured on these too.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from mmcs.errors import ModelUnavailable, UsageError
from mmcs.evaluate.bootstrap import Difference, paired_bootstrap
from mmcs.evaluate.shares import told_share
from mmcs.evaluate.triage_faithful import Faithful, faithfulness
from mmcs.evaluate.triage_figures import Called, QuestionFigures, outside_auroc, question_figures
from mmcs.evaluate.triage_modalities import Modality, worth_of_modalities
from mmcs.evaluate.triage_rules import rules_called
from mmcs.settings import Settings
from mmcs.training.triage import encoders_for
from mmcs.training.triage_data import featured, kept_apart, understand, with_true_words
from mmcs.triage.checkpoint import SHIPPED, Checkpoint
from mmcs.triage.checkpoint import load as load_checkpoint
from mmcs.triage.explain import Explainer
from mmcs.triage.features import MODALITIES, SUBSETS, Table
from mmcs.triage.features import Modality as FeatureModality
from mmcs.triage.gather import Encoders
from mmcs.triage.judge import SCOPE, judge
from mmcs.triage.labelled import LabelledTicket, read_tickets
from mmcs.triage.words import Understood

TIMED = 50  # tickets, one at a time


@dataclass(frozen=True)
class SubsetScore:
    """How one question goes with nothing but some of the modalities."""

    modalities: tuple[FeatureModality, ...]
    question: str
    tickets: int  # that have them all
    accuracy: float
    f1: float  # macro


@dataclass(frozen=True)
class NetReport:
    """How one net did."""

    name: str
    file: str
    questions: dict[str, QuestionFigures]
    outside_auroc: float | None  # of "none of these"; None where all tickets belong somewhere
    subsets: tuple[SubsetScore, ...]
    true_words: dict[str, float]  # accuracy as if the recognisers made no mistake; where known
    heard_words: dict[str, float]  # the same tickets with what was recognised
    modalities: tuple[Modality, ...]  # what each is worth; none where the net has but one
    faithful: tuple[Faithful, ...]  # its explanations, where that was asked for
    seconds: float  # for one ticket whose features are there, the median


@dataclass(frozen=True)
class RuleReport:
    """How a plain rule did on the questions that it can answer."""

    name: str
    accuracy: dict[str, float]
    f1: dict[str, float]  # macro


@dataclass(frozen=True)
class TriageReport:
    """How all nets and rules did."""

    data: str
    tickets: int
    nets: tuple[NetReport, ...]
    rules: tuple[RuleReport, ...]
    differences: tuple[Difference, ...]  # of accuracy, to the first net

    def lines(self) -> list[str]:
        """Return the report for people."""
        told = [f"{self.tickets} tickets of {self.data}"]
        for net in self.nets:
            told += _net_lines(net)
        for rule in self.rules:
            for question, accuracy in rule.accuracy.items():
                f1 = rule.f1[question]
                told.append(f"{rule.name}: {question} accuracy {accuracy:.3f}, macro F1 {f1:.3f}")
        return told + [difference.line() for difference in self.differences]


def _net_lines(net: NetReport) -> list[str]:
    told = [f"{net.name} ({net.file}), {1000 * net.seconds:.1f} ms a ticket"]
    for question, found in net.questions.items():
        told.append(
            f"  {question}: {found.tickets} tickets, accuracy {found.accuracy:.3f}, macro "
            f"precision {found.precision:.3f}, recall {found.recall:.3f}, F1 {found.f1:.3f}, "
            f"calibration error {found.calibration_error:.3f}"
        )
    if net.outside_auroc is not None:
        told.append(f"  none of these: AUROC {net.outside_auroc:.3f}")
    for one in net.subsets:
        told.append(
            f"  {one.question} by {' and '.join(one.modalities)}: {one.tickets} tickets, accuracy "
            f"{one.accuracy:.3f}, macro F1 {one.f1:.3f}"
        )
    for question, accuracy in net.true_words.items():
        heard = told_share(net.heard_words[question])
        told.append(f"  {question} with the true words: {accuracy:.3f}; as recognised: {heard}")
    told += [f"  {one.line()}" for one in net.modalities]
    told += [f"  {one.line()}" for one in net.faithful]
    return told


@dataclass(frozen=True)
class Data:
    """The tickets with their features."""

    tickets: tuple[LabelledTicket, ...]
    understood: list[Understood]
    table: Table
    encoders: Encoders
    settings: Settings
    truly: NDArray[np.intp]  # the rows whose true words are known
    true_table: Table | None  # these rows with their true words


Rightness = Mapping[str, NDArray[np.bool_]]  # question -> whether each labelled ticket was right


def evaluate(
    data: Path, settings: Settings, weights: Sequence[Path] = (), explained: int = 0
) -> TriageReport:
    """Measure nets on labelled tickets.

    Args:
        data: the labelled tickets.
        settings: where things are.
        weights: the nets; the shipped one if none is named.
        explained: on how many tickets to measure the explanations of the first net.

    Raises:
        UsageError: the tickets cannot be read, or have no label that a net knows.
        ModelUnavailable: a net, or a model that makes its features, cannot be had.
    """
    tickets = read_tickets(data)
    nets = [(load_checkpoint(path), path) for path in weights or (SHIPPED,)]
    read = _data(tickets, nets, settings)
    reports: list[NetReport] = []
    rights: dict[str, Rightness] = {}
    for checkpoint, path in nets:
        report, right = _net_report(checkpoint, path, read, 0 if reports else explained)
        reports.append(report)
        rights[f"{report.name} ({report.file})"] = right
    rules: list[RuleReport] = []
    for name, called in rules_called(
        nets[0][0], tickets, read.table, settings, read.understood
    ).items():
        found = {question: question_figures(one) for question, one in called.items()}
        accuracy = {question: one.accuracy for question, one in found.items()}
        rules.append(RuleReport(name, accuracy, {q: one.f1 for q, one in found.items()}))
        rights[name] = {question: one.right for question, one in called.items()}
    return TriageReport(
        data.name, len(tickets), tuple(reports), tuple(rules), tuple(_differences(rights))
    )


def _data(
    tickets: tuple[LabelledTicket, ...],
    nets: Sequence[tuple[Checkpoint, Path]],
    settings: Settings,
) -> Data:
    learned = np.sum([checkpoint.recipe.shape.widths for checkpoint, _ in nets], axis=0) > 0
    modalities = [m for m, known in zip(MODALITIES, learned, strict=True) if known]
    encoders = encoders_for(modalities, settings)
    for checkpoint, path in nets:
        if checkpoint.recipe.encoders != encoders.text_name:
            raise ModelUnavailable(
                f"{path.name} was trained on features of {checkpoint.recipe.encoders}, and this "
                f"desk's are of {encoders.text_name}."
            )
    with tqdm(total=len(tickets), desc="Understanding", unit="ticket", file=sys.stderr) as bar:
        understood = understand(tickets, settings, bar.update)
    table = featured(understood, encoders, settings, lambda done: None)
    truly = [row for row, ticket in enumerate(tickets) if ticket.transcripts or ticket.readings]
    rows = np.array(truly, np.intp)
    true = _true_table(rows, tickets, understood, encoders, settings)
    return Data(tickets, understood, table, encoders, settings, rows, true)


def _true_table(
    rows: NDArray[np.intp],
    tickets: Sequence[LabelledTicket],
    understood: Sequence[Understood],
    encoders: Encoders,
    settings: Settings,
) -> Table | None:
    if not len(rows):
        return None
    truly = [with_true_words(understood[row], tickets[row]) for row in rows]
    return featured(truly, encoders, settings, lambda done: None)


def _net_report(
    checkpoint: Checkpoint, path: Path, data: Data, explained: int
) -> tuple[NetReport, Rightness]:
    called = _called(checkpoint, data.table, data.tickets)
    if not called:
        raise UsageError(f"The tickets have no label of a question that {path.name} has learned.")
    outside = np.array([ticket.outside is True for ticket in data.tickets])
    subsets: list[SubsetScore] = []
    for subset in SUBSETS:
        rows = data.table.having(subset)
        some = [data.tickets[row] for row in rows]
        for question, one in _called(checkpoint, data.table.take(rows).only(subset), some).items():
            found = question_figures(one)
            subsets.append(SubsetScore(subset, question, found.tickets, found.accuracy, found.f1))
    true_words: dict[str, float] = {}
    heard_words: dict[str, float] = {}
    if data.true_table is not None:
        some = [data.tickets[row] for row in data.truly]
        true_words = _accuracies(_called(checkpoint, data.true_table, some))
        heard_words = _accuracies(_called(checkpoint, data.table.take(data.truly), some))
    report = NetReport(
        name=checkpoint.name,
        file=path.name,
        questions={question: question_figures(one) for question, one in called.items()},
        outside_auroc=outside_auroc(judge(checkpoint, data.table).outside, outside),
        subsets=tuple(subsets),
        true_words=true_words,
        heard_words=heard_words,
        modalities=_modalities(checkpoint, data),
        faithful=_faithful(checkpoint, data, explained),
        seconds=_seconds(checkpoint, data.table),
    )
    return report, {question: one.right for question, one in called.items()}


def _modalities(checkpoint: Checkpoint, data: Data) -> tuple[Modality, ...]:
    if sum(width > 0 for width in checkpoint.recipe.shape.widths) < 2:
        return ()
    apart = kept_apart(data.settings)
    return worth_of_modalities(
        checkpoint, data.table, data.tickets, data.understood, data.encoders, apart
    )


def _faithful(checkpoint: Checkpoint, data: Data, count: int) -> tuple[Faithful, ...]:
    if not count:
        return ()
    explainer = Explainer(checkpoint, data.encoders, kept_apart(data.settings))
    step = max(1, len(data.tickets) // count)
    some = data.understood[::step][:count]
    question = next(head for head in checkpoint.recipe.shape.labels if head != SCOPE)
    with tqdm(total=len(some), desc="Explaining", unit="ticket", file=sys.stderr) as bar:
        return faithfulness(explainer, some, question, bar.update)


def _called(
    checkpoint: Checkpoint, table: Table, tickets: Sequence[LabelledTicket]
) -> Mapping[str, Called]:
    """Return what a net calls the tickets that have a label, by question."""
    if not len(table):
        return {}
    judged = judge(checkpoint, table)
    found: dict[str, Called] = {}
    for question, chances in judged.chances.items():
        rows = [row for row, ticket in enumerate(tickets) if ticket.label(question)]
        if rows:
            best = judged.best(question)
            found[question] = Called(
                tuple(tickets[row].label(question) or "" for row in rows),
                tuple(best[row] for row in rows),
                chances[rows].max(axis=1),
            )
    return found


def _accuracies(called: Mapping[str, Called]) -> dict[str, float]:
    return {question: float(one.right.mean()) for question, one in called.items()}


def _seconds(checkpoint: Checkpoint, table: Table) -> float:
    """Return what one ticket takes from its features to its verdicts, the median of some."""
    spent: list[float] = []
    for row in range(min(TIMED, len(table))):
        one = table.take(np.array([row]))
        begun = time.perf_counter()
        judge(checkpoint, one)
        spent.append(time.perf_counter() - begun)
    return statistics.median(spent)


def _differences(rights: Mapping[str, Rightness]) -> list[Difference]:
    """Return how much oftener the first net is right than each of the others, ticket by ticket."""
    (first, mine), *others = rights.items()
    return [
        paired_bootstrap(
            f"{question}: {first} against {name}",
            mine[question].astype(float).tolist(),
            theirs[question].astype(float).tolist(),
        )
        for name, theirs in others
        for question in mine
        if question in theirs
    ]
