"""Two halves of a draft, and whose turn it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from desk_pages import LATE, Cast

from mmcs.backends.fake import FakeChat
from mmcs.desk.drafting import Drafting
from mmcs.desk.files import Files
from mmcs.desk.page import Page, open_page
from mmcs.desk.tickets import Tickets
from mmcs.desk.way import OTHERS_WAITED, PATIENCE, QUEUED, WRITING, Way
from mmcs.pipeline import Pipeline
from mmcs.settings import Settings
from mmcs.store import Store

Desk = Callable[..., tuple[Drafting, Way, Tickets]]


@pytest.fixture
def desk(fake_settings: Settings) -> Desk:
    """Return a function that makes a desk on fakes, but for the given models."""

    def made(**given: Any) -> tuple[Drafting, Way, Tickets]:
        pipeline = Pipeline(fake_settings, Cast(fake_settings, **given), wait_for_chat=False)
        tickets = Tickets(fake_settings, Store(fake_settings), Files(fake_settings, b"secret"))
        way = Way(pipeline)
        return Drafting(way, tickets), way, tickets

    return made


def written(tickets: Tickets, text: str = LATE) -> Page:
    """Return a new visitor's page with a ticket."""
    page = open_page({})
    tickets.write(page, text)
    return page


def test_a_found_ticket_waits_for_the_language_model(desk: Desk) -> None:
    """After the first half the ticket waits, with its instant draft kept; after the second it does
    not, and both drafts are kept."""
    drafting, _, tickets = desk()
    page = written(tickets)
    *_, last = drafting.find(page, "session")
    assert last.now == WRITING
    waits = drafting.of(page)
    assert waits and waits.since is not None and waits.since <= time.monotonic()
    kept = tickets.case(page)
    assert kept.draft and not kept.alternatives
    *_, last = drafting.write(page)
    assert last.now is None and drafting.of(page) is None
    assert tickets.case(page).alternatives


def test_a_verdict_of_the_agents_reaches_a_run_that_goes_on(desk: Desk) -> None:
    """Filed anew while the language model writes, a ticket is shown so at once, at every step that
    follows, and in the end."""
    drafting, _, tickets = desk()
    page = written(tickets)
    list(drafting.find(page, "session"))
    growing = drafting.write(page)
    next(growing)
    filed = drafting.file(page, "category", "returns")
    assert filed.triage is not None and filed.triage.category.label == "returns"
    later = [progress.case.triage for progress in growing]
    assert later
    assert {triage.category.label for triage in later if triage} == {"returns"}
    kept = tickets.case(page).triage
    assert kept is not None and kept.corrected == ("category",)


def test_evidence_does_not_wait_for_the_draft_of_another(desk: Desk) -> None:
    """While one ticket's draft is being written, another's instant draft is there; it is told that
    its turn is still to come."""
    drafting, _, tickets = desk(chat=FakeChat("word " * 9))
    one, other = written(tickets), written(tickets)
    list(drafting.find(one, "1"))
    writing = drafting.write(one)
    next(progress for progress in writing if progress.case.alternatives)
    *_, last = drafting.find(other, "2")
    assert last.case.draft and last.now == replace(QUEUED, ahead=1)
    *_, end = writing
    assert "draft" in end.case.seconds
    *_, last = drafting.write(other)
    assert "draft" in last.case.seconds


def test_a_ticket_is_told_where_it_stands(desk: Desk) -> None:
    """The first that waits behind a draft has one ticket before it, the next has two; whoever
    leaves the line makes it shorter."""
    drafting, _, tickets = desk(chat=FakeChat("word " * 9))
    one, two, three, four = (written(tickets) for _ in range(4))
    list(drafting.find(one, "1"))
    writing = drafting.write(one)
    next(progress for progress in writing if progress.case.alternatives)
    places = [list(drafting.find(page, "x"))[-1].now for page in (two, three)]
    assert [place and place.ahead for place in places] == [1, 2]
    drafting.give_up(two)
    *_, last = drafting.find(four, "4")
    assert last.now and last.now.ahead == 2
    writing.close()


def test_a_model_that_writes_for_several_has_no_line(fake_settings: Settings) -> None:
    """Two tickets are written at the same time by a model for two; the third waits."""
    wide = replace(fake_settings, chat="openai_api")  # the lane of a server, played by a fake
    chat = FakeChat("word " * 9, at_once=2)
    pipeline = Pipeline(wide, Cast(wide, chat=chat), wait_for_chat=False)
    tickets = Tickets(wide, Store(wide), Files(wide, b"secret"))
    drafting = Drafting(Way(pipeline), tickets)
    pages = [written(tickets) for _ in range(3)]
    ends, at_work = [], []
    for page in pages[:2]:
        ends.append(list(drafting.find(page, "x"))[-1].now)
        writing = drafting.write(page)
        next(progress for progress in writing if progress.case.alternatives)
        at_work.append(writing)
    assert ends == [WRITING, WRITING]
    assert list(drafting.find(pages[2], "x"))[-1].now == replace(QUEUED, ahead=1)


@pytest.mark.parametrize("waited", [0.0, PATIENCE - 1, PATIENCE + 1])
def test_patience_ends(waited: float, desk: Desk) -> None:
    """Whoever waited too long keeps the instant draft, and is told so in one sentence, once; the
    next press forgets it."""
    drafting, way, tickets = desk()
    page = written(tickets)
    *_, found = drafting.find(page, "session")
    *_, end = way.write(found.case, time.monotonic() - waited)
    late = waited > PATIENCE
    assert [(p.stage, p.message) for p in end.case.problems] == [("draft", OTHERS_WAITED)] * late
    assert end.case.draft and ("draft" in end.case.seconds) != late
    tickets.keep_findings(page, end.case)
    *_, again = drafting.find(page, "session")
    assert not again.case.problems


def test_a_refusal_waits_for_nobody(desk: Desk) -> None:
    """Where no article answers, the run is over after the first half."""
    drafting, _, tickets = desk()
    page = written(tickets, "Qwyx zzyzx?")
    *_, last = drafting.find(page, "session")
    assert last.case.draft and last.case.draft.refused
    assert last.now is None and drafting.of(page) is None
    assert not list(drafting.write(page))


@pytest.mark.parametrize("end", ["give_up", "leave"])
def test_a_turn_is_taken_back(end: str, desk: Desk) -> None:
    """Stop, another ticket or a closed tab ends the waiting; nothing is written then, and what was
    found is kept."""
    drafting, _, tickets = desk()
    page, other = written(tickets), written(tickets)
    list(drafting.find(page, "1"))
    list(drafting.find(other, "2"))
    if end == "give_up":
        drafting.give_up(page)
    else:
        drafting.leave("1")
    assert not list(drafting.write(page))
    assert tickets.case(page).draft
    assert drafting.of(other) is not None


def test_a_run_that_is_stopped_at_its_end_does_not_wait(desk: Desk) -> None:
    """Closing the first half in its last step leaves nothing behind."""
    drafting, _, tickets = desk()
    page = written(tickets)
    finding = drafting.find(page, "session")
    next(p for p in finding if (waits := drafting.of(page)) and waits.since is not None)
    finding.close()
    assert drafting.of(page) is None and tickets.case(page).draft


def test_a_stopped_draft_frees_the_language_model(desk: Desk) -> None:
    """Closing the second half keeps what is there; the next ticket has its turn at once."""
    drafting, _, tickets = desk(chat=FakeChat("word " * 9))
    one, other = written(tickets), written(tickets)
    list(drafting.find(one, "1"))
    list(drafting.find(other, "2"))
    writing = drafting.write(one)
    next(progress for progress in writing if progress.case.alternatives)
    writing.close()
    assert drafting.of(one) is None and tickets.case(one).alternatives
    *_, last = drafting.write(other)
    assert "draft" in last.case.seconds
