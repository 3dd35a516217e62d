"""The instant draft: the articles' own sentences that answer, put together in the domain's tone.

It is there half a second after the evidence and invents nothing: each sentence is the domain's own
courtesy or stands word for word in a passage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmcs.domain import Domain
from mmcs.draft.check import Checker, content_words
from mmcs.draft.sentences import Unit, bare, script, split_units
from mmcs.roles import Embedder
from mmcs.ticket import Case, Draft, Language, Passage

MOST_PASSAGES = 3  # that a draft draws on
NEAR = 0.8  # share of the best passage's score from which another is drawn on
MOST_UNITS = 6  # sentences, or whole lists
MOST_LENGTH = {"en": 130, "zh": 260}  # words; characters
LEAD = 0.05  # what a list loses against the sentence that leads to it
REPEATED = 0.75  # share of a sentence's words that make it one that was said already
FALL = 0.14  # a sentence this much below the best does not answer


@dataclass(frozen=True)
class Chosen:
    """A sentence, or a whole list or table, that answers."""

    passage: int  # its place among the passages
    block: int
    units: tuple[Unit, ...]
    score: float

    @property
    def text(self) -> str:
        """The units as they stand in a reply."""
        glue = "\n" if self.units[0].kind != "sentence" else " "
        return glue.join(unit.text for unit in self.units)


def draft_language(case: Case, domain: Domain) -> Language:
    """Return the customer's language if the domain speaks it, else its first."""
    spoken = case.triage.language.label if case.triage else domain.languages[0]
    wanted = spoken if spoken in domain.languages else domain.languages[0]
    return "zh" if wanted == "zh" else "en"


def question_of(case: Case) -> str:
    """Return what the customer asks: written and spoken words, else what an image says."""
    written = [m.text for m in case.ticket.messages if m.author == "customer"]
    spoken = [heard.text for heard in case.evidence.transcripts]
    words = " ".join(text.strip() for text in (*written[-2:], *spoken) if text.strip())
    shown = " ".join(line.text for image in case.evidence.images for line in image.lines[:12])
    return words or shown


def instant_draft(case: Case, domain: Domain, embedder: Embedder, checker: Checker) -> Draft:
    """Return the reply that the passages give by themselves, or an honest refusal."""
    language = draft_language(case, domain)
    tone = domain.tone
    category = domain.category(case.triage.category.label if case.triage else "other")
    chosen = choose_sentences(case, embedder, language)
    parts = [tone.greeting[language]]
    if chosen:
        parts += [category.acknowledgement[language], *_paragraphs(chosen)]
        articles = dict.fromkeys(case.passages[c.passage].article for c in chosen)
        why = f"Composed of sentences from {', '.join(articles)}."
    else:
        parts.append(tone.no_answer[language])
        why = "No article answers this."
        if case.passages:
            other = case.passages[0].article
            why = f"No article in the customer's language answers this; {other} may."
    ask = getattr(category.ask, language)
    if ask and _is_missing(case, category.ask.kind):
        parts.append(ask)
    parts.append(tone.sign_off[language])
    text = "\n\n".join(parts)
    return Draft(
        text=text,
        language=language,
        engine="article",
        why=why,
        claims=checker.check(text),
        refused=not chosen,
    )


def choose_sentences(case: Case, embedder: Embedder, language: str) -> tuple[Chosen, ...]:
    """Return the sentences, lists and tables that answer the question, in reading order."""
    near = [p for p in case.passages if p.score >= NEAR * case.passages[0].score]
    candidates = _candidates(near[:MOST_PASSAGES], language)
    if not candidates:
        return ()
    question = question_of(case)
    scored = _scored(candidates, near, question, embedder)
    best = max(c.score for c in scored)
    picked: list[Chosen] = []
    length = 0
    for one in sorted(scored, key=lambda c: -c.score):
        size = len(one.text) if language == "zh" else len(one.text.split())
        too_long = picked and length + size > MOST_LENGTH[language]
        if one.score < best - FALL or len(picked) == MOST_UNITS:
            break
        if not too_long and not any(_repeats(one.text, other.text) for other in picked):
            picked.append(one)
            length += size
    return tuple(sorted(picked, key=lambda c: (c.passage, c.block)))


def _candidates(passages: Sequence[Passage], language: str) -> list[Chosen]:
    """Return each sentence by itself, each list and table whole with the line that leads to it."""
    found: dict[str, Chosen] = {}
    for place, passage in enumerate(passages):
        if passage.language != language:
            continue
        units = split_units(passage.text)
        blocks: dict[int, list[Unit]] = {}
        for unit in units:
            blocks.setdefault(unit.block, []).append(unit)
        for block, members in blocks.items():
            groups: list[tuple[Unit, ...]] = [tuple(members)]
            if members[0].kind == "sentence":
                groups = [(unit,) for unit in members if len(unit.text) > 8]
            for order, group in enumerate(groups):
                text = " ".join(unit.text for unit in group)
                found.setdefault(text, Chosen(place, block * 100 + order, group, 0.0))
    return list(found.values())


def _scored(
    candidates: Sequence[Chosen], passages: Sequence[Passage], question: str, embedder: Embedder
) -> list[Chosen]:
    """Return the candidates with their likeness to what is asked, and their passage's, weighed."""
    asked = list(dict.fromkeys([question, *(u.text for u in split_units(question))]))
    alone = [bare(c.text) for c in candidates]
    placed = [
        f"{_title(passages[c.passage])}. {text}" for c, text in zip(candidates, alone, strict=True)
    ]
    english = script(question) == "en"  # the embedder knows English alone
    texts = [*asked, *alone, *placed] if english else []
    vectors = embedder.embed(texts) if texts else np.zeros((0, 1), np.float32)
    best = max(p.score for p in passages) or 1.0
    scored: list[Chosen] = []
    for i, candidate in enumerate(candidates):
        likeness = _shared(asked, candidate.text)
        if english:
            questions = vectors[: len(asked)]
            here, there = len(asked) + i, len(asked) + len(candidates) + i
            meant = 0.5 * (questions @ vectors[here]) + 0.5 * (questions @ vectors[there])
            likeness = 0.5 * float(meant[0]) + 0.5 * float(meant.max()) + 0.3 * likeness
        score = likeness + 0.3 * passages[candidate.passage].score / best
        lead = scored[-1] if scored and scored[-1].passage == candidate.passage else None
        if candidate.units[0].kind != "sentence" and lead is not None:
            score = max(score, lead.score - LEAD)  # what leads to the steps speaks for them
        scored.append(replace(candidate, score=score))
    return scored


def _shared(asked: Sequence[str], text: str) -> float:
    """Return the largest cosine of the words of a question and of a text, each counted once."""
    words = content_words(text)
    shares = (
        len(words & content_words(question))
        / (max(1, len(content_words(question))) * max(1, len(words))) ** 0.5
        for question in asked
    )
    return float(max(shares))


def _repeats(text: str, said: str) -> bool:
    """Say whether most of one text's words stand in the other, whichever is shorter."""
    words, others = content_words(text), content_words(said)
    return len(words & others) >= REPEATED * max(1, min(len(words), len(others)))


def _paragraphs(chosen: Sequence[Chosen]) -> list[str]:
    """Return the chosen sentences as paragraphs: one a passage, lists and tables by themselves."""
    paragraphs: list[str] = []
    previous: Chosen | None = None
    for one in chosen:
        plain = one.units[0].kind == "sentence"
        joins = (
            previous is not None
            and previous.passage == one.passage
            and plain
            and previous.units[0].kind == "sentence"
        )
        if joins:
            glue = "" if script(one.text) == "zh" else " "
            paragraphs[-1] += glue + one.text
        else:
            paragraphs.append(one.text)
        previous = one
    return paragraphs


def _title(passage: Passage) -> str:
    return f"{passage.title}: {passage.heading}" if passage.heading else passage.title


def _is_missing(case: Case, kind: str) -> bool:
    if kind == "none":
        return False
    if kind == "photo":
        return not case.evidence.images
    return all(entity.kind != kind for entity in case.evidence.entities)
