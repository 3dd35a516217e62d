"""The standard case that every speed is measured on: 25 s of speech, a 1280x960 screenshot, and
messages of 30 words that no draft was written for before."""

from __future__ import annotations

import wave
from itertools import cycle
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from mmcs import media
from mmcs.decoder import SAMPLE_RATE
from mmcs.roles import Image, Sound
from mmcs.settings import ASSETS

SPEECH = 25  # s
SIZE = (1280, 960)  # pixels
VOICE = ASSETS / "domains" / "retail" / "tickets" / "01-late-parcel" / "voice.ogg"
MESSAGES = (
    "Hello, my new robot vacuum came five days ago and I would like to send it back, it is still "
    "unused. Who pays for the return label and how long does the refund take?",
    "Hi there, the coffee machine shows E04 since this morning and no water comes out any more. I "
    "cleaned the tank already, so what should I do now to get it going?",
    "Good evening, my parcel has not moved in tracking for almost a week and nobody tells me "
    "anything. At what point is it lost, and do I then get my money back from you?",
    "I changed my mind about the express order that I placed an hour ago. Can I still cancel it "
    "without a fee, or is it too late because somebody is packing it already?",
    "My card was charged twice for the same speaker, once yesterday and once today. Is that an "
    "error on your side, and when will the second amount go back to my account?",
    "The router has a red light and the app says M-21 after the storm last night. I restarted it "
    "three times. What else can I try before I send it in for a warranty repair?",
    "Our accountant needs an invoice with the name of the company and the tax number on it. The "
    "purchase was nine days ago, can this still be changed, and where do I find it afterwards?",
    "I can't get into my account, it says locked after I mistyped the password a few times. How "
    "long does that last, and is there a faster way to set a new one tonight?",
)
_LINES = (
    "Northlight Home",
    "Settings",
    "Network",
    "Mesh M1 is offline",
    "Error M-21: no internet from the modem",
    "Last seen 21:04, 3 March",
    "Restart the modem, then the router.",
    "Devices connected: 0",
    "Firmware 4.2.18, up to date",
    "Serial VX-20418837",
)


def speech() -> Sound:
    """Return 25 s of a sample ticket's voice note, repeated as often as it takes."""
    note = media.read_sound(VOICE, VOICE.name)
    wanted = SPEECH * SAMPLE_RATE
    return np.tile(note, -(-wanted // len(note)))[:wanted]


def screenshot(number: int = 0) -> Pillow.Image:
    """Return a screenshot with 30 lines of text; each number gives another."""
    canvas = Pillow.new("RGB", SIZE, "#f4f5f7")
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(26)
    draw.rectangle((0, 0, SIZE[0], 64), fill="#1f4b99")
    draw.text((24, 16), f"Support session {4000 + number}", font=font, fill="white")
    lines = cycle(_LINES)
    for row in range(15):
        for column in (32, 680):
            top = 84 + row * 57
            draw.rectangle((column - 12, top - 6, column + 580, top + 42), fill="white")
            draw.text((column, top), next(lines), font=font, fill="#222")
    return canvas


def write_screenshot(folder: Path, number: int) -> Path:
    """Write a screenshot whose shape is another for each number, from 0.5 to 4 megapixels."""
    times = 0.7 + 0.1 * (number % 13)
    size = (round(SIZE[0] * times) + number, round(SIZE[1] * times))
    path = folder / f"screenshot-{number}.png"
    screenshot(number).resize(size).save(path, compress_level=1)
    return path


def pixels(image: Pillow.Image) -> Image:
    """Return an image as the reader takes it."""
    return np.asarray(image, dtype=np.uint8)


def write_case(folder: Path, number: int) -> tuple[Path, Path]:
    """Write the sound and the screenshot of a case; each number's bytes are new to the cache."""
    sound, image = folder / f"{number}.wav", folder / f"{number}.png"
    samples = (np.roll(speech(), number) * 32767).astype("<i2")
    with wave.open(str(sound), "wb") as written:
        written.setparams((1, 2, SAMPLE_RATE, len(samples), "NONE", ""))
        written.writeframes(samples.tobytes())
    screenshot(number).save(image)
    return sound, image
