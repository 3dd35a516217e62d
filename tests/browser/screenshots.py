"""Takes the pictures in assets/screenshots: ``python tests/browser/screenshots.py [NAME]...``.

Each shows a sample ticket, drafted by the real app with the embedded models and nothing kept from
before, so the seconds on it are real.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

from PIL import Image  # noqa: E402
from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402

from browser.window import ROOT, chromium, started  # noqa: E402  # after the path
from mmcs.settings import Settings, from_environment  # noqa: E402

FOLDER = ROOT / "assets" / "screenshots"
MOST_BYTES = 400_000
DRAFTED = 300_000  # ms


@dataclass(frozen=True)
class Shot:
    """One picture: of which sample, how large, for whom."""

    sample: str
    width: int = 1440
    height: int = 900
    language: str = "en-US"
    scheme: Literal["light", "dark"] = "light"
    point_at: str = ""  # what the mouse rests on
    ask: str = ""  # the question to whose triage the page says why
    whole: bool = False  # the whole length of the page


SHOTS = {
    "desk": Shot("05-bill-conflict"),
    "desk-support": Shot("01-late-parcel", point_at=".claim.good:visible >> nth=0"),
    "desk-why": Shot("05-bill-conflict", height=1100, ask="category"),
    "desk-zh": Shot("06-mandarin-return", language="zh-CN"),
    "desk-dark": Shot("04-receipt", scheme="dark"),
    "desk-phone": Shot("03-robot-lost", 390, 844, whole=True),
}


@contextmanager
def fresh_settings() -> Iterator[Settings]:
    """Yield the user's settings with their weights, and with nothing else from before."""
    user = from_environment()
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        cache.mkdir()
        (cache / "weights").symlink_to(user.cache / "weights")
        yield replace(user, cache=cache, home=Path(folder) / "home")


def draft(shot: Shot, browser: Browser, url: str) -> Page:
    """Return the page of a sample ticket that was drafted."""
    context = browser.new_context(
        viewport={"width": shot.width, "height": shot.height},
        locale=shot.language,
        color_scheme=shot.scheme,
    )
    page = context.new_page()
    page.goto(url)
    expect(page.locator("details.models.ready")).to_be_attached(timeout=DRAFTED)
    page.click(f'[data-act=sample][data-id="{shot.sample}"]')
    expect(page.locator(f'[data-id="{shot.sample}"][aria-current=true]')).to_be_attached()
    page.click("#draft")
    expect(page.locator("#stop")).to_be_visible()
    expect(page.locator("#draft")).to_be_visible(timeout=DRAFTED)
    page.wait_for_timeout(800)
    return page


def take(name: str, shot: Shot, browser: Browser, url: str) -> None:
    """Take a picture of a sample ticket."""
    page = draft(shot, browser, url)
    if shot.point_at:
        page.locator(shot.point_at).hover()
        page.wait_for_timeout(400)
    if shot.ask:
        page.click(f".ask[data-question={shot.ask}]")
        expect(page.locator(".reason .bars")).to_be_visible(timeout=DRAFTED)
        page.locator(".card.triage").scroll_into_view_if_needed()
        page.evaluate("document.querySelector('.card.triage').scrollIntoView()")
        page.wait_for_timeout(800)
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path, full_page=shot.whole)
    page.context.close()
    if path.stat().st_size > MOST_BYTES:
        Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)


def main(names: list[str]) -> None:
    """Take the pictures of those names; all if there are none."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        fresh_settings() as settings,
        started(settings) as url,
        sync_playwright() as playwright,
        chromium(playwright) as browser,
    ):
        draft(Shot("11-angry"), browser, url).close()  # the articles are indexed once
        for name in names or list(SHOTS):
            take(name, SHOTS[name], browser, url)


if __name__ == "__main__":
    main(sys.argv[1:])
