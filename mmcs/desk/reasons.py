"""Why tickets were filed as they were, as far as agents have asked: for each visitor alone, in
memory, and only for the tickets that were asked about last.

An answer belongs to a ticket as it was understood. Once its message, its evidence or its triage
differs, it is forgotten.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import get_args

from mmcs.desk.page import Page
from mmcs.explanation import Explanation
from mmcs.ticket import Attachment, Case, Evidence, Question, Triage

QUESTIONS: tuple[Question, ...] = get_args(Question)
MOST = 64  # tickets


@dataclass(frozen=True)
class Reason:
    """The answer to a question about a triage; neither explanation nor problem while it is looked
    for."""

    question: str  # one of QUESTIONS
    explanation: Explanation | None = None
    problem: str = ""  # the sentence that says why there is no explanation

    @property
    def awaited(self) -> bool:
        """Whether it is still to be found."""
        return self.explanation is None and not self.problem


@dataclass(frozen=True)
class Understood:
    """What a reason is about: all that the triage went by, and what it said."""

    text: str
    attachments: tuple[Attachment, ...]
    evidence: Evidence
    triage: Triage

    @classmethod
    def of(cls, case: Case) -> Understood | None:
        """Return what was understood of a Case; None while that is still being found."""
        if case.triage is None:
            return None
        ticket = case.ticket
        return cls(ticket.customer_text, ticket.attachments, case.evidence, case.triage)


@dataclass(frozen=True)
class _Asked:
    """What was asked about one ticket."""

    about: Understood
    open: str = ""  # the question whose answer the page shows; "" if none
    found: Mapping[str, Reason] = field(default_factory=dict)  # by question


class Reasons:
    """The answers of every visitor's tickets; the oldest give way."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._asked: OrderedDict[tuple[str, str], _Asked] = OrderedDict()  # by owner and id
        self._lock = threading.Lock()

    def press(self, page: Page, case: Case, question: str) -> Reason | None:
        """Open the answer to a question in place of any other, or close it if it is open. Return
        what is open then."""
        about = Understood.of(case)
        if about is None:
            return None
        with self._lock:
            self._forget_others(page, about)
            asked = self._of(page, about) or _Asked(about)
            shown = "" if asked.open == question else question
            # A problem is looked into anew: a model may be there by now.
            found = {q: reason for q, reason in asked.found.items() if not reason.problem}
            return _opened(self._keep(page, _Asked(about, shown, found)))

    def open(self, page: Page, case: Case) -> Reason | None:
        """Return the answer that a page's ticket shows; None if it shows none."""
        about = Understood.of(case)
        if about is None:
            return None
        with self._lock:
            self._forget_others(page, about)
            asked = self._of(page, about)
            return _opened(asked) if asked else None

    def answer(self, page: Page, case: Case, reason: Reason) -> None:
        """Keep the answer to a question about a Case, unless the ticket was understood anew or
        forgotten since it was asked."""
        with self._lock:
            asked = self._of(page, Understood.of(case))
            if asked:
                self._keep(page, replace(asked, found={**asked.found, reason.question: reason}))

    def give_up(self, page: Page, case: Case, question: str) -> None:
        """Close the answer to a question if it is still to be found; leave one that is there."""
        with self._lock:
            asked = self._of(page, Understood.of(case))
            if asked and _opened(asked) == Reason(question):
                self._keep(page, replace(asked, open=""))

    def _of(self, page: Page, about: Understood | None) -> _Asked | None:
        asked = self._asked.get((page.owner, page.case))
        return asked if asked and asked.about == about else None

    def _forget_others(self, page: Page, about: Understood) -> None:
        """Forget what was asked about a page's ticket when it was understood otherwise."""
        if self._of(page, about) is None:
            self._asked.pop((page.owner, page.case), None)

    def _keep(self, page: Page, asked: _Asked) -> _Asked:
        self._asked[page.owner, page.case] = asked
        self._asked.move_to_end((page.owner, page.case))
        while len(self._asked) > self._most:
            self._asked.popitem(last=False)
        return asked


def _opened(asked: _Asked) -> Reason | None:
    return asked.found.get(asked.open, Reason(asked.open)) if asked.open else None
