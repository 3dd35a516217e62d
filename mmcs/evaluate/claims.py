"""How well the check of drafts tells what a source supports from what it doesn't.

``data`` is a .jsonl of ``{"id", "source", "claim", "supported", "why"}``, or of ``{"id", "source",
"claims": [[text, supported, kind], …]}``. Each claim is held against its source as if that were the
only passage found for a customer who said no more than "Hello."
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmcs import roles
from mmcs.draft import Checker
from mmcs.errors import UsageError
from mmcs.evaluate.shares import share_of, told_share
from mmcs.labelled import read_labelled
from mmcs.models import chosen_backends
from mmcs.roles import Embedder, Verifier
from mmcs.sentences import script, split_units
from mmcs.settings import Settings
from mmcs.ticket import Case, Language, Message, Passage, Ticket


@dataclass(frozen=True)
class LabelledSource:
    """A few sentences with one claim about them, or with several."""

    id: str
    source: str
    claim: str = ""
    supported: bool | None = None
    why: str = ""  # the kind of the claim: how it was made from the source
    claims: tuple[tuple[str, bool, str], ...] = ()  # text, whether it is supported, kind


@dataclass(frozen=True)
class ClaimScore:
    """How one claim went."""

    id: str  # of its source's line
    claim: str
    language: Language  # of the claim
    kind: str
    supported: bool  # truly
    called_supported: bool  # by the check, every sentence of it


@dataclass(frozen=True)
class LabelScore:
    """One of the two labels against the other; a figure is None where it would be 0 / 0."""

    precision: float | None  # of those called so, how many truly are
    recall: float | None  # of those that truly are, how many were called so
    f1: float | None  # 2 TP / (2 TP + FP + FN), their harmonic mean


@dataclass(frozen=True)
class LanguageReport:
    """All claims of one language."""

    pairs: int
    accuracy: float
    supported: LabelScore
    unsupported: LabelScore


@dataclass(frozen=True)
class KindReport:
    """All claims of one kind."""

    pairs: int
    supported: int  # that truly are
    called_supported: float  # share


@dataclass(frozen=True)
class ClaimsReport:
    """How all claims went."""

    embedder: str
    verifier: str
    pairs: int
    languages: dict[str, LanguageReport]  # by "en", "zh" and "all"; only those that there are
    kinds: dict[str, KindReport]
    scores: tuple[ClaimScore, ...]

    def lines(self) -> list[str]:
        """Return the report for people."""
        told = [
            f"{self.pairs} pairs of a source and a claim, {self.embedder}, {self.verifier}",
            f"{'':21}{'supported':>25}{'unsupported':>25}",
            f"{'':5}{'pairs':>6}{'accuracy':>10}" + f"{'precision':>11}{'recall':>8}{'F1':>6}" * 2,
        ]
        for language, found in self.languages.items():
            labels = _told(found.supported) + _told(found.unsupported)
            told.append(f"{language:5}{found.pairs:6}{found.accuracy:10.3f}{labels}")
        wide = max(map(len, self.kinds), default=0) + 2
        if self.kinds:
            told.append(f"{'kind':{wide}}{'pairs':>6}{'supported':>11}{'share called so':>17}")
        for kind, seen in self.kinds.items():
            share = told_share(seen.called_supported)
            told.append(f"{kind:{wide}}{seen.pairs:6}{seen.supported:11}{share:>17}")
        return told


def evaluate(data: Path, settings: Settings) -> ClaimsReport:
    """Check every claim against its source and compare with its label.

    Raises:
        UsageError: the claims cannot be read.
        ModelUnavailable: the embedder or the verifier cannot be had.
    """
    sources = read_labelled(data, LabelledSource, "claim")
    for line in sources:
        _check_line(line)
    chosen = chosen_backends(settings)
    embedder = roles.Remembering(roles.load("embedder", chosen["embedder"], settings))
    verifier: Verifier = roles.load("verifier", chosen["verifier"], settings)
    scores = tuple(_scores(sources, embedder, verifier))
    return ClaimsReport(
        embedder=embedder.name,
        verifier=verifier.name,
        pairs=len(scores),
        languages=_languages(scores),
        kinds=_kinds(scores),
        scores=scores,
    )


def _claims(line: LabelledSource) -> tuple[tuple[str, bool, str], ...]:
    if line.supported is None:
        return line.claims
    return ((line.claim, line.supported, line.why), *line.claims)


def _check_line(line: LabelledSource) -> None:
    claims = _claims(line)
    unlabelled = line.claim and line.supported is None
    if not claims or unlabelled or not all(split_units(text) for text, _, _ in claims):
        raise UsageError(
            f'Source {line.id} needs "claim" and "supported", or "claims"; a claim is a sentence.'
        )


def _scores(
    sources: Sequence[LabelledSource], embedder: Embedder, verifier: Verifier
) -> Iterator[ClaimScore]:
    """Yield how each claim goes; lines with the same source share its checker."""
    checkers: dict[str, Checker] = {}
    for line in sources:
        if line.source not in checkers:
            checkers[line.source] = Checker(_case(line), embedder, verifier, ())
        for text, supported, kind in _claims(line):
            called = all(claim.supported for claim in checkers[line.source].check(text))
            yield ClaimScore(line.id, text, script(text), kind, supported, called)


def _case(line: LabelledSource) -> Case:
    passage = Passage("source", "", line.source, 1.0, language=script(line.source))
    return Case(line.id, Ticket((Message("customer", "Hello."),)), passages=(passage,))


def _languages(scores: Sequence[ClaimScore]) -> dict[str, LanguageReport]:
    languages: tuple[Language, ...] = ("en", "zh")
    parts = {each: [s for s in scores if s.language == each] for each in languages}
    reports: dict[str, LanguageReport] = {
        each: _language_report(part) for each, part in parts.items() if part
    }
    return {**reports, "all": _language_report(scores)}


def _language_report(scores: Sequence[ClaimScore]) -> LanguageReport:
    return LanguageReport(
        pairs=len(scores),
        accuracy=sum(s.supported == s.called_supported for s in scores) / len(scores),
        supported=_label_score(scores, True),
        unsupported=_label_score(scores, False),
    )


def _label_score(scores: Sequence[ClaimScore], label: bool) -> LabelScore:
    true = sum(s.supported == label for s in scores)
    called = sum(s.called_supported == label for s in scores)
    both = sum(s.supported == s.called_supported == label for s in scores)
    return LabelScore(
        precision=share_of(both, called),
        recall=share_of(both, true),
        f1=share_of(2 * both, called + true),
    )


def _kinds(scores: Sequence[ClaimScore]) -> dict[str, KindReport]:
    """Return the kinds in the order of their names; a claim without a kind counts in none."""
    kinds = sorted({score.kind for score in scores if score.kind})
    return {kind: _kind_report([s for s in scores if s.kind == kind]) for kind in kinds}


def _kind_report(scores: Sequence[ClaimScore]) -> KindReport:
    return KindReport(
        pairs=len(scores),
        supported=sum(s.supported for s in scores),
        called_supported=sum(s.called_supported for s in scores) / len(scores),
    )


def _told(label: LabelScore) -> str:
    return (
        f"{told_share(label.precision):>11}{told_share(label.recall):>8}{told_share(label.f1):>6}"
    )
