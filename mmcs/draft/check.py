"""The check: every sentence of a draft is tied to what carries it, or marked.

A sentence is supported when a source says the same (by the words they share, or by the likeness of
their embeddings) and every hard fact in it stands in its sources: numbers with their units,
amounts, days, codes, links. What the shop is said to have done is never supported, and a promise
only by an article. A denial and an affirmation do not support each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from mmcs.draft.facts import Fact, find_facts, is_done, is_instruction, is_negated, is_promise
from mmcs.roles import Embedder, Vectors
from mmcs.sentences import bare, script, split_units
from mmcs.ticket import Case, Claim, Passage, Support, SupportKind

LIKE = 0.62  # cosine of MiniLM vectors from which two sentences say the same
CONTAINED = 0.7  # share of a sentence's content words that a source holds
PROMISED = 0.8  # the same share, for promises
MOST_SUPPORTS = 3  # shown for one sentence

MOST_COURTEOUS = 14  # words; a longer sentence of thanks or regret says something more

_COURTESY = re.compile(
    r"(?:hello|hi|dear|good (?:morning|afternoon|evening)|thank(?:s| you)|(?:kind|best|warm) "
    r"regards|sincerely|(?:I am|I'm|we are|we're) (?:very |so |really )?sorry|sorry|please let "
    r"(?:me|us) know|您好|你好|感谢|谢谢|抱歉|很抱歉|非常抱歉|祝您|此致)",
    re.IGNORECASE,
)
_STOPWORDS = frozenset(
    "a an and any are as at be been but by can could do does for from had has have he her hers him "
    "his how i if in into is it its me my of on or our please she should so than that the their "
    "them then there these they this those to us was we were what when where which who will with "
    "would you your yours".split()
)
_WORD = re.compile(r"[a-z0-9]+(?:['’.-][a-z0-9]+)*|[\u3400-\u9fff]+")


@dataclass(frozen=True)
class Source:
    """One sentence that a claim may rest on."""

    kind: SupportKind
    ref: str
    text: str
    facts: frozenset[Fact]
    words: frozenset[str]


def content_words(text: str) -> frozenset[str]:
    """Return the words that carry meaning: English stems, Chinese pairs of characters."""
    words: set[str] = set()
    for word in _WORD.findall(text.lower()):
        if word[0] >= "\u3400":
            words.update(word[i : i + 2] for i in range(max(1, len(word) - 1)))
        elif word not in _STOPWORDS:
            words.add(re.sub(r"(?:ing|ed|es|s)$", "", word) if len(word) > 4 else word)
    return frozenset(words)


def sources_of(case: Case) -> tuple[Source, ...]:
    """Return every sentence of a Case that a claim may rest on, passages first."""
    found: list[tuple[SupportKind, str, str]] = []
    for passage in case.passages:
        found += [("passage", passage.article, u.text) for u in split_units(passage.text)]
        found += [("passage", passage.article, last_heading(passage))]
    for heard in case.evidence.transcripts:
        found += [
            ("transcript", f"{heard.attachment}@{segment.start:.1f}", segment.text)
            for segment in heard.segments
        ]
    for picture in case.evidence.images:
        found += [
            ("image", f"{picture.attachment}#{number}", line.text)
            for number, line in enumerate(picture.lines)
        ]
    for message in case.ticket.messages:
        if message.author == "customer":
            found += [("text", "text", unit.text) for unit in split_units(message.text)]
    return tuple(
        Source(kind, ref, text.strip(), find_facts(bare(text)), content_words(text))
        for kind, ref, text in found
        if text.strip()
    )


def last_heading(passage: Passage) -> str:
    """Return the heading right above a passage; empty if there is none."""
    return passage.heading.split(" › ")[-1].strip()


class Checker:
    """Ties the sentences of drafts to the sources of one Case."""

    def __init__(self, case: Case, embedder: Embedder, courtesies: Iterable[str]) -> None:
        self._embedder = embedder
        self._sources = sources_of(case)
        self._vectors = embedder.embed([s.text for s in self._sources]) if self._sources else None
        self._courtesies = frozenset(unit.text for text in courtesies for unit in split_units(text))
        self._contested = tuple(_values(conflict.values) for conflict in case.evidence.conflicts)
        self._checked: dict[str, Claim] = {}

    def check(self, text: str) -> tuple[Claim, ...]:
        """Return the claims of a draft, in order; a sentence that was checked before is not
        checked again, so a growing draft may be given as it grows."""
        units = [unit.text for unit in split_units(text)]
        fresh = [unit for unit in units if unit not in self._checked]
        if fresh:
            vectors = self._embedder.embed([bare(unit) for unit in fresh])
            for unit, vector in zip(fresh, vectors, strict=True):
                self._checked[unit] = self._claim(unit, vector)
        return tuple(self._checked[unit] for unit in units)

    def _claim(self, text: str, vector: Vectors) -> Claim:
        if text in self._courtesies:
            return Claim(text, supported=True, courtesy=True)
        facts = find_facts(bare(text))
        quoted = any(s.kind == "passage" and bare(text) in s.text for s in self._sources)
        promising, done = is_promise(text), is_done(text) and not quoted
        if _asks_or_greets(text) and not facts and not promising and not done:
            return Claim(text, supported=True, courtesy=True)
        like = self._alike(text, vector, promising)
        carried = self._carriers(facts, like)
        missing = [fact.words for fact in facts if fact not in carried]
        missing += self._taken_for_true(text, facts)
        if done:
            missing.append(text)
        supports = _supports(chain(like, carried.values()))
        return Claim(
            text,
            supported=bool(like) and not missing,
            support=supports,
            unsupported=tuple(dict.fromkeys(missing)),
        )

    def _alike(self, text: str, vector: Vectors, promising: bool) -> list[Source]:
        """Return the sources that say what the text says, the closest first. What to do, and what
        will be done, is the articles' to say, not the customer's."""
        if self._vectors is None:
            return []
        words, negated = content_words(bare(text)), is_negated(text)
        cosines = self._vectors @ vector
        enough = PROMISED if promising else CONTAINED
        passages_only = promising or is_instruction(text)
        scored: list[tuple[float, Source]] = []
        for source, cosine in zip(self._sources, cosines, strict=True):
            shared = len(words & source.words) / max(1, len(words))
            meant = float(cosine) if script(text) == script(source.text) == "en" else 0.0
            verbatim = bare(text) in source.text
            if passages_only and source.kind != "passage":
                continue
            if is_negated(source.text) != negated and not verbatim:
                continue
            if verbatim or shared >= enough or (meant >= LIKE and not promising):
                scored.append((2.0 if verbatim else max(shared, meant), source))
        return [source for _, source in sorted(scored, key=lambda pair: -pair[0])]

    def _taken_for_true(self, text: str, facts: frozenset[Fact]) -> list[str]:
        """Return what a sentence takes for true though two sources disagree on it: it states one
        of their values and keeps silent about the other. A question may name one."""
        if _asks(text):
            return []
        stated = [{fact for fact in facts if fact.value in rivals} for rivals in self._contested]
        return [fact.words for named in stated if len(named) == 1 for fact in named]

    def _carriers(self, facts: frozenset[Fact], like: Sequence[Source]) -> dict[Fact, Source]:
        """Return for each fact the source that holds it: a source that says the same if there is
        one, else any that the customer gave, for a number the customer named."""
        own = [source for source in self._sources if source.kind != "passage"]
        carried: dict[Fact, Source] = {}
        for fact in facts:
            holders = (s for s in chain(like, own) if fact.carried_by(s.facts))
            holder = next(holders, None)
            if holder is not None:
                carried[fact] = holder
        return carried


def _supports(sources: Iterable[Source]) -> tuple[Support, ...]:
    unique = dict.fromkeys(Support(s.kind, s.ref, s.text) for s in sources)
    return tuple(unique)[:MOST_SUPPORTS]


def _values(written: Iterable[str]) -> frozenset[str]:
    return frozenset(fact.value for value in written for fact in find_facts(value))


def _asks(text: str) -> bool:
    return text.rstrip().endswith(("?", "？"))


def _asks_or_greets(text: str) -> bool:
    """Say whether a sentence asks, thanks, greets or regrets, and so claims nothing."""
    return _asks(text) or (
        len(text.split()) <= MOST_COURTEOUS and bool(_COURTESY.match(text.strip()))
    )


def mean_likeness(vectors: Vectors, question: Vectors) -> float:
    """Return how near a draft's sentences come to the question: the mean of the best two."""
    if not len(vectors):
        return 0.0
    best = np.sort(vectors @ question)[-2:]
    return float(best.mean())
