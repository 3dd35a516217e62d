"""Which tickets are at work, and which wait for the language model."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace

from mmcs.desk.page import Page
from mmcs.desk.render import Step
from mmcs.desk.tickets import Tickets
from mmcs.desk.way import Progress, Way
from mmcs.errors import StoreError
from mmcs.ticket import Case, Question, Triage


@dataclass(frozen=True)
class Running:
    """A ticket's run, as far as it is."""

    case: Case
    now: Step | None
    session: str  # Gradio's name of the open page
    since: float | None = None  # time.monotonic() from which it waits for the language model


class Drafting:
    """The runs of every visitor, in two halves: ``find`` up to the instant draft, then ``write``.
    Closing either stops it and keeps what is there."""

    def __init__(self, way: Way, tickets: Tickets) -> None:
        self._way = way
        self._tickets = tickets
        self._running: dict[tuple[str, str], Running] = {}  # by owner and id
        self._filed: dict[tuple[str, str], Triage] = {}  # by the agent, of tickets at work

    def of(self, page: Page) -> Running | None:
        """Return the run of a page's ticket, also while it waits between the halves."""
        return self._running.get((page.owner, page.case))

    def case(self, page: Page) -> Case:
        """Return the page's Case, as far as it is.

        Raises:
            StoreError: the store cannot be read. So do ``find`` and ``write``.
        """
        running = self.of(page)
        return running.case if running else self._tickets.case(page)

    def file(self, page: Page, question: Question, label: str) -> Case:
        """Put the agent's verdict in the place of the models', also in a run that goes on, and
        return the page's Case."""
        filed = self._tickets.file(page, question, label).triage
        running = self.of(page)
        if running is not None and filed is not None:
            key = (page.owner, page.case)
            self._filed[key] = filed
            self._running[key] = replace(running, case=self._as_filed(key, running.case))
        return self.case(page)

    def find(self, page: Page, session: str) -> Generator[Progress]:
        """Yield what is found. If there is something to write, the ticket then waits for it."""
        before = Running(self._tickets.case(page), None, session)
        case = yield from self._follow(page, before, self._way.find(before.case))
        waiting = [run for run in list(self._running.values()) if run.since is not None]
        now = self._way.after(case, len(waiting))
        if now is not None:
            waits = Running(case, now, session, time.monotonic())
            self._running[page.owner, page.case] = waits
        try:
            yield Progress(case, now)
        except GeneratorExit:  # stopped just now
            self.give_up(page)
            raise

    def write(self, page: Page) -> Generator[Progress]:
        """Yield the model's draft as it grows; nothing if the ticket does not wait any more."""
        waits = self.of(page)
        if waits is None or waits.since is None:
            return
        growing = self._way.write(waits.case, waits.since)
        case = yield from self._follow(page, replace(waits, since=None), growing)
        yield Progress(case, None)

    def give_up(self, page: Page) -> None:
        """Let a ticket wait no longer; one that is at work is stopped by whoever closes it."""
        running = self.of(page)
        if running is not None and running.since is not None:
            self._running.pop((page.owner, page.case), None)

    def leave(self, session: str) -> None:
        """Let nothing wait for a page that was closed."""
        for key, running in list(self._running.items()):
            if running.session == session and running.since is not None:
                self._running.pop(key, None)

    def _follow(
        self, page: Page, running: Running, growing: Generator[Progress]
    ) -> Generator[Progress, None, Case]:
        """Yield what grows, and return its end; each new stage's findings are kept."""
        key = (page.owner, page.case)
        case = running.case
        kept_stages: set[str] = set()
        try:
            with closing(growing):
                for progress in growing:
                    case = self._as_filed(key, progress.case)
                    self._running[key] = replace(running, case=case, now=progress.now)
                    if case.seconds.keys() != kept_stages:
                        kept_stages = set(case.seconds)
                        case = self._keep(page, case)
                    yield replace(progress, case=case)
        finally:
            case = self._keep(page, case)
            self._running.pop(key, None)
            self._filed.pop(key, None)
        return case

    def _as_filed(self, key: tuple[str, str], case: Case) -> Case:
        """Return a run's Case with what the agent has decided since it began."""
        filed = self._filed.get(key)
        if filed is None or case.triage is None:
            return case
        return replace(case, triage=case.triage.after(filed))

    def _keep(self, page: Page, case: Case) -> Case:
        try:
            return self._tickets.keep_findings(page, case)
        except StoreError as error:
            return case.with_problem("store", str(error))
