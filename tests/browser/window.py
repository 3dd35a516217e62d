"""A real Chromium that notes every request it makes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from desk_pages import free_port
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright

from mmcs.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent
SERVED_WITHIN = 180.0  # seconds on a machine that does other things too; the budget is 6

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


_RECORDERS = re.compile(r"/gradio_api/file=.*/audio\.wav$|^Waveform load error")


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

    def note_complaint(self, message: ConsoleMessage) -> None:
        """Note an error of a script, or an address that does not answer; not the recorder's, which
        asks for the file of a recording that the desk has taken and deleted already."""
        told = f"{message.text} {message.location['url']}"
        if message.type == "error" and not _RECORDERS.search(told):
            self.complaints.append(told)

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
    page.on("console", window.note_complaint)
    window.open()
    return window


@contextmanager
def chromium(playwright: Playwright, microphone: Path | None = None) -> Iterator[Browser]:
    """Start the Chromium of the system; its microphone plays a wav file once."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.skip("no Chromium was found; on Debian or Ubuntu: apt-get install chromium")
    heard = (f"--use-file-for-fake-audio-capture={microphone}%noloop",) if microphone else ()
    browser = playwright.chromium.launch(executable_path=found, args=[*FLAGS, *heard])
    try:
        yield browser
    finally:
        browser.close()


@contextmanager
def started(settings: Settings) -> Iterator[str]:
    """Run ``python app.py`` and yield its address when the page is served."""
    port = free_port()
    environment = {
        **os.environ,
        "MMCS_CACHE": str(settings.cache),
        "MMCS_HOME": str(settings.home),
        "MMCS_CHAT_MODEL": settings.chat_model,
        "MMCS_PORT": str(port),
    }
    url = f"http://127.0.0.1:{port}/"
    process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment)
    try:
        _wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + SERVED_WITHIN
    while time.monotonic() < until:
        assert process.poll() is None, "python app.py ended"
        try:
            if httpx.get(url).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(f"the page was not served within {SERVED_WITHIN} s")
