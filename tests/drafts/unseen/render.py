"""Draws the images of the unseen tickets, whose words are in screens.txt.

``python tests/drafts/unseen/render.py`` writes them beside this file.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

FONTS = Path("/usr/share/fonts/truetype")
SANS, BOLD = "dejavu/DejaVuSans.ttf", "dejavu/DejaVuSans-Bold.ttf"
ARIAL, ARIAL_BOLD = "liberation/LiberationSans-Regular.ttf", "liberation/LiberationSans-Bold.ttf"
NARROW = "liberation/LiberationSansNarrow-Regular.ttf"
SERIF, SERIF_BOLD = "dejavu/DejaVuSerif.ttf", "liberation/LiberationSerif-Bold.ttf"
TIMES = "liberation/LiberationSerif-Regular.ttf"
MONO, COURIER = "dejavu/DejaVuSansMono.ttf", "liberation/LiberationMono-Regular.ttf"
MOST_BYTES = 58_000


@dataclass(frozen=True)
class Look:
    """How a kind of screen or paper looks."""

    width: int  # pixels
    paper: str
    ink: str
    band: str  # colour of the bar at the top, with the title
    font: str
    bold: str
    size: int = 26  # pixels, of a normal line


@dataclass(frozen=True)
class Screen:
    """What one image shows; a line with ``#`` is large, with ``!`` red, with ``~`` grey."""

    file: str
    look: Look
    title: str
    text: str
    degrees: float = 0.0  # turned, blurred and noisy, as a photo is, if not 0


LOOKS = {
    "APP": Look(720, "#ffffff", "#1d2733", "#5b2a86", SANS, BOLD, 28),
    "DARK_APP": Look(640, "#15181d", "#e8eaed", "#2b2f36", ARIAL, ARIAL_BOLD, 28),
    "MACHINE": Look(1024, "#0b2b52", "#f4f7fb", "#f2b90c", ARIAL, ARIAL_BOLD, 40),
    "BOARD": Look(1180, "#101010", "#ffb347", "#303030", NARROW, ARIAL_BOLD, 54),
    "LETTER": Look(900, "#fbf9f2", "#222222", "#fbf9f2", TIMES, SERIF_BOLD, 27),
    "SLIP": Look(760, "#fdfdfa", "#1b1b1b", "#e9e4d4", SERIF, SERIF_BOLD, 26),
    "CONSOLE": Look(1120, "#1f272a", "#dae3e3", "#00878f", MONO, BOLD, 20),
    "TERMINAL": Look(1000, "#300a24", "#eeeeec", "#3d3d3d", COURIER, BOLD, 22),
    "WEB": Look(960, "#ffffff", "#374146", "#e6f4f4", ARIAL, ARIAL_BOLD, 28),
}


def screens(path: Path) -> Iterator[Screen]:
    """Yield what each image shows; a screen begins with ``=== file look degrees title``."""
    for part in path.read_text("utf-8").split("=== ")[1:]:
        head, text = part.rstrip("\n").split("\n", 1)
        file, look, degrees, title = head.split(" ", 3)
        yield Screen(file, LOOKS[look], title, text, float(degrees))


def drawn(screen: Screen) -> Image.Image:
    """Return the screen as it looks on a display."""
    look = screen.look
    lines = [
        (line.lstrip("!#~"), line[: len(line) - len(line.lstrip("!#~"))])
        for line in screen.text.split("\n")
    ]
    sizes = [look.size * (9 if "#" in marks else 5) // 5 for _, marks in lines]
    top = look.size * 5 // 2
    image = Image.new(
        "RGB", (look.width, top + look.size * 2 + sum(size * 3 // 2 for size in sizes)), look.paper
    )
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, look.width, top), fill=look.band)
    bright = sum(Image.new("RGB", (1, 1), look.band).tobytes()) > 382
    heading = ImageFont.truetype(str(FONTS / look.bold), look.size)
    draw.text((30, look.size * 3 // 4), screen.title, "#222222" if bright else "#ffffff", heading)
    y = top + look.size
    for (line, marks), size in zip(lines, sizes, strict=True):
        colour = "#e5484d" if "!" in marks else "#8a8f98" if "~" in marks else look.ink
        font = ImageFont.truetype(str(FONTS / (look.bold if "#" in marks else look.font)), size)
        draw.text((30, y), line, colour, font)
        y += size * 3 // 2
    return image


def photographed(image: Image.Image, degrees: float) -> Image.Image:
    """Return the image as a phone sees it: turned a little, soft, with noise and uneven light."""
    turned = image.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="#6b6259")
    pixels = np.asarray(turned.filter(ImageFilter.GaussianBlur(0.8)), dtype=np.float32)
    light = np.linspace(1.05, 0.85, pixels.shape[1], dtype=np.float32)[None, :, None]
    noise = np.random.default_rng(7).normal(0.0, 4.0, pixels.shape)
    return Image.fromarray(np.clip(pixels * light + noise, 0, 255).astype(np.uint8))


def packed(image: Image.Image, name: str) -> bytes:
    """Return the bytes of the file; a JPEG loses quality until it is small enough."""
    for quality in range(80, 10, -5):
        sink = io.BytesIO()
        if name.endswith(".png"):
            image.quantize(64).save(sink, "PNG", optimize=True)
        else:
            image.save(sink, "JPEG", quality=quality)
        if sink.tell() <= MOST_BYTES:
            break
    return sink.getvalue()


if __name__ == "__main__":
    for screen in screens(Path(__file__).with_name("screens.txt")):
        image = drawn(screen)
        if screen.degrees:
            image = photographed(image, screen.degrees)
        (Path(__file__).parent / screen.file).write_bytes(packed(image, screen.file))
