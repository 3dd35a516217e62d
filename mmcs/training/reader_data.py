"""What the reader learns from: public sets of pairs, and passages, claims and questions of our own.

A pair is two texts. The second says what the first claims, or answers what the first asks, or it
does not. Where it answers, the sentences that do are known for some.
"""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from mmcs.backends._reader_net import TASKS, Task
from mmcs.errors import BadInput, UsageError
from mmcs.knowledge import Knowledge
from mmcs.knowledge.questions import mark
from mmcs.labelled import read_labelled
from mmcs.sentences import script, split_units
from mmcs.ticket import from_json
from mmcs.training.examples import held_out, searched
from mmcs.wellformed import parse_json

NEEDED = {"says": "premise, claim, label", "answers": "question, passage, answerable"}


@dataclass(frozen=True)
class PublicSet:
    """A file of public pairs, ``NAME/PART.jsonl.gz``."""

    name: str
    part: Literal["train", "dev", "test"]
    most: int | None  # pairs that are taken, drawn by lot; None: all
    task: Task
    licence: str

    @property
    def file(self) -> str:
        """Its path in the folder of public sets."""
        return f"{self.name}/{self.part}.jsonl.gz"


LEARNED = (
    PublicSet("litl_nli", "train", 12_000, "says", "none stated; premises of MultiNLI"),
    PublicSet("counterfactual_snli", "train", 5_000, "says", "Apache-2.0, texts CC BY-SA 4.0"),
    PublicSet("scone_nli", "train", 3_000, "says", "CC0 1.0"),
    PublicSet("negation_nli", "test", 2_000, "says", "MIT"),
    PublicSet("breaking_nli", "test", 1_000, "says", "CC BY-SA 4.0"),
    PublicSet("infotabs", "train", 4_000, "says", "Apache-2.0, texts CC BY-SA"),
    PublicSet("fever_dev", "dev", 4_000, "says", "CC BY-SA 3.0"),
    PublicSet("dstc9_faq_claims", "train", 1_500, "says", "Apache-2.0"),
    PublicSet("fool_me_twice", "dev", None, "says", "Apache-2.0, texts CC BY-SA"),
    PublicSet("wice", "dev", None, "says", "ODC-BY"),
    PublicSet("wice", "train", None, "says", "ODC-BY"),
    PublicSet("begin", "dev", None, "says", "CC BY 4.0"),
    PublicSet("dstc9_replies", "dev", 1_000, "says", "Apache-2.0"),
    PublicSet("squad2_dev_half", "dev", None, "answers", "CC BY-SA 4.0"),
    PublicSet("dstc11_t5_val", "dev", 5_000, "answers", "CDLA-Sharing 1.0"),
    PublicSet("dstc9_faq", "train", 3_000, "answers", "Apache-2.0"),
    PublicSet("conditionalqa", "train", 3_500, "answers", "Apache-2.0, texts OGL 3.0"),
    PublicSet("cut_en", "dev", 2_500, "answers", "CC BY-SA 4.0"),
)
HELD_OUT = (  # looked at while it learns: they choose the step, and fit the calibration
    PublicSet("infotabs", "dev", 250, "says", "Apache-2.0, texts CC BY-SA"),
    PublicSet("counterfactual_snli", "dev", 250, "says", "Apache-2.0, texts CC BY-SA 4.0"),
    PublicSet("qed_nq_dev", "dev", 200, "answers", "CC BY-SA 3.0"),
)
FOR_MEASURING = frozenset(  # never read by a training, not even to choose by
    {
        *(("clapnq_dev", "dev"), ("fool_me_twice", "test"), ("wice", "test")),
        *(("healthver", "dev"), ("healthver", "test")),
        *(("cail2019_cjrc_zh", "dev"), ("cail2019_cjrc_zh", "test")),
    }
)
HANDS_HELD_OUT = frozenset({"p7", "p8"})  # who writes claims has habits
CLAIMS_HELD_OUT, QUESTIONS_HELD_OUT = 400, 300  # pairs of these hands that are looked at
GROUPS_HELD_OUT = 120  # customers' questions that are looked at, each with its passages
OWN_TIMES = 2  # each pair of our own passages counts so often
MOST_RIGHT, MOST_WRONG = 2, 4  # passages of a customer's question that answer, and that don't
LOOKED_AT = 14  # best passages of the search among which they are taken


@dataclass(frozen=True)
class Pair:
    """Two texts, and whether the second says or answers the first."""

    task: Task
    left: str  # the claim or the question
    right: str  # the passage
    true: bool
    spans: tuple[tuple[int, int], ...] = ()  # characters of ``right`` that answer; () if unknown
    head: int = 0  # characters of ``right`` that are the passage's title, with the line's end

    @property
    def length(self) -> int:
        """Characters of both."""
        return len(self.left) + len(self.right)


def hand_of(name: str) -> str:
    """Return who wrote a line: "p3" of "p3-017", "ve" of "ve104"."""
    return name.rpartition("-")[0] or name.rstrip("0123456789")


@dataclass(frozen=True)
class HeldOut:
    """Pairs that are not learned from."""

    sets: Mapping[str, tuple[Pair, ...]]
    questions: tuple[tuple[Pair, ...], ...]  # of each customer's question all passages

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """All pairs: those of the sets, then those of the questions."""
        groups = (*self.sets.values(), *self.questions)
        return tuple(pair for group in groups for pair in group)


@dataclass(frozen=True)
class Data:
    """All pairs of a training, by the file that they are from."""

    learned: Mapping[str, tuple[Pair, ...]]
    held_out: HeldOut

    def of(self, task: Task) -> tuple[Pair, ...]:
        """Return the pairs to learn a task from; a group is of one task, or mixed."""
        return tuple(p for pairs in self.learned.values() for p in pairs if p.task == task)


@dataclass(frozen=True)
class Folders:
    """Where pairs are read."""

    public: Path  # NAME/PART.jsonl.gz
    own: Path  # passages.jsonl and claims.jsonl
    questions: tuple[tuple[Path, Knowledge], ...] = ()  # customers', each with its articles


def read(folders: Folders, seed: int) -> Data:
    """Return what is learned from and what is held out.

    Raises:
        BadInput: a public set is missing, damaged or of another form.
        UsageError: a file of our own is, or one of questions.
    """
    wanted = dict.fromkeys(source.file for source in (*LEARNED, *HELD_OUT))
    missing = [file for file in wanted if not (folders.public / file).is_file()]
    if missing:
        raise BadInput(f"{folders.public} lacks {', '.join(missing)}.")
    learned = {one.file: public_pairs(folders.public, one, seed) for one in LEARNED}
    sets = {one.name: public_pairs(folders.public, one, seed) for one in HELD_OUT}
    kept: list[Pair] = []
    for name in ("passages.jsonl", "claims.jsonl"):
        own, others = own_pairs(folders.own / name)
        learned[name] = own * OWN_TIMES
        kept += others
    drawn = random.Random(f"{seed} own")  # noqa: S311  # no secret
    for task, most in zip(TASKS, (CLAIMS_HELD_OUT, QUESTIONS_HELD_OUT), strict=True):
        some = [pair for pair in kept if pair.task == task]
        sets[f"own_{task}"] = tuple(drawn.sample(some, min(most, len(some))))
    groups: list[tuple[Pair, ...]] = []
    for path, knowledge in folders.questions:
        asked = list(question_pairs(path, knowledge))
        mine = (pair for one in asked if not one.held_out for pair in one.pairs)
        learned[path.name] = (*learned.get(path.name, ()), *mine)
        groups += [one.pairs for one in asked if one.held_out]
    held = HeldOut(sets, tuple(drawn.sample(groups, min(GROUPS_HELD_OUT, len(groups)))))
    _measurable(held)
    return Data(learned, held)


def _measurable(held: HeldOut) -> None:
    """Refuse what no figure can be taken on.

    Raises:
        BadInput: the pairs of a held-out set are all true or all not, or no answer is marked.
    """
    for name, pairs in held.sets.items():
        if len({pair.true for pair in pairs}) < 2:
            raise BadInput(f"{name}, which is held out, needs pairs of both kinds, true and not.")
    if len({yes for pair in held.pairs if pair.spans for *_, yes in units_of(pair)}) < 2:
        raise BadInput(
            f"{HELD_OUT[-1].file} marks no sentence that answers beside one that doesn't."
        )


# --- public sets ---


@dataclass(frozen=True)
class EntailmentRow:
    """A line of a public set: does the premise say so?"""

    premise: str
    claim: str
    label: Literal["entailed", "contradicted", "neutral", "not_entailed"]

    def pair(self) -> Pair:
        """Return it as it is learned."""
        return Pair("says", self.claim, self.premise, self.label == "entailed")


@dataclass(frozen=True)
class AnswerabilityRow:
    """A line of a public set: does the passage answer?"""

    question: str
    passage: str
    answerable: bool
    answer: str | tuple[str, ...] | None = None  # words of the passage
    title: str | None = None
    origin: Annotated[str, Field(alias="from")] = ""  # the set that it was made of

    def pair(self) -> Pair:
        """Return it as it is learned: the title leads, the sentence of the answer is marked."""
        head = f"{self.title}\n" if self.title else ""
        first = self.answer[0] if isinstance(self.answer, tuple) and self.answer else self.answer
        spans: tuple[tuple[int, int], ...] = ()
        if self.answerable and isinstance(first, str) and len(first) > 1:
            spans = _sentences_of(self.passage, first, len(head))
        text = head + self.passage
        return Pair("answers", self.question, text, self.answerable, spans, len(head))


Row = EntailmentRow | AnswerabilityRow


def public_pairs(folder: Path, source: PublicSet, seed: int) -> tuple[Pair, ...]:
    """Return some pairs of a public set, drawn by the seed. What was made of texts that are held
    out is left out.

    Raises:
        BadInput: the file cannot be read, or a line is not what it should be.
        UsageError: the set is there for measuring alone.
    """
    if (source.name, source.part) in FOR_MEASURING:
        raise UsageError(f"{source.file} is there for measuring; no training reads it.")
    held = {one.name for one in HELD_OUT} if source in LEARNED else set()
    found = [
        row
        for row in _rows(folder / source.file, source)
        if isinstance(row, EntailmentRow) or row.origin not in held
    ]
    if not found:
        raise BadInput(f"{source.file} holds no pair to take.")
    drawn = random.Random(f"{seed} {source.file}")  # noqa: S311  # no secret
    taken = drawn.sample(found, min(source.most or len(found), len(found)))
    return tuple(row.pair() for row in taken)


def _rows(path: Path, source: PublicSet) -> list[Row]:
    kind: type[Row] = EntailmentRow if source.task == "says" else AnswerabilityRow
    rows: list[Row] = []
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for text in lines:
                rows.append(from_json(kind, parse_json(text)))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as broken:
        raise BadInput(f"{source.file} cannot be read; it holds no gzipped lines.") from broken
    except ValueError as wrong:
        line, needed = f"Line {len(rows) + 1} of {source.file}", NEEDED[source.task]
        raise BadInput(f"{line} is no pair; it needs {needed}.") from wrong
    return rows


def _sentences_of(passage: str, answer: str, before: int) -> tuple[tuple[int, int], ...]:
    """Return where the sentences stand that hold an answer, in a text of which ``before``
    characters precede the passage; nothing if the answer isn't in it word for word."""
    at = passage.find(answer)
    if at < 0:
        return ()
    places = places_of_units(passage, 0)
    return tuple((b + before, e + before) for b, e in places if b < at + len(answer) and at < e)


def places_of_units(text: str, cursor: int) -> list[tuple[int, int]]:
    """Return the first character of each unit of a text from a place on, and the one after its
    last."""
    places: list[tuple[int, int]] = []
    for unit in split_units(text[cursor:]):
        begin = text.find(unit.text, cursor)
        if begin >= 0:
            cursor = begin + len(unit.text)
            places.append((begin, cursor))
    return places


def units_of(pair: Pair) -> list[tuple[int, int, bool]]:
    """Return where the units of a pair's passage stand, and whether each answers: at least half of
    it is marked."""
    found: list[tuple[int, int, bool]] = []
    for begin, end in places_of_units(pair.right, pair.head):
        marked = sum(max(0, min(end, e) - max(begin, b)) for b, e in pair.spans)
        found.append((begin, end, 2 * marked >= end - begin))
    return found


# --- our own ---


@dataclass(frozen=True)
class Written:
    """A line of passages.jsonl or claims.jsonl."""

    id: str
    source: str
    claims: tuple[tuple[str, bool, str], ...]  # text, whether the source says so, what kind it is
    title: str = ""
    questions: tuple[tuple[str, bool, str], ...] = ()  # text, whether the source answers, kind


def own_pairs(path: Path) -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
    """Return the English pairs of a file to learn from, and those of hands that are held out.

    Raises:
        UsageError: there is no such file, or a line is not what it should be.
    """
    learned: list[Pair] = []
    kept: list[Pair] = []
    for line in read_labelled(path, Written, "passage"):
        if script(line.source) != "en":
            continue
        mine = kept if hand_of(line.id) in HANDS_HELD_OUT else learned
        mine += [Pair("says", text, line.source, true) for text, true, _ in line.claims]
        passage = f"{line.title}\n{line.source}"
        head = len(line.title) + 1
        mine += [Pair("answers", t, passage, true, (), head) for t, true, _ in line.questions]
    return tuple(learned), tuple(kept)


@dataclass(frozen=True)
class Searched:
    """A customer's question beside passages that answer and hard ones that do not."""

    held_out: bool  # all questions on an article are, or none
    pairs: tuple[Pair, ...]


def question_pairs(path: Path, knowledge: Knowledge) -> Iterator[Searched]:
    """Yield the English questions of a file with what the search brings up for them.

    Raises:
        UsageError: there is no such file, or a line is not a labelled question.
    """
    index = knowledge.index
    for line, right, wrong in searched(path, knowledge, LOOKED_AT):
        if line.query.chinese:
            continue
        pairs = []
        for row in (*right[:MOST_RIGHT], *wrong[:MOST_WRONG]):
            title, units = index.title_of(row), [unit.text for unit in index.parts[row].units]
            text, spans = _passage(title, units, line.units if row in right else ())
            asked = line.query.everything
            pairs.append(Pair("answers", asked, text, row in right, spans, len(title) + 1))
        yield Searched(bool(line.articles) and held_out(line.articles[0]), tuple(pairs))


def _passage(
    title: str, units: Sequence[str], answering: Sequence[str]
) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Return a passage, a unit a line below its title, and where the units stand that answer."""
    text = title
    spans: list[tuple[int, int]] = []
    for unit in units:
        begin = len(text) + 1
        text += f"\n{unit}"
        if mark(unit) in answering:
            spans.append((begin, len(text)))
    return text, tuple(spans)
