"""Grow the verifier's trees on claims written by hand.

    python -m mmcs.training.entailment CLAIMS.jsonl...

A line is ``{"id", "source", "claims": [[text, supported, kind], …]}``; an id begins with the name
of the hand that wrote it ("p3-017"). The threshold is found by trees grown without a claim's hand:
who writes claims has habits, and trees that know them look better than they are.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import LeaveOneGroupOut

from mmcs import roles
from mmcs.draft.entailment import TREES, Pair, features
from mmcs.labelled import read_labelled
from mmcs.roles import Embedder
from mmcs.sentences import bare, script, split_units
from mmcs.settings import from_environment
from mmcs.training.boosting import SEED, exported, new_trees

PRECISION = 0.8  # of the supported, on pairs of which half are written to mislead


@dataclass(frozen=True)
class Source:
    """A few sentences, and claims that they carry or not."""

    id: str
    source: str
    claims: tuple[tuple[str, bool, str], ...]  # text, whether it is supported, what kind it is


@dataclass(frozen=True)
class Labelled:
    """A claim beside sentences that carry it or don't."""

    pair: Pair
    supported: bool
    written: bool  # by hand for this very source; else the source is another one's
    hand: str  # who wrote the claim


def labelled(sources: Sequence[Source], embedder: Embedder) -> Iterator[Labelled]:
    """Yield each English claim beside its source, and some beside another: one drawn at random or
    the one that is most like theirs, so that what is foreign to all sources is learned too."""
    english = [one for one in sources if script(one.source) == "en"]
    vectors = embedder.embed([one.source for one in english])
    embedder.embed([bare(text) for one in english for text in _texts_of(one)])  # remembered
    likest = (vectors @ vectors.T - 2 * np.eye(len(english))).argmax(axis=1)
    drawn = random.Random(SEED)  # noqa: S311  # no secret
    for own, nearest in zip(english, likest, strict=True):
        for number, (text, supported, _) in enumerate(own.claims):
            yield Labelled(pair_of(own.source, text, embedder), supported, True, hand_of(own.id))
            other = english[nearest] if number % 2 else drawn.choice(english)
            if other is not own and number % 3:
                pair = pair_of(other.source, text, embedder)
                yield Labelled(pair, False, False, hand_of(own.id))


def hand_of(name: str) -> str:
    """Return who wrote a line: what its id begins with, "p3" of "p3-017" and "ve" of "ve104"."""
    return name.rpartition("-")[0] or name.rstrip("0123456789")


def _texts_of(one: Source) -> list[str]:
    return [unit.text for unit in split_units(one.source)] + [text for text, _, _ in one.claims]


def pair_of(source: str, claim: str, embedder: Embedder) -> Pair:
    """Return a claim beside a source, with the sentence of it that is most like the claim."""
    units = [bare(unit.text) for unit in split_units(source)] or [source]
    cosines = embedder.embed(units) @ embedder.embed([bare(claim)])[0]
    best = int(cosines.argmax())
    return Pair(source, units[best], claim, float(cosines[best]))


def new_model() -> GradientBoostingClassifier:
    """Return the trees of the check, not grown yet."""
    return new_trees(300, least=8)


def unseen_chances(
    rows: NDArray[np.float64], labels: NDArray[np.bool_], hands: Sequence[str]
) -> NDArray[np.float64]:
    """Return the chance of each pair by trees that were grown without its hand."""
    chances = np.zeros(len(rows))
    for seen, unseen in LeaveOneGroupOut().split(rows, labels, hands):
        model = new_model().fit(rows[seen], labels[seen])
        chances[unseen] = model.predict_proba(rows[unseen])[:, 1]
    return chances


def least_precise(chances: NDArray[np.float64], labels: NDArray[np.bool_]) -> float:
    """Return the lowest threshold from which on ``PRECISION`` of what passes is right."""
    for threshold in np.arange(0.3, 0.95, 0.01):
        passed = chances >= threshold
        if passed.any() and labels[passed].mean() >= PRECISION:
            return round(float(threshold), 2)
    return 0.95


def main() -> None:
    """Read the command line, grow, report, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("claims", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=TREES)
    given = parser.parse_args()
    settings = replace(from_environment(), offline=True)
    embedder = roles.Remembering(roles.load("embedder", "bilingual", settings), 60_000)
    sources = [one for path in given.claims for one in read_labelled(path, Source, "source")]
    examples = list(labelled(sources, embedder))
    rows = np.array([features(one.pair) for one in examples])
    labels = np.array([one.supported for one in examples])
    written = np.array([one.written for one in examples])
    chances = unseen_chances(rows, labels, [one.hand for one in examples])
    threshold = least_precise(chances[written], labels[written])
    found, truth = chances[written], labels[written]
    passed = found >= threshold
    foreign = (chances[~written] >= threshold).mean()
    print(  # noqa: T201
        f"{written.sum()} pairs written; by trees grown without their hand: AUROC "
        f"{roc_auc_score(truth, found):.3f}, accuracy at 0.5 "
        f"{((found >= 0.5) == truth).mean():.3f}; at {threshold} precision "
        f"{truth[passed].mean():.2f}, recall {passed[truth].mean():.2f}, F1 "
        f"{f1_score(truth, passed):.2f}; of foreign pairs {foreign:.3f} pass"
    )
    grown = exported(new_model().fit(rows, labels))
    save_file({**grown.arrays(), "threshold": np.array([threshold])}, given.out)


if __name__ == "__main__":
    main()
