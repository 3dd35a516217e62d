"""Fit the numbers of the fused score on labelled questions that the embedder was not trained on.

    python -m mmcs.training.fusion QUESTIONS.jsonl FOLDER [QUESTIONS.jsonl FOLDER]...

The weights of the signals maximise the likelihood that an answering article comes first (a softmax
over the candidate passages of each question, in which all passages of an answering article count as
one). The curve on top is a logistic regression over the first articles of each question, on sums
that were computed without the question.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.metrics import roc_auc_score

from mmcs import roles
from mmcs.knowledge.fusion import (
    NUMBERS,
    Formula,
    Fusion,
    best_of_articles,
    lead,
    weighted_sum,
)
from mmcs.knowledge.index import Floats, Index, open_index
from mmcs.knowledge.questions import Question, read_questions
from mmcs.knowledge.signals import Signals, signals
from mmcs.roles import Embedder
from mmcs.settings import Settings, from_environment
from mmcs.ticket import to_json
from mmcs.training.examples import unseen


@dataclass(frozen=True)
class Names:
    """The signals that order the passages, and those of the best passage that the curve takes."""

    weights: tuple[str, ...]
    anchors: tuple[str, ...]


LATIN = Names(
    weights=("meaning", "sentence", "words", "letters", "code", "phrase", "language"),
    anchors=("meaning", "code"),
)
CHINESE = Names(
    weights=(
        *("meaning", "sentence", "words", "letters", "title_letters", "code", "phrase"),
        "language",
    ),
    anchors=("meaning", "letters", "code"),
)
SPREAD: Mapping[str, float] = {  # the size of a difference that matters, so that all shrink alike
    "meaning": 0.1,
    "sentence": 0.1,
    "words": 0.2,
    "letters": 0.05,
    "title_letters": 0.05,
    "code": 0.2,
    "phrase": 0.25,
    "language": 0.25,
}
FLOORS: Mapping[str, float] = {  # least weights that the questions alone might not ask for
    "language": 3.0,  # a reply quotes its article: the customer's language goes first
    "code": 2.0,  # an error code finds the article that quotes it
}
SHRINKAGE = 1.0  # L2 on the weights, per SPREAD
CURVE_SHRINKAGE = 0.1  # L2 on the curve's numbers but the bias
CANDIDATES = 64  # passages of a question that the fit looks at
FIRST = 6  # articles of a question that the curve is fitted on
FOLDS = 8
SEED = 20261121

Flags = NDArray[np.bool_]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Example:
    """A question with its signals."""

    question: Question
    signals: Signals
    index: Index

    @property
    def right(self) -> Flags:
        """Which articles answer."""
        return np.array([a.id in self.question.articles for a in self.index.articles])


@dataclass(frozen=True)
class Curve:
    """A logistic curve over rows of lead, gap and anchors."""

    bias: float
    slopes: tuple[float, ...]

    def __call__(self, rows: Floats) -> Floats:
        """Return the probability of each row."""
        probability: Floats = 1 / (1 + np.exp(-(self.bias + rows @ np.array(self.slopes))))
        return probability


@dataclass(frozen=True)
class Fit:
    """A fitted formula, and how it does on questions that it was not fitted on."""

    formula: Formula
    recall_at_1: float
    recall_at_5: float
    mrr: float
    refusal_auc: float  # of the best score, answerable against not
    questions: int


def examples(questions: Sequence[Question], index: Index, embedder: Embedder) -> Iterator[Example]:
    """Yield each question with its signals."""
    for question in questions:
        yield Example(question, signals(question.query, index, embedder), index)


def fit(given: Sequence[Example], names: Names) -> Fit:
    """Return the formula that serves the examples best, and its cross-validated figures."""
    sums = _unseen_sums(given, names.weights)
    rows = [_rows(e, total, names.anchors) for e, total in zip(given, sums, strict=True)]
    answers = [_answers(e, total) for e, total in zip(given, sums, strict=True)]
    best = np.array([p.max() for p in _unseen_scores(rows, answers)])
    answerable = np.array([e.question.answerable for e in given])
    curve = _curve(rows, answers)
    ranks = np.array([r for r in map(_rank, given, sums) if r is not None])
    formula = Formula(
        weights=_weights(given, names.weights),
        anchors=dict(zip(names.anchors, curve.slopes[2:], strict=True)),
        bias=curve.bias,
        per_lead=curve.slopes[0],
        per_gap=curve.slopes[1],
        usual_lead=round(float(np.median([r[0, 0] for r in rows])), 4),
    )
    return Fit(
        formula=formula,
        recall_at_1=float(np.mean(ranks < 1)),
        recall_at_5=float(np.mean(ranks < 5)),
        mrr=float(np.mean(1 / (ranks + 1))),
        refusal_auc=float(roc_auc_score(answerable, best)),
        questions=len(given),
    )


def _rank(example: Example, total: Floats) -> int | None:
    """Return how many wrong articles stand before the first right one."""
    if not example.right.any():
        return None
    articles = best_of_articles(total, example.index)
    return int((articles[~example.right] > articles[example.right].max()).sum())


def _weights(given: Sequence[Example], names: Sequence[str]) -> dict[str, float]:
    """Return the weight of each signal, for its own units."""
    scale = np.array([SPREAD[name] for name in names])
    passages, right, present = _candidates([e for e in given if e.right.any()], names)
    passages = passages / scale

    def loss(weights: Floats) -> tuple[float, Floats]:
        total = np.where(present, passages @ weights, -1e9)
        whole = logsumexp(total, axis=1)
        wanted = np.where(right, total, -1e9)
        ours = logsumexp(wanted, axis=1)
        pull = np.exp(total - whole[:, None]) - np.exp(wanted - ours[:, None])
        slope = np.einsum("qp,qpf->f", pull, passages) + SHRINKAGE * weights
        return float((whole - ours).sum() + SHRINKAGE * weights @ weights / 2), slope

    least = [FLOORS.get(name, 0.0) * SPREAD[name] for name in names]
    found = _least(loss, least) / scale
    return {name: round(float(w), 4) for name, w in zip(names, found, strict=True)}


def _least(loss: Callable[[Floats], tuple[float, Floats]], floors: Sequence[float]) -> Floats:
    """Return where a loss is least, with no number below its floor.

    No kind of likeness may count against a passage: with few questions it would only by chance.
    """
    start = np.maximum(np.array(floors), 0.0)
    bounds = [(floor, None) for floor in floors]
    found: Floats = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return found


def _candidates(given: Sequence[Example], names: Sequence[str]) -> tuple[Floats, Flags, Flags]:
    """Return signals (questions, CANDIDATES, names), which are right, and which are there."""
    passages = np.zeros((len(given), CANDIDATES, len(names)))
    right = np.zeros((len(given), CANDIDATES), dtype=bool)
    present = np.zeros((len(given), CANDIDATES), dtype=bool)
    for row, example in enumerate(given):
        columns = np.stack([getattr(example.signals, name) for name in names], axis=1)
        ours = example.right[example.index.owners]
        plain = columns @ np.array([1 / SPREAD[name] for name in names])
        kept = np.argsort(-(plain + 1e6 * ours), kind="stable")[:CANDIDATES]
        passages[row, : len(kept)] = columns[kept]
        right[row, : len(kept)] = ours[kept]
        present[row, : len(kept)] = True
    return passages, right, present


def _folds(count: int) -> NDArray[np.int64]:
    """Return a fold for each of ``count`` questions."""
    folds: NDArray[np.int64] = np.random.default_rng(SEED).permutation(count) % FOLDS
    return folds


def _unseen_sums(given: Sequence[Example], names: Sequence[str]) -> list[Floats]:
    """Return each example's weighted sum, by weights fitted without its fold."""
    folds = _folds(len(given))
    weights = [
        _weights([e for e, f in zip(given, folds, strict=True) if f != fold], names)
        for fold in range(FOLDS)
    ]
    return [weighted_sum(e.signals, weights[f]) for e, f in zip(given, folds, strict=True)]


def _first(example: Example, total: Floats) -> NDArray[np.int64]:
    order: NDArray[np.int64] = np.argsort(-best_of_articles(total, example.index), kind="stable")
    return order[:FIRST]


def _rows(example: Example, total: Floats, anchors: Sequence[str]) -> Floats:
    """Return lead, gap and anchors of the first articles of a question."""
    articles = best_of_articles(total, example.index)
    first = _first(example, total)
    best = int(total.argmax())
    alike = [float(getattr(example.signals, name)[best]) for name in anchors]
    ahead = lead(total, example.index) or 0.0
    return np.array([[ahead, articles[a] - articles[first[0]], *alike] for a in first])


def _answers(example: Example, total: Floats) -> Flags:
    flags: Flags = example.right[_first(example, total)]
    return flags


def _curve(rows: Sequence[Floats], answers: Sequence[Flags]) -> Curve:
    joined = np.concatenate(rows)
    design = np.column_stack([np.ones(len(joined)), joined])
    right = np.concatenate(answers).astype(float)

    def loss(numbers: Floats) -> tuple[float, Floats]:
        logits = design @ numbers
        likelihood = (np.logaddexp(0, logits) - right * logits).sum()
        pulled = np.append(0.0, numbers[1:])
        slope = design.T @ (1 / (1 + np.exp(-logits)) - right) + CURVE_SHRINKAGE * pulled
        return float(likelihood + CURVE_SHRINKAGE * pulled @ pulled / 2), slope

    floors = (-np.inf, *[0.0] * joined.shape[1])
    bias, *slopes = (round(float(number), 4) for number in _least(loss, floors))
    return Curve(bias, tuple(slopes))


def _unseen_scores(rows: Sequence[Floats], answers: Sequence[Flags]) -> list[Floats]:
    """Return the scores of each question's first articles, by curves fitted without its fold."""
    folds = _folds(len(rows))
    curves: list[Callable[[Floats], Floats]] = [
        _curve(
            [r for r, f in zip(rows, folds, strict=True) if f != fold],
            [a for a, f in zip(answers, folds, strict=True) if f != fold],
        )
        for fold in range(FOLDS)
    ]
    return [curves[f](r) for r, f in zip(rows, folds, strict=True)]


def main(arguments: Sequence[str] | None = None, settings: Settings | None = None) -> None:
    """Fit on pairs of questions and folder, write the numbers, log the figures."""
    parser = argparse.ArgumentParser(prog="python -m mmcs.training.fusion")
    parser.add_argument("pairs", nargs="+", type=Path, metavar="QUESTIONS FOLDER")
    parser.add_argument("--output", type=Path, default=NUMBERS)
    asked = parser.parse_args(arguments)
    if len(asked.pairs) % 2:
        parser.error("give each file of questions with its folder of articles")
    settings = settings or from_environment()
    embedder = roles.Remembering(roles.load("embedder", "bilingual", settings), 60_000)
    given: list[Example] = []
    for questions, folder in zip(asked.pairs[::2], asked.pairs[1::2], strict=True):
        index = open_index(folder, embedder, settings.cache)
        asked_here = [question for question in read_questions(questions) if unseen(question)]
        given.extend(examples(asked_here, index, embedder))
    latin = fit([e for e in given if not e.question.query.chinese], LATIN)
    chinese = fit([e for e in given if e.question.query.chinese], CHINESE)
    fusion = Fusion(latin.formula, chinese.formula)
    asked.output.write_text(json.dumps(to_json(fusion), indent=1) + "\n", "utf-8")
    for name, found in (("latin", latin), ("chinese", chinese)):
        _log.info("%s: %s", name, json.dumps(to_json(found)))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
