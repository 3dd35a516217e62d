"""A real Chromium that notes every request it makes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)


@dataclass
class Window:
    """A page of the desk, and what it asked for or complained about."""

    page: Page
    url: str
    elsewhere: list[str] = field(default_factory=list)  # requests to another host
    complaints: list[str] = field(default_factory=list)  # errors of scripts, refusals of the policy

    def open(self) -> None:
        """Open the desk, and wait until it is drawn."""
        self.page.goto(self.url)
        self.page.wait_for_selector(".topbar")

    def note_request(self, url: str) -> None:
        """Note a request, if it leaves the desk."""
        if urlsplit(url).scheme not in ("data", "blob") and not url.startswith(self.url):
            self.elsewhere.append(url)


def new_window(context: BrowserContext, url: str) -> Window:
    """Open the desk in a visitor's browser."""
    window = Window(context.new_page(), url)
    page = window.page
    page.on("request", lambda request: window.note_request(request.url))
    page.on("pageerror", lambda error: window.complaints.append(str(error)))
    page.on(
        "console",
        lambda message: window.complaints.append(message.text) if message.type == "error" else None,
    )
    window.open()
    return window


@contextmanager
def chromium(playwright: Playwright, microphone: Path | None = None) -> Iterator[Browser]:
    """Start the Chromium of the system; its microphone plays a wav file once."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.skip("there is no Chromium on this machine")
    heard = (f"--use-file-for-fake-audio-capture={microphone}%noloop",) if microphone else ()
    browser = playwright.chromium.launch(executable_path=found, args=[*FLAGS, *heard])
    try:
        yield browser
    finally:
        browser.close()
