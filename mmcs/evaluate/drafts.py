"""How good drafts are: are the facts there, is what is wrong marked, is it honest when nothing
answers, and do the sources that it names hold.

``data`` is a .jsonl of ``{"id", "text", "audio", "images", "articles", "facts", "forbidden",
"answerable"}``; a fact is a string, or several with " | " between them of which one must be there.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean
from typing import Literal

from mmcs import domain as domains
from mmcs.draft import Checker, draft_language, plain_draft
from mmcs.draft.facts import find_facts
from mmcs.errors import UsageError
from mmcs.evaluate.bootstrap import Difference, paired_bootstrap
from mmcs.evaluate.labelled import read_labelled
from mmcs.intake import Request, take
from mmcs.models import Models
from mmcs.pipeline import Pipeline
from mmcs.sentences import split_units
from mmcs.settings import Settings
from mmcs.ticket import Case, Claim, Draft

Engine = Literal["article", "shown", "model", "plain"]
ENGINES: dict[Engine, str] = {
    "article": "the instant draft alone",
    "shown": "the draft that the desk shows first",
    "model": "the model's draft, whether it was chosen or not",
    "plain": "the model with the best passages and no selection, examples or check",
}


@dataclass(frozen=True)
class LabelledTicket:
    """A ticket, and what a good reply to it says."""

    id: str
    text: str
    answerable: bool
    articles: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    audio: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


@dataclass(frozen=True)
class DraftScore:
    """How one engine's draft of one ticket went."""

    text: str
    refused: bool
    facts: float | None  # share of the facts that are there; None if the ticket names none
    missing: tuple[str, ...]
    forbidden: tuple[str, ...]  # that are there
    unmarked: tuple[str, ...]  # hard facts that stand in no source and are not marked
    marked: int  # sentences that are marked as unsupported
    cited: int  # passages that were named as support
    cited_rightly: int  # of these, from an article that answers
    carried: int  # facts that are there, in a sentence that names an article that answers
    words: int
    reading_ease: float | None  # Flesch; None for Chinese
    engine: str  # that wrote it
    seconds: float
    claims: tuple[Claim, ...] = ()


@dataclass(frozen=True)
class TicketScore:
    """How one ticket went."""

    ticket: LabelledTicket
    rank: int | None  # of the first right article among the passages' articles
    drafts: dict[Engine, DraftScore]


@dataclass(frozen=True)
class EngineReport:
    """One engine over all tickets."""

    engine: Engine
    facts: float  # mean share, over tickets that have an answer
    wrongly_refused: float  # of those with an answer
    refusal_precision: float | None
    refusal_recall: float | None
    forbidden: int  # drafts that say something forbidden
    unmarked: int  # hard facts without a source and without a mark
    marked: int
    citation_precision: float | None
    citation_recall: float | None
    words: float
    reading_ease: float | None
    seconds: float


@dataclass(frozen=True)
class DraftsReport:
    """All tickets, all engines."""

    tickets: int
    answerable: int
    recall_at_1: float
    recall_at_5: float
    engines: tuple[EngineReport, ...]
    differences: tuple[Difference, ...]
    scores: tuple[TicketScore, ...] = field(repr=False)

    def lines(self) -> list[str]:
        """Return the report for people."""
        told = [
            f"{self.tickets} tickets, {self.answerable} with an answer; right article first "
            f"{self.recall_at_1:.3f}, among five {self.recall_at_5:.3f}",
            f"{'':10}{'facts':>7}{'wrongly':>9}{'refusal':>16}{'forbid-':>8}{'un-':>8}"
            f"{'citation':>16}{'words':>7}{'ease':>6}{'s':>6}",
            f"{'':10}{'':7}{'refused':>9}{'precis. recall':>16}{'den':>8}{'marked':>8}"
            f"{'precis. recall':>16}",
        ]
        for e in self.engines:
            told.append(
                f"{e.engine:10}{e.facts:7.3f}{e.wrongly_refused:9.3f}"
                f"{_told(e.refusal_precision):>9}{_told(e.refusal_recall):>7}{e.forbidden:8}"
                f"{e.unmarked:8}{_told(e.citation_precision):>9}{_told(e.citation_recall):>7}"
                f"{e.words:7.0f}{_told(e.reading_ease, 0):>6}{e.seconds:6.1f}"
            )
        return told + [difference.line() for difference in self.differences]


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
    tickets = read_labelled(data, LabelledTicket)
    chat = "none" if set(engines) == {"article"} else settings.chat
    pipeline = Pipeline(replace(settings, chat=chat), Models(replace(settings, chat=chat)))
    scores = []
    for number, ticket in enumerate(tickets, 1):
        scores.append(_score(ticket, data.parent, pipeline, engines))
        seen(f"{number} of {len(tickets)}: {ticket.id}")
    return _report(tuple(scores), engines)


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
    domain = domains.open_domain(pipeline.settings.domain_folder)
    text = plain_draft(case, domain, pipeline.models.get("chat"))
    seconds = time.perf_counter() - begun
    checker = Checker(case, pipeline.models.get("embedder"), ())
    language = draft_language(case, domain)
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


# --- over all tickets ---


def _report(scores: tuple[TicketScore, ...], engines: Sequence[Engine]) -> DraftsReport:
    answerable = [score for score in scores if score.ticket.answerable]
    if not answerable:
        raise UsageError("None of the tickets has an answer.")
    first, *others = engines
    return DraftsReport(
        tickets=len(scores),
        answerable=len(answerable),
        recall_at_1=mean(score.rank == 1 for score in answerable),
        recall_at_5=mean(score.rank is not None and score.rank <= 5 for score in answerable),
        engines=tuple(_engine_report(engine, scores) for engine in engines),
        differences=tuple(
            paired_bootstrap(
                f"facts, {other} against {first}",
                [score.drafts[other].facts or 0.0 for score in answerable],
                [score.drafts[first].facts or 0.0 for score in answerable],
            )
            for other in others
        ),
        scores=scores,
    )


def _engine_report(engine: Engine, scores: Sequence[TicketScore]) -> EngineReport:
    drafts = [(score.ticket, score.drafts[engine]) for score in scores]
    answered = [(t, d) for t, d in drafts if t.answerable]
    refused = [t for t, d in drafts if d.refused]
    unanswerable = [d for t, d in drafts if not t.answerable]
    there = sum(len(t.facts) - len(d.missing) for t, d in answered)
    ease = [d.reading_ease for _, d in drafts if d.reading_ease is not None]
    return EngineReport(
        engine=engine,
        facts=mean(d.facts for _, d in answered if d.facts is not None),
        wrongly_refused=mean(d.refused for _, d in answered),
        refusal_precision=_share(sum(not t.answerable for t in refused), len(refused)),
        refusal_recall=_share(sum(d.refused for d in unanswerable), len(unanswerable)),
        forbidden=sum(bool(d.forbidden) for _, d in drafts),
        unmarked=sum(len(d.unmarked) for _, d in drafts),
        marked=sum(d.marked for _, d in drafts),
        citation_precision=_share(
            sum(d.cited_rightly for _, d in answered), sum(d.cited for _, d in answered)
        ),
        citation_recall=_share(sum(d.carried for _, d in answered), there),
        words=mean(d.words for _, d in drafts),
        reading_ease=mean(ease) if ease else None,
        seconds=mean(d.seconds for _, d in drafts),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _told(share: float | None, digits: int = 3) -> str:
    return "-" if share is None else f"{share:.{digits}f}"
