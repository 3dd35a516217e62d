"""Does a source say what a sentence claims? A small verifier, trained on pairs written by hand.

Boosted trees over what the two share: words in their order, new words, denials, conditions, "only"
and "must" on one side alone, and the likeness of their embeddings. English alone. The trees are
grown by ``mmcs.training.entailment`` and lie in assets/weights/entailment.safetensors.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from mmcs.draft.deeds import find_deeds
from mmcs.draft.facts import find_facts, is_negated, is_promise
from mmcs.errors import ModelUnavailable
from mmcs.sentences import split_units
from mmcs.settings import ASSETS
from mmcs.trees import Trees

TREES = ASSETS / "weights" / "entailment.safetensors"
LONG = 4  # letters from which an ending is cut off

_WORD = re.compile(r"[a-z0-9]+(?:['’.-][a-z0-9]+)*", re.IGNORECASE)
_ENDING = re.compile(r"(?:ing|ed|es|s|ly)$")
# Words that turn the meaning of a sentence whose other words stay the same.
_TURNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot)\b|n['’]t",
        r"\b(?:only|just|solely|alone)\b",
        r"\b(?:all|any|every|each|always|whole|both)\b",
        r"\b(?:some|sometimes|few|often|most|either)\b",
        r"\b(?:must|need|have to|has to|required?|requires)\b",
        r"\b(?:can|may|could|might|possible|optional|able)\b",
        r"\b(?:will|going to)\b|['’]ll",
        r"\b(?:if|unless|when|until|except|provided|as long as|once)\b",
        r"\b(?:before|after|until|since|during|while|then|first|last|later|earlier)\b",
        r"\b(?:more|less|most|least|over|under|above|below|up to|than)\b",
    )
)
STOPWORDS = frozenset(
    "a an and any are as at be been but by can could do does for from had has have he her hers him "
    "his how i if in into is it its it's me my of on or our please she should so than that the "
    "their them then there these they this those to us was we were what when where which who will "
    "with would you your yours".split()
)


@dataclass(frozen=True)
class Pair:
    """A claim beside what it may rest on."""

    source: str  # a few sentences
    nearest: str  # the one of them that is most like the claim
    claim: str
    cosine: float  # of the embeddings of ``nearest`` and ``claim``


def stems(text: str) -> list[str]:
    """Return the words of an English text without their endings, in order."""
    found = (word.lower() for word in _WORD.findall(text))
    return [_ENDING.sub("", word) if len(word) > LONG else word for word in found]


def features(pair: Pair) -> list[float]:
    """Return what the verifier looks at."""
    claim, source = stems(pair.claim), stems(pair.source)
    known = set(source)
    new = [word for word in claim if word not in known]
    telling = [word for word in new if word not in STOPWORDS]
    length = max(1, len(claim))
    inner = set(pairwise(source))
    pairs = list(pairwise(claim))
    units = [unit.text for unit in split_units(pair.source)] or [pair.source]
    facts = find_facts(pair.claim)
    held = find_facts(pair.source)
    turns = [(_count(t, pair.claim), _count(t, pair.source), t) for t in _TURNS]
    return [
        len(telling),
        len(telling) / length,
        len(new) / length,
        _in_order(claim, source),
        max(_in_order(claim, stems(unit)) for unit in units),
        sum(two in inner for two in pairs) / max(1, len(pairs)),
        *(float(mine > 0) for mine, _, _ in turns),
        *(float(theirs > 0) for _, theirs, _ in turns),
        *(float((mine > 0) != (theirs > 0)) for mine, theirs, _ in turns),
        *(float((mine > 0) != bool(t.search(pair.nearest))) for mine, _, t in turns),
        pair.cosine,
        float(is_negated(pair.nearest) != is_negated(pair.claim)),
        float(is_promise(pair.claim)),
        float(bool(find_deeds(pair.claim))),
        float(any(not fact.carried_by(held) for fact in facts)),
        float(bool(facts)),
        length / 10,
        len(source) / 20,
        length / max(1, len(source)),
    ]


def _count(pattern: re.Pattern[str], text: str) -> int:
    return len(pattern.findall(text))


def _in_order(claim: Sequence[str], source: Sequence[str]) -> float:
    """Return the share of a claim's words that stand in a source in the same order."""
    blocks = SequenceMatcher(None, claim, source, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / max(1, len(claim))


@dataclass(frozen=True)
class Verifier:
    """The grown trees."""

    trees: Trees
    threshold: float  # chance from which a source carries a claim

    def chances(self, pairs: Sequence[Pair]) -> NDArray[np.float64]:
        """Return for each pair the chance, 0-1, that the source says what is claimed."""
        if not pairs:
            return np.zeros(0)
        return self.trees.chances(np.array([features(pair) for pair in pairs]))


@cache
def load_verifier(path: Path = TREES) -> Verifier:
    """Return the trained trees.

    Raises:
        ModelUnavailable: the file is missing or is not what the training wrote.
    """
    try:
        held = load_file(path)
        return Verifier(Trees.of(held), float(held["threshold"][0]))
    except (OSError, SafetensorError, KeyError, ValueError) as broken:
        raise ModelUnavailable(
            f"The trees of the check in {path.name} cannot be read; install MMCS again."
        ) from broken
