"""What the desk remembers of why tickets were filed so, and what the press of "why?" does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Event, Thread
from typing import Any

import gradio as gr
import pytest
from desk_pages import LATE, WINDOW, desk_of, until

from mmcs.backends.fake import FakeTriager
from mmcs.desk.actions import Actions
from mmcs.desk.files import Files
from mmcs.desk.layout import lay_out
from mmcs.desk.page import Page, open_page
from mmcs.desk.reasons import Reason, Reasons
from mmcs.desk.tickets import Correction
from mmcs.errors import BadInput, ModelUnavailable
from mmcs.explanation import Explanation
from mmcs.pipeline import CANNOT_SAY_WHY
from mmcs.settings import Settings
from mmcs.ticket import (
    Attachment,
    Case,
    Evidence,
    Message,
    Picture,
    Ticket,
    Transcript,
    Triage,
    Verdict,
)

SURE = Verdict("delivery", 0.9)
FILED = Case(
    "1" * 12,
    Ticket((Message("customer", "Is it lost?"),)),
    Evidence((Transcript("en", "It is late.", (), "a.wav"),)),
    Triage(SURE, SURE, SURE, SURE, "late fusion"),
)
WHY = Reason("category", Explanation("category", "delivery", 0.9, 0.2, ()))
OTHER_TRIAGE = Triage(Verdict("returns", 0.9), SURE, SURE, SURE, "late fusion")
CHANGES: dict[str, Callable[[Case], Case]] = {
    "message": lambda case: replace(case, ticket=Ticket((Message("customer", "Where is it?"),))),
    "file": lambda case: replace(
        case,
        ticket=Ticket(
            (Message("customer", "Is it lost?", (Attachment("image", "b.png", "1" * 64),)),)
        ),
    ),
    "evidence": lambda case: replace(
        case, evidence=Evidence((Transcript("en", "It is lost.", (), "a.wav"),))
    ),
    "picture": lambda case: replace(
        case, evidence=replace(case.evidence, images=(Picture("b.png", "other", "", (), ()),))
    ),
    "triage": lambda case: replace(case, triage=OTHER_TRIAGE),
}


@pytest.fixture
def page() -> Page:
    """A visitor's page with a ticket."""
    return open_page({})


def answered(reasons: Reasons, page: Page) -> None:
    """Let a visitor ask why a ticket has its category, and find it."""
    reasons.press(page, FILED, "category")
    reasons.answer(page, FILED, WHY)


# --- what is remembered ---


def test_a_press_opens_and_the_next_one_closes(page: Page) -> None:
    """Another question's press turns to that one; an answer that was found needs no finding when it
    is opened again."""
    reasons = Reasons()
    assert reasons.open(page, FILED) is None
    assert reasons.press(page, FILED, "category") == Reason("category")
    reasons.answer(page, FILED, WHY)
    assert reasons.open(page, FILED) == WHY
    urgency = reasons.press(page, FILED, "urgency")
    assert urgency == Reason("urgency") and urgency.awaited
    assert reasons.press(page, FILED, "category") == WHY
    assert reasons.press(page, FILED, "category") is None
    assert reasons.open(page, FILED) is None


@pytest.mark.parametrize("change", CHANGES)
def test_another_ticket_is_another_reason(change: str, page: Page) -> None:
    """Once message, files, evidence or triage differ, the answer is forgotten; also when they are
    as before again."""
    reasons = Reasons()
    answered(reasons, page)
    assert reasons.open(page, CHANGES[change](FILED)) is None
    assert reasons.open(page, FILED) is None


@pytest.mark.parametrize("change", CHANGES)
def test_an_answer_that_comes_too_late_is_not_kept(change: str, page: Page) -> None:
    """What was found about the ticket as it was is no answer about the ticket as it is, and leaves
    the question about that open."""
    reasons, changed = Reasons(), CHANGES[change](FILED)
    reasons.press(page, FILED, "category")
    reasons.press(page, changed, "category")
    reasons.answer(page, FILED, WHY)
    assert reasons.open(page, changed) == Reason("category")
    reasons.give_up(page, FILED, "category")
    assert reasons.open(page, changed) == Reason("category")


def test_an_unchanged_ticket_keeps_its_reason(page: Page) -> None:
    """A reply, a draft, a Problem and seconds change nothing; nor does a ticket that is being
    understood anew, and comes out the same."""
    reasons = Reasons()
    answered(reasons, page)
    turns = (*FILED.ticket.messages, Message("agent", "It is on its way."))
    replied = replace(FILED, ticket=Ticket(turns, status="answered"), seconds={"draft": 1.0})
    assert reasons.open(page, replied.with_problem("draft", "Others were waiting.")) == WHY
    assert reasons.open(page, replace(FILED, triage=None, evidence=Evidence())) is None
    assert reasons.open(page, FILED) == WHY


def test_nobody_sees_anothers(page: Page) -> None:
    """The id of somebody's ticket opens no reason for another owner, also if they file the same."""
    reasons = Reasons()
    answered(reasons, page)
    stranger = replace(open_page({}), case=page.case)
    assert reasons.open(stranger, FILED) is None
    assert reasons.press(stranger, FILED, "category") == Reason("category")
    assert reasons.open(page, FILED) == WHY
    assert reasons.open(page.with_case(), FILED) is None


def test_the_oldest_give_way(page: Page) -> None:
    """No more tickets than asked for are remembered: those that were asked about last."""
    reasons = Reasons(most=3)
    pages = [page.with_case() for _ in range(5)]
    for each in pages:
        answered(reasons, each)
    assert [reasons.open(each, FILED) for each in pages] == [None, None, WHY, WHY, WHY]


def test_a_problem_is_asked_about_again(page: Page) -> None:
    """What could not be said is looked for anew when it is opened again: a model may be there."""
    reasons = Reasons()
    reasons.press(page, FILED, "category")
    reasons.answer(page, FILED, Reason("category", problem=CANNOT_SAY_WHY))
    opened = reasons.open(page, FILED)
    assert opened and opened.problem and not opened.awaited
    reasons.press(page, FILED, "category")
    assert reasons.press(page, FILED, "category") == Reason("category")


def test_only_what_is_still_to_be_found_is_given_up(page: Page) -> None:
    """Giving up closes the question that nobody answers, and no other."""
    reasons = Reasons()
    reasons.press(page, FILED, "category")
    reasons.give_up(page, FILED, "urgency")
    assert reasons.open(page, FILED) == Reason("category")
    reasons.give_up(page, FILED, "category")
    assert reasons.open(page, FILED) is None
    answered(reasons, page)
    reasons.give_up(page, FILED, "category")
    assert reasons.open(page, FILED) == WHY


# --- what a press does ---


@dataclass
class Counting(FakeTriager):
    """Counts how often it is asked why; waits for ``may`` before it says so, or fails."""

    asked: int = 0
    may: Event | None = None
    error: Exception | None = None

    def explain(self, *about: Any) -> Explanation:
        """Return the fake's reason."""
        self.asked += 1
        if self.may is not None:
            assert self.may.wait(20)
        if self.error is not None:
            raise self.error
        return super().explain(*about)


@dataclass(frozen=True)
class Desk:
    """A desk without a browser, and one visitor's page on it."""

    do: Actions
    page: Page

    @property
    def kept(self) -> dict[str, Any]:
        """What the visitor's browser remembers."""
        return self.page.to_json()

    def press(self, question: str) -> str:
        """Press "why?" and return the evidence that is drawn then."""
        drawn = self.do.ask(self.kept, gr.EventData(None, {"question": question}))
        return self.shown(drawn)

    def answer(self, language: str = "en") -> str:
        """Find the answer, and return the evidence that is drawn then."""
        self.do.explain(self.kept)
        return self.shown(self.do.answer({**self.kept, "language": language}))

    def shown(self, updates: Any) -> str:
        """Return the evidence out of what an action draws; "" if it draws none."""
        return str(updates[self.do.parts.evidence]) if self.do.parts.evidence in updates else ""

    def draft(self, text: str = LATE) -> None:
        """Write a message, and find what there is to find."""
        self.do.tickets.type(self.page, "message", text)
        run = self.do.runs.start(self.page)
        until(lambda: run.over)


@pytest.fixture
def desk(fake_settings: Settings) -> Callable[..., Desk]:
    """Return a function that makes a desk with a triager, with a ticket that was filed."""

    def made(triager: Any = None, **given: Any) -> Desk:
        with gr.Blocks():
            actions = Actions(
                desk_of(fake_settings, triager=triager or FakeTriager(), **given),
                Files(fake_settings, b"secret"),
                lay_out(),
            )
        opened = Desk(actions, open_page({}))
        opened.draft()
        return opened

    return made


def test_the_answer_is_found_and_drawn(desk: Callable[..., Desk]) -> None:
    """The press shows that it works, and what was found is drawn after it; the next press closes
    it, and one more opens it with nothing asked again."""
    triager = Counting()
    opened = desk(triager)
    assert "data-awaited" in opened.press("category")
    html = opened.answer()
    assert "Delivery, 80 %." in html and "data-awaited" not in html
    assert 'class="reason"' not in opened.press("category")
    assert "Delivery, 80 %." in opened.press("category")
    opened.do.explain(opened.kept)
    assert triager.asked == 1


def test_only_what_the_domain_knows_can_be_chosen(desk: Callable[..., Desk]) -> None:
    """A choice of the agent's is kept and drawn, and a note says what becomes of it; another label,
    or another question, changes nothing."""
    opened = desk()

    def choose(question: str, label: str) -> Any:
        chosen = gr.EventData(None, {"question": question, "label": label})
        return opened.do.file(opened.kept, WINDOW, chosen)

    html = opened.shown(choose("urgency", "urgent"))
    assert 'class="urgency own"' in html
    for question, label in (("urgency", "panic"), ("category", "<b>")):
        assert opened.shown(choose(question, label)) == ""
    with pytest.raises(BadInput):
        choose("language", "zh")
    triage = opened.do.tickets.case(opened.page).triage
    assert triage is not None
    assert (triage.urgency.label, triage.corrected) == ("urgent", ("urgency",))


def test_a_language_and_the_way_back_keep_it(desk: Callable[..., Desk]) -> None:
    """Drawn anew in Chinese, or after a look at another ticket, the answer is there, and was found
    once."""
    triager = Counting()
    opened = desk(triager)
    opened.press("category")
    opened.answer()
    chinese = opened.do.speak(opened.kept, WINDOW, gr.EventData(None, {"language": "zh"}))
    assert "配送，80%。" in opened.shown(chinese)
    away = opened.do.renew(opened.kept, WINDOW)
    assert 'class="reason"' not in opened.shown(away)
    elsewhere = away[opened.do.parts.page]
    back = opened.do.open(elsewhere, WINDOW, gr.EventData(None, {"id": opened.page.case}))
    assert "Delivery, 80 %." in opened.shown(back) and triager.asked == 1


def test_a_sentence_says_why_nobody_can_tell(desk: Callable[..., Desk]) -> None:
    """An error that is meant for people stands in the card, in the page's language."""
    opened = desk(Counting(error=ModelUnavailable(CANNOT_SAY_WHY)))
    opened.press("urgency")
    assert CANNOT_SAY_WHY in opened.answer()
    assert "只有经过训练的分类才能说明原因" in opened.answer("zh")


def test_after_a_crash_nothing_seems_at_work(desk: Callable[..., Desk]) -> None:
    """A bug becomes a sentence, and takes the sign of work with it."""
    opened = desk(Counting(error=ZeroDivisionError("a bug")))
    opened.press("category")
    assert "data-awaited" not in opened.answer()


def test_a_correction_takes_it_away(desk: Callable[..., Desk], sound: str) -> None:
    """What an agent corrects in the evidence, or writes into the message, ends the answer."""
    opened = desk()
    opened.do.tickets.attach(opened.page, [sound])
    opened.draft()
    opened.press("category")
    assert 'class="reason"' in opened.answer()
    opened.do.tickets.correct(opened.page, Correction("segment", "note.wav", 0, "It is lost."))
    assert 'class="reason"' not in opened.shown(opened.do.answer(opened.kept))
    opened.press("category")
    assert 'class="reason"' in opened.answer()
    opened.do.tickets.type(opened.page, "message", "Something else")
    assert 'class="reason"' not in opened.shown(opened.do.answer(opened.kept))


def test_it_takes_its_turn_with_the_tickets(desk: Callable[..., Desk]) -> None:
    """While an answer is being found no other ticket is understood: both would take all cores."""
    triager = Counting(may=Event())
    opened = desk(triager)
    opened.press("category")
    finding = Thread(target=opened.do.explain, args=(opened.kept,))
    finding.start()
    other = Desk(opened.do, open_page({}))
    other.do.tickets.type(other.page, "message", LATE)
    until(lambda: triager.asked)
    run = other.do.runs.start(other.page)
    until(lambda: run.progress.now and run.progress.now.ahead)
    assert triager.may and not run.progress.case.seconds
    triager.may.set()
    finding.join(20)
    until(lambda: run.over)
    assert run.progress.case.draft


@pytest.mark.parametrize("question", ["language", "", "owner"])
def test_only_three_questions_are_answered(question: str, desk: Callable[..., Desk]) -> None:
    """Whatever else a browser sends is refused, and changes nothing."""
    opened = desk()
    with pytest.raises(BadInput):
        opened.press(question)
    assert "data-awaited" not in opened.shown(opened.do.answer(opened.kept))


def test_where_nobody_can_say_nothing_is_asked(desk: Callable[..., Desk]) -> None:
    """A triager that cannot say why has no button, and a press that comes all the same is idle."""

    class Silent:
        name = "silent"
        triage = FakeTriager().triage

    opened = desk(Silent())
    assert 'data-act="why"' not in opened.shown(opened.do.answer(opened.kept))
    assert opened.press("category") == ""


def test_a_ticket_that_is_not_filed_has_no_why(desk: Callable[..., Desk]) -> None:
    """A new ticket shows no button, and a press on it opens nothing."""
    empty = Desk(desk().do, open_page({}))
    html = empty.press("category")
    assert 'data-act="why"' not in html and 'class="reason"' not in html


def test_what_only_settled_models_can_say_is_drawn_then(desk: Callable[..., Desk]) -> None:
    """A ticket from before has its buttons once the models are there, and a page that the browser
    does not know yet is left to ``load``."""
    opened = desk()
    assert 'data-act="why"' in opened.shown(opened.do.tick(opened.kept, WINDOW))
    assert opened.shown(opened.do.tick({}, WINDOW)) == ""
