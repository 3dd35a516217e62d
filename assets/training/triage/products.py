"""The shop's products as photos, and what went wrong with them."""

from __future__ import annotations

from collections.abc import Callable

import camera
import numpy as np
from fonts import Family
from PIL import Image, ImageChops, ImageDraw, ImageFilter

Random = np.random.Generator
Colour = tuple[int, int, int]
SIZE = (1000, 900)
Box = tuple[float, float, float, float]
WHITES: tuple[Colour, ...] = ((232, 232, 230), (222, 224, 228), (240, 238, 232))
BLACKS: tuple[Colour, ...] = ((44, 45, 50), (30, 30, 34), (58, 60, 66))


class Thing:
    """A transparent canvas with rounded, shaded bodies; remembers where the display is."""

    def __init__(self, random: Random, colour: Colour):
        self.random, self.colour = random, colour
        self.image = Image.new("RGBA", SIZE, (0, 0, 0, 0))
        self.display: Box | None = None
        self.light: tuple[float, float] | None = None
        self.family = Family(random)

    def body(
        self, box: Box, radius: float, colour: Colour | None = None, across: bool = True
    ) -> None:
        """A rounded body, lit from one side like a cylinder."""
        x0, y0, x1, y1 = (round(v) for v in box)
        wide, high = max(2, x1 - x0), max(2, y1 - y0)
        along = np.linspace(-1, 1, wide if across else high)
        curve = 0.78 + 0.3 * np.exp(-((along + 0.35) ** 2) / 0.35) - 0.1 * along**2
        light = np.tile(curve, (high, 1)) if across else np.tile(curve[:, None], (1, wide))
        light = light * np.linspace(1.04, 0.9, high)[:, None]
        tone = np.array(colour or self.colour, np.float32)
        pixels = np.clip(tone * light[..., None], 0, 255).astype(np.uint8)
        mask = Image.new("L", (wide * 2, high * 2), 0)
        ImageDraw.Draw(mask).rounded_rectangle((0, 0, wide * 2 - 1, high * 2 - 1), radius * 2, 255)
        piece = Image.fromarray(pixels).convert("RGBA")
        piece.putalpha(mask.resize((wide, high), Image.Resampling.LANCZOS))
        self.image.alpha_composite(piece, (max(0, x0), max(0, y0)))

    @property
    def draw(self) -> ImageDraw.ImageDraw:
        """For flat details."""
        return ImageDraw.Draw(self.image)


def dark(colour: Colour, share: float = 0.3) -> Colour:
    """A darker tone of a colour."""
    return tuple(int(c * share) for c in colour)  # type: ignore[return-value]


def crema(t: Thing) -> None:
    """A coffee machine with a tray, a spout, a jug and a display."""
    t.body((330, 150, 690, 720), 34)
    t.body((350, 330, 670, 640), 16, dark(t.colour))
    t.body((300, 690, 720, 760), 20)
    t.body((320, 676, 700, 700), 8, (150, 152, 156), across=False)
    t.body((460, 330, 560, 400), 10, (120, 122, 126))
    t.body((484, 395, 500, 430), 5, (70, 70, 74))
    t.body((520, 395, 536, 430), 5, (70, 70, 74))
    t.body((452, 540, 568, 676), 18, (226, 226, 222))
    t.draw.arc((552, 566, 620, 640), -90, 90, (210, 210, 206), 13)
    t.display = (400, 205, 620, 290)
    t.body((690, 210, 760, 640), 22, (120, 150, 176))


def orbit(t: Thing) -> None:
    """A robot vacuum from above at a slant."""
    draw = t.draw
    draw.ellipse((190, 330, 810, 720), dark(t.colour, 0.55))
    t.body((190, 300, 810, 680), 300)
    mask = Image.new("L", SIZE, 0)
    ImageDraw.Draw(mask).ellipse((190, 300, 810, 680), fill=255)
    t.image.putalpha(
        ImageChops.lighter(
            ImageChops.multiply(t.image.getchannel("A"), mask), Image.new("L", SIZE, 0)
        )
    )
    draw = t.draw
    draw.chord((190, 330, 810, 720), 20, 160, dark(t.colour, 0.5))
    draw.ellipse((430, 400, 570, 490), dark(t.colour, 0.4), dark(t.colour, 0.7), 4)
    draw.ellipse((455, 412, 545, 470), (20, 22, 26))
    t.light, t.display = (500, 560), (420, 520, 580, 590)
    for n in range(5):
        draw.line((150 + 6 * n, 560 + 9 * n, 235, 590), (40, 40, 40), 3)


def tv(t: Thing) -> None:
    """A television on its feet."""
    t.body((90, 190, 910, 690), 10, BLACKS[1])
    t.draw.rectangle((106, 206, 894, 668), (14, 15, 20))
    t.body((220, 690, 250, 760), 6, BLACKS[0])
    t.body((750, 690, 780, 760), 6, BLACKS[0])
    sheen = np.linspace(30, 6, 788)[None, :] * np.linspace(1, 0.4, 462)[:, None]
    glow = Image.fromarray(np.dstack([sheen + 14, sheen + 16, sheen + 24]).astype(np.uint8))
    t.image.paste(glow, (106, 206))
    t.display = (250, 330, 750, 540)


def vacuum(t: Thing) -> None:
    """A cordless stick vacuum that leans."""
    t.body((470, 60, 512, 560), 12, (150, 152, 158))
    t.body((420, 90, 570, 300), 50)
    t.body((452, 250, 540, 430), 26, (126, 156, 190))
    t.body((520, 120, 640, 176), 24)
    t.body((600, 130, 650, 300), 22)
    t.body((560, 270, 660, 350), 16, dark(t.colour, 0.6))
    t.body((455, 540, 527, 700), 12, (90, 92, 98))
    t.body((330, 690, 660, 770), 24, dark(t.colour, 0.6))
    t.light = (612, 330)


def purifier(t: Thing) -> None:
    """A tower that cleans air."""
    t.body((330, 110, 670, 780), 60)
    for y in range(330, 740, 18):
        for x in range(376, 632, 18):
            t.draw.ellipse((x, y, x + 7, y + 7), dark(t.colour, 0.45))
    for n in range(8):
        t.draw.line((380, 132 + 8 * n, 620, 132 + 8 * n), dark(t.colour, 0.4), 3)
    t.display = (410, 215, 590, 290)


def speaker(t: Thing) -> None:
    """A smart speaker in cloth."""
    t.body((330, 250, 670, 740), 90)
    for y in range(300, 720, 9):
        t.draw.line((336, y, 664, y), dark(t.colour, 0.72), 2)
    t.draw.ellipse((345, 240, 655, 320), dark(t.colour, 0.4), dark(t.colour, 0.8), 4)
    t.light = (500, 280)


def router(t: Thing) -> None:
    """A flat router with antennas."""
    for x, lean in ((290, -40), (430, -10), (570, 10), (710, 40)):
        t.draw.line((x, 560, x + lean, 230), dark(BLACKS[2], 0.9), 22)
    t.body((210, 520, 790, 680), 36)
    for n in range(5):
        t.draw.ellipse((300 + 60 * n, 600, 312 + 60 * n, 612), (90, 170, 110))
    t.light = (700, 606)


def earbuds(t: Thing) -> None:
    """Earbuds in their open case."""
    t.body((290, 230, 710, 460), 90)
    t.body((290, 430, 710, 700), 100)
    t.draw.rounded_rectangle((330, 440, 670, 560), 40, dark(t.colour, 0.55))
    for x in (380, 560):
        t.body((x, 420, x + 76, 520), 38)
        t.body((x + 26, 500, x + 50, 600), 12)
        t.draw.ellipse((x + 16, 436, x + 60, 480), dark(t.colour, 0.35))
    t.light = (500, 640)


def charger(t: Thing) -> None:
    """A power adapter with its cable."""
    points = [(620, 560), (700, 640), (640, 760), (460, 790), (300, 740), (180, 790)]
    t.draw.line(points, dark(BLACKS[2], 0.8), 16, joint="curve")
    t.body((340, 330, 640, 620), 36)
    for x in (420, 520):
        t.body((x, 250, x + 34, 340), 6, (170, 170, 166))
    t.draw.text((390, 450), "NORTHLIGHT", dark(t.colour, 0.5), t.family.at(26))
    t.draw.text((390, 490), "24V  1.1A", dark(t.colour, 0.5), t.family.at(22))


def battery(t: Thing) -> None:
    """A battery pack; a healthy one is flat."""
    t.body((270, 380, 730, 620), 22, BLACKS[0], across=False)
    t.body((320, 420, 680, 580), 8, (70, 84, 110), across=False)
    t.draw.text((350, 440), "BREEZE V8", (220, 222, 228), t.family.at(34, "", True))
    t.draw.text((350, 490), "Li-ion 25.2V 2500mAh", (210, 212, 218), t.family.at(24))
    for n in range(4):
        t.body((730, 410 + 48 * n, 752, 436 + 48 * n), 3, (196, 160, 80))


def remote(t: Thing) -> None:
    """A remote control."""
    t.body((430, 170, 570, 790), 40, BLACKS[0])
    for row in range(6):
        for column in range(3):
            x, y = 452 + 38 * column, 330 + 60 * row
            t.draw.ellipse((x, y, x + 26, y + 26), (98, 100, 106))
    t.draw.ellipse((470, 200, 530, 260), (160, 44, 40))


def filter_pack(t: Thing) -> None:
    """A pleated filter."""
    t.body((250, 270, 750, 720), 14, (90, 92, 96))
    for x in range(280, 720, 14):
        t.draw.line((x, 300, x, 690), (226, 224, 214), 8)
        t.draw.line((x + 6, 300, x + 6, 690), (168, 166, 156), 4)


THINGS: dict[str, Callable[[Thing], None]] = {
    "crema": crema, "orbit": orbit, "tv": tv, "vacuum": vacuum, "purifier": purifier,
    "speaker": speaker, "router": router, "earbuds": earbuds, "charger": charger,
    "battery": battery, "remote": remote, "filter": filter_pack,
}  # fmt: skip


def shown(t: Thing, lines: list[str], red: bool) -> None:
    """What the display says."""
    text = lines[0] if lines else ""
    if t.display is None or not text:
        return
    x0, y0, x1, y1 = t.display
    t.draw.rounded_rectangle(t.display, 10, (12, 14, 18))
    size = min((y1 - y0) * 0.62, (x1 - x0) * 1.5 / max(2, len(text)))
    ink = (
        (255, 84, 64)
        if red
        else ((255, 176, 60), (196, 236, 255), (255, 92, 70))[t.random.integers(3)]
    )
    for n, line in enumerate(lines[:3]):
        y = (y0 + y1) / 2 + (n - (min(len(lines), 3) - 1) / 2) * size * 1.15
        font = t.family.at(size if len(lines) == 1 else size * 0.7, line, True)
        t.draw.text(((x0 + x1) / 2, y), line, ink, font, "mm")


def inside(image: Image.Image, layer: Image.Image) -> None:
    """Put a layer over a thing, but not beside it."""
    layer.putalpha(ImageChops.multiply(layer.getchannel("A"), image.getchannel("A")))
    image.alpha_composite(layer)


def spot_on(random: Random, image: Image.Image) -> tuple[float, float]:
    """A place on the thing."""
    ys, xs = np.nonzero(np.asarray(image.getchannel("A")) > 200)
    n = random.integers(len(xs))
    return float(xs[n]), float(ys[n])


def crack(t: Thing) -> None:
    """Branching bright and dark lines from one point."""
    layer = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    draw, random = ImageDraw.Draw(layer), t.random
    x, y = spot_on(random, t.image)
    for angle in random.uniform(0, 2 * np.pi, int(random.integers(6, 13))):
        at, way = np.array([x, y]), angle
        for _ in range(int(random.integers(4, 13))):
            way += random.normal(0, 0.35)
            to = at + random.uniform(18, 62) * np.array([np.cos(way), np.sin(way)])
            draw.line((*at, *to), (238, 240, 244, 235), int(random.integers(1, 4)))
            draw.line((at[0] + 2, at[1] + 2, to[0] + 2, to[1] + 2), (10, 10, 12, 200), 2)
            at = to
    draw.ellipse((x - 12, y - 12, x + 12, y + 12), (230, 232, 236, 200))
    inside(t.image, layer)


def burn(t: Thing) -> None:
    """A scorched patch: brown at the rim, black inside."""
    layer = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    x, y = spot_on(t.random, t.image)
    for radius, tone in (
        (130, (120, 84, 44, 120)),
        (95, (70, 44, 24, 190)),
        (62, (16, 13, 12, 240)),
    ):
        ring = Image.new("RGBA", SIZE, (0, 0, 0, 0))
        angles = np.linspace(0, 2 * np.pi, 22)
        far = radius * t.random.uniform(0.7, 1.2, 22)
        points = [
            (x + f * np.cos(a), y + f * 0.85 * np.sin(a)) for a, f in zip(angles, far, strict=True)
        ]
        ImageDraw.Draw(ring).polygon(points, tone)
        layer.alpha_composite(ring.filter(ImageFilter.GaussianBlur(13)))
    inside(t.image, layer)


def melted(t: Thing) -> None:
    """A body that sagged and ran down, with a burn."""
    burn(t)
    pixels = np.asarray(t.image)
    sag = (34 * t.random.random() + 26) * camera.noise(t.random, SIZE, (5, 2))
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    strength = np.clip((y - 350) / 250, 0, 1)
    from_y = np.clip(y - sag * strength, 0, SIZE[1] - 1).astype(int)
    from_x = np.clip(x + 22 * np.sin(y / 46) * strength, 0, SIZE[0] - 1).astype(int)
    t.image = Image.fromarray(pixels[from_y, from_x])


def swollen(t: Thing) -> None:
    """A pack that bulges in the middle."""
    pixels = np.asarray(t.image)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    bulge = 1 + 0.75 * np.exp(-(((x - 500) / 190) ** 2))
    from_y = np.clip(500 + (y - 500) / bulge, 0, SIZE[1] - 1).astype(int)
    t.image = camera.shaded(
        Image.fromarray(pixels[from_y, x]),
        (0.8 + 0.45 * np.exp(-(((x - 470) / 150) ** 2 + ((y - 440) / 120) ** 2))).astype(
            np.float32
        ),
    )


def scratch(t: Thing) -> None:
    """Long thin marks."""
    layer = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    for _ in range(int(t.random.integers(2, 6))):
        x, y = spot_on(t.random, t.image)
        dx, dy = t.random.normal(0, 110, 2)
        draw.line((x, y, x + dx, y + dy), (250, 250, 250, 210), 3)
        draw.line((x + 3, y + 2, x + dx + 3, y + dy + 2), (40, 40, 44, 170), 2)
    inside(t.image, layer)


def dent(t: Thing) -> None:
    """A dented place: dark on one side, bright on the other."""
    x0, y0 = spot_on(t.random, t.image)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    away = ((x - x0) / 90) ** 2 + ((y - y0) / 75) ** 2
    t.image = camera.shaded(
        t.image, (1 + 0.6 * ((x - x0) + (y - y0)) / 120 * np.exp(-away)).astype(np.float32)
    )


def dirt(t: Thing) -> None:
    """Crumbs, dust and brown film."""
    spots = camera.clouds(t.random, SIZE, 9)
    layer = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
    layer[...] = (92, 74, 50, 0)
    layer[..., 3] = (np.clip((spots - 0.52) * 5, 0, 1) * 190).astype(np.uint8)
    inside(t.image, Image.fromarray(layer))


def broken(t: Thing) -> None:
    """A piece broken off, and lying beside it."""
    x, y = spot_on(t.random, t.image)
    angles = np.sort(t.random.uniform(0, 2 * np.pi, 9))
    points = [
        (x + t.random.uniform(50, 120) * np.cos(a), y + t.random.uniform(50, 110) * np.sin(a))
        for a in angles
    ]
    mask = Image.new("L", SIZE, 0)
    ImageDraw.Draw(mask).polygon(points, 255)
    piece = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    piece.paste(t.image, (0, 0), ImageChops.multiply(mask, t.image.getchannel("A")))
    hole = Image.new("RGBA", SIZE, (22, 20, 20, 255))
    hole.putalpha(mask)
    inside(t.image, hole)
    moved = piece.rotate(t.random.uniform(20, 80), center=(x, y), translate=(180 - x + 40, 770 - y))
    t.image.alpha_composite(moved)
    crack(t)


def red_light(t: Thing) -> None:
    """A red lamp with its glow."""
    x, y = t.light or (500, 480)
    glow = Image.new("RGBA", SIZE, (255, 30, 20, 0))
    spot = Image.new("L", SIZE, 0)
    ImageDraw.Draw(spot).ellipse((x - 44, y - 44, x + 44, y + 44), fill=220)
    glow.putalpha(spot.filter(ImageFilter.GaussianBlur(18)))
    t.image.alpha_composite(glow)
    t.draw.ellipse((x - 9, y - 9, x + 9, y + 9), (255, 190, 180))


def leak(t: Thing, ground: Image.Image) -> None:
    """A puddle before the thing; brown for coffee."""
    random, layer = t.random, Image.new("L", SIZE, 0)
    draw = ImageDraw.Draw(layer)
    for _ in range(int(random.integers(5, 10))):
        x, y = random.normal(500, 150), random.normal(800, 26)
        w, h = random.uniform(60, 200), random.uniform(18, 44)
        draw.ellipse((x - w, y - h, x + w, y + h), 255)
    layer = layer.filter(ImageFilter.GaussianBlur(7)).point(lambda v: 150 if v > 110 else 0)
    tone = (74, 46, 22) if random.random() < 0.35 else (70, 84, 96)
    pool = Image.new("RGBA", SIZE, tone)
    pool.putalpha(layer.filter(ImageFilter.GaussianBlur(2)))
    ground.alpha_composite(pool)
    shine = Image.new("RGBA", SIZE, (250, 252, 255, 0))
    shine.putalpha(
        ImageChops.subtract(layer, ImageChops.offset(layer, 5, 6)).filter(
            ImageFilter.GaussianBlur(2)
        )
    )
    ground.alpha_composite(shine)


def smoke(random: Random, picture: Image.Image, body: Image.Image) -> None:
    """Smoke that rises from the upper half of a body and spreads; dark before a light wall."""
    width, height = picture.size
    left, top, right, bottom = body.getbbox() or (300, 200, 700, 700)
    start, middle = top + 0.35 * (bottom - top), (left + right) / 2
    y, x = np.mgrid[:height, :width]
    rise = np.clip((start - y) / start, 0, 1)
    wide = 0.22 * (right - left) + 330 * rise
    centre = middle + 130 * np.sin(y / 130 + random.uniform(0, 6)) * rise
    column = np.exp(-(((x - centre) / wide) ** 2)) * np.clip((start - y) / 110, 0, 1)
    thick = np.clip(column * (camera.clouds(random, picture.size, 5) * 2.1 - 0.2), 0, 1)
    behind = np.asarray(picture.convert("L"))[: height // 3].mean()
    tone = random.uniform(70, 120) if behind > 130 else random.uniform(185, 225)
    layer = np.empty((height, width, 4), np.uint8)
    layer[..., :3] = round(tone)
    layer[..., 3] = (thick * 235).astype(np.uint8)
    picture.alpha_composite(Image.fromarray(layer).filter(ImageFilter.GaussianBlur(5)))


def sparks(random: Random, picture: Image.Image) -> None:
    """A flash with bright tracks."""
    x, y = random.uniform(380, 620), random.uniform(280, 560)
    glow = Image.new("L", picture.size, 0)
    draw = ImageDraw.Draw(glow)
    draw.ellipse((x - 34, y - 34, x + 34, y + 34), fill=255)
    for angle in random.uniform(0, 2 * np.pi, 24):
        far = random.uniform(40, 170)
        draw.line((x, y, x + far * np.cos(angle), y + far * np.sin(angle)), 255, 3)
    for blur, tone in ((26, (255, 150, 40)), (3, (255, 246, 210))):
        layer = Image.new("RGBA", picture.size, tone)
        layer.putalpha(glow.filter(ImageFilter.GaussianBlur(blur)))
        picture.alpha_composite(layer)


HARMS: dict[str, Callable[[Thing], None]] = {
    "crack": crack, "burn": burn, "melted": melted, "swollen": swollen, "scratch": scratch,
    "dent": dent, "dirt": dirt, "broken": broken, "led_red": red_light,
}  # fmt: skip


def drawn(random: Random, how: list[str], lines: list[str]) -> Image.Image:
    """The photo of a product; ``how`` names it first, then its colour and what went wrong."""
    dark_one = "black" in how or ("white" not in how and random.random() < 0.3)
    tones = BLACKS if dark_one else WHITES
    thing = Thing(random, tones[random.integers(len(tones))])
    THINGS[how[0]](thing)
    shown(thing, lines, "led_red" in how)
    for harm in how[1:]:
        if harm in HARMS:
            HARMS[harm](thing)
    above = how[0] in ("charger", "battery", "remote", "filter", "earbuds")
    ground = (camera.surface if above else camera.room)(random, SIZE).convert("RGBA")
    if "leak" in how:
        leak(thing, ground)
    alpha = thing.image.getchannel("A")
    ground.alpha_composite(camera.shadow(alpha, (22, 14), 18, 0.5))
    ground.alpha_composite(thing.image)
    if "smoke" in how:
        smoke(random, ground, alpha)
    if "sparks" in how:
        sparks(random, ground)
    if "flicker" in how:
        ground = camera.shaded(
            ground,
            np.tile(np.where(np.arange(900) % 60 < 22, 0.8, 1.0)[:, None], (1, 1000)).astype(
                np.float32
            ),
        )
    if random.random() < 0.5:  # closer
        x, y = random.uniform(0, 120), random.uniform(0, 60)
        ground = ground.crop((int(x), int(y), int(x + 860), int(y + 800)))
    if random.random() < 0.3:
        ground = ground.resize((ground.size[0], int(ground.size[1] * random.uniform(0.85, 1.1))))
    return camera.shot(random, ground)
