"""The figures of triage, worked out from what was called and what is true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, roc_auc_score

BINS = 15  # of confidence, as in Guo et al. 2017
COVERAGES = tuple(round(step / 20, 2) for step in range(1, 21))


@dataclass(frozen=True)
class Called:
    """What was called of some tickets, and with what confidence, beside what is true."""

    true: tuple[str, ...]
    called: tuple[str, ...]
    confidence: NDArray[np.float64]  # (tickets,)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each ticket was called what it is."""
        return np.array([a == b for a, b in zip(self.true, self.called, strict=True)], bool)


@dataclass(frozen=True)
class LabelFigures:
    """One label against all others; a figure is 0 where it would be 0 / 0."""

    label: str
    tickets: int  # that truly are
    precision: float  # TP / (TP + FP)
    recall: float  # TP / (TP + FN)
    f1: float


@dataclass(frozen=True)
class Bin:
    """The tickets of like confidence."""

    tickets: int
    confidence: float  # mean
    accuracy: float


@dataclass(frozen=True)
class Risk:
    """What it costs to decide only the surest tickets (Geifman and El-Yaniv 2017)."""

    coverage: float  # share of the tickets that are decided
    risk: float  # share of these that are wrong


@dataclass(frozen=True)
class QuestionFigures:
    """How well one question is answered."""

    tickets: int
    accuracy: float
    precision: float  # macro, as are recall and F1: the mean over labels
    recall: float
    f1: float
    calibration_error: float  # expected, over bins of confidence
    labels: tuple[LabelFigures, ...]
    confusion: tuple[tuple[int, ...], ...]  # rows are true, columns called, in the labels' order
    bins: tuple[Bin, ...]
    risks: tuple[Risk, ...]


def question_figures(called: Called) -> QuestionFigures:
    """Return the figures of one question."""
    names = sorted({*called.true, *called.called})
    found = precision_recall_fscore_support(
        called.true, called.called, labels=names, zero_division=0
    )
    precision, recall, f1, counts = found
    labels = tuple(
        LabelFigures(name, int(counts[i]), float(precision[i]), float(recall[i]), float(f1[i]))
        for i, name in enumerate(names)
    )
    confusion = confusion_matrix(called.true, called.called, labels=names)
    bins = confidence_bins(called)
    return QuestionFigures(
        tickets=len(called.true),
        accuracy=float(called.right.mean()),
        precision=float(precision.mean()),
        recall=float(recall.mean()),
        f1=float(f1.mean()),
        calibration_error=calibration_error(bins),
        labels=labels,
        confusion=tuple(tuple(int(n) for n in row) for row in confusion),
        bins=bins,
        risks=risks(called),
    )


def confidence_bins(called: Called) -> tuple[Bin, ...]:
    """Return the tickets by confidence, in bins of equal width; empty ones are left out."""
    places = np.minimum((called.confidence * BINS).astype(int), BINS - 1)
    found = []
    for place in range(BINS):
        here = places == place
        if here.any():
            confidence = float(called.confidence[here].mean())
            found.append(Bin(int(here.sum()), confidence, float(called.right[here].mean())))
    return tuple(found)


def calibration_error(bins: Sequence[Bin]) -> float:
    """Return the expected calibration error (Naeini et al. 2015): the mean distance between
    confidence and accuracy, each bin counted by its tickets."""
    total = sum(one.tickets for one in bins)
    return sum(one.tickets * abs(one.confidence - one.accuracy) for one in bins) / total


def risks(called: Called) -> tuple[Risk, ...]:
    """Return the share of wrong ones among the surest tickets, for growing shares of them."""
    surest = np.argsort(-called.confidence, kind="stable")
    wrong = ~called.right[surest]
    decided = [max(1, round(coverage * len(wrong))) for coverage in COVERAGES]
    pairs = zip(COVERAGES, decided, strict=True)
    return tuple(Risk(coverage, float(wrong[:count].mean())) for coverage, count in pairs)


def outside_auroc(chances: NDArray[np.float64], outside: NDArray[np.bool_]) -> float | None:
    """Return how well a chance orders tickets that belong to none before the others: the area under
    the ROC curve; None where there are not both."""
    if outside.all() or not outside.any():
        return None
    return float(roc_auc_score(outside, chances))
