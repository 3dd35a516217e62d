"""How well articles are found: recall and rank by article as the desk searches, next to the fused
score alone, plain BM25 and plain embeddings on the same passages, and how well questions that no
article answers are refused.

``data`` is a .jsonl of ``{"id", "text", "articles", "answerable"}``, or a folder with it as
questions.jsonl; ``spoken`` and ``shown`` may hold what a voice note and an image say.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np

from mmcs import roles
from mmcs.errors import UsageError
from mmcs.evaluate.shares import told_share
from mmcs.knowledge.fusion import best_of_articles
from mmcs.knowledge.index import Floats
from mmcs.knowledge.questions import Question, read_questions
from mmcs.knowledge.search import Judged, Knowledge
from mmcs.knowledge.signals import Query, bm25_scores
from mmcs.knowledge.words import words
from mmcs.models import chosen_backends
from mmcs.settings import Settings


@dataclass(frozen=True)
class Ranking:
    """Where the first right article stands, over all answerable questions."""

    recall_at_1: float
    recall_at_5: float
    mrr: float  # mean of 1 / rank


@dataclass(frozen=True)
class Refusal:
    """How questions without an answer are told from others by the threshold."""

    precision: float | None  # of the refused, how many had no answer; None if none was refused
    recall: float | None  # of those without an answer, how many were refused; None if there is none
    answered: float | None  # of those with an answer, how many got passages


@dataclass(frozen=True)
class QuestionScore:
    """How one question went."""

    id: str
    best: str  # the article that came first
    rank: int | None  # of the first right article, from 1; None if nothing answers
    score: float  # the chance that the best passage answers
    refused: bool


@dataclass(frozen=True)
class RetrievalReport:
    """How all questions went."""

    embedder: str
    articles: int
    passages: int
    questions: int
    answerable: int
    search: Ranking  # what the desk does: the fused score's candidates, read one by one
    fused: Ranking
    bm25: Ranking
    embeddings: Ranking
    refusal: Refusal
    calibration_error: float  # mean distance of score and share of right ones, over ten bins
    median_milliseconds: float  # a query, from its words to the judged passages
    scores: tuple[QuestionScore, ...]
    problems: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return the report for people."""
        told = [
            f"{self.questions} questions ({self.answerable} answerable), {self.articles} articles, "
            f"{self.passages} passages, embedder {self.embedder}",
            "                    recall@1  recall@5  MRR",
        ]
        rankings = (self.search, self.fused, self.bm25, self.embeddings)
        names = ("search", "fused score alone", "BM25", "embeddings")
        for name, found in zip(names, rankings, strict=True):
            told.append(
                f"{name:<20}{found.recall_at_1:8.3f}  {found.recall_at_5:8.3f}  {found.mrr:.3f}"
            )
        told.append(
            f"refusal: precision {told_share(self.refusal.precision)}, recall "
            f"{told_share(self.refusal.recall)}; "
            f"{told_share(self.refusal.answered)} of the answerable answered"
        )
        told.append(
            f"calibration error {self.calibration_error:.3f}; "
            f"{self.median_milliseconds:.0f} ms a query (median)"
        )
        return told + list(self.problems)


def evaluate(data: Path, settings: Settings, knowledge: Path) -> RetrievalReport:
    """Return how well a folder of articles answers labelled questions.

    Raises:
        UsageError: the questions cannot be read, or name articles that are not there.
        KnowledgeError, ModelUnavailable: the articles or the embedder cannot be used.
    """
    questions = read_questions(data)
    chosen = chosen_backends(settings)
    embedder = roles.load("embedder", chosen["embedder"], settings)
    ranker = roles.load("ranker", chosen["ranker"], settings)
    opened = replace(Knowledge.open(knowledge, embedder, settings.cache), ranker=ranker)
    for _ in opened.index.grow():  # or the time of the questions would be that of embedding
        pass
    ids = {page.id: row for row, page in enumerate(opened.index.articles)}
    _check_names(questions, ids)
    found, milliseconds = _timed(opened, questions)
    asked = [question.query for question in questions]
    rankers: dict[str, Sequence[Floats]] = {
        "search": [_order(judged) for judged in found],
        "fused": [judged.fused for judged in found],
        "bm25": [_bm25(opened, query) for query in asked],
        "embeddings": [_plain(opened, query) for query in asked],
    }
    scored = _scores(opened, questions, found, ids)
    return RetrievalReport(
        embedder=embedder.name,
        articles=len(opened.index.articles),
        passages=len(opened.index.parts),
        questions=len(questions),
        answerable=sum(question.answerable for question in questions),
        **{name: _ranking(opened, questions, each, ids) for name, each in rankers.items()},
        refusal=_refusal(scored, questions),
        calibration_error=_calibration_error(questions, scored),
        median_milliseconds=milliseconds,
        scores=scored,
        problems=opened.problems,
    )


def _check_names(questions: Sequence[Question], ids: Mapping[str, int]) -> None:
    for question in questions:
        for name in question.articles:
            if name not in ids:
                raise UsageError(f"Question {question.id} names {name}, which is no article here.")


def _timed(opened: Knowledge, questions: Sequence[Question]) -> tuple[list[Judged], float]:
    """Return what each question finds, and the median milliseconds."""
    found: list[Judged] = []
    seconds: list[float] = []
    for question in questions:
        begun = time.perf_counter()
        found.append(opened.judged(question.query))
        seconds.append(time.perf_counter() - begun)
    return found, median(seconds) * 1000


def _order(judged: Judged) -> Floats:
    """Return one number a passage that orders them: the judged ones first, by their chance."""
    order = judged.fused.copy()
    order[list(judged.rows)] = [1 + one.answers for one in judged.relevance]
    return order


def _bm25(opened: Knowledge, query: Query) -> Floats:
    return bm25_scores(opened.index.passage_ranker, list(dict.fromkeys(words(query.everything))))


def _plain(opened: Knowledge, query: Query) -> Floats:
    likeness: Floats = opened.index.vectors @ opened.embedder.embed([query.everything])[0]
    return likeness


def _rank(passages: Floats, opened: Knowledge, right: Sequence[int]) -> int:
    """Return the place of the first right article, from 1; a tie counts as lost."""
    articles = best_of_articles(passages, opened.index)
    others = np.delete(articles, right)
    return 1 + int((others >= articles[list(right)].max()).sum())


def _right(question: Question, ids: Mapping[str, int]) -> list[int]:
    return [ids[name] for name in question.articles]


def _ranking(
    opened: Knowledge,
    questions: Sequence[Question],
    found: Sequence[Floats],
    ids: Mapping[str, int],
) -> Ranking:
    ranks = np.array(
        [
            _rank(passages, opened, _right(question, ids))
            for question, passages in zip(questions, found, strict=True)
            if question.articles
        ]
    )
    if not len(ranks):
        raise UsageError("None of the questions names an article that answers it.")
    return Ranking(
        recall_at_1=round(float(np.mean(ranks <= 1)), 4),
        recall_at_5=round(float(np.mean(ranks <= 5)), 4),
        mrr=round(float(np.mean(1 / ranks)), 4),
    )


def _refusal(scored: Sequence[QuestionScore], questions: Sequence[Question]) -> Refusal:
    refused = np.array([score.refused for score in scored])
    without = np.array([not question.answerable for question in questions])

    def share(part: Floats, whole: Floats) -> float | None:
        return round(float(part.sum() / whole.sum()), 4) if whole.any() else None

    return Refusal(
        precision=share(refused & without, refused),
        recall=share(refused & without, without),
        answered=share(~refused & ~without, ~without),
    )


def _calibration_error(questions: Sequence[Question], scored: Sequence[QuestionScore]) -> float:
    """Return the expected calibration error of the best passage's chance."""
    best = np.array([score.score for score in scored])
    right = np.array([s.best in q.articles for s, q in zip(scored, questions, strict=True)])
    bins = np.minimum((best * 10).astype(int), 9)
    errors = [
        abs(best[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean()
        for b in np.unique(bins)
    ]
    return round(float(sum(errors)), 4)


def _scores(
    opened: Knowledge,
    questions: Sequence[Question],
    found: Sequence[Judged],
    ids: Mapping[str, int],
) -> tuple[QuestionScore, ...]:
    scored = []
    for question, judged in zip(questions, found, strict=True):
        order = _order(judged)
        first = opened.index.articles[opened.index.owners[order.argmax()]].id
        rank = _rank(order, opened, _right(question, ids)) if question.articles else None
        refused = judged.best < opened.threshold(question.query)
        scored.append(QuestionScore(question.id, first, rank, round(judged.best, 4), refused))
    return tuple(scored)
