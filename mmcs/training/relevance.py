"""Fit the numbers of relevance on written questions.

    python -m mmcs.training.relevance QUESTIONS.jsonl FOLDER [QUESTIONS.jsonl FOLDER]...

Trees learn which passage answers, a regression which of its units do. The threshold is found by
trees that have not seen a question's article.

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
from safetensors.numpy import save_file
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from mmcs import roles
from mmcs.knowledge import Knowledge
from mmcs.knowledge.questions import mark, read_questions
from mmcs.knowledge.relevance import (
    NUMBERS,
    SCRIPTS,
    Judge,
    Logistic,
    Numbers,
    Question,
    features_of_units,
    passage_features,
)
from mmcs.knowledge.search import nearest
from mmcs.settings import from_environment
from mmcs.ticket import to_json
from mmcs.training.boosting import exported, new_trees
from mmcs.training.examples import unseen

Matrix = NDArray[np.float64]
UNIT_SHRINKAGE = 10.0  # L2; chosen on articles that were held out
FOLDS = 5
LEAST_SCALE = 0.02  # so that a feature that hardly varies doesn't grow
WRONGLY_REFUSED = 0.03  # share of the answerable questions that the threshold may cost
DOUBTED = 0.25  # share of the answerable questions that are told to be read first


@dataclass(frozen=True)
class Asked:
    """A question with its candidates as features."""

    script: str
    article: str  # the first that answers; its own name where none does
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
        of_units = features_of_units(question, rows, index)
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
            line.articles[0] if line.articles else line.id,
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


def grow(asked: Sequence[Asked]) -> GradientBoostingClassifier:
    """Return trees that say of a passage whether it answers."""
    features, labels = _stacked((one.passages, one.answers) for one in asked)
    return new_trees(250, least=20).fit(features, labels)


def unseen_chances(asked: Sequence[Asked]) -> list[Matrix]:
    """Return for each question the chances of its candidates, by trees that were grown without the
    article that answers it."""
    articles = [one.article for one in asked]
    chances: list[Matrix] = [np.empty(0)] * len(asked)
    folds = GroupKFold(min(FOLDS, len(set(articles))))
    for seen, new in folds.split(asked, groups=articles):
        trees = exported(grow([asked[place] for place in seen]))
        for place in new:
            chances[place] = trees.chances(asked[place].passages)
    return chances


def fit_all(asked: Sequence[Asked], seen: Callable[[str], None]) -> Mapping[str, Judge]:
    """Return the judges of both scripts."""
    judges: dict[str, Judge] = {}
    for script in SCRIPTS:
        mine = [one for one in asked if one.script == script]
        pairs = (pair for one in mine for pair in zip(one.units, one.right, strict=True))
        units = fit(*_stacked(pairs), UNIT_SHRINKAGE)
        chances = unseen_chances(mine)
        first = [one.answers[c.argmax()] for one, c in zip(mine, chances, strict=True)]
        found = np.mean([right for right, one in zip(first, mine, strict=True) if one.answerable])
        both = [(c.max(), one.answerable) for c, one in zip(chances, mine, strict=True)]
        best, answerable = map(np.array, zip(*both, strict=True))
        new = np.array([one.unseen for one in mine]) & answerable
        threshold, doubted = np.quantile(best[new], (WRONGLY_REFUSED, DOUBTED))
        judges[script] = Judge(exported(grow(mine)), units, round(float(threshold), 4))
        refused = (best[~answerable] < threshold).mean()
        told = (best[~answerable] < doubted).mean()
        seen(
            f"{script}: {len(mine)} questions; by trees without their article: right passage first "
            f"{found:.3f}; threshold {threshold:.3f} refuses {refused:.2f} of the near misses, "
            f"below {doubted:.3f} are {told:.2f} of them and {DOUBTED} of the others"
        )
    return judges


def write(judges: Mapping[str, Judge], path: Path) -> None:
    """Write what ``load_judges`` reads."""
    numbers = {s: to_json(Numbers(j.units, j.threshold)) for s, j in judges.items()}
    path.write_text(json.dumps(numbers, indent=1) + "\n", "utf-8")
    trees = [judge.passages.arrays(f"{script}.") for script, judge in judges.items()]
    save_file(
        {name: array for one in trees for name, array in one.items()},
        path.with_suffix(".safetensors"),
    )


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
    write(fit_all(asked, print), given.out)


if __name__ == "__main__":
    main()
