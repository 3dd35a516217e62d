"""Text on the page: whatever way it enters a box it is kept, and nothing that was typed is lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from desk_pages import LATE, free_port, served
from playwright.sync_api import Browser, Page, expect

from browser.window import Window, new_window
from mmcs.backends.fake import FakeChat
from mmcs.roles import ROLES
from mmcs.settings import Settings

pytestmark = pytest.mark.browser

TYPED = "localStorage.getItem('mmcs-typed')"
BOXES = ("#message textarea", "#reply textarea")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A desk of the test's own, on fakes."""
    folders = Settings(cache=tmp_path / "cache", home=tmp_path / "home")
    return replace(folders, offline=True).with_flags(**dict.fromkeys(ROLES, "fake"))


@pytest.fixture
def window(browser: Browser, settings: Settings) -> Iterator[Window]:
    """A visitor's page, which may use the clipboard."""
    with served(settings) as url:
        context = browser.new_context(
            locale="en-US", permissions=["clipboard-read", "clipboard-write"]
        )
        yield new_window(context, url)
        context.close()


def wait_until_kept(page: Page) -> None:
    """Wait until the desk has said that it keeps what was typed."""
    page.wait_for_function(f"{TYPED} === '{{}}'")


def keys(page: Page, box: str) -> str:
    """Type on the keyboard."""
    page.locator(box).press_sequentially("By keys")
    return "By keys"


def pasted(page: Page, box: str) -> str:
    """Paste by the keys of the system."""
    page.evaluate("navigator.clipboard.writeText('Out of the clipboard')")
    page.focus(box)
    page.keyboard.press("Control+V")
    return "Out of the clipboard"


def inserted(page: Page, box: str) -> str:
    """Insert without any key, as menus, input methods and voices do."""
    page.focus(box)
    page.keyboard.insert_text("说出来的话")
    return "说出来的话"


def dropped(page: Page, box: str) -> str:
    """Drag words from the other box into this one."""
    other = next(one for one in BOXES if one != box)
    page.focus(other)
    page.keyboard.insert_text("Dragged")
    page.locator(other).select_text()
    source, target = page.locator(other).bounding_box(), page.locator(box).bounding_box()
    assert source and target
    page.mouse.move(source["x"] + 25, source["y"] + 18)
    page.mouse.down()
    page.mouse.move(target["x"] + 60, target["y"] + 20, steps=5)
    page.mouse.move(target["x"] + 61, target["y"] + 21)
    page.mouse.up()
    return "Dragged"


def cut(page: Page, box: str) -> str:
    """Cut what was typed."""
    keys(page, box)
    wait_until_kept(page)
    page.locator(box).select_text()
    page.keyboard.press("Control+X")
    return ""


def undone(page: Page, box: str) -> str:
    """Delete a word, and undo that."""
    typed = keys(page, box)
    wait_until_kept(page)
    page.keyboard.press("Control+Backspace")
    expect(page.locator(box)).not_to_have_value(typed)
    wait_until_kept(page)
    page.keyboard.press("Control+Z")
    return typed


@pytest.mark.parametrize("box", BOXES, ids=["message", "reply"])
@pytest.mark.parametrize("enter", [keys, pasted, inserted, dropped, cut, undone])
def test_what_enters_a_box_is_kept(
    window: Window, enter: Callable[[Page, str], str], box: str
) -> None:
    """By whatever way a text came into a box, or out of it, it stands there after a reload."""
    page = window.page
    text = enter(page, box)
    expect(page.locator(box)).to_have_value(text)
    wait_until_kept(page)
    window.open()
    expect(page.locator(box)).to_have_value(text)
    assert not window.complaints


def test_a_draft_never_takes_the_place_of_what_was_typed(
    browser: Browser, settings: Settings
) -> None:
    """A draft goes below the agent's own words, the browser's undo takes it out again, and one that
    was left as it is gives way to the other."""
    with served(settings, chat=FakeChat("We sent you a new one on 17 October.")) as url:
        context = browser.new_context(locale="en-US")
        window = new_window(context, url)
        page, reply = window.page, window.page.locator("#reply textarea")
        page.fill("#message textarea", LATE)
        page.click("#draft")
        expect(page.locator("#drafts .tabs")).to_be_visible()
        reply.press_sequentially("Dear Anna, I looked into it myself.")
        page.locator("#drafts .use:visible").click()
        expect(reply).to_have_value(re.compile(r"^Dear Anna, I looked into it myself\.\n\n\w"))
        reply.press("Control+Z")
        expect(reply).to_have_value("Dear Anna, I looked into it myself.")
        reply.fill("")
        page.locator("#drafts .use:visible").click()
        expect(reply).not_to_have_value(re.compile("17 October"))
        page.locator("#drafts [data-tab='1']").click()
        page.locator("#drafts .use:visible").click()
        expect(reply).to_have_value(
            re.compile(r"^Hello,\n\nWe sent .* 17 October\.\n\nKind [^\n]+\n[^\n]+$")
        )
        there = reply.input_value()
        wait_until_kept(page)
        window.open()
        expect(reply).to_have_value(there)
        context.close()


def test_text_typed_while_the_desk_was_away_is_kept(browser: Browser, settings: Settings) -> None:
    """What is typed into both boxes while nobody answers stands there when the desk is back, also
    in a tab that was closed meanwhile, and is then kept by the desk."""
    port = free_port()
    context = browser.new_context(locale="en-US")
    with served(settings, port) as url:
        window = new_window(context, url)
        page = window.page
        page.fill("#message textarea", LATE)
        wait_until_kept(page)
    page.locator("#message textarea").press("End")
    page.locator("#message textarea").press_sequentially(" Please hurry.")
    page.locator("#reply textarea").press_sequentially("Typed while away")
    page.close()
    with served(settings, port):
        window = new_window(context, url)
        page = window.page
        expect(page.locator("#message textarea")).to_have_value(f"{LATE} Please hurry.")
        expect(page.locator("#reply textarea")).to_have_value("Typed while away")
        wait_until_kept(page)
        page.evaluate("localStorage.removeItem('mmcs-typed')")
        window.open()
        expect(page.locator("#message textarea")).to_have_value(f"{LATE} Please hurry.")
        expect(page.locator("#reply textarea")).to_have_value("Typed while away")
    context.close()


def test_a_newer_text_from_elsewhere_is_not_overwritten(
    browser: Browser, settings: Settings
) -> None:
    """What was typed while the desk did not answer goes below what was written elsewhere since, and
    the agent is told."""
    with served(settings) as url:
        context = browser.new_context(locale="en-US")
        one = new_window(context, url)
        one.page.locator("#reply textarea").press_sequentially("Dear Anna")
        wait_until_kept(one.page)
        elsewhere = browser.new_context(locale="en-US", storage_state=context.storage_state())
        one.page.route("**/gradio_api/**", lambda route: route.abort())
        one.page.locator("#reply textarea").press_sequentially(", from here")
        other = new_window(elsewhere, url)
        expect(other.page.locator("#reply textarea")).to_have_value("Dear Anna")
        other.page.locator("#reply textarea").fill("Dear Anna, from elsewhere")
        wait_until_kept(other.page)
        one.page.unroute("**/gradio_api/**")
        one.open()
        both = "Dear Anna, from elsewhere\n\nDear Anna, from here"
        expect(one.page.locator("#reply textarea")).to_have_value(both)
        expect(one.page.locator("#desk-remark")).to_contain_text("changed elsewhere")
        wait_until_kept(one.page)
        other.open()
        expect(other.page.locator("#reply textarea")).to_have_value(both)
        for used in (context, elsewhere):
            used.close()


def test_a_reply_that_was_sent_does_not_come_back(window: Window) -> None:
    """Sent at once after the last key, a reply is a turn of the conversation; the box stays empty,
    also after a reload, and nothing of it is kept in the browser."""
    page, reply = window.page, window.page.locator("#reply textarea")
    page.fill("#message textarea", LATE)
    wait_until_kept(page)
    reply.press_sequentially("Thank you for your patience.")
    page.click("#send")
    expect(page.locator(".turn.agent")).to_contain_text("Thank you for your patience.")
    expect(reply).to_have_value("")
    wait_until_kept(page)
    window.open()
    expect(page.locator(".turn.agent")).to_have_count(1)
    expect(reply).to_have_value("")


def test_a_press_before_the_ticket_is_drawn_loses_nothing(
    browser: Browser, settings: Settings
) -> None:
    """While the desk has not answered yet, buttons take no press; what was typed is then the
    ticket's own, and the keys for Draft are done at it."""
    with served(settings) as url:
        context = browser.new_context(locale="en-US")
        page = context.new_page()
        page.route("**/gradio_api/run/**", lambda _: None)
        page.goto(url)
        page.fill("#message textarea", LATE)
        page.press("#message textarea", "Control+Enter")
        page.click("#draft", force=True)
        expect(page.locator("#stop")).to_be_hidden()
        page.unroute("**/gradio_api/run/**")  # which lets those that are held go on
        wait_until_kept(page)
        expect(page.locator("#drafts .tabs")).to_be_visible()
        page.click("[data-act=new]")
        expect(page.locator("#message textarea")).to_have_value("")
        page.click("#lists [data-tab='1']")
        page.locator("#lists [data-act=open]", has_text=LATE[:20]).click()
        expect(page.locator("#message textarea")).to_have_value(LATE)
        context.close()
