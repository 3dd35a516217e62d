"""One image from its description: {"kind", "how", "lines"}."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import camera
import numpy as np
import papers
import parcels
import products
import scenery
import screens
from PIL import Image

Random = np.random.Generator
LARGEST = 1_280  # pixels, the longer side


def draw(random: Random, image: dict[str, Any]) -> Image.Image:
    """What the description says."""
    kind, how, lines = image["kind"], image["how"], image["lines"]
    if kind in screens.KINDS:
        return screens.drawn(random, kind, how, lines)
    if kind in papers.SHEETS:
        return papers.drawn(random, kind, how, lines)
    if kind == "parcel":
        return parcels.drawn(random, how, lines)
    if kind == "product":
        return products.drawn(random, how, lines)
    return scenery.drawn(random, how)


def of_a_monitor(random: Random, picture: Image.Image) -> Image.Image:
    """A screen photographed with another phone: tilt, moiré, reflections."""
    width, height = picture.size
    y, x = np.mgrid[:height, :width]
    wave = np.sin(x * random.uniform(0.9, 1.3)) * np.sin(y * random.uniform(0.9, 1.3))
    moire = 1 + 0.05 * wave + 0.04 * np.sin((x + 0.6 * y) * random.uniform(0.02, 0.06))
    picture = camera.shaded(picture, moire.astype(np.float32))
    edge = int(0.05 * width)
    framed = Image.new("RGB", (width + 2 * edge, height + 2 * edge), (18, 18, 20))
    framed.paste(picture, (edge, edge))
    return camera.shot(random, framed)


def save(random: Random, picture: Image.Image, path: Path) -> None:
    """A PNG as it is; a JPEG, if of a screen, now and then as a photo of that screen."""
    picture.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    unfinished = path.with_suffix(f".part{path.suffix}")
    if path.suffix == ".png":
        picture.quantize(200, dither=Image.Dither.NONE).save(unfinished, optimize=True)
    else:
        picture.save(unfinished, quality=int(random.integers(58, 93)))
    unfinished.rename(path)
