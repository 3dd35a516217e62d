"""Does a passage answer a question, and which of its sentences do? The search's score says the
first, a logistic regression on the question beside each unit the second.

Which units: whether the rare words of the question are in one, whether it comes near, whether a
question for a time meets a unit with a time. The numbers are fitted by ``mmcs.training.relevance``,
for English and for Chinese, and lie in assets/weights/relevance.json, their card beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmcs.errors import KnowledgeError
from mmcs.knowledge.index import Floats, Index
from mmcs.knowledge.signals import Query
from mmcs.knowledge.words import codes, sentences, words
from mmcs.roles import Embedder, Read, Vectors
from mmcs.sentences import Unit
from mmcs.settings import ASSETS
from mmcs.ticket import from_json

NUMBERS = ASSETS / "weights" / "relevance.json"
MOST_ASKED = 8  # sentences of a question that are compared one by one
OF_A_CODE = 0.6  # chance of an article that is named for a code in the image

_KINDS = ("sentence", "step", "row")
_ASKS = {  # what a question may want, and what a unit that gives it looks like
    "time": (
        r"\bhow (?:long|soon|often|fast)|\bwhen\b|\buntil\b|\bdeadline|\bhow many (?:days|weeks)"
        r"|多久|多长时间|什么时候|几天|何时|几点|期限",
        r"\d+\s?-?(?:second|minute|hour|working|day|week|month|year)|\b\d{1,2}:\d\d|天|小时|分钟|个月|年内",
    ),
    "money": (
        r"\bhow much|\bcost|\bprice|\bfee\b|\bpay|\bcharge|\bfree\b"
        r"|多少钱|费用|收费|运费|免费|价格",
        r"[$€£¥]\s?\d|\bfree\b|\bfee\b|\d\s?%|元|免费|费用",
    ),
    "place": (
        r"\bwhere\b|哪里|哪儿|在哪|什么地方",
        r" > |\bunder\b|\bpage\b|\bmenu\b|\btab\b|“|页面|菜单",
    ),
    "way": (
        r"\bhow (?:do|can|to|should|would)|\bwhat (?:do|can|should) i\b|\bsteps?\b"
        r"|怎么|如何|怎样|咋",
        r"^\s*(?:\d+\.|-) |\bclick|\bpress|\bopen\b|\bselect|\bgo to\b|点击|打开|按|选择",
    ),
    "reason": (
        r"\bwhy\b|\breason\b|\bmeans?\b|为什么|为何|怎么回事|什么意思",
        r"\bbecause\b|\bmeans\b|\bdue to\b|因为|表示|说明",
    ),
    "whether": (
        r"^(?:can|could|is|are|do|does|will|would|may|has|have)\b|[,.] (?:can|is|are|do|does|will) "
        r"|能不能|可不可以|可以吗|能否|是否|吗",
        r"\b(?:can|can't|cannot|not|only|possible|allowed)\b|可以|不能|不可|无法|仅",
    ),
    "number": (r"\bhow many|\bwhich version|\bmaximum|\blimit|\bmax\b|几个|多少|最多|上限", r"\d"),
}
_WANTS = {name: re.compile(asks, re.IGNORECASE) for name, (asks, _) in _ASKS.items()}
_GIVES = {name: re.compile(gives, re.IGNORECASE) for name, (_, gives) in _ASKS.items()}
_ABOUT = re.compile(
    r"\b(?:in this article|learn (?:how|more|about)|this (?:article|guide|page))", re.I
)


@dataclass(frozen=True)
class Relevance:
    """What is said about one passage."""

    answers: float  # 0-1, calibrated: that the passage answers
    units: tuple[float, ...]  # 0-1 each: that the unit belongs in the answer


class Question:
    """A question with what all its candidates are compared by."""

    def __init__(self, query: Query, index: Index, embedder: Embedder) -> None:
        self.text = query.everything
        self.chinese = query.chinese
        self.words = list(dict.fromkeys(words(self.text)))
        self.rarity = np.array([index.word_rarity(word) for word in self.words])
        asked = [query.asked, *sentences(query.asked)[-MOST_ASKED:]]
        self.vectors = embedder.embed(asked)
        self.shown_codes = codes(query.shown)
        self.wants = np.array([bool(p.search(self.text)) for p in _WANTS.values()], dtype=float)

    @cached_property
    def size(self) -> float:
        """The weight of all its words."""
        return float(self.rarity.sum()) or 1.0

    def covered(self, held: frozenset[str] | set[str]) -> NDArray[np.bool_]:
        """Say for each word whether a text holds it."""
        return np.array([word in held for word in self.words], dtype=bool)


def _met(wants: NDArray[np.float64], text: str) -> NDArray[np.float64]:
    """Return for each kind of answer 1 if it is asked for and given, -1 if asked for and not."""
    given = np.array([bool(p.search(text)) for p in _GIVES.values()])
    met: NDArray[np.float64] = wants * np.where(given, 1.0, -1.0)
    return met


def features_of_units(
    question: Question, rows: Sequence[int], index: Index
) -> list[NDArray[np.float64]]:
    """Return for each passage one row of features a unit, (units, features)."""
    vectors = index.unit_vectors(rows)
    return [_unit_features(question, *one, index) for one in zip(rows, vectors, strict=True)]


def _unit_features(
    question: Question, row: int, vectors: Vectors, index: Index
) -> NDArray[np.float64]:
    units = index.parts[row].units
    texts = [unit.text for unit in units]
    likeness = (vectors @ question.vectors.T).astype(np.float64)
    if (index.scripts[row] == "zh") != question.chinese:
        likeness[:] = 0.0  # no embedding joins the two
    near = np.stack((likeness[:, 0], likeness.max(axis=1)), axis=1)
    held = [frozenset(words(text)) for text in texts]
    covers = np.array([(question.rarity * question.covered(h)).sum() for h in held])
    mass = np.array([sum(index.word_rarity(w) for w in h) or 1.0 for h in held])
    shared = np.stack((covers / question.size, covers / mass), axis=1)
    base = np.concatenate((near, shared), axis=1)
    strength = near.sum(axis=1) + 2 * shared[:, 0] + shared[:, 1]
    blocks = np.array([unit.block for unit in units])
    of_block = np.array([strength[blocks == block].mean() for block in blocks])
    return np.concatenate(
        (
            base,
            base - base.max(axis=0),
            _neighbours(strength)[:, None],
            (of_block - strength.mean())[:, None],
            (np.argsort(np.argsort(-strength)) / 8)[:, None],
            np.array([_shape(unit, place, units) for place, unit in enumerate(units)]),
            np.array([_met(question.wants, text) for text in texts]),
        ),
        axis=1,
    )


def _neighbours(strength: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how the units beside each one do, before and after."""
    padded = np.concatenate(([strength.mean()], strength, [strength.mean()]))
    beside: NDArray[np.float64] = (padded[:-2] + padded[2:]) / 2 - strength
    return beside


def _shape(unit: Unit, place: int, units: Sequence[Unit]) -> list[float]:
    after = units[place + 1] if place + 1 < len(units) else None
    leads = unit.text.rstrip().endswith((":", "："))
    return [
        *(float(unit.kind == kind) for kind in _KINDS),
        float(leads),
        float(leads and after is not None and after.kind != "sentence"),
        float(place == 0),
        place / max(1, len(units) - 1),
        np.log1p(len(unit.text)) / 6,
        np.log1p(len(units)) / 4,
        float(bool(re.search(r"\d", unit.text))),
        float(bool(_ABOUT.search(unit.text))),
        float(sum(other.block == unit.block for other in units) > 1),
    ]


def judge(
    question: Question,
    rows: Sequence[int],
    fused: Floats,
    index: Index,
    numbers: Numbers,
) -> tuple[Relevance, ...]:
    """Return for each passage how likely it answers, and each of its units.

    Args:
        question: what is asked.
        rows: the passages.
        fused: the search's score of every passage of the index, (passages,) in 0-1.
        index: the articles.
        numbers: as they were fitted.
    """
    if not rows:
        return ()
    mine = numbers.judge(question.chinese)
    chances = _with_codes(fused[list(rows)], question, rows, index)
    units = features_of_units(question, rows, index)
    return tuple(
        Relevance(float(answers), tuple(float(chance) for chance in mine.units.chances(of_units)))
        for answers, of_units in zip(chances, units, strict=True)
    )


def _with_codes(
    chances: NDArray[np.float64], question: Question, rows: Sequence[int], index: Index
) -> NDArray[np.float64]:
    """Return the chances, those of an article whose title alone names a code in the image raised
    until its best passage reaches ``OF_A_CODE``. Such tickets say little else."""
    raised = chances.copy()
    named = index.named_by(question.shown_codes)
    owners = index.owners[list(rows)]
    for owner in named & set(owners.tolist()):
        best = chances[owners == owner].max()
        raised[owners == owner] *= max(1.0, OF_A_CODE / max(best, 1e-6))
    return np.minimum(raised, 1.0)


# --- the fitted numbers ---


@dataclass(frozen=True)
class Logistic:
    """A logistic regression on standardised features; one number a feature."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    def chances(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return 0-1 for each row."""
        standard = (features - np.array(self.mean)) / np.array(self.scale)
        logits = standard @ np.array(self.weights) + self.bias
        chances: NDArray[np.float64] = 1 / (1 + np.exp(-logits))
        return chances


@dataclass(frozen=True)
class Judge:
    """Who judges questions in one script."""

    units: Logistic
    threshold: float  # chance of the best passage from which an article helps


@dataclass(frozen=True)
class Blend:
    """A logistic regression: the chance that a passage answers, from the search's score and from
    what a ranker read. Fitted for the ranker that ships."""

    searched: float  # weight of the logit of the search's score
    read: float  # of the logit of the ranker's chance
    likeness: float
    bias: float
    threshold: float  # chance of the best passage from which an article helps

    def chance(self, searched: float, seen: Read) -> float:
        """Return 0-1 for one passage."""
        told = self.searched * logit(searched) + self.read * logit(seen.answers)
        return float(1 / (1 + np.exp(-(told + self.likeness * seen.likeness + self.bias))))


def logit(chance: float) -> float:
    """Return the logit of a chance, of one in ten thousand at the least."""
    kept = min(max(chance, 1e-4), 1 - 1e-4)
    return float(np.log(kept / (1 - kept)))


@dataclass(frozen=True)
class Numbers:
    """All that is fitted for relevance."""

    en: Judge
    zh: Judge
    blend: Blend

    def judge(self, chinese: bool) -> Judge:
        """Return who judges questions in a script."""
        return self.zh if chinese else self.en


def load_numbers(path: Path = NUMBERS) -> Numbers:
    """Return the fitted numbers.

    Raises:
        KnowledgeError: the file is missing or is not what the training wrote.
    """
    try:
        return from_json(Numbers, json.loads(path.read_text("utf-8")))
    except (OSError, ValueError) as broken:
        raise KnowledgeError(
            f"The numbers of the search in {path.name} cannot be read; install MMCS again."
        ) from broken
