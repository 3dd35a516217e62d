"""What an agent does to a ticket: write, attach, correct, answer. All of it lies in the store, so a
closed tab loses nothing and the page remembers only who looks at which ticket."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from mmcs.attachments import attachment_kind, drop, is_kept, keep
from mmcs.desk.files import Files
from mmcs.desk.page import Page
from mmcs.desk.typed import chosen, current, typed, with_current
from mmcs.domain import Sample
from mmcs.errors import MMCSError
from mmcs.intake import Request, take, unused_name
from mmcs.settings import Settings
from mmcs.store import Filed, Kept, Store, TextName
from mmcs.ticket import (
    Attachment,
    Case,
    Claim,
    Draft,
    Evidence,
    Message,
    Picture,
    Problem,
    Question,
    Ticket,
    Transcript,
)

Taken = tuple[str, Attachment]  # a file that was sent, by its path, and what it became
PERCEPTION = frozenset({"transcribe", "read", "tag"})  # stages that corrected evidence skips


@dataclass(frozen=True)
class Correction:
    """The words that an agent puts in place of what a model heard or read."""

    kind: Literal["segment", "line"]
    attachment: str
    number: int  # from 0
    text: str


class Tickets:
    """The tickets of every visitor, each seen by its owner alone."""

    def __init__(self, settings: Settings, store: Store, files: Files) -> None:
        self._settings = settings
        self._store = store
        self._files = files

    def case(self, page: Page) -> Case:
        """Return the page's Case; an empty one if nothing was written yet.

        Raises:
            StoreError: the store cannot be read. So does everything below.
        """
        return self._store.kept(page.owner, page.case).case

    def filed(self, page: Page) -> tuple[Filed, ...]:
        """Return the list of the owner's tickets."""
        return self._store.cases(page.owner)

    def kept(self, page: Page) -> Kept:
        """Return all that is kept of the page's ticket."""
        return self._store.kept(page.owner, page.case)

    def latest(self, page: Page) -> int:
        """Return the ticket's latest revision that was not written in the page's window."""
        return self._store.latest(page.owner, page.case, page.window)

    def type(self, page: Page, name: TextName, text: str, over: Collection[str] = ()) -> Kept:
        """Keep a text as it is typed; beside the one that is there, if that came from another
        window meanwhile. Return all that is kept then.

        Args:
            page: whose ticket it is, and in which window it is typed.
            name: which of its texts.
            text: as it is now.
            over: what the window knows to have been there.
        """
        change = lambda kept: typed(kept, name, text, page, over)  # noqa: E731  # named for the line
        return self._store.change(page.owner, page.case, change, page.window)

    def choose(self, page: Page, name: TextName, text: str) -> Kept:
        """Keep the one of two texts that the agent has chosen, and return all that is kept then."""
        change = lambda kept: chosen(kept, name, text, page)  # noqa: E731  # named for the line
        return self._store.change(page.owner, page.case, change, page.window)

    def attach(self, page: Page, paths: Sequence[str]) -> Case:
        """Add files to the customer's latest message; a Problem for each that can't be used."""
        taken, problems = self._take(paths, ())

        def grow(case: Case) -> Case:
            others = tuple(p for p in case.problems if p.stage != "attach")
            names = {a.name for a in case.ticket.attachments}
            files = list(current(case.ticket).attachments)
            for _, new in taken:
                files.append(replace(new, name=unused_name(new.name, names)))
                names.add(files[-1].name)
            case = with_current(case, files=tuple(files))
            return replace(case, problems=(*others, *problems))

        case = self._change(page, grow)
        self._make_sure(taken)
        return case

    def detach(self, page: Page, name: str) -> Case:
        """Take a file out of the customer's latest message."""

        def shrink(case: Case) -> Case:
            files = tuple(a for a in current(case.ticket).attachments if a.name != name)
            kept = tuple(p for p in case.problems if p.stage != "attach")
            evidence = _without(case.evidence, name)  # the next file may have the same name
            return replace(with_current(case, files=files), problems=kept, evidence=evidence)

        return self._change(page, shrink)

    def open_sample(self, page: Page, sample: Sample) -> Case:
        """Fill the page's ticket with a sample's messages, if it is not there yet, and return its
        Case. What was done to it since it was first opened stays."""
        there = self.case(page)
        if there.ticket.messages:
            return there
        messages: list[Message] = []
        problems: list[Problem] = []
        taken: list[Taken] = []
        for said in sample.messages:
            paths = [*map(str, said.audio), *map(str, said.images)]
            kept, faults = self._take(paths, messages, trusted=True)
            messages.append(Message(said.author, said.text, tuple(a for _, a in kept)))
            taken += kept
            problems += faults
        ticket = Ticket(tuple(messages), sample.title[page.language])
        case = Case(page.case, ticket, problems=tuple(problems))
        filed = self._change(page, lambda there: there if there.ticket.messages else case)
        self._make_sure(taken)
        return filed

    def correct(self, page: Page, correction: Correction) -> Case:
        """Put the agent's words into the evidence."""

        def corrected(case: Case) -> Case:
            evidence = case.evidence
            if correction.kind == "segment":
                heard = tuple(_heard_anew(t, correction) for t in evidence.transcripts)
                return replace(case, evidence=replace(evidence, transcripts=heard))
            images = tuple(_read_anew(p, correction) for p in evidence.images)
            return replace(case, evidence=replace(evidence, images=images))

        return self._change(page, corrected)

    def file(self, page: Page, question: Question, label: str) -> Case:
        """Put the agent's verdict on one question in the place of the models'."""

        def filed(case: Case) -> Case:
            if case.triage is None:
                return case
            return replace(case, triage=case.triage.corrected_to(question, label))

        return self._change(page, filed)

    def keep_findings(self, page: Page, found: Case, ended: bool = True) -> Case:
        """Keep what a run has found, and return it. The ticket, the words of evidence that is
        there, and what the agent has decided stay: all may have been changed meanwhile.

        Args:
            page: whose ticket it is.
            found: what was found until now.
            ended: whether nothing more comes; else what was there before stays until there is a
                draft to take its place.
        """

        def joined(case: Case) -> Case:
            evidence = _with_words_of(case.evidence, found.evidence)
            triage = found.triage.after(case.triage) if found.triage else None
            return replace(found, ticket=case.ticket, evidence=evidence, triage=triage)

        def kept(case: Case) -> Case:
            whole = ended or "instant" in found.seconds
            return joined(case) if whole else _so_far(case, joined(case))

        return joined(self._change(replace(page, window=""), kept))

    def answer(self, page: Page, text: str) -> Case:
        """Record the reply in the ticket."""
        return self._store.answer(page.owner, page.case, text, page.window)

    def _change(self, page: Page, change: Callable[[Case], Case]) -> Case:
        """Change the page's Case and return it, also where it is not worth keeping yet."""
        before = case = Case(page.case, Ticket(()))

        def changed(kept: Kept) -> Kept:
            nonlocal before, case
            before, case = kept.case, change(kept.case)
            worth_keeping = case.ticket.messages or case.problems or kept.case.ticket.messages
            return replace(kept, case=case) if worth_keeping else kept

        self._store.change(page.owner, page.case, changed, page.window)
        self.drop({*before.ticket.attachments} - {*case.ticket.attachments})
        return case

    def drop(self, attachments: Collection[Attachment]) -> None:
        """Remove the files of attachments that no ticket has any more, and what was found in them.

        Raises:
            StoreError: the store cannot be read.
        """
        for sha256 in {attachment.sha256 for attachment in attachments}:
            drop(sha256, self._settings, self._store.has)

    def _make_sure(self, taken: Sequence[Taken]) -> None:
        """Keep anew what another desk has removed while it was made part of a ticket."""
        for path, attachment in taken:
            if not is_kept(attachment, self._settings):
                keep(Path(path), attachment.kind, self._settings)

    def _take(
        self, paths: Sequence[str], earlier: Sequence[Message], trusted: bool = False
    ) -> tuple[list[Taken], list[Problem]]:
        """Keep files, and see at once whether they can be decoded; trusted ones can."""
        taken: list[Taken] = []
        problems: list[Problem] = []
        for path in paths:
            turns = (*earlier, Message("customer", "", tuple(a for _, a in taken)))
            try:
                heard = attachment_kind(Path(path)) == "audio"
                request = Request(
                    "", audio=(path,) if heard else (), images=() if heard else (path,)
                )
                ticket, refused = take(request, self._settings, turns)
                problems += [Problem("attach", problem.message) for problem in refused]
                for attachment in ticket.messages[-1].attachments:
                    if not trusted:
                        self._make(attachment)
                    taken.append((path, attachment))
            except MMCSError as error:
                problems.append(Problem("attach", str(error)))
        return taken, problems

    def _make(self, attachment: Attachment) -> None:
        """Decode an attachment for the page; one that cannot be is not kept."""
        try:
            self._files.make(attachment)
        except MMCSError:
            self.drop([attachment])
            raise


def covers(evidence: Evidence, ticket: Ticket) -> bool:
    """Say whether every attachment of a ticket was understood already."""
    known = {t.attachment for t in evidence.transcripts} | {p.attachment for p in evidence.images}
    return all(a.name in known for a in ticket.attachments)


def merged(found: Evidence, corrected: Evidence, ticket: Ticket) -> Evidence:
    """Return the evidence of a ticket, where the agent's own words stand over the models'."""
    said = {t.attachment: t for t in (*found.transcripts, *corrected.transcripts)}
    seen = {p.attachment: p for p in (*found.images, *corrected.images)}
    names = [a.name for a in ticket.attachments]
    return replace(
        found,
        transcripts=tuple(said[name] for name in names if name in said),
        images=tuple(seen[name] for name in names if name in seen),
    )


def _without(evidence: Evidence, name: str) -> Evidence:
    return replace(
        evidence,
        transcripts=tuple(t for t in evidence.transcripts if t.attachment != name),
        images=tuple(p for p in evidence.images if p.attachment != name),
    )


def _so_far(before: Case, found: Case) -> Case:
    """Return what a run has found until now over what was there before it: whatever it has not come
    to yet stays."""
    evidence = merged(before.evidence, found.evidence, found.ticket)
    if "entities" in found.seconds:
        entities, conflicts = found.evidence.entities, found.evidence.conflicts
        evidence = replace(evidence, entities=entities, conflicts=conflicts)
    return replace(
        before,
        evidence=evidence,
        triage=found.triage or before.triage,
        passages=found.passages if "retrieve" in found.seconds else before.passages,
        problems=found.problems,
        seconds={**before.seconds, **found.seconds},
    )


def _with_words_of(kept: Evidence, found: Evidence) -> Evidence:
    """Return what was found, with the words of what was kept where both have them."""
    said = {t.attachment: t for t in kept.transcripts}
    lines = {p.attachment: p.lines for p in kept.images}
    return replace(
        found,
        transcripts=tuple(said.get(t.attachment, t) for t in found.transcripts),
        images=tuple(replace(p, lines=lines.get(p.attachment, p.lines)) for p in found.images),
    )


def unsupported_in(
    reply: str, drafts: Sequence[Draft], doubted: Sequence[Claim] = ()
) -> tuple[Claim, ...]:
    """Return what nothing supports in a reply, in its order: the marked sentences of drafts that
    still stand in it, and those of the agent's own that are doubtful."""
    claims = {claim.text: claim for draft in drafts for claim in draft.claims}
    claims |= {claim.text: claim for claim in doubted}
    marked = (c for c in claims.values() if not c.supported and c.text in reply)
    return tuple(sorted(marked, key=lambda claim: reply.index(claim.text)))


def _heard_anew(heard: Transcript, correction: Correction) -> Transcript:
    if heard.attachment != correction.attachment or correction.number >= len(heard.segments):
        return heard
    segments = list(heard.segments)
    changed = replace(segments[correction.number], text=correction.text, confidence=1.0)
    segments[correction.number] = changed
    glue = "" if heard.language == "zh" else " "
    text = glue.join(s.text.strip() for s in segments if s.text.strip())
    return replace(heard, segments=tuple(segments), text=text)


def _read_anew(picture: Picture, correction: Correction) -> Picture:
    if picture.attachment != correction.attachment or correction.number >= len(picture.lines):
        return picture
    lines = list(picture.lines)
    changed = replace(lines[correction.number], text=correction.text, confidence=1.0)
    lines[correction.number] = changed
    return replace(picture, lines=tuple(lines))
