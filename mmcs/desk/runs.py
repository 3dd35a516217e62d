"""The runs of tickets, from the press of Draft to the draft.

A run belongs to its ticket: it goes on while the page is closed, opened again, or shows another
ticket, and any number of windows may watch it. Only its agent ends it before its time. Each has a
thread of its own, in which it waits for its turn: evidence is looked for one ticket at a time, and
drafts are written as many at a time as the language model writes. Gradio's own queue could not do
it: what that runs belongs to a window.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace

from mmcs.boundary import foreseen
from mmcs.desk.late import Stages
from mmcs.desk.page import Page
from mmcs.desk.reasons import Reason
from mmcs.desk.render import Step, steps_of
from mmcs.desk.semaphore import FairSemaphore, Stopped
from mmcs.desk.tickets import PERCEPTION, Tickets, covers, merged
from mmcs.errors import MMCSError, StoreError
from mmcs.intake import Request, take
from mmcs.roles import Role
from mmcs.ticket import Case, Evidence, Question, Triage

MOST = 64  # runs at a time; the next one is refused
TOO_MANY = "{most} tickets are being drafted or wait for it: try again when some are done."
# Ten agents who draft every two minutes come 12 s apart, and a model's draft takes about as long.
# Whoever waits longer than this has a draft to work with, and lets the next one have their turn.
PATIENCE = 12.0  # seconds from the instant draft to the turn at the language model
OTHERS_WAITED = (
    "Others were waiting for the language model; the draft is made of the articles' own sentences. "
    "Press Draft again for the model's."
)
LOOK = 0.3  # seconds between two looks at whether the articles can be searched by now
KEEP_AGAIN, TRIES = 1.0, 60  # seconds between two tries to keep a draft, and how many
STOPS_WITHIN = 5.0  # seconds, when the desk ends
QUEUED = Step("queue")
WRITING = Step("draft")
ROLE_OF_STAGE: Mapping[str, Role] = {
    "transcribe": "transcriber",
    "read": "reader",
    "tag": "tagger",
    "triage": "triager",
    "retrieve": "ranker",  # which loads behind the embedder
    "instant": "verifier",
}


@dataclass(frozen=True)
class Progress:
    """A run as far as it is."""

    case: Case
    now: Step | None  # what is being worked on; None once it has ended
    stopped: bool = False  # by its agent


class Run:
    """One ticket's run."""

    def __init__(self, case: Case, page: Page | None = None) -> None:
        """Let it wait for its turn.

        Args:
            case: the ticket, with what was found before.
            page: whose ticket it is; None if it is nobody's and kept nowhere.
        """
        self.before = case
        self.page = page
        self.progress = Progress(replace(case, draft=None, alternatives=()), QUEUED)
        self.stopped = threading.Event()
        self.decided: Triage | None = None  # by the agent, since it began
        self.unkept = ""  # why what was found could not be kept
        self.lock = threading.Lock()  # between whoever works at it and whoever stops it
        self.thread: threading.Thread | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.progress.now is None


class Runs:
    """The runs of every visitor. One that has ended is forgotten: the store has what it found."""

    def __init__(self, stages: Stages, tickets: Tickets) -> None:
        self.stages = stages
        self.tickets = tickets
        self.most, self.patience = MOST, PATIENCE
        self._alive: dict[tuple[str, str], Run] = {}  # by owner and id
        self._lock = threading.Lock()  # of _alive
        self._evidence = FairSemaphore(lambda: 1)
        self._writers = FairSemaphore(lambda: stages.models.drafts_at_once)
        self._closed = threading.Event()

    def start(self, page: Page) -> Run:
        """Begin the run of a page's ticket, in the place of one that is not over.

        Raises:
            StoreError: the store cannot be read.
            MMCSError: there are too many runs.
        """
        run = Run(self.tickets.case(page), page)
        key = (page.owner, page.case)
        with self._lock:
            older = self._alive.get(key)
            if older is None and len(self._alive) >= self.most:
                raise MMCSError(TOO_MANY.format(most=self.most))
            self._alive[key] = run
        if older is not None:
            self._halt(older)
        run.thread = threading.Thread(target=self._work, args=(run,), name="mmcs-run", daemon=True)
        run.thread.start()
        return run

    def of(self, page: Page) -> Run | None:
        """Return the run of a page's ticket; None if there is none, or it has ended."""
        return self._alive.get((page.owner, page.case))

    def case(self, page: Page) -> Case:
        """Return the page's Case, as far as it is.

        Raises:
            StoreError: the store cannot be read.
        """
        run = self.of(page)
        return run.progress.case if run else self.tickets.case(page)

    def file(self, page: Page, question: Question, label: str) -> Case:
        """Put the agent's verdict in the place of the models', also in a run that goes on, and
        return the page's Case."""
        filed = self.tickets.file(page, question, label).triage
        run = self.of(page)
        if run is not None and filed is not None:
            with run.lock:
                run.decided = filed
                run.progress = replace(run.progress, case=_as_filed(run, run.progress.case))
        return self.case(page)

    def stop(self, page: Page) -> Case:
        """End the run of a page's ticket, if it is not over, and return what there is then. What
        was found until now is kept."""
        run = self.of(page)
        return self._halt(run) if run else self.tickets.case(page)

    def close(self) -> None:
        """End all runs; the desk is about to end."""
        self._closed.set()
        runs = list(self._alive.values())
        for run in runs:
            run.stopped.set()
        self._evidence.look_again()
        self._writers.look_again()
        until = time.monotonic() + STOPS_WITHIN
        for run in runs:
            if run.thread:
                run.thread.join(max(0.0, until - time.monotonic()))

    @property
    def explains(self) -> bool:
        """Whether whoever files tickets can say why."""
        return self.stages.explains

    def explain(self, case: Case, question: str) -> Reason:
        """Return why a Case was filed as it was, or the sentence that says why nobody can tell. It
        takes its turn with the tickets that are being understood.

        Raises:
            Stopped: the desk is about to end.
        """
        with self._evidence.one(self._closed):
            try:
                return Reason(question, self.stages.explain(case, question))
            except MMCSError as error:
                return Reason(question, problem=str(error))

    def whole(self, text: str, audio: tuple[str, ...], images: tuple[str, ...]) -> Case:
        """Return the whole Case of what a script sent; scripts have patience.

        Raises:
            Stopped: the desk is about to end.
        """
        ticket, problems = take(Request("", text, audio, images), self.stages.settings)
        run = Run(Case("", ticket, problems=problems))
        run.stopped = self._closed
        self._find(run)
        self._write(run, patience=float("inf"))
        return run.progress.case

    # The work, on the run's own thread.

    def _work(self, run: Run) -> None:
        try:
            with foreseen(run.before.id, passing=Stopped):
                self._find(run)
                self._write(run, self.patience)
                self._keep_at_last(run)
        except Stopped:
            pass  # whoever stopped it has kept what there was
        except MMCSError as error:
            with run.lock, foreseen(run.before.id):
                case = run.progress.case.with_problem("draft", str(error))
                run.progress = replace(run.progress, case=self._kept(run, case))
        finally:
            self._end(run)

    def _find(self, run: Run) -> None:
        """Find what there is to find, up to the instant draft. Evidence that is there is not looked
        for again. While the articles are still being read, others have their turn."""
        with closing(self.found(run.before)) as growing:
            while True:
                with self._evidence.one(run.stopped, lambda ahead: _queue(run, ahead)):
                    for progress in growing:
                        self._show(run, progress)
                        if progress.now and progress.now.indexing:
                            break
                    else:
                        return
                self._wait_for_articles(run)

    def _wait_for_articles(self, run: Run) -> None:
        """Wait until the articles can be searched, showing how many are read."""
        while (indexing := self.stages.indexing) is not None:
            now = run.progress.now
            if now is not None and now.indexing not in (None, indexing):
                self._show(run, replace(run.progress, now=replace(now, indexing=indexing)))
            if run.stopped.wait(LOOK):
                raise Stopped

    def _write(self, run: Run, patience: float) -> None:
        """Let the language model draft; a Problem if the run's turn came too late."""
        found = run.progress.case
        if not self.stages.writes(found):
            return
        since = time.monotonic()
        with self._writers.one(run.stopped, lambda ahead: _queue(run, ahead)):
            found = run.progress.case  # as the agent may have filed it meanwhile
            if time.monotonic() - since > patience:
                self._show(run, Progress(found.with_problem("draft", OTHERS_WAITED), WRITING))
                return
            self._show(run, Progress(found, WRITING))
            with closing(self.stages.write(found)) as growing:
                for grown in growing:
                    self._show(run, Progress(grown, WRITING))

    def _show(self, run: Run, progress: Progress) -> None:
        """Show how far a run is, and keep what each new stage has found."""
        with run.lock:
            if run.stopped.is_set():
                raise Stopped
            case = _as_filed(run, progress.case)
            if run.unkept:  # once is enough to wait for it; at last it is tried again
                case = case.with_problem("store", run.unkept)
            elif case.seconds.keys() != run.progress.case.seconds.keys():
                case = self._kept(run, case)
            run.progress = replace(progress, case=case)

    def _kept(self, run: Run, case: Case, ended: bool = False) -> Case:
        """Keep what was found, and return it as it is kept; with a Problem if it cannot be."""
        if run.page is None:
            return case
        try:
            case = self.tickets.keep_findings(run.page, case, ended)
            run.unkept = ""
        except StoreError as error:
            run.unkept = str(error)
            case = case.with_problem("store", run.unkept)
        return case

    def _keep_at_last(self, run: Run) -> None:
        """Keep the end of a run. If the store is held by somebody else, the draft is shown, and is
        kept as soon as it can be."""
        found = run.progress.case
        found = replace(found, problems=tuple(p for p in found.problems if p.stage != "store"))
        for _ in range(TRIES):
            with run.lock:
                if run.stopped.is_set():
                    raise Stopped
                case = self._kept(run, _as_filed(run, found), ended=True)
                run.progress = replace(run.progress, case=case)
            if not run.unkept or run.stopped.wait(KEEP_AGAIN):
                return

    def _halt(self, run: Run) -> Case:
        with run.lock:
            if not run.over:
                run.stopped.set()
                case = self._kept(run, run.progress.case)
                run.progress = Progress(case, None, stopped=True)
        self._forget(run)
        self._evidence.look_again()
        self._writers.look_again()
        return run.progress.case

    def _end(self, run: Run) -> None:
        with run.lock:
            run.progress = replace(run.progress, now=None)
        self._forget(run)

    def _forget(self, run: Run) -> None:
        if run.page is not None:
            key = (run.page.owner, run.page.case)
            with self._lock:
                if self._alive.get(key) is run:
                    del self._alive[key]

    # What the stages find.

    def found(self, case: Case) -> Generator[Progress]:
        """Yield a ticket's Case as it grows, up to the instant draft."""
        ticket = case.ticket
        evidence = merged(Evidence(), case.evidence, ticket)
        if ticket.attachments and covers(evidence, ticket):
            yield from self._understood(case, evidence)
        elif evidence.transcripts or evidence.images:
            yield from self._with_new_files(case, evidence)
        else:
            yield from self._found(case, None)

    def _understood(self, case: Case, evidence: Evidence) -> Generator[Progress]:
        """Make only the draft anew; what the evidence took is kept."""
        before = {s: t for s, t in case.seconds.items() if s in PERCEPTION}
        with closing(self._found(case, evidence)) as growing:
            for progress in growing:
                seconds = {**before, **progress.case.seconds}
                yield replace(progress, case=replace(progress.case, seconds=seconds))

    def _with_new_files(self, case: Case, evidence: Evidence) -> Generator[Progress]:
        """Look at the new files first; then draft from them and the evidence that was there."""
        found = case
        with closing(self._found(case, None)) as growing:
            for progress in growing:
                found = progress.case
                if "entities" in found.seconds:
                    break
                yield progress
        yield from self._understood(found, merged(found.evidence, evidence, case.ticket))

    def _found(self, case: Case, evidence: Evidence | None) -> Generator[Progress]:
        stages = {"attach"} if evidence is None else {"attach", *PERCEPTION}
        problems = tuple(p for p in case.problems if p.stage in stages)
        steps = steps_of(case, understood=evidence is not None)
        decided = case.triage if case.triage and case.triage.corrected else None
        growing = self.stages.find(case.ticket, evidence, case.id, problems, decided)
        with closing(growing):
            before, number = None, -1
            for grown in growing:
                number += grown is not before  # the same one again waits for the articles
                before = grown
                now = steps[number] if number < len(steps) else WRITING
                indexing = self.stages.indexing if now.stage == "retrieve" else None
                loading = self._loads(now.stage)
                yield Progress(grown, replace(now, loading=loading, indexing=indexing))

    def _loads(self, stage: str) -> bool:
        """Say whether a stage has to wait for its model."""
        return stage in ROLE_OF_STAGE and self.stages.models.waits(ROLE_OF_STAGE[stage])


def _queue(run: Run, ahead: int) -> None:
    """Show how many come before a run, unless it is just being stopped: nobody's turn waits for
    that."""
    if run.lock.acquire(blocking=False):
        if not run.stopped.is_set():
            run.progress = replace(run.progress, now=replace(QUEUED, ahead=ahead))
        run.lock.release()


def _as_filed(run: Run, case: Case) -> Case:
    """Return a run's Case with what the agent has decided since it began."""
    if run.decided is None or case.triage is None:
        return case
    return replace(case, triage=case.triage.after(run.decided))
