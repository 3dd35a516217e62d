"""Parcels in perspective: cardboard, tape, a label; crushed, torn, wet, open or empty."""

from __future__ import annotations

import camera
import numpy as np
from fonts import Family
from papers import bars
from PIL import Image, ImageDraw, ImageFilter

Random = np.random.Generator
SIDE = 520  # pixels of a face before it is laid in perspective
CARDBOARDS = ((176, 134, 90), (190, 150, 106), (160, 118, 76), (198, 170, 134))


def cardboard(random: Random, size: tuple[int, int], tone: np.ndarray, light: float) -> Image.Image:
    """Corrugated paper: fibres, faint waves, scuffs."""
    width, height = size
    texture = 0.90 + 0.12 * camera.clouds(random, size, 2)
    texture += 0.015 * np.sin(np.arange(width) * 0.9)[None, :]
    texture *= random.normal(1, 0.025, (height, width))
    pixels = np.broadcast_to(tone, (height, width, 3)) * texture[..., None] * light
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def label(random: Random, lines: list[str]) -> Image.Image:
    """The carrier's label."""
    family = Family(random)
    image = Image.new("RGB", (300, 230), (248, 248, 246))
    draw = ImageDraw.Draw(image)
    for n, line in enumerate(lines[:5]):
        draw.text((12, 10 + 29 * n), line, (16, 16, 18), family.at(20 if n else 23, line, n == 0))
    image.paste(bars(random, 270, 54), (15, 168))
    draw.rectangle((0, 0, 299, 229), outline=(40, 40, 40), width=2)
    return image


def taped(random: Random, face: Image.Image, across: bool) -> None:
    """A strip of packing tape."""
    width, height = face.size
    strip = Image.new("RGBA", face.size, (0, 0, 0, 0))
    tone = ((206, 182, 140, 120), (236, 232, 222, 110), (150, 110, 66, 190))[random.integers(3)]
    middle = (height if across else width) / 2 + random.normal(0, 12)
    box = (0, middle - 34, width, middle + 34) if across else (middle - 34, 0, middle + 34, height)
    ImageDraw.Draw(strip).rectangle(box, tone)
    face.paste(Image.alpha_composite(face.convert("RGBA"), strip).convert("RGB"))


def ragged(random: Random, centre: tuple[float, float], radius: float, points: int = 14) -> list:
    """A torn outline."""
    angles = np.sort(random.uniform(0, 2 * np.pi, points))
    far = radius * random.uniform(0.45, 1.25, points)
    return [
        (centre[0] + r * np.cos(a), centre[1] + r * 0.8 * np.sin(a))
        for a, r in zip(angles, far, strict=True)
    ]


def tear(random: Random, face: Image.Image, edge: bool = True) -> None:
    """A hole with pale torn edges and darkness behind it."""
    width, height = face.size
    centre = (random.choice([0.1, 0.85]) * width if edge else random.uniform(0.3, 0.7) * width,
              random.uniform(0.2, 0.8) * height)  # fmt: skip
    radius = random.uniform(60, 130)
    draw = ImageDraw.Draw(face)
    points = ragged(random, centre, radius)
    draw.polygon([(x + 6, y + 5) for x, y in ragged(random, centre, radius * 1.2)], (214, 190, 152))
    draw.polygon(points, (26, 20, 16))
    if random.random() < 0.5:  # foam or foil in the hole
        draw.polygon(ragged(random, (centre[0] + 12, centre[1] + 8), radius * 0.5), (222, 222, 218))
    for _ in range(5):
        x, y = points[random.integers(len(points))]
        draw.line((x, y, x + random.normal(0, 50), y + random.normal(0, 50)), (108, 80, 52), 3)


def wet(random: Random, face: Image.Image) -> Image.Image:
    """Dark patches that soaked in, mostly from below, with a rim."""
    height = face.size[1]
    spots = camera.clouds(random, face.size, 2) + np.linspace(-0.1, 0.4, height)[:, None]
    inside = np.clip((spots - 0.62) * 9, 0, 1)
    rim = np.exp(-(((spots - 0.62) / 0.02) ** 2))
    return camera.shaded(face, (1 - 0.42 * inside - 0.12 * rim).astype(np.float32))


def crumpled(random: Random, face: Image.Image) -> Image.Image:
    """Creases: sharp changes of light along random lines."""
    width, height = face.size
    y, x = np.mgrid[:height, :width]
    light = np.ones((height, width), np.float32)
    for _ in range(int(random.integers(4, 9))):
        angle, at = random.uniform(0, np.pi), random.random(2)
        away = (x - at[0] * width) * np.cos(angle) + (y - at[1] * height) * np.sin(angle)
        light += (
            random.uniform(0.1, 0.3)
            * np.sign(away)
            * np.exp(-np.abs(away) / random.uniform(15, 60))
        )
    return camera.shaded(face, light)


def prints(random: Random, face: Image.Image, name: str) -> None:
    """The shop's print and arrows."""
    family = Family(random)
    draw = ImageDraw.Draw(face)
    ink = ((40, 46, 60), (90, 56, 30), (20, 60, 100))[random.integers(3)]
    draw.text((40, 40), name, ink, family.at(52, name, True))
    for x in (60, 120):
        y = face.size[1] - 120
        draw.polygon([(x, y), (x + 40, y), (x + 20, y - 36)], ink)
        draw.rectangle((x + 14, y, x + 26, y + 40), ink)


def faces(random: Random, how: list[str], lines: list[str]) -> dict[str, Image.Image]:
    """The three faces that can be seen, with what happened to them."""
    tone = np.array(CARDBOARDS[random.integers(len(CARDBOARDS))], np.float32)
    tone *= random.uniform(0.9, 1.1)
    lights = {"top": 1.08, "left": 0.92, "right": 0.7}
    found = {name: cardboard(random, (SIDE, SIDE), tone, light) for name, light in lights.items()}
    if "open" not in how:
        taped(random, found["top"], across=False)
    prints(random, found["left"], "NORTHLIGHT")
    if lines:
        sticker = label(random, lines)
        place = str(random.choice(["top", "right"])) if "open" not in how else "right"
        found[place].paste(sticker, (int(random.integers(60, 200)), int(random.integers(60, 250))))
    if "wet" in how:
        found = {name: wet(random, face) for name, face in found.items()}
    if "torn" in how or "hole" in how:
        tear(random, found["left"], "hole" not in how)
        if random.random() < 0.4:
            tear(random, found["right"])
    if "crushed" in how:
        found = {name: crumpled(random, face) for name, face in found.items()}
    return found


def box(random: Random, how: list[str], lines: list[str], size: tuple[int, int]) -> Image.Image:
    """The parcel alone, on nothing."""
    width, height = size
    middle = width * random.uniform(0.45, 0.55)
    wide, deep, tall = (
        width * random.uniform(*r) for r in ((0.27, 0.36), (0.24, 0.36), (0.2, 0.36))
    )
    low = height * random.uniform(0.84, 0.92)
    slope = random.uniform(0.28, 0.45)
    near = np.array([middle, low])
    left = near + np.array([-wide, -wide * slope])
    right = near + np.array([deep, -deep * slope])
    up = np.array([0, -tall])
    back = left + right - near + np.array([0, height * 0.02])
    corners = {"near": near + up, "left": left + up, "right": right + up, "back": back + up}
    if "crushed" in how:
        hit = ("near", "left", "right")[random.integers(3)]
        corners[hit] = corners[hit] + np.array(
            [random.normal(0, 22), tall * random.uniform(0.18, 0.42)]
        )
        if random.random() < 0.5:
            other = ("left", "right")[random.integers(2)]
            corners[other] = corners[other] + np.array([random.normal(0, 20), tall * 0.15])
    laid = faces(random, how, lines)
    image = Image.new("RGBA", size, (0, 0, 0, 0))
    n, lf, rt, bk = (corners[k] for k in ("near", "left", "right", "back"))
    if "open" in how:
        _inside(random, image, [lf, bk, rt, n], "empty" in how)
    else:
        image.alpha_composite(
            camera.laid(laid["top"], [tuple(lf), tuple(bk), tuple(rt), tuple(n)], size)
        )
    image.alpha_composite(
        camera.laid(laid["left"], [tuple(lf), tuple(n), tuple(near), tuple(left)], size)
    )
    image.alpha_composite(
        camera.laid(laid["right"], [tuple(n), tuple(rt), tuple(right), tuple(near)], size)
    )
    if "open" in how:
        _flaps(random, image, laid["top"], (lf, n, rt), tall)
    return image


def _inside(random: Random, image: Image.Image, corners: list[np.ndarray], empty: bool) -> None:
    """A look into an open box."""
    draw = ImageDraw.Draw(image)
    draw.polygon([tuple(c) for c in corners], (92, 66, 44, 255))
    centre = sum(corners) / 4
    inner = [tuple(centre + (c - centre) * 0.72 + np.array([0, 26])) for c in corners]
    draw.polygon(inner, (58, 42, 30, 255))
    if empty:
        return
    for _ in range(int(random.integers(7, 15))):  # paper and foam
        spot = centre + random.normal(0, 1, 2) * np.array([70, 30])
        tone = int(random.integers(196, 240))
        draw.polygon(
            [tuple(p) for p in ragged(random, tuple(spot), 46, 8)], (tone, tone - 6, tone - 20, 255)
        )


def _flaps(
    random: Random, image: Image.Image, face: Image.Image, corners: tuple, tall: float
) -> None:
    """Two flaps that hang open."""
    left, near, right = corners
    for a, b in ((left, near), (near, right)):
        out = np.array(
            [random.normal(-10 if a is left else 10, 12), tall * random.uniform(0.22, 0.4)]
        )
        flap = [tuple(a), tuple(b), tuple(b + out), tuple(a + out)]
        piece = camera.laid(face.crop((0, 0, SIDE, SIDE // 2)), flap, image.size)
        image.alpha_composite(camera.shadow(piece.getchannel("A"), (0, 14), 10, 0.4))
        image.alpha_composite(piece)


def drawn(random: Random, how: list[str], lines: list[str]) -> Image.Image:
    """The photo of a parcel."""
    size = (1120, int(random.choice([840, 1120, 1300])))
    ground = camera.room(random, size) if random.random() < 0.6 else camera.surface(random, size)
    ground = ground.convert("RGBA")
    parcel = box(random, how, lines, size)
    alpha = parcel.getchannel("A")
    ground.alpha_composite(camera.shadow(alpha, (26, 16), 22, 0.5))
    if "wet" in how:  # a puddle around it
        puddle = alpha.resize((size[0], size[1] // 3)).filter(ImageFilter.GaussianBlur(26))
        pool = Image.new("L", size, 0)
        pool.paste(puddle, (0, int(size[1] * 0.66)))
        dark = Image.new("RGBA", size, (20, 30, 40, 0))
        dark.putalpha(pool.point(lambda v: 90 if v > 60 else 0).filter(ImageFilter.GaussianBlur(3)))
        ground.alpha_composite(dark)
    ground.alpha_composite(parcel)
    return camera.shot(random, ground)
