"""The report on triage as one HTML page: figures and pictures, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmcs.evaluate.bootstrap import Difference
from mmcs.evaluate.triage import NetReport, TriageReport, evaluate
from mmcs.evaluate.triage_figures import QuestionFigures
from mmcs.settings import Settings

DOTS = 110  # an inch
NAMED = 40  # labels, up to which the confusion matrix names them
NUMBERED = 12  # labels, up to which its cells say their numbers
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 } 
th, td { padding: .15rem .8rem; text-align: right }
th:first-child, td:first-child { text-align: left } tr { border-bottom: 1px solid #ccd }
img { max-width: 100% } details { margin: .5rem 0 } pre { font-size: 13px; overflow-x: auto }
"""


def evaluate_on_page(
    data: Path, settings: Settings, weights: Sequence[Path], page: Path | None, explained: int = 0
) -> TriageReport:
    """Measure, and write the page if one is asked for.

    Raises:
        UsageError, ModelUnavailable: as ``evaluate`` does.
    """
    report = evaluate(data, settings, weights, explained)
    if page is not None:
        write_page(report, page)
    return report


def write_page(report: TriageReport, path: Path) -> None:
    """Write the page."""
    told = escape("\n".join(report.lines()))
    parts = "".join(part for net in report.nets for part in _net(net))
    path.write_text(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Triage</title>'
        f"<style>{_STYLE}</style><h1>Triage</h1>{_side_by_side(report)}{parts}"
        f"<details><summary>All in words</summary><pre>{told}</pre></details></html>",
        "utf-8",
    )


def _side_by_side(report: TriageReport) -> str:
    rows = [
        (f"{net.name}, {net.file}", question, found.accuracy, found.f1)
        for net in report.nets
        for question, found in net.questions.items()
    ]
    rows += [
        (rule.name, question, accuracy, rule.f1[question])
        for rule in report.rules
        for question, accuracy in rule.accuracy.items()
    ]
    cells = [(a, q, f"{accuracy:.3f}", f"{f1:.3f}") for a, q, accuracy, f1 in rows]
    differences = "".join(f"<li>{escape(one.line())}</li>" for one in report.differences)
    return (
        f"<p>{report.tickets} tickets of {escape(report.data)}</p>"
        + _table(("", "question", "accuracy", "macro F1"), cells)
        + (f"<p>Differences of accuracy, with 95 % intervals:</p><ul>{differences}</ul>")
    )


def _net(net: NetReport) -> Iterator[str]:
    yield f"<h2>{escape(net.name)}, {escape(net.file)}</h2>"
    yield f"<p>{1000 * net.seconds:.1f} ms a ticket once its features are there.</p>"
    if net.outside_auroc is not None:
        yield f"<p>None of these: AUROC {net.outside_auroc:.3f}.</p>"
    rows = [
        (" and ".join(s.modalities), s.question, str(s.tickets), f"{s.accuracy:.3f}", f"{s.f1:.3f}")
        for s in net.subsets
    ]
    yield _table(("with", "question", "tickets", "accuracy", "macro F1"), rows)
    if net.modalities:
        yield "<p>What each modality is worth, over all tickets:</p>"
        worth = [
            (
                one.name,
                one.question,
                str(one.tickets),
                f"{one.alone:.3f}",
                f"{one.without:.3f}",
                _interval(one.gain),
                _interval(one.loss),
            )
            for one in net.modalities
        ]
        heads = (
            "",
            "question",
            "tickets",
            "alone",
            "without",
            "gain over it alone",
            "lost without",
        )
        yield _table(heads, worth)
    for one in net.faithful:
        yield f"<p>Explanations by {escape(one.line())}</p>"
    words = [(q, f"{net.heard_words[q]:.3f}", f"{true:.3f}") for q, true in net.true_words.items()]
    if words:
        yield _table(("accuracy", "words as recognised", "true words"), words)
    for question, found in net.questions.items():
        yield f"<h3>{escape(question)}</h3>"
        yield _image(_reliability(found), f"Reliability and risk of {question}")
        yield _image(_confusion(found), f"Confusion of {question}")
        labels = [
            (
                one.label,
                str(one.tickets),
                f"{one.precision:.3f}",
                f"{one.recall:.3f}",
                f"{one.f1:.3f}",
            )
            for one in found.labels
        ]
        table = _table(("label", "tickets", "precision", "recall", "F1"), labels)
        yield f"<details><summary>Each label</summary>{table}</details>"


def _interval(found: Difference) -> str:
    return f"{found.difference:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    heads = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows)
    return f"<table><tr>{heads}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _image(figure: Figure, alt: str) -> str:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DOTS)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{data}">'


def _reliability(found: QuestionFigures) -> Figure:
    figure = Figure(figsize=(8.5, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color="grey", linestyle=":")
    most = max(one.tickets for one in found.bins)
    sizes = [20 + 180 * one.tickets / most for one in found.bins]
    confidences = [one.confidence for one in found.bins]
    left.scatter(confidences, [one.accuracy for one in found.bins], s=sizes)
    left.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1.02), ylim=(0, 1.02))
    left.set_title(f"calibration error {found.calibration_error:.3f}")
    right.plot([one.coverage for one in found.risks], [one.risk for one in found.risks])
    right.set(
        xlabel="share decided, the surest first", ylabel="share of them wrong", ylim=(0, None)
    )
    right.set_title("coverage against risk")
    return figure


def _confusion(found: QuestionFigures) -> Figure:
    counts = np.array(found.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [one.label for one in found.labels]
    side = min(4.0 + 0.22 * len(names), 12.0)
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes: Axes = figure.subplots()
    figure.colorbar(axes.imshow(shares, cmap="Blues", vmin=0, vmax=1), label="share of the true")
    axes.set(xlabel="called", ylabel="true")
    if len(names) <= NAMED:
        axes.set_xticks(range(len(names)), names, rotation=90)
        axes.set_yticks(range(len(names)), names)
    if len(names) <= NUMBERED:
        for (row, column), count in np.ndenumerate(counts):
            dark = shares[row, column] > 0.5
            colour = "white" if dark else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour)
    return figure
