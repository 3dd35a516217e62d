"""How good drafts are: are the facts there, is what is wrong marked, is it honest when nothing
answers, and do the sources that it names hold.

``data`` is a .jsonl of ``{"id", "text", "audio", "images", "articles", "facts", "forbidden",
"answerable"}``; a fact is a string, or several with " | " between them of which one must be there.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mmcs.draft import Checker, draft_language, plain_draft
from mmcs.draft.facts import find_facts
from mmcs.errors import UsageError
from mmcs.evaluate.drafts_report import (
    DraftScore,
    DraftsReport,
    Engine,
    LabelledTicket,
    TicketScore,
    report_of,
)
from mmcs.intake import Request, take
from mmcs.labelled import read_labelled
from mmcs.models import Models
from mmcs.pipeline import Pipeline
from mmcs.sentences import split_units
from mmcs.settings import Settings
from mmcs.ticket import Case, Draft


def evaluate(
    data: Path, settings: Settings, engines: Sequence[Engine], seen: Callable[[str], None]
) -> DraftsReport:
    """Draft every ticket with every engine.

    Args:
        data: the labelled tickets.
        settings: the domain and the articles.
        engines: which drafts to judge; only "article" needs no language model.
        seen: is told of each ticket that is done.

    Raises:
        UsageError: the tickets cannot be read.
    """
    tickets = read_labelled(data, LabelledTicket, "ticket")
    chat = "none" if set(engines) == {"article"} else settings.chat
    pipeline = Pipeline(replace(settings, chat=chat), Models(replace(settings, chat=chat)))
    scores = []
    for number, ticket in enumerate(tickets, 1):
        scores.append(_score(ticket, data.parent, pipeline, engines))
        seen(f"{number} of {len(tickets)}: {ticket.id}")
    return report_of(tuple(scores), engines)


def _score(
    ticket: LabelledTicket, folder: Path, pipeline: Pipeline, engines: Sequence[Engine]
) -> TicketScore:
    request = Request(
        ticket.id,
        ticket.text,
        tuple(str(folder / name) for name in ticket.audio),
        tuple(str(folder / name) for name in ticket.images),
    )
    taken, problems = take(request, pipeline.settings)
    case = list(pipeline.run(taken, case_id=ticket.id, problems=problems))[-1]
    if case.draft is None:
        raise UsageError(f"Ticket {ticket.id} got no draft: {case.problems}")
    found = list(dict.fromkeys(passage.article for passage in case.passages))
    ranks = [place for place, article in enumerate(found, 1) if article in ticket.articles]
    drafts = {
        engine: _judged(ticket, case, draft, seconds)
        for engine in engines
        for draft, seconds in [_draft_of(engine, case, pipeline)]
    }
    return TicketScore(ticket, ranks[0] if ranks else None, drafts)


def _draft_of(engine: Engine, case: Case, pipeline: Pipeline) -> tuple[Draft, float]:
    """Return the draft of one engine, and the seconds it took beside the evidence."""
    assert case.draft is not None  # noqa: S101  # _score has looked
    drafts = (case.draft, *case.alternatives)
    if engine == "shown":
        return case.draft, case.seconds.get("draft", case.seconds.get("instant", 0.0))
    if engine == "article":
        own = next(draft for draft in drafts if draft.engine == "article")
        return own, case.seconds.get("instant", 0.0)
    written = next((draft for draft in drafts if draft.engine != "article"), None)
    if engine == "model":
        return written or case.draft, case.seconds.get("draft", 0.0)
    return _plainly(case, pipeline)


def _plainly(case: Case, pipeline: Pipeline) -> tuple[Draft, float]:
    begun = time.perf_counter()
    text = plain_draft(case, pipeline.domain, pipeline.models.get("chat"))
    seconds = time.perf_counter() - begun
    models = pipeline.models
    checker = Checker(case, models.get("embedder"), models.get("verifier"), ())
    language = draft_language(case, pipeline.domain)
    return Draft(text, language, "plain prompt", "", checker.check(text)), seconds


def _judged(ticket: LabelledTicket, case: Case, draft: Draft, seconds: float) -> DraftScore:
    said = _folded(draft.text)
    there = [fact for fact in ticket.facts if _says(said, fact)]
    cited = [s for claim in draft.claims for s in claim.support if s.kind == "passage"]
    right = set(ticket.articles)
    carrying = [
        _folded(claim.text)
        for claim in draft.claims
        if any(s.kind == "passage" and s.ref in right for s in claim.support)
    ]
    return DraftScore(
        text=draft.text,
        refused=draft.refused,
        doubtful=draft.doubtful,
        facts=len(there) / len(ticket.facts) if ticket.facts else None,
        missing=tuple(fact for fact in ticket.facts if fact not in there),
        forbidden=tuple(text for text in ticket.forbidden if _folded(text) in said),
        unmarked=tuple(_unmarked(case, draft)),
        marked=sum(not claim.supported for claim in draft.claims),
        cited=len(cited) if right else 0,
        cited_rightly=sum(support.ref in right for support in cited),
        carried=sum(any(_says(text, fact) for text in carrying) for fact in there),
        words=len(draft.text.split()) if draft.language != "zh" else len(draft.text),
        reading_ease=reading_ease(draft.text) if draft.language == "en" else None,
        engine=draft.engine,
        seconds=seconds,
        claims=draft.claims,
    )


def _folded(text: str) -> str:
    return " ".join(text.lower().replace("’", "'").split())


def _says(said: str, fact: str) -> bool:
    return any(_folded(way) in said for way in fact.split(" | "))


def _unmarked(case: Case, draft: Draft) -> Iterator[str]:
    """Yield each number, code, link or day that stands in no source and is not marked.

    This looks at the words alone, not at what the check thought of them.
    """
    sources = [passage.text for passage in case.passages]
    sources += [passage.title + " " + passage.heading for passage in case.passages]
    sources += [message.text for message in case.ticket.messages]
    sources += [heard.text for heard in case.evidence.transcripts]
    sources += [line.text for picture in case.evidence.images for line in picture.lines]
    held = {fact.value for text in sources for fact in find_facts(text)}
    for claim in draft.claims:
        if claim.supported and not claim.courtesy:
            yield from (f.words for f in find_facts(claim.text) if f.value not in held)


def reading_ease(text: str) -> float | None:
    """Return the Flesch reading ease (Flesch 1948), syllables counted as groups of vowels."""
    words = re.findall(r"[A-Za-z']+", text)
    sentences = len(split_units(text))
    if not words or not sentences:
        return None
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", w.lower().rstrip("e")))) for w in words)
    return 206.835 - 1.015 * len(words) / sentences - 84.6 * syllables / len(words)
