"""The whole product: ``python app.py``, the embedded models, a voice, a photo, a streamed draft."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Playwright, expect

from browser.window import chromium, new_window, started
from mmcs import media
from mmcs.settings import ASSETS, Settings

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

SAMPLE = ASSETS / "domains" / "retail" / "tickets" / "05-bill-conflict"
SAMPLE_RATE = 16_000  # Hz
LOADED = 400_000  # ms, when the weights have to come first
DRAFTED = 240_000  # ms, on a busy machine


@pytest.fixture
def app(real_settings: Settings) -> Iterator[str]:
    """The address of the real app, with the smallest language model."""
    with started(real_settings) as url:
        yield url


@pytest.fixture
def voice(tmp_path: Path) -> tuple[Path, float]:
    """The sample's voice note as a wav file for the microphone, and its seconds."""
    sound = media.read_sound(SAMPLE / "voice.ogg", "voice.ogg")
    path = tmp_path / "voice.wav"
    with wave.open(str(path), "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(SAMPLE_RATE)
        written.writeframes((sound * 32767).astype(np.int16).tobytes())
    return path, len(sound) / SAMPLE_RATE


def test_a_spoken_ticket_with_a_photo_is_drafted(
    app: str, voice: tuple[Path, float], playwright: Playwright
) -> None:
    """An agent records a voice note, adds the photo of an invoice and presses Draft. The page shows
    what was said, what the invoice reads, that both disagree, and a streamed draft whose sentences
    tell their support. Nothing is asked of another host."""
    path, seconds = voice
    with chromium(playwright, microphone=path) as browser:
        window = new_window(browser.new_context(locale="en-US"), app)
        page = window.page
        expect(page.locator("details.models.ready")).to_be_visible(timeout=LOADED)

        page.click("#record .record-button")
        page.wait_for_timeout(1000 * seconds + 1500)
        page.click("#record .stop-button")
        expect(page.locator("#files .file.audio")).to_have_count(1)
        page.set_input_files("#inlets input[type=file]", [SAMPLE / "invoice.jpg"])
        expect(page.locator("#files .file.image")).to_have_count(1)
        page.fill("#message textarea", "Please see the invoice and listen to my message.")
        page.click("#draft")

        expect(page.locator(".transcript")).to_contain_text("419", timeout=DRAFTED)
        expect(page.locator(".seen .lines")).to_contain_text("Northlight", timeout=DRAFTED)
        expect(page.locator(".conflict")).to_contain_text("419.00 USD", timeout=DRAFTED)
        expect(page.locator("#drafts .growing")).to_be_visible(timeout=DRAFTED)
        short = page.locator("#drafts .growing").inner_text()
        expect(page.locator("#drafts .growing")).not_to_have_text(short, timeout=DRAFTED)
        expect(page.locator("#drafts .tabs")).to_be_visible(timeout=DRAFTED)

        page.locator(".claim.good:visible").first.hover()
        expect(page.locator("#support-card q").first).not_to_be_empty()
        assert page.locator("#drafts .legend li:visible").count() > 0
        assert not window.elsewhere and not window.complaints
