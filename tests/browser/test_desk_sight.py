"""What the page is like to use: axe-core finds nothing grave in both themes and languages;
nothing is cut from a phone to a wide screen; nothing jumps or flips under the agent's eyes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from desk_pages import LATE, served
from media_files import corners, encoded, pcm, wav
from playwright.sync_api import Browser, BrowserContext, Page, expect

from browser.test_desk_why import Waiting
from browser.window import new_window
from mmcs.backends.fake import FakeChat, FakeReader
from mmcs.roles import ROLES
from mmcs.settings import Settings

pytestmark = pytest.mark.browser

WIDTHS = (360, 768, 1024, 1280, 1366, 1440, 1920)  # CSS pixels
GRAVE = {"serious", "critical"}
# Every text of the page whose end is not seen: cut by its box, or outside its column.
CUT = """() => {
  const cut = [], pen = document.createElement("canvas").getContext("2d");
  const seen = (e) => e.getClientRects().length && getComputedStyle(e).visibility !== "hidden";
  for (const e of document.querySelectorAll(".gradio-container *")) {
    if (!seen(e) || e.closest(".sr-only, option, .models ul")) continue;
    const style = getComputedStyle(e), box = e.getBoundingClientRect();
    if (e.matches("select")) {
      pen.font = style.font;
      const text = e.selectedOptions[0].text;
      const room = e.clientWidth - 2 * parseFloat(style.paddingLeft);
      if (pen.measureText(text).width > room + 1) cut.push(`select: ${text}`);
      continue;
    }
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    const clips = !["visible", "auto", "scroll"].includes(style.overflowX);
    if (own && clips && e.scrollWidth > e.clientWidth + 1 && !e.closest("[title]"))
      cut.push(`${e.className || e.tagName}: ${e.textContent.trim().slice(0, 40)}`);
    const pane = e.closest(".pane");
    if (pane && box.width && (e.matches("button, select, textarea, h2, h3") || own)) {
      const edge = pane.getBoundingClientRect();
      if (box.right > edge.right + 1 || box.left < edge.left - 1)
        cut.push(`over the edge: ${e.id || e.className}: ${e.textContent.trim().slice(0, 40)}`);
    }
  }
  if (document.documentElement.scrollWidth > window.innerWidth) cut.push("scrolls sideways");
  return cut;
}"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A desk of the test's own, on fakes."""
    folders = Settings(cache=tmp_path / "cache", home=tmp_path / "home")
    return replace(folders, offline=True).with_flags(**dict.fromkeys(ROLES, "fake"))


@pytest.fixture
def desk(settings: Settings) -> Iterator[str]:
    """The address of that desk; its model invents something."""
    chat = FakeChat("We sent you a new one on 17 October.")
    reader = FakeReader(tuple(f"Line {number} of order 48213" for number in range(30)))
    with served(settings, chat=chat, reader=reader) as url:
        yield url


def draft(page: Page, folder: Path) -> None:
    """Draft a ticket with a voice note and an image, and ask why it was filed so."""
    note, photo = folder / "note.wav", folder / "box.png"
    note.write_bytes(wav(pcm(1.0)))
    photo.write_bytes(encoded(corners(), "PNG"))
    page.set_input_files("#inlets input[type=file]", [note, photo])
    expect(page.locator("#files .file")).to_have_count(2)
    page.fill("#message textarea", f"{LATE} " * 20)
    page.click("#draft")
    expect(page.locator("#drafts .tabs")).to_be_visible()
    page.click(".ask[data-question=category]")
    expect(page.locator(".reason .bars")).to_be_visible()


def grave(page: Page) -> list[str]:
    """Return what axe-core calls serious or critical, each with its nodes."""
    page.wait_for_timeout(400)  # a card that still fades in has less contrast
    found = Axe().run(page).response["violations"]
    return [
        f"{v['id']}: {node['html'][:160]} {node['failureSummary'].splitlines()[1:2]}"
        for v in found
        if v["impact"] in GRAVE
        for node in v["nodes"]
    ]


def switched(
    browser: Browser, scheme: Literal["light", "dark"], width: int = 1280
) -> BrowserContext:
    """Return a visitor's browser of that colour scheme and width."""
    return browser.new_context(
        locale="en-US", color_scheme=scheme, viewport={"width": width, "height": 900}
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_grave(
    browser: Browser, desk: str, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    """Contrast, names, roles and the reach of the keyboard: nothing serious or critical, empty and
    with a drafted ticket, at a desk's and a phone's width, in both languages."""
    context = switched(browser, scheme)
    page = new_window(context, desk).page
    found = grave(page)
    page.click("#lists [data-tab='1']")
    found += grave(page)
    draft(page, tmp_path)
    found += grave(page)
    page.click("#drafts [data-tab='1']")
    page.fill("#reply textarea", "We sent you a new one on 17 October.")
    page.click("#send")
    expect(page.locator("#warning")).to_be_visible()
    found += grave(page)
    page.click(".languages [data-language=zh]")
    expect(page.locator("#draft")).to_have_text("重新起草")
    found += grave(page)
    page.set_viewport_size({"width": 390, "height": 844})
    found += grave(page)
    context.close()
    assert not found, "\n".join(sorted(set(found)))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_is_cut(browser: Browser, desk: str, tmp_path: Path, language: str) -> None:
    """From a small phone to a wide screen every text and label is whole and no button stands over
    the edge of its column, on a drafted ticket that is filed under the longest names."""
    context = switched(browser, "light")
    page = new_window(context, desk).page
    draft(page, tmp_path)
    page.click(f".languages [data-language={language}]")
    expect(page.locator("#draft")).to_have_text({"en": "Draft again", "zh": "重新起草"}[language])
    cut = {}
    for question in ("category", "urgency", "sentiment"):
        names = page.locator(f".{question} select option").all_inner_texts()
        page.select_option(f".{question} select", label=max(names, key=len))
        expect(page.locator(f".{question}.own")).to_have_count(1)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(200)  # laid out anew
        cut[width] = page.evaluate(CUT)
    context.close()
    assert cut == {width: [] for width in WIDTHS}


def test_a_phone_does_not_jump_to_the_draft(browser: Browser, settings: Settings) -> None:
    """While a draft is written, an agent who reads the evidence on a phone stays where they are; at
    a desk the draft's end stays in sight until they scroll away from it."""
    slow = FakeChat("Your order 48213 " + "is on its way and " * 120, pause=0.03)
    with served(settings, chat=slow) as url:
        context = switched(browser, "light", 390)
        page = new_window(context, url).page
        page.fill("#message textarea", LATE)
        page.click("#draft")
        expect(page.locator("#drafts .growing")).to_contain_text("is on its way")
        page.evaluate("window.scrollTo(0, 150)")
        short = page.locator("#drafts .growing").inner_text()
        expect(page.locator("#drafts .growing")).not_to_have_text(short)
        assert page.evaluate("window.scrollY") == 150
        page.set_viewport_size({"width": 1280, "height": 700})
        expect(page.locator("#drafts .caret")).to_be_in_viewport()
        page.evaluate("document.querySelector('#drafts').scrollTop = 0")
        short = page.locator("#drafts .growing").inner_text()
        expect(page.locator("#drafts .growing")).not_to_have_text(short)
        assert page.evaluate("document.querySelector('#drafts').scrollTop") == 0
        context.close()


def test_my_tickets_stay_in_sight(browser: Browser, desk: str, tmp_path: Path) -> None:
    """The list of one's own tickets stays open while a ticket is opened, drafted and turned to
    another language."""
    context = switched(browser, "light")
    page = new_window(context, desk).page
    draft(page, tmp_path)
    page.click("#lists [data-tab='1']")
    page.click("[data-act=new]")
    expect(page.locator("#message textarea")).to_have_value("")
    expect(page.locator("#lists [data-pane='1']")).to_be_visible()
    page.click("[data-act=open]")
    expect(page.locator("#message textarea")).not_to_have_value("")
    page.click("#draft")
    expect(page.locator("#drafts .tabs")).to_be_visible()
    page.click(".languages [data-language=zh]")
    expect(page.locator("#draft")).to_have_text("重新起草")
    expect(page.locator("#lists [data-pane='1']")).to_be_visible()
    expect(page.locator("#lists [data-tab='1']")).to_have_attribute("aria-selected", "true")
    context.close()


def test_why_shows_at_once_that_it_works(
    browser: Browser, settings: Settings, tmp_path: Path
) -> None:
    """Asked why, the page brings the sign that the answer is sought into sight, below many lines of
    evidence too, and then the answer."""
    may = Event()
    reader = FakeReader(tuple(f"Line {number}" for number in range(30)))
    with served(settings, triager=Waiting(may=may), reader=reader) as url:
        context = switched(browser, "light")
        page = new_window(context, url).page
        page.set_viewport_size({"width": 1280, "height": 500})
        photo = tmp_path / "box.png"
        photo.write_bytes(encoded(corners(), "PNG"))
        page.set_input_files("#inlets input[type=file]", [photo])
        expect(page.locator("#files .file")).to_have_count(1)
        page.fill("#message textarea", LATE)
        page.click("#draft")
        expect(page.locator("#drafts .use").first).to_be_visible()
        expect(page.locator("#draft")).to_be_visible()
        page.click(".ask[data-question=sentiment]")
        expect(page.locator(".reason .working")).to_be_in_viewport()
        expect(page.locator(".reason .bones")).to_be_in_viewport()
        may.set()
        expect(page.locator(".reason .gist")).to_be_in_viewport()
        context.close()
