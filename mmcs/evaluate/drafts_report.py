"""The report on drafts: what is labelled, how each draft went, and each engine over all tickets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import mean
from typing import Literal

from mmcs.errors import UsageError
from mmcs.evaluate.bootstrap import Difference, paired_bootstrap
from mmcs.evaluate.shares import share_of, told_share
from mmcs.ticket import Claim

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
    doubtful: bool
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
    doubted: float  # of those with an answer, how many say that they may not answer
    caught: float | None  # of those without, how many say so or refuse
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
                f"{told_share(e.refusal_precision):>9}{told_share(e.refusal_recall):>7}{e.forbidden:8}"
                f"{e.unmarked:8}{told_share(e.citation_precision):>9}{told_share(e.citation_recall):>7}"
                f"{e.words:7.0f}{told_share(e.reading_ease, 0):>6}{e.seconds:6.1f}"
            )
        for e in self.engines:
            told.append(
                f"{e.engine}: refuses, or says that it may not answer, {told_share(e.caught)} of "
                f"those without an answer; says so of {told_share(e.doubted)} of the others"
            )
        return told + [difference.line() for difference in self.differences]


def report_of(scores: tuple[TicketScore, ...], engines: Sequence[Engine]) -> DraftsReport:
    """Return the report on scored tickets; every engine but the first is compared with it.

    Raises:
        UsageError: none of the tickets has an answer.
    """
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
        refusal_precision=share_of(sum(not t.answerable for t in refused), len(refused)),
        refusal_recall=share_of(sum(d.refused for d in unanswerable), len(unanswerable)),
        doubted=mean(d.doubtful for _, d in answered),
        caught=share_of(sum(d.refused or d.doubtful for d in unanswerable), len(unanswerable)),
        forbidden=sum(bool(d.forbidden) for _, d in drafts),
        unmarked=sum(len(d.unmarked) for _, d in drafts),
        marked=sum(d.marked for _, d in drafts),
        citation_precision=share_of(
            sum(d.cited_rightly for _, d in answered), sum(d.cited for _, d in answered)
        ),
        citation_recall=share_of(sum(d.carried for _, d in answered), there),
        words=mean(d.words for _, d in drafts),
        reading_ease=mean(ease) if ease else None,
        seconds=mean(d.seconds for _, d in drafts),
    )
