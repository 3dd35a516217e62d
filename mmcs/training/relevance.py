"""Fit the numbers of relevance on written questions.

    python -m mmcs.training.relevance QUESTIONS.jsonl FOLDER [QUESTIONS.jsonl FOLDER]...

Lines with ``units`` teach which passage answers and which of its units do; others (article and
answerable alone) which passage answers.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from mmcs import roles
from mmcs.knowledge import Knowledge
from mmcs.knowledge.questions import mark, read_questions
from mmcs.knowledge.relevance import (
    NUMBERS,
    SCRIPTS,
    Judge,
    Logistic,
    Question,
    passage_features,
    unit_features,
)
from mmcs.knowledge.search import nearest
from mmcs.settings import from_environment
from mmcs.ticket import to_json
from mmcs.training.examples import unseen

Matrix = NDArray[np.float64]
PASSAGE_SHRINKAGE = 300.0  # L2; chosen on articles that were held out
UNIT_SHRINKAGE = 10.0
LEAST_SCALE = 0.02  # so that a feature that hardly varies doesn't grow
WRONGLY_REFUSED = 0.03  # share of the answerable questions that the threshold may cost


@dataclass(frozen=True)
class Asked:
    """A question with its candidates as features."""

    script: str
    unseen: bool  # by the embedder
    answerable: bool
    passages: Matrix  # (candidates, features)
    answers: NDArray[np.bool_]  # (candidates,)
    units: tuple[Matrix, ...]  # of the candidates that answer, where their units are known
    right: tuple[NDArray[np.bool_], ...]


def gather(path: Path, knowledge: Knowledge) -> Iterator[Asked]:
    """Yield each question of a file with the candidates that the search brings up."""
    index = knowledge.index
    for line in read_questions(path):
        found, fused = knowledge.near(line.query)
        rows = nearest(fused, index)
        question = Question(line.query, index, knowledge.embedder)
        of_units = [unit_features(question, row, index) for row in rows]
        passages = passage_features(question, rows, of_units, found, fused, index)
        marks = [
            np.array([mark(unit.text) in line.units for unit in index.parts[row].units])
            for row in rows
        ]
        owners = [index.articles[index.owners[row]].id for row in rows]
        named = [line.answerable and owner in line.articles for owner in owners]
        answering = [
            here and (not line.units or bool(marked.any()))
            for here, marked in zip(named, marks, strict=True)
        ]
        known = [place for place, yes in enumerate(answering) if yes and line.units]
        yield Asked(
            "zh" if line.query.chinese else "en",
            unseen(line),
            line.answerable,
            passages,
            np.array(answering),
            tuple(of_units[place] for place in known),
            tuple(marks[place] for place in known),
        )


def fit(features: Matrix, labels: NDArray[np.bool_], shrinkage: float) -> Logistic:
    """Return the logistic regression of labels on standardised features."""
    mean, scale = features.mean(axis=0), features.std(axis=0) + LEAST_SCALE
    model = LogisticRegression(C=1 / shrinkage, max_iter=5_000)
    model.fit((features - mean) / scale, labels)
    bias = round(float(model.intercept_[0]), 5)
    return Logistic(_rounded(mean), _rounded(scale), _rounded(model.coef_[0]), bias)


def _rounded(values: Matrix) -> tuple[float, ...]:
    return tuple(round(float(value), 5) for value in values)


def fit_all(asked: Sequence[Asked], seen: Callable[[str], None]) -> Mapping[str, Judge]:
    """Return the numbers of both scripts."""
    judges: dict[str, Judge] = {}
    for script in SCRIPTS:
        mine = [one for one in asked if one.script == script]
        passages = fit(*_stacked((one.passages, one.answers) for one in mine), PASSAGE_SHRINKAGE)
        pairs = (pair for one in mine for pair in zip(one.units, one.right, strict=True))
        units = fit(*_stacked(pairs), UNIT_SHRINKAGE)
        new = [one for one in mine if one.unseen]
        best = np.array([passages.chances(one.passages).max() for one in new])
        answerable = np.array([one.answerable for one in new])
        threshold = float(np.quantile(best[answerable], WRONGLY_REFUSED))
        judges[script] = Judge(passages, units, round(threshold, 4))
        refused = float((best[~answerable] < threshold).mean())
        seen(f"{script}: {len(mine)} questions; threshold {threshold:.3f} refuses {refused:.2f}")
    return judges


def _stacked(
    pairs: Iterable[tuple[Matrix, NDArray[np.bool_]]],
) -> tuple[Matrix, NDArray[np.bool_]]:
    features, labels = zip(*pairs, strict=True)
    return np.concatenate(features), np.concatenate(labels)


def main() -> None:
    """Read the command line, gather, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", nargs="+", type=Path, metavar="QUESTIONS FOLDER")
    parser.add_argument("--out", type=Path, default=NUMBERS)
    given = parser.parse_args()
    settings = replace(from_environment(), offline=True)
    embedder = roles.Remembering(roles.load("embedder", "bilingual", settings), 60_000)
    asked: list[Asked] = []
    for questions, folder in zip(given.pairs[::2], given.pairs[1::2], strict=True):
        asked += gather(questions, Knowledge.open(folder, embedder, settings.cache))
        print(f"{questions}: {len(asked)} questions so far", flush=True)  # noqa: T201
    judges = {script: to_json(judge) for script, judge in fit_all(asked, print).items()}
    given.out.write_text(json.dumps(judges, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
