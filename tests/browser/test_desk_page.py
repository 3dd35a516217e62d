"""The page on fakes: what it shows, keeps, stops and never asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from desk_pages import LATE, served
from media_files import corners, encoded, pcm, wav
from playwright.sync_api import Browser, expect

from browser.window import Window, new_window
from mmcs.backends.fake import FakeChat, FakeReader, FakeTranscriber
from mmcs.roles import ROLES
from mmcs.settings import Settings

pytestmark = pytest.mark.browser

ELSEWHERE = "http://192.0.2.7/leak"
HOSTILE = (
    f'<img src="{ELSEWHERE}.png" onerror="document.title=1"> ![x]({ELSEWHERE}.md) '
    "<script>document.title='broken'</script> {{constructor}} ${document.title=2}"
)
SLOW = FakeChat("Your order 48213 " + "is on its way and " * 40, pause=0.1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A desk of the test's own, on fakes."""
    folders = Settings(cache=tmp_path / "cache", home=tmp_path / "home")
    return replace(folders, offline=True).with_flags(**dict.fromkeys(ROLES, "fake"))


@pytest.fixture
def window(browser: Browser, settings: Settings) -> Iterator[Window]:
    """A visitor's page."""
    with served(settings) as url:
        context = browser.new_context(locale="en-US")
        yield new_window(context, url)
        context.close()


def draft(window: Window, message: str) -> None:
    """Type a message and press the keys for Draft."""
    window.page.fill("#message textarea", message)
    window.page.press("#message textarea", "Control+Enter")


def test_a_ticket_becomes_a_draft_that_shows_its_support(window: Window, tmp_path: Path) -> None:
    """Message, sound and photo go in, a draft comes out; a sentence in focus tells its source."""
    page = window.page
    note, photo = tmp_path / "note.wav", tmp_path / "box.png"
    note.write_bytes(wav(pcm(1.0)))
    photo.write_bytes(encoded(corners(), "PNG"))
    page.set_input_files("#inlets input[type=file]", [note, photo])
    expect(page.locator("#files .file")).to_have_count(2)
    draft(window, LATE)
    expect(page.locator("#drafts .use").first).to_be_visible()
    expect(page.locator(".transcript .said")).to_have_text(FakeTranscriber.text)
    expect(page.locator(".lines li")).to_have_count(len(FakeReader.lines))
    expect(page.locator(".picture .box")).to_have_count(len(FakeReader.lines))
    assert page.evaluate("document.querySelector('.picture img').naturalWidth") > 0
    expect(page.locator("#draft")).to_be_visible()  # drawn for the last time
    page.locator(".claim.good").first.focus()
    expect(page.locator("#support-card q").first).to_be_visible()
    assert not window.complaints and not window.elsewhere


def test_what_comes_from_outside_is_shown_and_never_run(
    browser: Browser, settings: Settings, tmp_path: Path
) -> None:
    """Markup in message, speech, image and reply of the model is text; nothing is asked of another
    host, and no script of it runs."""
    note, photo = tmp_path / "note.wav", tmp_path / "box.png"
    note.write_bytes(wav(pcm(1.0)))
    photo.write_bytes(encoded(corners(), "PNG"))
    cast: dict[str, Any] = {
        "transcriber": FakeTranscriber(HOSTILE),
        "reader": FakeReader((HOSTILE,)),
        "chat": FakeChat(HOSTILE),
    }
    knowledge = tmp_path / "articles"
    knowledge.mkdir()
    (knowledge / "late.md").write_text(f"# Late {HOSTILE}\n\n{LATE} {HOSTILE}\n")
    with served(replace(settings, knowledge=str(knowledge)), **cast) as url:
        context = browser.new_context()
        window = new_window(context, url)
        page, title = window.page, window.page.title()
        page.set_input_files("#inlets input[type=file]", [note, photo])
        expect(page.locator("#files .file")).to_have_count(2)
        draft(window, f"{LATE} {HOSTILE}")
        expect(page.locator("#drafts .use").first).to_be_visible()
        expect(page.locator("#findings")).to_contain_text(
            "<script>document.title='broken'</script>"
        )
        page.wait_for_timeout(500)
        assert page.title() == title
        assert not window.elsewhere and not window.complaints
        assert page.locator(f'[src^="{ELSEWHERE}"]').count() == 0
        context.close()


def test_a_closed_tab_loses_nothing(window: Window) -> None:
    """After a reload the message, the findings and the reply that was being typed are there."""
    page = window.page
    draft(window, LATE)
    page.locator("#drafts .use").first.click()
    expect(page.locator("#reply textarea")).not_to_have_value("")
    page.locator("#reply textarea").press_sequentially("PS")
    typed = page.locator("#reply textarea").input_value()
    page.wait_for_timeout(600)
    window.open()
    expect(page.locator("#message textarea")).to_have_value(LATE)
    expect(page.locator("#reply textarea")).to_have_value(typed)
    expect(page.locator("#drafts .use").first).to_be_visible()
    expect(page.locator("#draft")).to_have_text("Draft again")


def test_two_visitors_never_meet(browser: Browser, settings: Settings) -> None:
    """What one types is in no list and on no page of the other."""
    with served(settings) as url:
        contexts = [browser.new_context(), browser.new_context()]
        one, other = (new_window(context, url) for context in contexts)
        draft(one, LATE)
        expect(one.page.locator("#drafts .use").first).to_be_visible()
        other.open()
        expect(one.page.locator("#lists [data-tab='1']")).to_contain_text("1")
        expect(other.page.locator("#lists [data-tab='1']")).to_contain_text("0")
        assert "48213" not in other.page.content()
        for context in contexts:
            context.close()


def test_stop_stops_and_keeps_what_is_there(browser: Browser, settings: Settings) -> None:
    """Stop ends the model at once; the instant draft and the evidence stay, also after a reload,
    and the next draft can begin."""
    with served(settings, chat=SLOW) as url:
        context = browser.new_context()
        window = new_window(context, url)
        page = window.page
        draft(window, LATE)
        expect(page.locator("#drafts .growing")).to_contain_text("is on its way")
        page.click("#stop")
        expect(page.locator("#draft")).to_be_visible(timeout=10_000)
        page.wait_for_timeout(1500)  # words that were on their way may still be drawn, and go again
        expect(page.locator("#drafts .growing")).to_have_count(0)
        stopped = page.locator("#drafts .drafts").inner_text()
        page.wait_for_timeout(1500)
        assert page.locator("#drafts .drafts").inner_text() == stopped
        window.open()
        expect(page.locator("#drafts .use").first).to_be_visible()
        page.click("#draft")
        expect(page.locator("#drafts .growing")).to_contain_text("is on its way")
        page.click("#stop")
        context.close()


def test_nobody_waits_for_evidence_while_a_draft_is_written(
    browser: Browser, settings: Settings
) -> None:
    """A second agent has evidence and instant draft while the model still writes for the first,
    and reads that their turn comes. Stopped while it waits, the ticket keeps what it has, and the
    model never writes for it; another that waits has its turn when the first one is stopped."""
    with served(settings, chat=SLOW) as url:
        contexts = [browser.new_context() for _ in range(3)]
        one, other, third = (new_window(context, url) for context in contexts)
        draft(one, LATE)
        expect(one.page.locator("#drafts .growing")).to_contain_text("is on its way")
        for window in (other, third):
            draft(window, LATE)
            expect(window.page.locator(".entities")).to_contain_text("48213")
            expect(window.page.locator("#drafts .use").first).to_be_visible()
            expect(window.page.locator("#findings")).to_contain_text("Waiting for the engine")
            expect(window.page.locator("#stop")).to_be_visible()
        expect(one.page.locator("#drafts .growing")).to_have_count(1)
        other.page.click("#stop")
        expect(other.page.locator("#draft")).to_be_visible()
        expect(other.page.locator("#findings")).not_to_contain_text("Waiting for the engine")
        one.page.click("#stop")
        expect(third.page.locator("#drafts .growing")).to_contain_text("is on its way")
        expect(other.page.locator("#drafts .use").first).to_be_visible()
        expect(other.page.locator("#drafts .growing")).to_have_count(0)
        third.page.click("#stop")
        assert not one.complaints and not other.complaints and not third.complaints
        for context in contexts:
            context.close()


def test_another_language_while_the_turn_is_awaited(browser: Browser, settings: Settings) -> None:
    """Redrawn in Chinese, a ticket that waits still does; left for a new one, it waits on, and
    the new page stays empty when its turn comes."""
    with served(settings, chat=SLOW) as url:
        contexts = [browser.new_context() for _ in range(2)]
        one, other = (new_window(context, url) for context in contexts)
        draft(one, LATE)
        expect(one.page.locator("#drafts .growing")).to_contain_text("is on its way")
        draft(other, LATE)
        expect(other.page.locator("#drafts .use").first).to_be_visible()
        expect(other.page.locator("#findings")).to_contain_text("Waiting for the engine")
        other.page.click(".languages [data-language=zh]")
        expect(other.page.locator("#findings")).to_contain_text("等待引擎")
        expect(other.page.locator("#stop")).to_be_visible()
        other.page.click("[data-act=new]")
        expect(other.page.locator("#draft")).to_be_visible()
        one.page.click("#stop")
        other.page.wait_for_timeout(1500)
        expect(other.page.locator("#drafts .use")).to_have_count(0)
        expect(other.page.locator("#message textarea")).to_have_value("")
        assert not one.complaints and not other.complaints
        for context in contexts:
            context.close()


def test_a_correction_changes_the_draft_only(window: Window, tmp_path: Path) -> None:
    """The agent clicks a heard sentence, types another, and drafts from it again."""
    page = window.page
    note = tmp_path / "note.wav"
    note.write_bytes(wav(pcm(1.0)))
    page.set_input_files("#inlets input[type=file]", [note])
    expect(page.locator("#files .file")).to_have_count(1)
    page.click("#draft")
    expect(page.locator("#drafts .use").first).to_be_visible()
    page.locator(".said").first.fill("It is order 99999.")
    page.locator(".said").first.press("Enter")
    expect(page.locator("#note")).to_contain_text("corrected")
    page.click("#draft")
    expect(page.locator(".entities")).to_contain_text("99999")
    expect(page.locator(".said").first).to_have_text("It is order 99999.")


def test_a_marked_sentence_is_asked_about_before_it_is_sent(
    browser: Browser, settings: Settings
) -> None:
    """Send names the sentence that nothing supports; going back records nothing."""
    invented = FakeChat("We sent you a new one on 17 October.")
    with served(settings, chat=invented) as url:
        context = browser.new_context()
        window = new_window(context, url)
        page = window.page
        draft(window, LATE)
        expect(page.locator("#drafts .tabs")).to_be_visible()
        page.locator("#drafts [data-tab='1']").click()
        expect(page.locator("#drafts .claim.bad .flag")).to_be_visible()
        page.locator("#drafts [data-pane='1'] .use").click()
        expect(page.locator("#reply textarea")).to_have_value(re.compile("17 October"))
        page.click("#send")
        expect(page.locator("#warning")).to_contain_text("17 October")
        page.click("#back")
        expect(page.locator("#warning")).to_be_hidden()
        assert page.locator(".turn").count() == 0
        page.click("#send")
        page.click("#send-anyway")
        expect(page.locator(".turn.agent")).to_contain_text("17 October")
        expect(page.locator("#reply textarea")).to_have_value("")
        context.close()


def test_the_whole_page_speaks_chinese(window: Window) -> None:
    """One press turns every word of the page, and it stays so after a reload."""
    page = window.page
    page.click(".languages [data-language=zh]")
    expect(page.locator("#draft")).to_have_text("起草回复")
    expect(page.locator("#message textarea")).to_have_attribute("placeholder", "顾客写了什么？")
    window.open()
    expect(page.locator("#send")).to_have_text("发送")
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"


def test_a_bad_file_is_one_sentence(window: Window, tmp_path: Path) -> None:
    """A text called .jpg is named on the page, and the message stays."""
    bad = tmp_path / "holiday.jpg"
    bad.write_text("no photo")
    window.page.fill("#message textarea", LATE)
    window.page.set_input_files("#inlets input[type=file]", [bad])
    expect(window.page.locator(".problems")).to_contain_text("holiday.jpg")
    expect(window.page.locator("#message textarea")).to_have_value(LATE)


def test_two_clicks_record(window: Window) -> None:
    """Record, stop: the voice note is in the ticket."""
    window.page.click("#record .record-button")
    window.page.wait_for_timeout(1500)
    window.page.click("#record .stop-button")
    expect(window.page.locator("#files .file.audio")).to_have_count(1)
    assert not window.complaints
