"""Does a passage answer a question, and which of its sentences do? Boosted trees say the first, a
logistic regression the second, on features of the question beside the passage and beside each of
its units.

The search orders passages; what decides here is finer: whether the rare words of the question are
covered at all, whether a single sentence comes near it, whether a question for a time meets a unit
with a time. They are fitted by ``mmcs.training.relevance``, for English and for Chinese, and lie in
assets/weights/relevance.json and .safetensors, their card beside them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from mmcs.errors import KnowledgeError
from mmcs.knowledge.index import Floats, Index
from mmcs.knowledge.signals import NAMES, Query, Signals
from mmcs.knowledge.words import codes, sentences, words
from mmcs.roles import Embedder, Vectors
from mmcs.sentences import Unit
from mmcs.settings import ASSETS
from mmcs.ticket import from_json
from mmcs.trees import Trees

NUMBERS = ASSETS / "weights" / "relevance.json"
SCRIPTS = ("en", "zh")
MOST_ASKED = 8  # sentences of a question that are compared one by one
NEAR = 2  # features of a unit that say how near it comes
OF_A_CODE = 0.6  # chance of an article that is named for a code in the image
BEST = 2  # units of a passage whose likeness stands for it

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


def passage_features(
    question: Question,
    rows: Sequence[int],
    units: Sequence[NDArray[np.float64]],
    found: Signals,
    fused: Floats,
    index: Index,
) -> NDArray[np.float64]:
    """Return one row of features a candidate, (candidates, features)."""
    logits = np.log(np.clip(fused, 1e-4, 1 - 1e-4) / (1 - np.clip(fused, 1e-4, 1 - 1e-4)))
    order = np.argsort(np.argsort(-fused))
    made = []
    for row, of_units in zip(rows, units, strict=True):
        others = [r for r in rows if index.owners[r] != index.owners[row]]
        here = question.covered(set(index.words[row]))
        title = question.covered(index.title_words[index.owners[row]])
        whole = question.covered(index.article_words[index.owners[row]])
        missing = question.rarity * ~whole
        part = index.parts[row]
        best = np.sort(of_units[:, :NEAR], axis=0)[::-1]
        rival = max((float(found.meaning[r]) for r in others), default=0.0)
        made.append(
            [
                logits[row] / 4,
                1 / (1 + order[row]),
                *(float(getattr(found, name)[row]) for name in NAMES),
                float(found.meaning[row]) - rival,
                max((logits[r] for r in others), default=-6.0) / 4 - logits[row] / 4,
                *best[0],
                *best[:BEST].mean(axis=0),
                (question.rarity * here).sum() / question.size,
                (question.rarity * title).sum() / question.size,
                (question.rarity * whole).sum() / question.size,
                missing.max(initial=0.0) / 8,
                np.sort(missing)[-3:].sum() / 16,
                float((missing > 5).sum()) / 4,
                *(_met(question.wants, part.text)),
                np.log1p(len(question.words)) / 4,
                np.log1p(len(part.units)) / 4,
            ]
        )
    return np.array(made)


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
    found: Signals,
    fused: Floats,
    index: Index,
    judges: Mapping[str, Judge],
) -> tuple[Relevance, ...]:
    """Return for each passage how likely it answers, and each of its units."""
    if not rows:
        return ()
    mine = judges["zh" if question.chinese else "en"]
    units = features_of_units(question, rows, index)
    passages = passage_features(question, rows, units, found, fused, index)
    chances = _with_codes(mine.passages.chances(passages), question, rows, index)
    return tuple(
        Relevance(float(answers), tuple(float(chance) for chance in mine.units.chances(of_units)))
        for answers, of_units in zip(chances, units, strict=True)
    )


def _with_codes(
    chances: NDArray[np.float64], question: Question, rows: Sequence[int], index: Index
) -> NDArray[np.float64]:
    """Return the chances, those of an article whose title alone names a code in the image raised
    until its best passage reaches ``OF_A_CODE``. Such tickets say little else, and the trees have
    seen few of them."""
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
class Numbers:
    """What the JSON keeps of a judge."""

    units: Logistic
    threshold: float  # chance of the best passage from which an article helps


@dataclass(frozen=True)
class Judge:
    """Who judges questions in one script."""

    passages: Trees
    units: Logistic
    threshold: float  # chance of the best passage from which an article helps


def load_judges(path: Path = NUMBERS) -> Mapping[str, Judge]:
    """Return the judges for "en" and "zh"; their trees lie beside ``path``, in the .safetensors.

    Raises:
        KnowledgeError: a file is missing or is not what the training wrote.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
        grown = load_file(path.with_suffix(".safetensors"))
        numbers = {script: from_json(Numbers, found[script]) for script in SCRIPTS}
        return {
            script: Judge(Trees.of(grown, f"{script}."), mine.units, mine.threshold)
            for script, mine in numbers.items()
        }
    except (OSError, KeyError, ValueError, SafetensorError) as broken:
        raise KnowledgeError(
            f"The numbers of the search in {path.name} cannot be read; install MMCS again."
        ) from broken
