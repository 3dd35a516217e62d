"""Why a ticket was filed so, on the page: asked, seen, played, turned to Chinese, closed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from desk_pages import LATE, served
from media_files import corners, encoded, pcm, wav
from playwright.sync_api import Browser, expect

from browser.window import Window, new_window
from mmcs.backends.fake import FakeChat, FakeTriager
from mmcs.explanation import Explanation, Word
from mmcs.roles import ROLES
from mmcs.settings import Settings

pytestmark = pytest.mark.browser

ASK = ".ask[data-question=category]"
SLOW = FakeChat("Your order 48213 " + "is on its way and " * 40, pause=0.1)
ELSEWHERE = "http://192.0.2.7/leak"
HOSTILE = f'<img src="{ELSEWHERE}.png" onerror="document.title=1"> {{constructor}} ${{1+1}}'


@dataclass
class Waiting(FakeTriager):
    """Says why only when it may."""

    may: Event | None = None

    def explain(self, *about: Any) -> Explanation:
        """Return the fake's reason, after a while."""
        assert self.may is None or self.may.wait(60)
        return super().explain(*about)


@dataclass
class Hostile(FakeTriager):
    """Finds its reason in words that a browser might run."""

    def explain(self, *about: Any) -> Explanation:
        """Return a reason of such words."""
        return replace(super().explain(*about), words=(Word("text", "text", HOSTILE, 0.4),))


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


def draft(window: Window, *files: Path) -> None:
    """Attach files, type a message, and draft."""
    page = window.page
    page.fill("#message textarea", LATE)
    if files:
        page.set_input_files("#inlets input[type=file]", list(files))
        expect(page.locator("#files .file")).to_have_count(len(files))
    page.press("#message textarea", "Control+Enter")
    expect(page.locator("#drafts .use").first).to_be_visible()


def test_an_agent_asks_why(window: Window, tmp_path: Path) -> None:
    """By keyboard: "why?" of the category opens bars, words, image, recording and likes; its strip
    plays the voice note; one press turns it to Chinese, and the next closes it. The preview is the
    only image, and nothing is asked of another host."""
    page = window.page
    note, photo = tmp_path / "note.wav", tmp_path / "box.png"
    note.write_bytes(wav(pcm(2.0)))
    photo.write_bytes(encoded(corners(), "PNG"))
    draft(window, note, photo)
    expect(page.locator("#draft")).to_be_visible()
    expect(page.locator(".decided")).to_have_text("decided by fake")
    expect(page.locator(".ask")).to_have_count(3)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    button = page.get_by_role("button", name="Why this category")
    button.focus()
    page.keyboard.press("Enter")
    reason = page.locator(".reason")
    expect(reason.locator(".gist")).to_have_text("Delivery, 80 %. The message decided most.")
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(button).to_be_focused()
    expect(reason.locator(".bars li")).to_have_count(5)
    expect(reason.locator(".bars .number")).to_have_text(["50%", "+10", "+10", "+10", "80%"])
    expect(reason.locator(".read")).to_have_text(LATE)
    expect(reason.locator(".read mark").first).to_have_text("My")
    expect(reason.locator(".strongest li")).to_have_count(5)
    expect(reason.locator("figure .region")).to_have_count(1)
    expect(reason.locator(".alike li")).to_have_count(1)
    assert page.evaluate("document.querySelector('.reason img').naturalWidth") > 0
    assert not [url for url in asked if "/image/" in url], "the preview was fetched before"

    reason.locator(".stretches button").click()
    expect(reason.locator(".reel")).to_have_class("player reel playing")

    page.click(".languages [data-language=zh]")
    expect(page.locator(".gist")).to_have_text("配送，80%。 留言起的作用最大。")
    page.get_by_role("button", name="为什么是这个主题").click()
    expect(page.locator(".reason")).to_have_count(0)
    assert not window.complaints and not window.elsewhere


def test_an_agent_files_it_otherwise(window: Window) -> None:
    """Chosen from the list, a category is the agent's own; it is still theirs after a reload and
    after the next draft, and "why?" says what the model says instead."""
    page = window.page
    draft(window)
    category = page.get_by_label("Change the category")
    category.select_option("returns")
    expect(page.locator("#note")).to_contain_text("Filed as you say")
    expect(page.locator(".meters .own")).to_have_count(1)
    expect(page.locator("#draft")).to_be_visible()
    window.open()
    expect(category).to_have_value("returns")
    page.locator("#drafts article").first.evaluate("before => { before.dataset.before = ''; }")
    page.press("#message textarea", "Control+Enter")
    expect(page.locator("#drafts [data-before]")).to_have_count(0)
    expect(page.locator("#draft")).to_be_visible()
    expect(category).to_have_value("returns")
    page.click(ASK)
    expect(page.locator(".reason .changed")).to_contain_text("You decided Returns and warranty")
    assert not window.complaints and not window.elsewhere


def test_it_shows_that_it_works_and_survives_a_reload(browser: Browser, settings: Settings) -> None:
    """While the answer is being found the card says so, also after a turn to Chinese and after a
    reload, and it comes in the language of then; a ticket that is left meanwhile keeps its own."""
    may = Event()
    with served(settings, triager=Waiting(may=may)) as url:
        context = browser.new_context(locale="en-US")
        window = new_window(context, url)
        page = window.page
        draft(window)
        expect(page.locator("#draft")).to_be_visible()
        page.click(ASK)
        expect(page.locator(".reason .working")).to_contain_text("Weighing each part")
        page.click(".languages [data-language=zh]")
        expect(page.locator(".reason .working")).to_contain_text("正在衡量")
        window.open()
        expect(page.locator(".reason .working")).to_contain_text("正在衡量")
        page.click("[data-act=new]")
        expect(page.locator(".reason")).to_have_count(0)
        may.set()
        page.wait_for_timeout(1500)
        expect(page.locator(".reason")).to_have_count(0)
        page.click("#lists [data-tab='1']")
        page.click("[data-act=open]")
        expect(page.locator(".gist")).to_contain_text("配送，80%。")
        context.close()


def test_why_does_not_wait_for_the_language_model(browser: Browser, settings: Settings) -> None:
    """While the model writes its draft, the answer is found, and stays while the draft grows."""
    with served(settings, chat=SLOW) as url:
        context = browser.new_context(locale="en-US")
        window = new_window(context, url)
        page = window.page
        draft(window)
        expect(page.locator("#drafts .growing")).to_contain_text("is on its way")
        page.click(ASK)
        expect(page.locator(".gist")).to_contain_text("Delivery, 80 %.")
        expect(page.locator("#stop")).to_be_visible()
        page.wait_for_timeout(700)
        expect(page.locator(".gist")).to_contain_text("Delivery, 80 %.")
        expect(page.locator("#drafts .growing")).to_be_visible()
        page.click("#stop")
        expect(page.locator("#draft")).to_be_visible()
        expect(page.locator(".gist")).to_contain_text("Delivery, 80 %.")
        context.close()


def test_words_of_customers_are_never_run(browser: Browser, settings: Settings) -> None:
    """Markup in the words of a reason is text, and asks nobody for anything."""
    with served(settings, triager=Hostile()) as url:
        context = browser.new_context()
        window = new_window(context, url)
        page, title = window.page, window.page.title()
        draft(window)
        expect(page.locator("#draft")).to_be_visible()
        page.click(ASK)
        expect(page.locator(".reason .read")).to_have_text(HOSTILE)
        page.wait_for_timeout(300)
        assert page.title() == title
        assert not window.elsewhere and not window.complaints
        context.close()
