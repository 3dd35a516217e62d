"""Images with known text, drawn when a test runs: what customers send, in plain shapes.

The Latin font is the one inside Pillow; Chinese needs a font of the system.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from shutil import which

import numpy as np
from PIL import Image as Images
from PIL import ImageDraw, ImageFilter, ImageFont

from mmcs.roles import Image

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

NO_CHINESE_FONT = (
    "no Chinese font was found; on Debian or Ubuntu: apt-get install fontconfig fonts-noto-cjk"
)

ORDER_PAGE = (
    "Northlight Home Electronics",
    "My account",
    "Order 48213 was shipped",
    "Placed on 3 March 2026",
    "Tracking number NLX204417093",
    "Your parcel has not moved for 6 days.",
    "Carrier: Polar Parcel, standard delivery",
    "Breeze V8 cordless vacuum",
    "1 x $249.00",
    "Crema One descaling kit",
    "2 x $14.50",
    "Delivery $0.00",
    "Total $278.00",
    "Paid with Visa ending in 4417",
    "Deliver to: Dana Whitlock, 18 Larch Street",
    "Expected by Friday, 6 March",
    "Report a problem",
    "Need help? care@northlight.example",
    "Phone +1 202-555-0143, Mon-Sat 8:00-20:00",
    "Serial VX-20418837",
)
RECEIPT = (
    ("Northlight Home Electronics", ""),
    ("Store 12, Harbor Road", ""),
    ("Receipt R-50917", "2026-03-02"),
    ("Mesh M1 Wi-Fi router", "149.00"),
    ("Aria S2 earbuds", "89.00"),
    ("Gift card", "-50.00"),
    ("Subtotal", "188.00"),
    ("Sales tax 6%", "11.28"),
    ("TOTAL USD", "199.28"),
    ("Visa **** 4417", "199.28"),
    ("Thank you for your visit", ""),
)
CHINESE_PAGE = (
    "北光家电",
    "订单号：48213",
    "付款失败，请稍后再试",
    "错误代码 NL-503",
    "应付金额：¥249.00",
    "联系客服 care@northlight.example",
)
LEFT_COLUMN = (
    "Parcels are handed to the carrier",
    "within one working day. You get an",
    "e-mail with the tracking number as",
    "soon as the label has been printed",
    "and the box has left our warehouse.",
    "Large items come by appointment in",
)
RIGHT_COLUMN = (
    "Returns are free when the item has",
    "a fault. In all other cases we take",
    "the price of the label off what you",
    "get back. Please pack the item well",
    "and keep the receipt of the carrier",
    "until the money is on your account.",
)


@dataclass(frozen=True)
class Rendered:
    """An image and the lines that were drawn on it, in reading order."""

    image: Image
    lines: tuple[str, ...]
    boxes: tuple[tuple[float, float, float, float], ...]  # x0, y0, x1, y1 in pixels


class Sheet:
    """A blank image to write lines on."""

    def __init__(self, width: int, height: int, colour: str = "white") -> None:
        """Make a blank image."""
        self.canvas = Images.new("RGB", (width, height), colour)
        self.pen = ImageDraw.Draw(self.canvas)
        self._lines: list[str] = []
        self._boxes: list[tuple[float, float, float, float]] = []

    def write(self, x: float, y: float, text: str, font: Font, colour: str = "black") -> None:
        """Draw a line of text whose top left corner is at (x, y)."""
        self.pen.text((x, y), text, font=font, fill=colour)
        x0, y0, x1, y1 = self.pen.textbbox((x, y), text, font=font)
        self._lines.append(text)
        self._boxes.append((float(x0), float(y0), float(x1), float(y1)))

    def done(self) -> Rendered:
        """Return what was drawn."""
        return Rendered(np.asarray(self.canvas), tuple(self._lines), tuple(self._boxes))


def latin(size: int) -> Font:
    """Return the font inside Pillow, ``size`` pixels high."""
    return ImageFont.load_default(size)


def chinese_font() -> Path | None:
    """Return the file of a font with Chinese characters; None if the system has none."""
    if which("fc-match") is None:
        return None
    asked = ["fc-match", "--format=%{file}\n%{lang}", "sans:lang=zh-cn"]
    file, _, languages = subprocess.run(
        asked, capture_output=True, text=True, check=True
    ).stdout.partition("\n")
    return Path(file) if "zh-cn" in languages.split("|") else None


def order_page(width: int = 1280, height: int = 960, size: int = 22) -> Rendered:
    """Return a screenshot of a shop's order page, text ``size`` pixels high."""
    sheet = Sheet(width, height, "#f4f5f7")
    sheet.pen.rectangle((0, 0, width, round(size * 2.6)), fill="#16324f")
    sheet.write(size, size * 0.7, ORDER_PAGE[0], latin(size), "white")
    for row, text in enumerate(ORDER_PAGE[1:]):
        sheet.write(size * 3, size * (3.4 + row * 1.9), text, latin(size), "#1d2733")
    return sheet.done()


def receipt(width: int = 620, size: int = 24) -> Rendered:
    """Return a till receipt: names on the left, amounts on the right."""
    sheet = Sheet(width, round(size * (len(RECEIPT) * 1.6 + 3)), "#fbfaf6")
    for row, (name, amount) in enumerate(RECEIPT):
        y = size * (1.5 + row * 1.6)
        sheet.write(size, y, name, latin(size), "#222222")
        if amount:
            x = width - size - latin(size).getlength(amount)
            sheet.write(x, y, amount, latin(size), "#222222")
    return sheet.done()


def tall_page(width: int = 1080, height: int = 8000, size: int = 34) -> Rendered:
    """Return a long scrolling screenshot, each line numbered."""
    sheet = Sheet(width, height)
    for row in range(int((height - size * 2) / (size * 2.2))):
        text = f"{row + 1}. {ORDER_PAGE[row % len(ORDER_PAGE)]}"
        sheet.write(size, size + row * size * 2.2, text, latin(size))
    return sheet.done()


def two_columns(size: int = 22) -> Rendered:
    """Return a page of two columns under one heading."""
    sheet = Sheet(1000, 420)
    sheet.write(40, 30, "Delivery and returns at Northlight, in short", latin(size + 8))
    for x, column in ((40, LEFT_COLUMN), (530, RIGHT_COLUMN)):
        for row, text in enumerate(column):
            sheet.write(x, 110 + row * size * 1.7, text, latin(size))
    return sheet.done()


def chinese_page(font: Path, size: int = 30) -> Rendered:
    """Return a screenshot in Chinese."""
    sheet = Sheet(720, size * (len(CHINESE_PAGE) * 2 + 2))
    face = ImageFont.truetype(str(font), size)
    for row, text in enumerate(CHINESE_PAGE):
        sheet.write(size, size * (1 + row * 2), text, face)
    return sheet.done()


def huge_word(text: str = "E04", size: int = 420) -> Rendered:
    """Return one word that fills the image, like the display of a machine seen close up."""
    sheet = Sheet(round(size * 0.75 * len(text)), round(size * 1.6), "#101418")
    sheet.write(size * 0.2, size * 0.2, text, latin(size), "#e8f4ff")
    return sheet.done()


def grey_ramp(width: int = 640, height: int = 480) -> Image:
    """Return an image that goes from black to white and says nothing."""
    ramp = np.linspace(0, 255, width, dtype=np.uint8)
    return np.ascontiguousarray(np.broadcast_to(ramp[None, :, None], (height, width, 3)))


def as_photo(image: Image, degrees: float = 3.0, seed: int = 7) -> Image:
    """Return the page as a phone sees it on a table: turned a little, blurred, noisy, uneven."""
    page = Images.fromarray(image).convert("RGBA").rotate(degrees, Images.Resampling.BICUBIC, True)
    width, height = round(page.width * 1.25), round(page.height * 1.25)
    table = Images.new("RGB", (width, height), "#7a6a55")
    table.paste(page, ((width - page.width) // 2, (height - page.height) // 2), page)
    blurred = np.asarray(table.filter(ImageFilter.GaussianBlur(0.7)), dtype=np.float32)
    light = np.linspace(0.75, 1.05, width, dtype=np.float32)[None, :, None]
    noise = np.random.default_rng(seed).normal(0.0, 6.0, blurred.shape)
    return np.clip(blurred * light + noise, 0, 255).astype(np.uint8)


def carton(width: int = 800, height: int = 600) -> Image:
    """Return a brown box on a floor, without any text."""
    grain = np.random.default_rng(3).normal(0.0, 9.0, (height, width, 1))
    scene = Images.new("RGB", (width, height), "#8d8f92")
    pen = ImageDraw.Draw(scene)
    pen.polygon([(170, 190), (560, 150), (660, 260), (250, 310)], fill="#c79a63")
    pen.polygon([(170, 190), (250, 310), (265, 520), (185, 390)], fill="#8f6a3d")
    pen.polygon([(250, 310), (660, 260), (650, 470), (265, 520)], fill="#b0824c")
    pen.line([(365, 170), (455, 285), (460, 496)], fill="#ddc9a4", width=26)
    soft = np.asarray(scene.filter(ImageFilter.GaussianBlur(1.5)), dtype=np.float32)
    return np.clip(soft + grain, 0, 255).astype(np.uint8)
