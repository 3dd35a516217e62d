"""A draft belongs to its ticket: reloads, other tickets and second windows, in a real browser."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from desk_pages import LATE, Gated, served
from media_files import corners, encoded
from playwright.sync_api import Browser, Page, Route, expect

from browser.window import Window, new_window
from mmcs.roles import ROLES
from mmcs.settings import Settings

pytestmark = pytest.mark.browser

SAVED = "() => (localStorage.getItem('mmcs-typed') || '{}') === '{}'"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A desk of the test's own, on fakes."""
    folders = Settings(cache=tmp_path / "cache", home=tmp_path / "home")
    return replace(folders, offline=True).with_flags(**dict.fromkeys(ROLES, "fake"))


@pytest.fixture
def chat() -> Gated:
    """A language model that writes one word, and the others once it may."""
    return Gated()


@pytest.fixture
def window(browser: Browser, settings: Settings, chat: Gated) -> Iterator[Window]:
    """A visitor's page."""
    with served(settings, chat=chat) as url, opened(browser, url) as window:
        yield window
        chat.may.set()
        assert not window.elsewhere


@contextmanager
def opened(browser: Browser, url: str) -> Iterator[Window]:
    """Open a desk in a visitor's browser."""
    context = browser.new_context(locale="en-US")
    yield new_window(context, url)
    context.close()


def draft(window: Window, message: str = LATE) -> None:
    """Type a message, press the keys for Draft, and wait until the model writes."""
    window.page.fill("#message textarea", message)
    window.page.press("#message textarea", "Control+Enter")
    expect(window.page.locator("#drafts .growing")).to_contain_text("My")


def expect_written(window: Window) -> None:
    """Wait until the model's draft is whole and shown."""
    expect(window.page.locator("#drafts .tabs")).to_be_visible()
    expect(window.page.locator("#draft")).to_have_text("Draft again")
    expect(window.page.locator("#stop")).to_be_hidden()


def test_a_reload_in_mid_draft_goes_on_watching(window: Window, chat: Gated) -> None:
    """The page that is opened anew shows the draft as far as it is, can stop it, and sees its
    end; the model was asked once."""
    draft(window)
    window.open()
    expect(window.page.locator("#drafts .growing")).to_contain_text("My")
    expect(window.page.locator("#stop")).to_be_visible()
    chat.may.set()
    expect_written(window)
    assert chat.begun == 1


def test_a_draft_is_written_while_no_page_is_open(
    browser: Browser, settings: Settings, chat: Gated
) -> None:
    """The tab is closed in mid-draft; opened later, it shows the whole draft."""
    with served(settings, chat=chat) as url:
        context = browser.new_context(locale="en-US")
        window = new_window(context, url)
        draft(window)
        window.page.close()
        chat.may.set()
        again = new_window(context, url)
        expect_written(again)
        assert chat.begun == 1
        context.close()


def test_another_ticket_in_mid_draft_stops_nothing(window: Window, chat: Gated) -> None:
    """A new ticket is empty and stays so while the first one's draft goes on; on the way back the
    page watches it again, in the language of now, and Stop stops it."""
    page = window.page
    draft(window)
    page.click("[data-act=new]")
    expect(page.locator("#message textarea")).to_have_value("")
    expect(page.locator("#draft")).to_be_visible()
    expect(page.locator("#drafts .growing")).to_have_count(0)
    page.click(".languages [data-language=zh]")
    expect(page.locator("#draft")).to_have_text("起草回复")
    page.locator("#lists [data-tab='1']").click()
    page.locator("#lists [data-act=open]").first.click()
    expect(page.locator("#drafts .growing")).to_contain_text("My")
    expect(page.locator("#stop")).to_have_text("停止")
    page.click("#stop")
    expect(page.locator("#draft")).to_be_visible()
    expect(page.locator("#drafts .growing")).to_have_count(0)
    chat.may.set()
    assert chat.begun == 1 and not window.complaints
    window.open()
    expect(page.locator("#draft")).to_be_visible()


def test_two_tickets_of_one_agent_are_drafted(window: Window, chat: Gated) -> None:
    """The second waits for the model, which the first one has; both are whole in the end."""
    page = window.page
    draft(window)
    page.click("[data-act=new]")
    expect(page.locator("#message textarea")).to_have_value("")
    page.fill("#message textarea", f"{LATE} Please hurry.")
    page.press("#message textarea", "Control+Enter")
    expect(page.locator("#findings")).to_contain_text("Waiting for the engine")
    chat.may.set()
    expect_written(window)
    page.locator("#lists [data-tab='1']").click()
    expect(page.locator("#lists [data-act=open]")).to_have_count(2)
    page.locator("#lists [data-act=open]").last.click()
    expect(page.locator("#message textarea")).to_have_value(LATE)
    expect_written(window)
    assert chat.begun == 2


@contextmanager
def held(page: Page, said: str) -> Iterator[None]:
    """Hold the page's requests that say so back until the end."""
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        if said in (route.request.post_data or ""):
            waiting.append(route)
        else:
            route.continue_()

    page.route("**/gradio_api/run/**", hold)
    yield
    assert waiting
    for route in waiting:
        route.continue_()
    page.unroute("**/gradio_api/run/**")


def test_between_two_tickets_presses_wait_for_the_next(window: Window, chat: Gated) -> None:
    """From the press on a sample until it is drawn buttons take no press, the page says that it is
    busy, and the keys for Draft are done at the sample, not at the ticket before."""
    page = window.page
    page.fill("#message textarea", LATE)
    page.wait_for_function(SAVED)
    with held(page, '"act":"sample"'):
        page.locator("#lists [data-act=sample]").first.click()
        expect(page.locator("#desk")).to_have_attribute("aria-busy", "true")
        page.press("body", "Control+Enter")
        page.click("#draft", force=True)
        page.press("#draft", "Enter")
        page.press("[data-act=new]", "Space")
        page.click("[data-act=new]", force=True)
    expect(page.locator("#desk")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#drafts .growing")).to_contain_text("My")
    expect(page.locator("#message textarea")).not_to_have_value(LATE)
    chat.may.set()
    expect_written(window)
    assert chat.begun == 1
    page.click("#lists [data-tab='1']")
    page.locator("#lists [data-act=open]", has_text=LATE[:20]).click()
    expect(page.locator("#message textarea")).to_have_value(LATE)
    expect(page.locator("#draft")).to_have_text("Draft reply")


def test_a_press_that_comes_late_draws_nothing_at_the_next_ticket(window: Window) -> None:
    """A press on Draft that reaches the desk after the page has turned away is done at its own
    ticket, and nothing of that is drawn at the one that is open."""
    page = window.page
    page.fill("#message textarea", LATE)
    page.wait_for_function(SAVED)
    with held(page, LATE):
        page.click("#draft")
        page.click("[data-act=new]")
        expect(page.locator("#message textarea")).to_have_value("")
        page.fill("#message textarea", "Where is my invoice?")
    page.wait_for_function(SAVED)
    expect(page.locator("#message textarea")).to_have_value("Where is my invoice?")
    expect(page.locator("#drafts .growing")).to_have_count(0)
    expect(page.locator("#stop")).to_be_hidden()
    page.click("#lists [data-tab='1']")
    page.locator("#lists [data-act=open]", has_text=LATE[:20]).click()
    expect(page.locator("#message textarea")).to_have_value(LATE)
    expect(page.locator("#drafts .growing")).to_contain_text("My")


def test_two_windows_watch_the_same_draft(window: Window, chat: Gated) -> None:
    """A draft that is begun in one window is seen in the other without a press, as it grows, and
    so is its end by Stop in either."""
    other = new_window(window.page.context, window.url)
    draft(window)
    expect(other.page.locator("#drafts .growing")).to_contain_text("My")
    expect(other.page.locator("#message textarea")).to_have_value(LATE)
    other.page.click("#stop")
    for one in (window, other):
        expect(one.page.locator("#draft")).to_be_visible()
        expect(one.page.locator("#findings")).to_contain_text("Stopped.")
    chat.may.set()
    window.page.click("#draft")
    expect_written(window)
    expect_written(other)
    assert not other.complaints


def test_draft_again_and_a_reload_lose_nothing(window: Window, chat: Gated, tmp_path: Path) -> None:
    """Reloaded right after Draft again, the page comes to the new draft; stopped there, evidence
    and drafts of before are all there."""
    page = window.page
    photo = tmp_path / "box.png"
    photo.write_bytes(encoded(corners(), "PNG"))
    page.set_input_files("#inlets input[type=file]", [photo])
    expect(page.locator("#files .file")).to_have_count(1)
    chat.may.set()
    page.fill("#message textarea", LATE)
    page.press("#message textarea", "Control+Enter")
    expect_written(window)
    chat.may.clear()
    page.click("#draft")
    window.open()
    expect(page.locator("#drafts .growing")).to_contain_text("My")
    page.click("#stop")
    expect(page.locator("#draft")).to_have_text("Draft again")
    window.open()
    expect(page.locator(".picture")).to_be_visible()
    expect(page.locator("#drafts .use").first).to_be_visible()


def test_a_sample_opened_again_is_as_it_was_left(window: Window, chat: Gated) -> None:
    """With the reply that was sent; "Start afresh" makes a second ticket of it."""
    page = window.page
    page.locator("#lists [data-act=sample]").first.click()
    expect(page.locator("#message textarea")).not_to_have_value("")
    message = page.locator("#message textarea").input_value()
    page.fill("#reply textarea", "You're welcome.")
    page.click("#send")
    expect(page.locator(".turn.agent")).to_contain_text("You're welcome.")
    page.click("[data-act=new]")
    expect(page.locator(".turn.agent")).to_have_count(0)
    page.locator("#lists [data-tab='0']").click()
    page.locator("#lists [data-act=sample]").first.click()
    expect(page.locator(".turn.agent")).to_contain_text("You're welcome.")
    page.click("[data-act=afresh]")
    expect(page.locator("#message textarea")).to_have_value(message)
    expect(page.locator(".turn.agent")).to_have_count(0)
    page.locator("#lists [data-tab='1']").click()
    expect(page.locator("#lists [data-act=open]")).to_have_count(2)


# --- two windows type ---


def typed(window: Window, text: str) -> None:
    """Type a reply, and wait until the desk has said that it is kept."""
    window.page.fill("#reply textarea", text)
    window.page.wait_for_function(SAVED)


def test_a_text_of_another_window_is_drawn_where_nothing_is_lost(window: Window) -> None:
    """What one window types comes to the other, which has typed nothing since it was drawn."""
    window.page.fill("#message textarea", LATE)
    other = new_window(window.page.context, window.url)
    typed(window, "Dear customer")
    expect(other.page.locator("#reply textarea")).to_have_value("Dear customer")
    expect(other.page.locator("#reply-choice .choice")).to_have_count(0)


@pytest.mark.parametrize("pressed", ["keep", "take"])
def test_two_windows_that_type_lose_neither_text(window: Window, pressed: str) -> None:
    """The later one reads what the other has, and chooses; reloaded in between, both are there."""
    page = window.page
    page.fill("#message textarea", LATE)
    page.wait_for_function(SAVED)
    other = new_window(page.context, window.url)
    choice = other.page.locator("#reply-choice .choice")
    while not choice.count():  # unless one text has come to the other window before it was typed in
        typed(window, f"Theirs {time.monotonic()}")
        typed(window, "Theirs")
        typed(other, "Mine")
    expect(choice).to_contain_text("changed in another window")
    expect(choice).to_contain_text("Theirs")
    expect(other.page.locator("#reply textarea")).to_have_value("Mine")
    other.page.click("#send")
    expect(other.page.locator(".turn.agent")).to_have_count(0)
    window.open()
    expect(page.locator("#reply textarea")).to_have_value("Theirs")
    expect(page.locator("#reply-choice .choice")).to_contain_text("Mine")
    other.page.click(f"#reply-choice [data-act={pressed}]")
    chosen = "Mine" if pressed == "keep" else "Theirs"
    expect(other.page.locator("#reply textarea")).to_have_value(chosen)
    expect(choice).to_have_count(0)
    window.open()
    expect(page.locator("#reply textarea")).to_have_value(chosen)
    expect(page.locator("#reply-choice .choice")).to_have_count(0)


def test_a_reply_that_another_window_has_sent_is_not_sent_again(window: Window) -> None:
    """The second Send tells what has become of the reply, and records nothing."""
    page = window.page
    page.fill("#message textarea", LATE)
    page.wait_for_function(SAVED)
    typed(window, "You're welcome.")
    other = new_window(page.context, window.url)
    expect(other.page.locator("#reply textarea")).to_have_value("You're welcome.")
    page.click("#send")
    expect(page.locator(".turn.agent")).to_have_count(1)
    other.page.click("#send")
    expect(other.page.locator("#reply-choice .choice")).to_contain_text("(nothing)")
    window.open()
    expect(page.locator(".turn.agent")).to_have_count(1)


def test_what_could_not_be_done_is_told_on_the_page(window: Window, settings: Settings) -> None:
    """An empty Send, and one that the database refuses, are answered with their sentence in sight;
    after that the reply is there still, and is sent."""
    page = window.page
    page.click("#send")
    expect(page.locator("#desk-remark")).to_contain_text("The reply is empty")
    page.fill("#message textarea", LATE)
    typed(window, "You're welcome.")
    with closing(sqlite3.connect(settings.home / "desk.sqlite")) as somebody:
        somebody.isolation_level = None
        somebody.execute("BEGIN IMMEDIATE")
        page.click("#send")
        expect(page.locator("#desk-remark")).to_contain_text("The database is busy")
        somebody.execute("ROLLBACK")
    page.click("#send")
    expect(page.locator(".turn.agent")).to_contain_text("You're welcome.")
