"""The instant draft: the articles' own sentences that answer, put together in the domain's tone.

It is there half a second after the evidence and invents nothing: each sentence is the domain's own
courtesy or stands word for word in a passage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from mmcs.domain import Domain
from mmcs.draft.check import Checker
from mmcs.draft.deeds import find_deeds
from mmcs.draft.sources import content_words, last_heading, wording_of
from mmcs.sentences import Unit, script, split_units
from mmcs.ticket import Case, Draft, Language, Passage
from mmcs.turns import asks_nothing

MOST_PASSAGES = 3  # that a draft draws on
NEAR = 0.3  # share of the best passage's score from which another is drawn on
FAINT = 0.2  # chance that a passage of another article needs
MOST_UNITS = 6  # sentences, or whole lists
MOST_LENGTH = {"en": 130, "zh": 260}  # words; characters
REPEATED = 0.75  # share of a sentence's words that make it one that was said already
ENOUGH = 0.3  # share of the best sentence's chance that another needs
# Chance of the best passage below which an agent is told to read it first: a quarter of the
# answerable training questions lie below. The training of relevance finds it.
DOUBTED = {"en": 0.39, "zh": 0.44}
SHORTEST = 8  # characters of a sentence that says something
UNJUDGED = 0.5
# To customers who only say thanks; the check knows these as courtesies.
WELCOME: dict[Language, str] = {"en": "You're welcome.", "zh": "不客气。"}

_NOTHING = re.compile(r"(?!)")
_CALLS_FOR = {  # kinds of entities, or a photo, and how an article asks for them
    kind: re.compile(pattern, re.IGNORECASE)
    for kind, pattern in {
        "order": r"order number|number of (?:the|your) order|订单号",
        "tracking": r"tracking number|[运物][单流]单?号",
        "serial": r"serial number|序列号",
        "email": r"e-?mail address|邮箱地址|哪个邮箱",
        "phone": r"phone number|电话号码|手机号",
        "error": r"error code|(?:错误|故障)代码",
        "photo": r"\bphotos?\b|\bpictures?\b|screenshot|照片|截图",
    }.items()
}
_NUMBERED = re.compile(r"\s*\d")


@dataclass(frozen=True)
class Chosen:
    """A sentence, or a whole list or table, that answers."""

    passage: int  # its number among the passages
    place: int  # of its first unit in the passage
    units: tuple[Unit, ...]
    score: float  # 0-1, that it belongs in the answer
    lead: Unit | None = None  # the line that announces its list

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


def instant_draft(case: Case, domain: Domain, checker: Checker) -> Draft:
    """Return the reply that the passages give by themselves, or an honest refusal."""
    language = draft_language(case, domain)
    tone = domain.tone
    category = domain.category(case.triage.category.label if case.triage else "other")
    chosen = choose_sentences(case, language)
    parts = [tone.greeting[language]]
    thanked = asks_nothing(case)
    if thanked:
        parts.append(WELCOME[language])
        why = "The customer asks nothing more."
    elif chosen:
        parts += [category.acknowledgement.get(language, ""), *_paragraphs(chosen)]
        articles = dict.fromkeys(case.passages[c.passage].article for c in chosen)
        why = f"Composed of sentences from {', '.join(articles)}."
    else:
        parts.append(tone.no_answer[language])
        why = "No article answers this."
        if case.passages:
            other = case.passages[0].article
            why = f"No article in the customer's language answers this; {other} may."
    ask = getattr(category.ask, language)
    missing = _is_missing(case, category.ask.kind) and _is_needed(chosen, category.ask.kind)
    if ask and missing and not thanked:
        parts.append(ask)
    parts.append(tone.closing[language])
    text = "\n\n".join(part for part in parts if part)
    return Draft(
        text=text,
        language=language,
        engine="article",
        why=why,
        claims=checker.check(text),
        refused=not chosen and not thanked,
        doubtful=bool(chosen) and is_doubtful(case, language),
    )


def is_doubtful(case: Case, language: Language) -> bool:
    """Say whether the articles may not answer, though something of them is on the topic."""
    return bool(case.passages) and case.passages[0].score < DOUBTED[language]


def choose_sentences(case: Case, language: str) -> tuple[Chosen, ...]:
    """Return the sentences, lists and rows that answer the question, in reading order."""
    candidates = near_sentences(case, language)
    if not candidates:
        return ()
    best = max(one.score for one in candidates)
    picked: list[Chosen] = []
    length = 0
    for one in sorted(candidates, key=lambda c: -c.score):
        size = len(one.text) if language == "zh" else len(one.text.split())
        too_long = picked and length + size > MOST_LENGTH[language]
        if one.score < ENOUGH * best or len(picked) == MOST_UNITS:
            break
        if not too_long and not any(_repeats(one.text, other.text) for other in picked):
            picked.append(one)
            length += size
    return tuple(sorted(picked, key=lambda c: (c.passage, c.place)))


def near_sentences(case: Case, language: str) -> tuple[Chosen, ...]:
    """Return every sentence, list and row of the passages that a draft may draw on; what an agent
    has sent this customer before only where there is nothing else."""
    near = [p for p in case.passages if _is_near(p, case.passages[0])]
    found = _candidates(near[:MOST_PASSAGES], language)
    answered = [m.text for m in case.ticket.messages if m.author == "agent"]
    sent = f" {wording_of(chr(10).join(answered))} "
    new = [one for one in found if not all(f" {wording_of(u.text)} " in sent for u in one.units)]
    return tuple(new or found)


def _is_near(passage: Passage, best: Passage) -> bool:
    """Say whether a draft may draw on a passage beside the best one. Of another article it must be
    likely to answer by itself: three faint ones together make no answer."""
    least = FAINT if passage.article != best.article else 0.0
    return passage is best or passage.score >= max(NEAR * best.score, least)


def _candidates(passages: Sequence[Passage], language: str) -> list[Chosen]:
    """Return each sentence, item and row by itself, numbered steps whole."""
    found: dict[str, Chosen] = {}
    for number, passage in enumerate(passages):
        if passage.language != language:
            continue
        units = split_units(passage.text)
        for places in _groups(units):
            chance = max(_chance(passage, place) for place in places)
            group = tuple(units[place] for place in places)
            if len(group[0].text) > SHORTEST and not any(_is_of_another(unit) for unit in group):
                lead = _lead(passage, units, places[0])
                one = Chosen(number, places[0], group, chance * passage.score, lead)
                found.setdefault(one.text, one)
    return list(found.values())


def _is_of_another(unit: Unit) -> bool:
    """Say whether a unit tells what was done for one customer, as an example of a reply does."""
    return unit.kind == "sentence" and any(
        deed.is_of_one_customer for deed in find_deeds(unit.text)
    )


def _groups(units: Sequence[Unit]) -> Iterator[tuple[int, ...]]:
    """Yield the places of units that are chosen together: numbered steps, or one unit."""
    for _, members in groupby(range(len(units)), key=lambda place: units[place].block):
        places = tuple(members)
        if units[places[0]].kind == "step" and _NUMBERED.match(units[places[0]].text):
            yield places
        else:
            yield from ((place,) for place in places)


def _lead(passage: Passage, units: Sequence[Unit], place: int) -> Unit | None:
    """Return the line that announces a list or a table, as "Do this:" does; else the heading that
    it stands under, without which "Used products" may say the opposite."""
    block = units[place].block
    first = next(i for i, unit in enumerate(units) if unit.block == block)
    if units[place].kind == "sentence":
        return None
    before = units[first - 1].text.rstrip() if first else ""
    if before.endswith((":", "：")):
        return units[first - 1]
    heading = last_heading(passage)
    return Unit(heading, "sentence", -1) if heading else None


def _chance(passage: Passage, place: int) -> float:
    """Return how likely a unit belongs in the answer; units that were not judged count alike."""
    return passage.unit_scores[place] if place < len(passage.unit_scores) else UNJUDGED


def _repeats(text: str, said: str) -> bool:
    """Say whether most of one text's words stand in the other, whichever is shorter."""
    words, others = content_words(text), content_words(said)
    return len(words & others) >= REPEATED * max(1, min(len(words), len(others)))


def _paragraphs(chosen: Sequence[Chosen]) -> list[str]:
    """Return the chosen sentences as paragraphs: one a passage, lists and tables by themselves."""
    paragraphs: list[str] = []
    previous: Chosen | None = None
    for one in chosen:
        if previous and _same_list(previous, one):
            paragraphs[-1] += "\n" + one.text
        elif previous and previous.passage == one.passage and _plain(previous) and _plain(one):
            glue = "" if script(one.text) == "zh" else " "
            paragraphs[-1] += glue + one.text
        elif one.lead and one.lead.text not in "\n".join(paragraphs):
            paragraphs.append(f"{one.lead.text}\n{one.text}")
        else:
            paragraphs.append(one.text)
        previous = one
    return paragraphs


def _plain(one: Chosen) -> bool:
    """Say whether it is a whole sentence, which others may follow on its line."""
    ended = one.text.rstrip("”\"') ").endswith((".", "!", "?", "。", "！", "？"))
    return one.units[0].kind == "sentence" and ended


def _same_list(one: Chosen, other: Chosen) -> bool:
    kind, block = other.units[0].kind, other.units[0].block
    return kind != "sentence" and one.passage == other.passage and one.units[0].block == block


def _is_needed(chosen: Sequence[Chosen], kind: str) -> bool:
    """Say whether what answers calls for a detail, as "write to us with your order number" does; if
    nothing answers, a colleague will need it. Who asks how long delivery takes needs no number."""
    said = " ".join(one.text for one in chosen)
    return not chosen or bool(_CALLS_FOR.get(kind, _NOTHING).search(said))


def _is_missing(case: Case, kind: str) -> bool:
    if kind == "none":
        return False
    if kind == "photo":
        return not case.evidence.images
    return all(entity.kind != kind for entity in case.evidence.entities)
