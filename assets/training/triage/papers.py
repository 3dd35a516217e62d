"""Paper: receipts, invoices, cards of the carrier, letters, rating plates and labels."""

from __future__ import annotations

import camera
import numpy as np
from fonts import MONO, SANS, SERIF, Family, is_chinese, wrapped
from PIL import Image, ImageDraw, ImageFilter

Random = np.random.Generator


def bars(random: Random, width: int, height: int) -> Image.Image:
    """A barcode that says nothing."""
    image = Image.new("RGB", (width, height), "white")
    draw, x = ImageDraw.Draw(image), 0
    while x < width:
        bar = int(random.integers(1, 5))
        draw.rectangle((x, 0, x + bar, height), "black")
        x += bar + int(random.integers(2, 6))
    return image


def creased(random: Random, paper: Image.Image) -> Image.Image:
    """Paper that was folded or crumpled."""
    width, height = paper.size
    light = 0.93 + 0.09 * camera.clouds(random, paper.size, 2)
    y, x = np.mgrid[:height, :width]
    for _ in range(int(random.integers(1, 6))):
        angle, at = random.uniform(0, np.pi), random.uniform(0.15, 0.85)
        away = (x - at * width) * np.cos(angle) + (y - at * height) * np.sin(angle)
        light += 0.07 * np.tanh(away / 9) * np.exp(-np.abs(away) / 60)
    return camera.shaded(paper, light.astype(np.float32))


def row(
    draw: ImageDraw.ImageDraw, y: float, text: str, wide: int, family: Family, size: float
) -> float:
    """A line, or a name with an amount on the right; returns where the next one starts."""
    left, _, right = (cell.strip() for cell in text.partition("::"))
    bold = left.isupper() and len(left) > 3
    font, edge = family.at(size, text, bold), size * 1.6
    if right:
        draw.text((edge, y), left, (30, 30, 34), font)
        draw.text((wide - edge, y), right.replace("::", "  "), (30, 30, 34), font, "ra")
        return y + size * 1.55
    for part in wrapped(left, font, wide - 2 * edge):
        draw.text((edge, y), part, (30, 30, 34), font)
        y += size * 1.5
    return y


def receipt(random: Random, lines: list[str]) -> Image.Image:
    """A till's narrow slip."""
    family, size = Family(random, MONO), 24.0
    wide, high = 520, int(250 + 42 * (len(lines) + 4) + 90)
    paper = Image.new("RGB", (wide, high), (250, 249, 245))
    draw = ImageDraw.Draw(paper)
    head = "北光家电" if is_chinese(" ".join(lines)) else "NORTHLIGHT"
    draw.text((wide / 2, 40), head, (20, 20, 24), family.at(36, head, True), "ma")
    day = f"2026-{random.integers(9, 12):02}-{random.integers(1, 29):02}  {random.integers(9, 20)}:{random.integers(10, 60)}"
    draw.text((wide / 2, 94), day, (40, 40, 44), family.at(20), "ma")
    y = 140.0
    for line in lines[1:] if lines[0].isupper() else lines:
        y = row(draw, y, line, wide, family, size)
    paper.paste(bars(random, 360, 70), (80, int(min(y + 30, high - 90))))
    return paper


def invoice(random: Random, lines: list[str]) -> Image.Image:
    """A printed sheet with a head, a table and a foot."""
    family, size = Family(random, SANS if random.random() < 0.7 else SERIF), 27.0
    wide, high = 900, 1180
    paper = Image.new("RGB", (wide, high), (252, 252, 251))
    draw = ImageDraw.Draw(paper)
    chinese = is_chinese(" ".join(lines))
    head = "北光家电  发票" if chinese else "NORTHLIGHT HOME ELECTRONICS"
    draw.rectangle((0, 0, wide, 18), (22, 54, 92))
    draw.text((44, 50), head, (22, 54, 92), family.at(34, head, True))
    draw.line((44, 112, wide - 44, 112), (120, 124, 130), 2)
    y = 140.0
    for line in lines:
        y = row(draw, y, line, wide, family, size) + 8
        if "::" in line:
            draw.line((44, y - 6, wide - 44, y - 6), (210, 212, 216), 1)
    foot = "感谢您的购买" if chinese else "Invoices are kept for 7 years. northlight.example"
    draw.text((44, high - 60), foot, (130, 132, 138), family.at(20, foot))
    return paper.crop((0, 0, wide, int(min(high, y + 240))))


def card(random: Random, lines: list[str]) -> Image.Image:
    """The carrier's card from the mailbox, partly filled in by hand."""
    family, hand = Family(random), Family(random, SERIF)
    wide, high = 760, 130 + 54 * len(lines) + 60
    tone = ((255, 247, 214), (226, 240, 250), (252, 232, 226), (250, 250, 248))[random.integers(4)]
    paper = Image.new("RGB", (wide, high), tone)
    draw = ImageDraw.Draw(paper)
    draw.rectangle(
        (0, 0, wide, 96), ((180, 40, 36), (20, 70, 130), (40, 44, 50))[random.integers(3)]
    )
    draw.text((30, 28), lines[0], "white", family.at(34, lines[0], True))
    y = 124.0
    for line in lines[1:]:
        name, colon, said = line.partition(":")
        draw.text((30, y), name + colon, (50, 50, 54), family.at(24, line))
        x = 30 + family.at(24, line).getlength(name + colon + " ")
        ink = (26, 46, 130)
        draw.text((x, y + random.normal(0, 2)), said.strip(), ink, hand.at(26, said))
        y += 50
    return paper


def plate(random: Random, lines: list[str]) -> Image.Image:
    """A rating plate or a sticker with a serial number."""
    family = Family(random, SANS)
    dark = bool(random.random() < 0.3)
    tone, ink = ((40, 42, 46), (226, 226, 228)) if dark else ((222, 224, 226), (24, 24, 28))
    wide, high = 720, 70 + 50 * len(lines) + 80
    paper = Image.new("RGB", (wide, high), tone)
    draw = ImageDraw.Draw(paper)
    draw.rounded_rectangle((8, 8, wide - 8, high - 8), 16, outline=ink, width=3)
    for n, line in enumerate(lines):
        draw.text((34, 34 + 50 * n), line, ink, family.at(32 if n == 0 else 27, line, n == 0))
    paper.paste(bars(random, 300, 52), (34, high - 76))
    return paper


SHEETS = {"receipt": receipt, "invoice": invoice, "card": card, "plate": plate}


def drawn(random: Random, kind: str, how: list[str], lines: list[str]) -> Image.Image:
    """A sheet that lies on a surface, in perspective."""
    paper = SHEETS[kind](random, lines).convert("RGBA")
    if kind != "plate":
        paper = creased(random, paper)
    size = (1100, int(1100 * min(1.35, max(0.7, 1.15 * paper.size[1] / paper.size[0]))))
    ground = camera.surface(random, size).convert("RGBA")
    scale = min(size[0] * 0.84 / paper.size[0], size[1] * 0.88 / paper.size[1])
    wide, high = paper.size[0] * scale, paper.size[1] * scale
    left, top = (size[0] - wide) / 2, (size[1] - high) / 2
    far = random.uniform(0, 0.1) * wide  # the far edge looks shorter
    turn = random.normal(0, 0.03)
    corners = [
        (left + far, top),
        (left + wide - far * random.uniform(0.4, 1), top + turn * wide),
        (left + wide, top + high + turn * wide),
        (left, top + high),
    ]
    sheet = camera.laid(paper, corners, size)
    ground.alpha_composite(camera.shadow(sheet.getchannel("A"), (9, 13), 12, 0.55))
    ground.alpha_composite(sheet)
    picture = ground.convert("RGB")
    if random.random() < 0.3:  # the shadow of the hand with the phone
        light = 1 - 0.3 * (camera.clouds(random, size, 1) > 0.62)
        soft = Image.fromarray((light * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(40))
        picture = camera.shaded(picture, np.asarray(soft).astype(np.float32) / 255)
    return camera.shot(random, picture)
