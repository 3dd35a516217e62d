"""A run belongs to its ticket: what it waits for, what ends it, and what it leaves in the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from desk_pages import LATE, WITHIN, Cast, Gated, GatedTranscriber, desk_of, until

from mmcs.backends.fake import FakeTranscriber
from mmcs.desk.page import Page, open_page
from mmcs.desk.runs import OTHERS_WAITED, QUEUED, Run, Runs
from mmcs.desk.tickets import Correction
from mmcs.errors import MMCSError
from mmcs.pipeline import Pipeline
from mmcs.settings import Settings
from mmcs.ticket import Case

Made = Callable[..., Runs]


@pytest.fixture
def desk(fake_settings: Settings) -> Iterator[Made]:
    """Return a function that makes a desk on fakes, but for the given models."""
    made: list[Runs] = []

    def make(**given: Any) -> Runs:
        made.append(desk_of(fake_settings, **given))
        return made[-1]

    yield make
    for runs in made:
        runs.close()


def written(runs: Runs, text: str = LATE) -> Page:
    """Return a new visitor's page with a ticket."""
    page = open_page({})
    runs.tickets.type(page, "message", text)
    return page


def ended(run: Run) -> Run:
    """Return a run when it is over."""
    assert run.thread is not None
    run.thread.join(WITHIN)
    assert run.over
    return run


def writes(run: Run) -> bool:
    """Say whether the model's draft has begun."""
    return bool(run.progress.case.alternatives)


# --- a run and its ticket ---


def test_a_run_goes_on_without_anybody_watching(desk: Made) -> None:
    """From the press on it needs no page: both drafts are in the store, and it is forgotten."""
    runs = desk()
    page = written(runs)
    run = ended(runs.start(page))
    case = runs.tickets.case(page)
    assert case.draft and case.alternatives and "draft" in case.seconds
    assert run.progress.case == case
    assert runs.of(page) is None


def test_another_ticket_of_the_same_agent_runs_beside_it(desk: Made) -> None:
    """Neither stops the other, though one waits for the language model."""
    chat = Gated()
    runs = desk(chat=chat)
    one = written(runs)
    other = replace(one, case="0123456789ab")
    runs.tickets.type(other, "message", LATE)
    first = runs.start(one)
    until(lambda: writes(first))
    second = runs.start(other)
    until(lambda: second.progress.now == replace(QUEUED, ahead=1))
    assert runs.of(one) is first and runs.of(other) is second
    chat.may.set()
    for page, run in ((one, first), (other, second)):
        ended(run)
        assert "draft" in runs.tickets.case(page).seconds


def test_evidence_does_not_wait_for_the_draft_of_another(desk: Made) -> None:
    """While one ticket's draft is being written, others' instant drafts are there, and each is told
    how many are before it; whoever leaves the line makes it shorter."""
    chat = Gated()
    runs = desk(chat=chat)
    first = runs.start(written(runs))
    until(lambda: writes(first))
    pages = [written(runs) for _ in range(3)]
    waiting = []
    for number, page in enumerate(pages, 1):
        waiting.append(runs.start(page))
        until(lambda n=number: waiting[-1].progress.now == replace(QUEUED, ahead=n))  # type: ignore[misc]  # mypy cannot infer a default's type
        assert waiting[-1].progress.case.draft
        assert runs.tickets.case(page).draft
    runs.stop(pages[0])
    until(lambda: waiting[2].progress.now == replace(QUEUED, ahead=2))
    chat.may.set()
    for run in (first, *waiting[1:]):
        assert "draft" in ended(run).progress.case.seconds
    assert "draft" not in runs.tickets.case(pages[0]).seconds


def test_a_model_that_writes_for_several_has_no_line(fake_settings: Settings) -> None:
    """Two tickets are written at the same time by a model for two; the third waits."""
    wide = replace(fake_settings, chat="openai_api")  # the lane of a server, played by a fake
    chat = Gated(at_once=2)
    runs = desk_of(wide, chat=chat)
    first, second = (runs.start(written(runs)) for _ in range(2))
    until(lambda: writes(first) and writes(second))
    third = runs.start(written(runs))
    until(lambda: third.progress.now == replace(QUEUED, ahead=1))
    chat.may.set()
    for run in (first, second, third):
        assert "draft" in ended(run).progress.case.seconds


def test_a_refusal_waits_for_nobody(desk: Made) -> None:
    """Where no article answers, the run is over after the first half."""
    chat = Gated()
    runs = desk(chat=chat)
    run = ended(runs.start(written(runs, "Qwyx zzyzx?")))
    assert run.progress.case.draft and run.progress.case.draft.refused
    assert not chat.begun


def test_patience_ends(desk: Made) -> None:
    """Whoever waited too long keeps the instant draft, and is told so in one sentence, once; the
    next press forgets it."""
    runs = desk()
    runs.patience = 0.0
    page = written(runs)
    case = ended(runs.start(page)).progress.case
    assert [(p.stage, p.message) for p in case.problems] == [("draft", OTHERS_WAITED)]
    assert case.draft and "draft" not in case.seconds
    runs.patience = WITHIN
    case = ended(runs.start(page)).progress.case
    assert not case.problems and "draft" in case.seconds
    assert runs.tickets.case(page) == case


def test_a_verdict_of_the_agents_reaches_a_run_that_goes_on(desk: Made) -> None:
    """Filed anew while the language model writes, a ticket is shown so at once, and in the end."""
    chat = Gated()
    runs = desk(chat=chat)
    page = written(runs)
    run = runs.start(page)
    until(lambda: writes(run))
    for triage in (runs.file(page, "category", "returns").triage, run.progress.case.triage):
        assert triage is not None and triage.category.label == "returns"
    chat.may.set()
    ended(run)
    kept = runs.tickets.case(page).triage
    assert kept is not None and kept.category.label == "returns"
    assert kept.corrected == ("category",)


def test_too_many_runs_are_refused_in_a_sentence(desk: Made) -> None:
    """Whoever comes when all places are taken may press again later; a ticket that has a place may
    be drafted again."""
    chat = Gated()
    runs = desk(chat=chat)
    runs.most = 2
    one, two, three = (written(runs) for _ in range(3))
    runs.start(one)
    runs.start(two)
    with pytest.raises(MMCSError, match="2 tickets are being drafted"):
        runs.start(three)
    runs.start(one)
    runs.stop(two)
    runs.start(three)


# --- what ends it ---


def test_stop_keeps_what_is_there_and_frees_the_model(desk: Made) -> None:
    """The half-written draft stays, as one that is not whole; the next ticket is drafted."""
    chat = Gated()
    runs = desk(chat=chat)
    one, other = written(runs), written(runs)
    run = runs.start(one)
    until(lambda: writes(run))
    case = runs.stop(one)
    assert run.over and run.progress.stopped and runs.of(one) is None
    assert case == runs.tickets.case(one)
    assert case.draft and case.alternatives and "draft" not in case.seconds
    chat.may.set()
    ended(run)
    assert runs.tickets.case(one) == case  # nothing came after it
    assert "draft" in ended(runs.start(other)).progress.case.seconds


def test_a_ticket_that_is_stopped_while_it_waits_is_never_written(desk: Made) -> None:
    """It leaves the line with its instant draft."""
    chat = Gated()
    runs = desk(chat=chat)
    one, other = written(runs), written(runs)
    first = runs.start(one)
    until(lambda: writes(first))
    waits = runs.start(other)
    until(lambda: waits.progress.now == replace(QUEUED, ahead=1))
    case = runs.stop(other)
    assert case.draft and not case.alternatives
    ended(waits)
    chat.may.set()
    ended(first)
    assert chat.begun == 1 and runs.tickets.case(other) == case


def test_a_run_that_is_over_cannot_be_stopped(desk: Made) -> None:
    """Stop that comes too late changes nothing, and returns what is there."""
    runs = desk()
    page = written(runs)
    run = ended(runs.start(page))
    assert runs.stop(page) == run.progress.case and not run.progress.stopped


def test_draft_again_takes_the_place_of_a_run(desk: Made) -> None:
    """The older one ends, and writes nothing over the newer one's draft."""
    heard = GatedTranscriber()
    chat = Gated()
    runs = desk(transcriber=heard, chat=chat)
    page = written(runs)
    older = runs.start(page)
    until(lambda: writes(older))
    runs.tickets.type(page, "message", f"{LATE} Order 99999.")
    newer = runs.start(page)
    assert older.over and runs.of(page) is newer
    chat.may.set()
    ended(older)
    ended(newer)
    case = runs.tickets.case(page)
    assert case == newer.progress.case
    assert any(e.value == "99999" for e in case.evidence.entities)


def test_the_end_of_the_desk_ends_all(desk: Made) -> None:
    """Whoever waits, and whoever is being written, ends within moments; what was found is kept."""
    runs = desk(chat=Gated())
    pages = [written(runs) for _ in range(3)]
    started = [runs.start(page) for page in pages]
    until(lambda: all(run.progress.case.draft for run in started))
    runs.close()
    for run in started:
        assert run.thread is not None and not run.thread.is_alive()
    assert all(runs.tickets.case(page).draft for page in pages)


def test_a_run_that_breaks_ends_with_a_sentence(fake_settings: Settings) -> None:
    """What nobody foresaw, also outside the stages, is a Problem on its ticket alone."""

    class Broken(Pipeline):
        def writes(self, case: Case) -> bool:
            """Fail as nobody foresaw."""
            raise ZeroDivisionError

    tickets = desk_of(fake_settings).tickets
    runs = Runs(Broken(fake_settings, Cast(fake_settings), wait_for_chat=False), tickets)
    page = written(runs)
    ended(runs.start(page))
    case = tickets.case(page)
    assert case.draft and "nobody foresaw" in case.problems[-1].message
    assert runs.of(page) is None


def test_a_model_that_breaks_ends_no_other_run(desk: Made) -> None:
    """A bug takes its own run alone: others have their turn, and so may it again."""

    class Broken(FakeTranscriber):
        def transcribe(self, sound: Any) -> Any:
            """Fail as nobody foresaw."""
            raise ZeroDivisionError

    runs = desk(transcriber=Broken())
    page = written(runs)
    ended(runs.start(page))
    assert runs.of(page) is None
    assert "draft" in ended(runs.start(written(runs))).progress.case.seconds


# --- what it leaves ---


def test_draft_again_loses_nothing_before_the_new_draft_is_there(
    desk: Made, sound: str, image: str
) -> None:
    """While a new file is listened to, the store has the evidence and both drafts from before, as a
    reload or a crash finds them; Stop leaves them. In the end all is of the new run."""
    heard = GatedTranscriber()
    runs = desk(transcriber=heard)
    page = written(runs)
    runs.tickets.attach(page, [image])
    before = ended(runs.start(page)).progress.case
    assert before.draft and before.alternatives and before.passages
    runs.tickets.attach(page, [sound])
    run = runs.start(page)
    until(lambda: heard.begun)
    assert not run.progress.case.draft
    kept = runs.tickets.case(page)
    assert (kept.draft, kept.alternatives) == (before.draft, before.alternatives)
    found = (before.passages, before.evidence, before.triage)
    assert (kept.passages, kept.evidence, kept.triage) == found
    runs.stop(page)
    heard.may.set()
    ended(run)
    kept = runs.tickets.case(page)
    assert (kept.draft, kept.evidence.images) == (before.draft, before.evidence.images)
    case = ended(runs.start(page)).progress.case
    assert case.evidence.transcripts and case == runs.tickets.case(page)
    assert "draft" in case.seconds


def test_what_was_found_before_stop_stays(desk: Made, image: str, sound: str) -> None:
    """Stopped at the second file, a first run leaves what it found in the first; the next one does
    not look at that again."""
    heard = GatedTranscriber()
    runs = desk(transcriber=heard)
    page = written(runs)
    runs.tickets.attach(page, [image])
    ended(runs.start(page))
    runs.tickets.attach(page, [sound])
    run = runs.start(page)
    until(lambda: heard.begun)
    runs.stop(page)
    heard.may.set()
    ended(run)
    assert runs.tickets.case(page).evidence.images
    assert ended(runs.start(page)).progress.case.evidence.transcripts


def test_a_correction_made_meanwhile_stays(desk: Made, sound: str) -> None:
    """Words that the agent puts into the evidence while the model writes are there in the end."""
    chat = Gated()
    runs = desk(chat=chat)
    page = written(runs)
    runs.tickets.attach(page, [sound])
    run = runs.start(page)
    until(lambda: writes(run))
    runs.tickets.correct(page, Correction("segment", "note.wav", 0, "It is order 99999."))
    chat.may.set()
    ended(run)
    assert runs.tickets.case(page).evidence.transcripts[0].text == "It is order 99999."


def test_a_draft_outlives_a_database_that_somebody_holds(
    desk: Made, fake_settings: Settings
) -> None:
    """Held from before the draft is whole, it costs a sentence on the page and no draft: as soon as
    it is free the draft is in it. Another run goes on meanwhile."""
    chat = Gated()
    runs = desk(chat=chat)
    page, other = written(runs), written(runs)
    run = runs.start(page)
    until(lambda: writes(run))
    with closing(sqlite3.connect(fake_settings.home / "desk.sqlite")) as somebody:
        somebody.isolation_level = None
        somebody.execute("BEGIN IMMEDIATE")
        chat.may.set()
        until(lambda: any(p.stage == "store" for p in run.progress.case.problems))
        second = runs.start(other)
        until(lambda: "draft" in second.progress.case.seconds)
        assert not run.over and "draft" not in runs.tickets.case(page).seconds
        somebody.execute("ROLLBACK")
    ended(run)
    ended(second)
    for one in (page, other):
        case = runs.tickets.case(one)
        assert "draft" in case.seconds and not case.problems


def test_finished_runs_are_forgotten(desk: Made) -> None:
    """Twenty drafts leave nothing behind but what is in the store."""
    runs = desk()
    pages = [written(runs) for _ in range(20)]
    for page in pages:
        ended(runs.start(page))
    assert not any(runs.of(page) for page in pages)
