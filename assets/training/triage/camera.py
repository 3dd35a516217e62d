"""What a camera does: perspective, light, blur, grain; and surfaces to lay things on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Random = np.random.Generator
Corners = list[tuple[float, float]]  # top left, top right, bottom right, bottom left


def noise(random: Random, size: tuple[int, int], cells: tuple[int, int]) -> NDArray[np.float32]:
    """Soft noise between 0 and 1 with about so many cells across and down."""
    width, height = size
    few = random.random((max(2, cells[1]), max(2, cells[0]))).astype(np.float32)
    return np.asarray(Image.fromarray(few).resize((width, height), Image.Resampling.BICUBIC))


def clouds(random: Random, size: tuple[int, int], cells: int = 3) -> NDArray[np.float32]:
    """Noise of several scales between 0 and 1."""
    total = sum(noise(random, size, (cells * 2**n, cells * 2**n)) / 2**n for n in range(5))
    return (total - total.min()) / (np.ptp(total) + 1e-6)


def shaded(picture: Image.Image, light: NDArray[np.float32]) -> Image.Image:
    """A picture (RGB or RGBA) times light (height x width)."""
    pixels = np.asarray(picture).astype(np.float32)
    pixels[..., :3] *= light[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8), picture.mode)


def coefficients(to: Corners, of: Corners) -> list[float]:
    """The eight numbers with which Pillow maps the corners ``to`` in the target onto ``of``."""
    rows = []
    for (x, y), (u, v) in zip(to, of, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    return np.linalg.solve(np.array(rows), np.array(of).reshape(8)).tolist()


def laid(picture: Image.Image, corners: Corners, size: tuple[int, int]) -> Image.Image:
    """A picture drawn in perspective into a transparent one of that size."""
    width, height = picture.size
    of: Corners = [(0, 0), (width, 0), (width, height), (0, height)]
    numbers = coefficients(corners, of)
    return picture.convert("RGBA").transform(
        size, Image.Transform.PERSPECTIVE, numbers, Image.Resampling.BICUBIC
    )


def shadow(alpha: Image.Image, shift: tuple[int, int], blur: float, depth: float) -> Image.Image:
    """The soft shadow of a shape, as a black picture with transparency."""
    dark = Image.new("RGBA", alpha.size, (0, 0, 0, 0))
    cast = Image.new("L", alpha.size, 0)
    cast.paste(alpha, shift)
    cast = cast.filter(ImageFilter.GaussianBlur(blur)).point(lambda v: int(v * depth))
    dark.putalpha(cast)
    return dark


WOODS = ((150, 111, 74), (188, 150, 108), (98, 68, 46), (205, 178, 140))
STONES = ((176, 174, 170), (126, 124, 122), (208, 205, 200), (92, 94, 98))
CLOTHS = ((96, 108, 128), (164, 148, 128), (72, 74, 80), (190, 180, 168))


def surface(random: Random, size: tuple[int, int], kind: str = "") -> Image.Image:
    """A floor or a table: wood, stone, tiles, cloth or a mat."""
    kind = kind or str(random.choice(["wood", "wood", "stone", "tiles", "cloth", "counter"]))
    width, height = size
    if kind == "wood":
        base = np.array(WOODS[random.integers(len(WOODS))], np.float32)
        grain = noise(random, size, (3, height // 5)) * 0.25 + noise(random, size, (8, 90)) * 0.18
        light = 0.78 + grain
        picture = np.broadcast_to(base, (height, width, 3)) * light[..., None]
        image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
        draw = ImageDraw.Draw(image)
        for y in range(int(random.integers(20, 90)), height, int(random.integers(80, 170))):
            draw.line(
                (0, y, width, y + int(random.integers(-3, 3))),
                tuple(int(c * 0.55) for c in base),
                2,
            )
        return image
    colours = STONES if kind in ("stone", "tiles", "counter") else CLOTHS
    base = np.array(colours[random.integers(len(colours))], np.float32)
    fine = random.normal(1, 0.05 if kind != "counter" else 0.1, (height, width)).astype(np.float32)
    light = (0.85 + 0.25 * clouds(random, size)) * fine
    if kind == "cloth":
        y, x = np.mgrid[:height, :width]
        light *= 1 + 0.06 * np.sin(x * 1.6) * np.sin(y * 1.6)
    picture = np.broadcast_to(base, (height, width, 3)) * light[..., None]
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    if kind == "tiles":
        draw, step = ImageDraw.Draw(image), int(random.integers(140, 260))
        for at in range(-step // 3, max(size), step):
            draw.line((at, 0, at + 20, height), (112, 108, 104), 4)
            draw.line((0, at, width, at + 8), (112, 108, 104), 4)
    return image


def room(random: Random, size: tuple[int, int]) -> Image.Image:
    """A floor before a wall."""
    width, height = size
    edge = int(height * random.uniform(0.25, 0.5))
    wall = np.array([(214, 210, 202), (190, 198, 204), (224, 218, 206), (168, 176, 170)])
    tone = wall[random.integers(len(wall))].astype(np.float32)
    back = np.broadcast_to(tone, (height, width, 3)) * (
        0.88 + 0.16 * noise(random, size, (2, 2))[..., None]
    )
    image = Image.fromarray(np.clip(back, 0, 255).astype(np.uint8))
    floor = surface(random, (width * 2, height), str(random.choice(["wood", "stone", "tiles"])))
    image.paste(floor.resize((width, height - edge)), (0, edge))
    draw = ImageDraw.Draw(image)
    if random.random() < 0.7:  # a skirting
        draw.rectangle((0, edge - 16, width, edge), fill=(236, 234, 230))
        draw.line((0, edge, width, edge), (120, 114, 106), 3)
    return image.filter(ImageFilter.GaussianBlur(1.2))


def shot(random: Random, picture: Image.Image, harm: float = 1.0) -> Image.Image:
    """The picture as a phone takes it: tilt, light from a side, warmth, blur, grain."""
    picture = picture.convert("RGB")
    picture = picture.rotate(
        random.normal(0, 2.2 * harm), Image.Resampling.BICUBIC, expand=False, fillcolor=(96, 92, 88)
    )
    width, height = picture.size
    cut = 0.04 * harm
    picture = picture.crop(
        (int(width * cut), int(height * cut), int(width * (1 - cut)), int(height * (1 - cut)))
    )
    width, height = picture.size
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angle = random.uniform(0, 2 * np.pi)
    slope = random.uniform(0.02, 0.2) * harm
    light = 1 + slope * (np.cos(angle) * x + np.sin(angle) * y) - 0.1 * (x**2 + y**2)
    light *= random.uniform(0.85, 1.2)
    pixels = np.asarray(picture).astype(np.float32) * light[..., None]
    warmth = random.normal(0, 0.045)
    pixels *= np.array([1 + warmth, 1, 1 - warmth], np.float32)
    if random.random() < 0.1 * harm:  # a flash or a lamp in the gloss
        spot = ((x - random.uniform(-1, 1)) ** 2 + (y - random.uniform(-1, 1)) ** 2) * 14
        pixels += 110 * np.exp(-spot)[..., None]
    pixels += random.normal(0, random.uniform(1.5, 7), pixels.shape)
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return image.filter(ImageFilter.GaussianBlur(abs(random.normal(0.35, 0.4)) * harm))
