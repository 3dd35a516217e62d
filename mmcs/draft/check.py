"""The check: every sentence of a draft is tied to what carries it, or marked.

A sentence is supported when a source says the same and every hard fact in it stands in its sources:
numbers with their units, amounts, days, codes, links, and words that leave no exception. An article
says the same if the sentence stands in it word for word, or if the trained verifier finds it there
(in Chinese: by the words they share); what the customer said is matched by words and likeness. What
was done for this customer only an agent's earlier answer can tell, what customers did themselves
they can; a promise stands in an article or in such an answer. What customers said and its denial do
not support each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from mmcs.draft.absolutes import find_absolutes
from mmcs.draft.deeds import Deed, find_deeds
from mmcs.draft.facts import (
    Fact,
    find_facts,
    is_admission,
    is_first_person,
    is_instruction,
    is_negated,
    is_promise,
    is_restating,
)
from mmcs.draft.sources import VERBATIM, Source, content_words, sources_of, wording_of
from mmcs.roles import Embedder, Vectors, Verifier
from mmcs.sentences import as_read, bare, script, split_units
from mmcs.ticket import Case, Claim, Support

LIKE = 0.62  # cosine of MiniLM vectors from which a draft and the customer say the same
CONTAINED = 0.7  # share of a sentence's content words that a source holds
PROMISED = 0.8  # the same share, for promises
MOST_SUPPORTS = 3  # shown for one sentence
LOOKED_AT = 3  # places in articles that the verifier reads for one claim
FEW_WORDS = 4  # content words; of fewer, the verifier has little to go by
SURE = 0.7  # chance from which the verifier is believed; on held-out claims 0.89 of those are right
MOST_COURTEOUS = 14  # words; a longer sentence of thanks or regret says something more
MOST_GREETING = 4  # words; who says "Hello, this is …" says something

_HELLO = r"(?:hello|hi|dear|good (?:morning|afternoon|evening)|you['’]re welcome)\b|[您你]好|不客气"
_GREETING = re.compile(_HELLO, re.IGNORECASE)
_WAIVES = re.compile(  # who says so binds the shop, as by a promise
    r"\b(?:no need (?:to|for)|needn['’]t|need not|(?:don['’]t|do not) (?:have|need) to)\b",
    re.IGNORECASE,
)
_COURTESY = re.compile(
    rf"(?:(?:{_HELLO})[,，!！]? ?(?:and )?)?(?:(?:thank(?:s| you)|(?:kind|best|warm) regards"
    r"|sincerely|(?:I am|I'm|we are|we're) (?:very |so |really )?sorry|sorry|please let (?:me|us) "
    r"know)\b"
    r"|感谢|谢谢|抱歉|很抱歉|非常抱歉|祝您|此致)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Said:
    """A sentence of a draft, as it is held against the sources."""

    text: str
    wording: str
    words: frozenset[str]
    negated: bool
    promising: bool
    restating: bool  # what the customer said; nothing else may rest on the customer's words
    deeds: tuple[Deed, ...]  # what was done


def said_of(text: str) -> Said:
    """Return a sentence of a draft with what the check asks of it."""
    words = content_words(bare(text))
    promising = is_promise(text) or bool(_WAIVES.search(text))
    restating = is_restating(text) and not promising and not is_instruction(text)
    negated, deeds = is_negated(text), find_deeds(text)
    return Said(text, wording_of(text), words, negated, promising, restating, deeds)


class Checker:
    """Ties the sentences of drafts to the sources of one Case."""

    def __init__(
        self,
        case: Case,
        embedder: Embedder,
        verifier: Verifier | None,
        courtesies: Iterable[str],
    ) -> None:
        """Read the sources of a Case.

        Args:
            case: with what the customer gave, the articles and earlier answers.
            embedder: for likeness.
            verifier: None where it can't be had; then articles carry only what stands in them.
            courtesies: the domain's own words, which claim nothing.
        """
        self._embedder = embedder
        self._verifier = verifier
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

    def closest(self, text: str, least: float) -> str:
        """Return the sentence of the articles that is most like a text in its language; none if its
        cosine is below ``least``."""
        if self._vectors is None:
            return ""
        cosines = self._vectors @ self._embedder.embed([bare(text)])[0]
        alike = [
            (float(cosine), source.text)
            for source, cosine in zip(self._sources, cosines, strict=True)
            if source.around and script(source.text) == script(text)
        ]
        cosine, sentence = max(alike, default=(0.0, ""))
        return sentence if cosine >= least else ""

    def _claim(self, text: str, vector: Vectors) -> Claim:
        if text in self._courtesies:
            return Claim(text, supported=True, courtesy=True)
        read = as_read(text)
        facts = find_facts(bare(read))
        said = said_of(read)
        claims_nothing = _asks_or_greets(text) or is_admission(text)
        done = any(deed.agent == "shop" for deed in said.deeds)
        if claims_nothing and not facts and not said.promising and not done:
            return Claim(text, supported=True, courtesy=True)
        like = [source for source in self._alike(said, vector) if _may_tell(source, said)]
        carried = self._carriers(facts, like, said.restating or _asks(text))
        missing = [fact.words for fact in facts if fact not in carried]
        missing += self._taken_for_true(text, facts)
        missing += _exaggerated(text, like)
        if said.deeds and not like:
            missing.append(text)
        supports = _supports(chain(like, carried.values()))
        return Claim(
            text,
            supported=bool(like) and not missing,
            support=supports,
            unsupported=tuple(dict.fromkeys(missing)),
        )

    def _alike(self, said: Said, vector: Vectors) -> list[Source]:
        """Return the sources that say what a sentence says, the surest first. Where it stands word
        for word in an article nothing else is needed."""
        if self._vectors is None:
            return []
        cosines = self._vectors @ vector
        near = [
            (_nearness(said, s, float(c)), s) for s, c in zip(self._sources, cosines, strict=True)
        ]
        verbatim = [source for sure, source in near if sure == VERBATIM]
        if quoted := [source for source in verbatim if source.kind == "passage"]:
            return quoted
        near += self._verified(said, cosines)
        return [source for sure, source in sorted(near, key=lambda pair: -pair[0]) if sure]

    def _verified(self, said: Said, cosines: Vectors) -> Iterator[tuple[float, Source]]:
        """Yield the sentences of articles in which the verifier finds an English claim."""
        if self._verifier is None or script(said.text) != "en":
            return
        ordered = (self._sources[int(row)] for row in np.argsort(-cosines))
        near: list[Source] = []
        for source in filter(_is_english_article, ordered):
            if not any(source.text in other.context for other in near):
                near.append(source)
            if len(near) == LOOKED_AT:
                break
        chances = self._verifier.verify([said.text] * len(near), [one.context for one in near])
        for source, chance in zip(near, chances, strict=True):
            enough = _shared(said, source) >= _least_shared(said)
            if chance >= SURE and enough:
                yield float(chance), source

    def _taken_for_true(self, text: str, facts: frozenset[Fact]) -> list[str]:
        """Return what a sentence takes for true though two sources disagree on it: it states one
        of their values and keeps silent about the other. A question may name one."""
        if _asks(text):
            return []
        stated = [{fact for fact in facts if fact.value in rivals} for rivals in self._contested]
        return [fact.words for named in stated if len(named) == 1 for fact in named]

    def _carriers(
        self, facts: frozenset[Fact], like: Sequence[Source], restating: bool
    ) -> dict[Fact, Source]:
        """Return for each fact the source that holds it: a source that says the same if there is
        one, else any that the customer gave, for a number the customer named.

        Days, amounts and shares are theirs to give only where they are told or asked what they
        said: a refund doesn't take 2 days because somebody asked for it within 2 days.
        """
        own = [source for source in self._sources if source.kind != "passage"]
        articles = [source for source in like if source.kind == "passage"]
        carried: dict[Fact, Source] = {}
        for fact in facts:
            holders: Iterable[Source] = chain(like, own)
            if fact.kind == "link":  # one that a customer sends may lead anywhere
                holders = articles
            elif (fact.unit or fact.kind == "day") and not restating:
                holders = like
            holder = next((s for s in holders if fact.carried_by(s.facts)), None)
            if holder is not None:
                carried[fact] = holder
        return carried


def _may_tell(source: Source, said: Said) -> bool:
    """Say whether a source may carry what a sentence says was done.

    Of what the shop did for this customer an agent's answer alone can tell; of what customers did,
    their own words too. An article tells what has happened in general, word for word.
    """
    deeds = said.deeds
    if not deeds:
        return True
    if source.kind != "passage":
        by_shop = {deed.verb for deed in deeds if deed.agent == "shop"}
        told = {deed.verb for deed in source.deeds}
        return told >= by_shop if source.by_agent else bool(told) and not by_shop
    if not source.quotes(said.wording, said.negated):
        return bool(source.deeds) and not any(deed.sure for deed in deeds)
    return source.explains_a_word or not any(deed.is_of_one_customer for deed in deeds)


def _exaggerated(text: str, like: Sequence[Source]) -> list[str]:
    """Return the words of a sentence that leave no exception where its sources leave one."""
    told = find_absolutes(bare(text)) if like and not _asks(text) else frozenset()
    held = frozenset(fact for source in like for fact in source.absolutes) if told else frozenset()
    return [fact.words for fact in told if not fact.carried_by(held)]


def _shared(said: Said, source: Source) -> float:
    """Return the share of a sentence's content words that a source holds."""
    return len(said.words & source.words) / max(1, len(said.words))


def _nearness(said: Said, source: Source, cosine: float) -> float:
    """Return how surely a source says what is said, without the verifier; 0 if it doesn't.

    What to do, what will be done and what is decided is the articles' to say, and an agent's; the
    customer's words carry only what is told about themselves. A heading says itself alone: "Can I
    cancel?" does not say that one can.
    """
    article = source.kind == "passage"
    if not (article or source.by_agent or (said.restating and _tells(source))):
        return 0.0
    if quoted := source.quotes(said.wording, said.negated):
        return quoted
    english = script(said.text) == "en"
    if source.is_heading or (article and english) or is_negated(source.text) != said.negated:
        return 0.0
    shared = _shared(said, source)
    meant = cosine if english and script(source.text) == "en" else 0.0
    enough = shared >= (PROMISED if said.promising else CONTAINED)
    return max(shared, meant) if enough or (meant >= LIKE and not said.promising) else 0.0


def _least_shared(said: Said) -> float:
    """Return the share of a sentence's words that must stand in an article, whatever the verifier
    thinks of the rest."""
    if said.promising:
        return PROMISED
    return CONTAINED if len(said.words) < FEW_WORDS else 0.0


def _is_english_article(source: Source) -> bool:
    return bool(source.around) and script(source.text) == "en"


def _tells(source: Source) -> bool:
    """Say whether customers speak of themselves, or give something to find again; "sign the reply
    with your own name" does neither."""
    return source.kind == "image" or bool(source.facts) or is_first_person(source.text)


def _supports(sources: Iterable[Source]) -> tuple[Support, ...]:
    unique = dict.fromkeys(Support(s.kind, s.ref, s.text) for s in sources)
    return tuple(unique)[:MOST_SUPPORTS]


def _values(written: Iterable[str]) -> frozenset[str]:
    return frozenset(fact.value for value in written for fact in find_facts(value))


def _asks(text: str) -> bool:
    return text.rstrip().endswith(("?", "？"))


def _asks_or_greets(text: str) -> bool:
    """Say whether a sentence asks, thanks, greets or regrets, and so claims nothing."""
    length = len(text.split())
    return (
        _asks(text)
        or (length <= MOST_GREETING and bool(_GREETING.match(text.strip())))
        or (length <= MOST_COURTEOUS and bool(_COURTESY.match(text.strip())))
    )
