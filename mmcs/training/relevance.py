"""Fit the numbers of relevance on written questions.

    python -m mmcs.training.relevance QUESTIONS.jsonl FOLDER [QUESTIONS.jsonl FOLDER]...

A regression learns which units of a passage that answers do, from lines with ``units``; all lines
set the threshold.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
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
    Blend,
    Judge,
    Logistic,
    Numbers,
    Question,
    features_of_units,
    logit,
)
from mmcs.knowledge.search import nearest
from mmcs.settings import from_environment
from mmcs.ticket import to_json
from mmcs.training.examples import answering, held_out, unseen

Matrix = NDArray[np.float64]
UNIT_SHRINKAGE = 10.0  # L2; chosen on articles that were held out
LEAST_SCALE = 0.02  # so that a feature that hardly varies doesn't grow
WRONGLY_REFUSED = 0.03  # share of the answerable questions that the threshold may cost
BLEND_FREEDOM = 10.0  # 1 / L2
DOUBTED = 0.25  # share of the answerable questions that are told to be read first


@dataclass(frozen=True)
class Asked:
    """A question with its candidates as features."""

    script: str
    article: str  # the first that answers; its own name where none does
    unseen: bool  # by the embedder
    answerable: bool
    fused: Matrix  # (candidates,) the search's score
    units: tuple[Matrix, ...]  # of the candidates that answer, where their units are known
    right: tuple[NDArray[np.bool_], ...]


def gather(path: Path, knowledge: Knowledge) -> Iterator[Asked]:
    """Yield each question of a file with the candidates that the search brings up."""
    index = knowledge.index
    for line in read_questions(path):
        fused = knowledge.near(line.query)
        rows = nearest(fused, index)
        question = Question(line.query, index, knowledge.embedder)
        of_units = features_of_units(question, rows, index)
        marks = [
            np.array([mark(unit.text) in line.units for unit in index.parts[row].units])
            for row in rows
        ]
        answers = answering(line, index) if line.units else ()
        known = [place for place, row in enumerate(rows) if row in answers]
        yield Asked(
            "zh" if line.query.chinese else "en",
            line.articles[0] if line.articles else line.id,
            unseen(line),
            line.answerable,
            fused[list(rows)],
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


def fit_all(asked: Sequence[Asked], blend: Blend, seen: Callable[[str], None]) -> Numbers:
    """Return the judges of both scripts, beside the blend."""
    judges: dict[str, Judge] = {}
    for script in ("en", "zh"):
        mine = [one for one in asked if one.script == script]
        pairs = (pair for one in mine for pair in zip(one.units, one.right, strict=True))
        units = fit(*_stacked(pairs), UNIT_SHRINKAGE)
        best = np.array([one.fused.max(initial=0.0) for one in mine])
        answerable = np.array([one.answerable for one in mine])
        new = np.array([one.unseen for one in mine]) & answerable
        threshold, doubted = np.quantile(best[new], (WRONGLY_REFUSED, DOUBTED))
        judges[script] = Judge(units, round(float(threshold), 4))
        refused = (best[~answerable] < threshold).mean()
        told = (best[~answerable] < doubted).mean()
        seen(
            f"{script}: {len(mine)} questions; threshold {threshold:.3f} refuses {refused:.2f} of "
            f"the near misses; below {doubted:.3f} are {told:.2f} of them, {DOUBTED} of the others"
        )
    return Numbers(blend=blend, **judges)


def read_candidates(path: Path, knowledge: Knowledge) -> Iterator[tuple[list[float], bool, str]]:
    """Yield what counts of each passage that English questions on held-out articles bring up:
    logits of the search's score and of the ranker's chance, likeness; whether it answers; and the
    question's name. Neither the embedder nor the reader has learned from these."""
    assert knowledge.ranker is not None  # noqa: S101  # main has seen to it
    index = knowledge.index
    for line in read_questions(path):
        if line.query.chinese or not line.articles or not held_out(line.articles[0]):
            continue
        fused = knowledge.near(line.query)
        rows, answers = nearest(fused, index), answering(line, index)
        read = knowledge.ranker.rank(line.query.everything, [knowledge.told(row) for row in rows])
        for row, seen in zip(rows, read, strict=True):
            yield [logit(fused[row]), logit(seen.answers), seen.likeness], row in answers, line.id


def blended(seen: Sequence[tuple[list[float], bool, str]]) -> Blend:
    """Return the regression, and the threshold below which few questions stay that an article
    answers."""
    features, labels = np.array([f for f, _, _ in seen]), np.array([r for _, r, _ in seen])
    model = LogisticRegression(C=BLEND_FREEDOM, max_iter=5_000).fit(features, labels)
    chances = model.predict_proba(features)[:, 1]
    names = np.array([name for *_, name in seen])
    best = [chances[names == name].max() for name in dict.fromkeys(names)]
    threshold = float(np.quantile(best, WRONGLY_REFUSED))
    numbers = (*model.coef_[0].tolist(), float(model.intercept_[0]), threshold)
    return Blend(*(round(number, 4) for number in numbers))


def write(numbers: Numbers, path: Path) -> None:
    """Write what ``load_numbers`` reads."""
    path.write_text(json.dumps(to_json(numbers), indent=1) + "\n", "utf-8")


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
    ranker = roles.load("ranker", "mpnet", settings)
    asked: list[Asked] = []
    seen: list[tuple[list[float], bool, str]] = []
    for questions, folder in zip(given.pairs[::2], given.pairs[1::2], strict=True):
        opened = Knowledge.open(folder, embedder, settings.cache)
        asked += gather(questions, opened)
        seen += read_candidates(questions, replace(opened, ranker=ranker))
        print(f"{questions}: {len(asked)} questions so far", flush=True)  # noqa: T201
    write(fit_all(asked, blended(seen), print), given.out)


if __name__ == "__main__":
    main()
