"""A browser for the tests of this folder.

It ends with them: its driver keeps an event loop running in this thread, and no other test could
run one of its own (`asyncio.run`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from browser.window import chromium

expect.set_options(timeout=20_000)  # ms; a busy machine is no failure


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """What drives the browser."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """A Chromium whose microphone beeps."""
    with chromium(playwright) as started:
        yield started
