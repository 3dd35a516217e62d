"""Pictures that have little or nothing to do with a ticket."""

from __future__ import annotations

import camera
import numpy as np
from fonts import Family
from PIL import Image, ImageDraw, ImageFilter

Random = np.random.Generator
SIZE = (1080, 810)


def sunset(random: Random) -> Image.Image:
    """A sun over water or hills."""
    y = np.linspace(0, 1, SIZE[1])[:, None, None]
    high, low = np.array((58, 70, 130)), np.array((250, 150, 70))
    image = Image.fromarray((high * (1 - y) + low * y + np.zeros((1, SIZE[0], 1))).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    x = random.uniform(200, 880)
    draw.ellipse((x - 60, 430, x + 60, 550), (255, 226, 150))
    points = (
        [(0, 810)] + [(a, 560 + 60 * random.normal()) for a in range(0, 1200, 120)] + [(1080, 810)]
    )
    draw.polygon(points, (34, 36, 52))
    return image.filter(ImageFilter.GaussianBlur(2))


def cat(random: Random) -> Image.Image:
    """A cat on a cloth, more or less."""
    image = camera.surface(random, SIZE, "cloth")
    draw = ImageDraw.Draw(image)
    fur = ((60, 56, 54), (190, 130, 70), (150, 146, 142))[random.integers(3)]
    draw.ellipse((330, 330, 830, 760), fur)
    draw.ellipse((280, 180, 560, 440), fur)
    for x in (290, 480):
        draw.polygon([(x, 250), (x + 70, 240), (x + 25, 130)], fur)
    for x in (350, 450):
        draw.ellipse((x, 280, x + 40, 310), (214, 206, 80))
        draw.ellipse((x + 16, 280, x + 24, 310), (10, 10, 10))
    draw.arc((700, 420, 1000, 760), -60, 100, fur, 42)
    return camera.shaded(image, (0.8 + 0.3 * camera.clouds(random, SIZE, 40)).astype(np.float32))


def food(random: Random) -> Image.Image:
    """A plate."""
    image = camera.surface(random, SIZE, "wood")
    draw = ImageDraw.Draw(image)
    draw.ellipse((250, 110, 830, 690), (240, 240, 236))
    draw.ellipse((310, 170, 770, 630), (228, 228, 224))
    for _ in range(40):
        x, y = random.normal(540, 95), random.normal(400, 95)
        r = random.uniform(18, 52)
        tone = ((190, 60, 40), (90, 140, 50), (220, 180, 90), (140, 84, 40))[random.integers(4)]
        draw.ellipse((x - r, y - r * 0.8, x + r, y + r * 0.8), tone)
    return image.filter(ImageFilter.GaussianBlur(1.5))


def plant(random: Random) -> Image.Image:
    """A pot with leaves before a wall."""
    image = camera.room(random, SIZE)
    draw = ImageDraw.Draw(image)
    draw.polygon([(430, 560), (650, 560), (620, 760), (460, 760)], (170, 92, 60))
    for angle in random.uniform(-2.7, -0.4, 22):
        far = random.uniform(150, 380)
        x, y = 540 + far * np.cos(angle), 560 + far * np.sin(angle)
        draw.line((540, 560, x, y), (60, 104, 50), 7)
        draw.ellipse((x - 46, y - 26, x + 46, y + 26), (50, int(random.integers(100, 160)), 60))
    return image


def doorstep(random: Random) -> Image.Image:
    """A front door with an empty mat."""
    image = camera.surface(random, SIZE, "stone")
    draw = ImageDraw.Draw(image)
    door = ((96, 40, 36), (34, 60, 84), (70, 74, 70), (230, 228, 222))[random.integers(4)]
    draw.rectangle((0, 0, 1080, 470), (176, 150, 128))
    for y in range(0, 470, 34):
        draw.line((0, y, 1080, y), (140, 116, 98), 3)
    draw.rectangle((330, 0, 760, 480), door)
    draw.rectangle((380, 40, 710, 220), tuple(int(c * 0.8) for c in door))
    draw.rectangle((380, 260, 710, 440), tuple(int(c * 0.8) for c in door))
    draw.ellipse((700, 230, 732, 262), (200, 176, 100))
    draw.polygon([(300, 540), (790, 540), (860, 690), (230, 690)], (66, 60, 52))
    number = str(random.integers(2, 240))
    draw.text((800, 120), number, (40, 36, 34), Family(random).at(60, "", True))
    return image.filter(ImageFilter.GaussianBlur(1.4))


def street(random: Random) -> Image.Image:
    """Houses and a road."""
    image = Image.new("RGB", SIZE, (176, 200, 226))
    draw, x = ImageDraw.Draw(image), 0
    while x < 1080:
        wide, high = int(random.integers(110, 240)), int(random.integers(240, 520))
        tone = tuple(int(v) for v in random.integers(110, 210, 3))
        draw.rectangle((x, 620 - high, x + wide, 620), tone)
        for wy in range(640 - high, 580, 70):
            for wx in range(x + 16, x + wide - 34, 52):
                draw.rectangle((wx, wy, wx + 26, wy + 38), (54, 64, 80))
        x += wide + 6
    draw.rectangle((0, 620, 1080, 810), (84, 84, 88))
    return image.filter(ImageFilter.GaussianBlur(1.6))


def nothing(random: Random) -> Image.Image:
    """A picture taken by mistake: nearly black, or all blur."""
    light = random.uniform(8, 60)
    pixels = light * (0.6 + camera.clouds(random, SIZE, 1)[..., None] * np.array([1.0, 0.9, 0.8]))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(12)
    )


def doodle(random: Random) -> Image.Image:
    """A child's drawing of a heart, a sun or a face."""
    image = Image.new("RGB", SIZE, (250, 248, 240))
    draw = ImageDraw.Draw(image)
    ink = tuple(int(v) for v in random.integers(20, 200, 3))
    for n in range(3):
        x, y = 240 + 300 * n + random.normal(0, 30), random.uniform(280, 480)
        if n == random.integers(3):
            draw.polygon(
                [
                    (x, y + 110),
                    (x - 100, y),
                    (x - 50, y - 70),
                    (x, y - 20),
                    (x + 50, y - 70),
                    (x + 100, y),
                ],
                (220, 60, 80),
            )
        else:
            draw.ellipse((x - 90, y - 90, x + 90, y + 90), outline=ink, width=9)
            draw.arc((x - 50, y - 30, x + 50, y + 50), 20, 160, ink, 8)
            for eye in (-30, 30):
                draw.ellipse((x + eye - 9, y - 34, x + eye + 9, y - 16), ink)
    return image


def shelf(random: Random) -> Image.Image:
    """A living room with a shelf."""
    image = camera.room(random, SIZE)
    draw = ImageDraw.Draw(image)
    for y in (140, 300, 460):
        draw.rectangle((160, y, 920, y + 16), (120, 88, 60))
        x = 180
        while x < 880:
            wide, high = int(random.integers(14, 44)), int(random.integers(70, 128))
            draw.rectangle(
                (x, y - high, x + wide, y), tuple(int(v) for v in random.integers(50, 220, 3))
            )
            x += wide + int(random.integers(2, 30))
    return image


SCENES = {
    "sunset": sunset, "cat": cat, "food": food, "plant": plant, "doorstep": doorstep,
    "street": street, "nothing": nothing, "doodle": doodle, "shelf": shelf,
}  # fmt: skip


def drawn(random: Random, how: list[str]) -> Image.Image:
    """One of the scenes, as a phone takes it."""
    picture = SCENES[how[0] if how else "nothing"](random)
    return camera.shot(random, picture.convert("RGB"), 0.7)
