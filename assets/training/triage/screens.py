"""Screens: pages of the shop, a bank's list, chats, messages, e-mails, the app of a device."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from fonts import Family, is_chinese, wrapped
from PIL import Image, ImageDraw

Random = np.random.Generator
Colour = tuple[int, int, int]
TONES: dict[str, tuple[Colour, Colour, str]] = {  # strong, pale, sign
    "error": ((196, 43, 43), (253, 234, 234), "!"),
    "warn": ((186, 117, 8), (255, 245, 222), "!"),
    "ok": ((28, 132, 74), (229, 247, 236), "ok"),
    "info": ((36, 92, 170), (232, 241, 252), "i"),
}
BRANDS: tuple[Colour, ...] = ((22, 54, 92), (18, 18, 24), (12, 88, 104), (60, 42, 110))


@dataclass
class Screen:
    """A canvas that is written from top to bottom."""

    random: Random
    width: int
    height: int
    dark: bool
    scale: float
    family: Family
    image: Image.Image = field(init=False)
    y: float = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.back: Colour = (20, 22, 26) if self.dark else (255, 255, 255)
        self.ink: Colour = (232, 232, 236) if self.dark else (28, 30, 34)
        self.faint: Colour = (128, 132, 140)
        self.rule: Colour = (52, 56, 64) if self.dark else (224, 226, 230)
        self.image = Image.new("RGB", (self.width, self.height), self.back)
        self.draw = ImageDraw.Draw(self.image)
        self.margin = 22 * self.scale

    def text(self, text: str, size: float, **how: object) -> None:
        """A wrapped paragraph; ``how``: bold, ink, x, width, gap."""
        bold, ink = bool(how.get("bold")), how.get("ink", self.ink)
        x = float(how.get("x", self.margin))  # type: ignore[arg-type]
        width = float(how.get("width", self.width - x - self.margin))  # type: ignore[arg-type]
        font = self.family.at(size * self.scale, text, bold)
        for line in wrapped(text, font, width):
            self.draw.text((x, self.y), line, ink, font)  # type: ignore[arg-type]
            self.y += size * self.scale * 1.42
        self.y += float(how.get("gap", 6)) * self.scale  # type: ignore[arg-type]

    def pair(self, left: str, right: str, size: float = 15) -> None:
        """A row of a table: a name and what it is."""
        cells = [cell.strip() for cell in right.split("::")]
        font = self.family.at(size * self.scale, left + right)
        self.draw.text((self.margin, self.y), left, self.ink, font)
        if len(cells) == 1:
            end = self.width - self.margin - font.getlength(cells[0])
            self.draw.text((end, self.y), cells[0], self.ink, font)
        else:
            end = self.width - self.margin - font.getlength(cells[0])
            self.draw.text((end, self.y), cells[0], self.ink, font)
            self.y += size * self.scale * 1.35
            small = self.family.at(size * 0.85 * self.scale, right)
            self.draw.text((self.margin, self.y), " · ".join(cells[1:]), self.faint, small)
        self.y += size * self.scale * 1.7
        self.draw.line((self.margin, self.y, self.width - self.margin, self.y), self.rule, 1)
        self.y += 9 * self.scale

    def button(self, text: str, colour: Colour) -> None:
        """A filled button."""
        font = self.family.at(15 * self.scale, text, True)
        long, high = font.getlength(text) + 40 * self.scale, 38 * self.scale
        box = (self.margin, self.y, self.margin + long, self.y + high)
        self.draw.rounded_rectangle(box, 7 * self.scale, colour)
        self.draw.text(
            (self.margin + 20 * self.scale, self.y + 9 * self.scale), text, "white", font
        )
        self.y += high + 14 * self.scale


def start(random: Random, phone: bool, language_text: str) -> Screen:
    """An empty screen of a phone or a computer."""
    width, height = (430, 860) if phone else (780, 560)
    scale = float(random.uniform(1.25, 1.7) if phone else random.uniform(1.1, 1.5))
    size = (int(width * scale), int(height * scale))
    if not phone:
        scale *= 1.12
    screen = Screen(random, *size, bool(random.random() < 0.2), scale, Family(random))
    return screen


def status_bar(screen: Screen) -> None:
    """The phone's own line: time, signal and battery."""
    random, s = screen.random, screen.scale
    clock = f"{random.integers(0, 24)}:{random.integers(0, 60):02}"
    screen.draw.text((18 * s, 8 * s), clock, screen.ink, screen.family.at(13 * s, bold=True))
    right = screen.width - 18 * s
    screen.draw.rounded_rectangle(
        (right - 26 * s, 10 * s, right, 22 * s), 3 * s, outline=screen.ink
    )
    share = random.uniform(0.1, 1)
    screen.draw.rectangle(
        (right - 24 * s, 12 * s, right - 24 * s + 22 * s * share, 20 * s), fill=screen.ink
    )
    for bar in range(4):
        x = right - (64 - bar * 7) * s
        screen.draw.rectangle((x, (20 - 3 * bar) * s, x + 4 * s, 22 * s), fill=screen.ink)
    screen.y = 34 * s


def browser_bar(screen: Screen, phone: bool, path: str) -> None:
    """The browser's address."""
    s = screen.scale
    if phone:
        status_bar(screen)
    high = 36 * s
    tone = (44, 46, 52) if screen.dark else (236, 238, 241)
    screen.draw.rectangle((0, screen.y, screen.width, screen.y + high), tone)
    box = (
        60 * s if not phone else 14 * s,
        screen.y + 6 * s,
        screen.width - 14 * s,
        screen.y + 30 * s,
    )
    screen.draw.rounded_rectangle(box, 12 * s, screen.back)
    font = screen.family.at(12 * s)
    screen.draw.text(
        (box[0] + 14 * s, screen.y + 10 * s), "northlight.example/" + path, screen.faint, font
    )
    if not phone:
        for n, colour in enumerate(((255, 95, 86), (255, 189, 46), (39, 201, 63))):
            x = (12 + 16 * n) * s
            screen.draw.ellipse((x, screen.y + 13 * s, x + 10 * s, screen.y + 23 * s), colour)
    screen.y += high


def shop_header(screen: Screen, brand: Colour, chinese: bool) -> None:
    """The shop's name and menu."""
    s, high = screen.scale, 50 * screen.scale
    screen.draw.rectangle((0, screen.y, screen.width, screen.y + high), brand)
    name = "北光家电" if chinese else "NORTHLIGHT"
    screen.draw.text(
        (screen.margin, screen.y + 14 * s), name, "white", screen.family.at(19 * s, name, True)
    )
    menu = "订单  账户  帮助" if chinese else "Orders   Account   Help"
    font = screen.family.at(13 * s, menu)
    end = screen.width - screen.margin - font.getlength(menu)
    screen.draw.text((end, screen.y + 17 * s), menu, (222, 226, 232), font)
    screen.y += high + 22 * s


def alert(screen: Screen, tone: str, text: str) -> None:
    """The heading in a coloured box with a sign."""
    strong, pale, sign = TONES[tone]
    s = screen.scale
    font = screen.family.at(19 * s, text, True)
    lines = wrapped(text, font, screen.width - 2 * screen.margin - 70 * s)
    high = (24 + 27 * len(lines)) * s
    box = (screen.margin, screen.y, screen.width - screen.margin, screen.y + high)
    fill = tuple(c // 5 for c in strong) if screen.dark else pale
    screen.draw.rounded_rectangle(box, 8 * s, fill, strong, max(1, round(s)))
    x, y = box[0] + 14 * s, screen.y + high / 2
    screen.draw.ellipse((x, y - 13 * s, x + 26 * s, y + 13 * s), strong)
    if tone == "ok":  # a tick, which few fonts have
        tick = [(x + 7 * s, y), (x + 12 * s, y + 5 * s), (x + 20 * s, y - 6 * s)]
        screen.draw.line(tick, "white", round(3 * s), joint="curve")
    else:
        screen.draw.text((x + 13 * s, y), sign, "white", screen.family.at(16 * s, "", True), "mm")
    for n, line in enumerate(lines):
        at = (x + 38 * s, screen.y + (12 + 27 * n) * s)
        screen.draw.text(at, line, strong if not screen.dark else screen.ink, font)
    screen.y += high + 16 * s


def step(screen: Screen, text: str, done: bool, colour: Colour) -> None:
    """A step of a parcel's way."""
    s = screen.scale
    x, y = screen.margin + 8 * s, screen.y + 10 * s
    screen.draw.line((x, y - 12 * s, x, y + 26 * s), colour if done else screen.rule, round(3 * s))
    fill = colour if done else screen.back
    screen.draw.ellipse((x - 8 * s, y - 8 * s, x + 8 * s, y + 8 * s), fill, colour)
    name, _, when = (cell.strip() for cell in text.partition("::"))
    ink = screen.ink if done else screen.faint
    screen.draw.text((x + 22 * s, screen.y), name, ink, screen.family.at(15 * s, name))
    if when:
        font = screen.family.at(12.5 * s, when)
        end = screen.width - screen.margin - font.getlength(when)
        screen.draw.text((end, screen.y + 22 * s * (screen.width < 900)), when, screen.faint, font)
    screen.y += 42 * s


def field_box(screen: Screen, text: str) -> None:
    """A field with what was typed."""
    s = screen.scale
    box = (screen.margin, screen.y, min(screen.width - screen.margin, screen.margin + 400 * s))
    screen.draw.rounded_rectangle(
        (box[0], box[1], box[2], box[1] + 38 * s), 6 * s, outline=screen.faint
    )
    screen.draw.text(
        (box[0] + 12 * s, box[1] + 9 * s), text, screen.ink, screen.family.at(15 * s, text)
    )
    screen.y += 52 * s


def body(screen: Screen, lines: list[str], colour: Colour) -> None:
    """The lines of a page: steps, fields, buttons, rows, sentences."""
    for line in lines:
        if line.startswith(("* ", "- ")):
            step(screen, line[2:], line[0] == "*", colour)
        elif line.startswith("> "):
            field_box(screen, line[2:])
        elif line.startswith("["):
            button_colour = colour if screen.random.random() < 0.8 else (60, 64, 72)
            screen.button(line.strip("[]"), button_colour)
        elif "::" in line:
            left, _, right = line.partition("::")
            screen.pair(left.strip(), right.strip())
        else:
            screen.text(line, 15)


def finished(screen: Screen) -> Image.Image:
    """The screen, cut below what was written, more or less."""
    spare = screen.random.uniform(0.03, 0.3) * screen.height
    bottom = int(min(screen.height, max(screen.y + spare, screen.height * 0.42)))
    return screen.image.crop((0, 0, screen.width, bottom))


def page(random: Random, how: list[str], lines: list[str]) -> Image.Image:
    """A page of the shop: a heading in the tone of ``how`` and its lines."""
    joined = " ".join(lines)
    phone = "phone" in how or bool(random.random() < 0.45)
    screen = start(random, phone, joined)
    brand = BRANDS[random.integers(len(BRANDS))]
    paths = ["checkout", "orders", "account", "track", "login", "cart", "help"]
    browser_bar(screen, phone, str(random.choice(paths)))
    shop_header(screen, brand, is_chinese(joined))
    tone = next((h for h in how if h in TONES), "info")
    if tone == "info":
        screen.text(lines[0].replace("::", " "), 23, bold=True, gap=12)
    else:
        alert(screen, tone, lines[0])
    body(screen, lines[1:], brand if not screen.dark else (88, 132, 196))
    return finished(screen)


def bank(random: Random, how: list[str], lines: list[str]) -> Image.Image:
    """A bank's list of bookings on a phone."""
    screen = start(random, True, " ".join(lines))
    status_bar(screen)
    chinese = is_chinese(" ".join(lines))
    accent = ((12, 94, 66), (140, 24, 44), (30, 60, 140))[random.integers(3)]
    s = screen.scale
    screen.draw.rectangle((0, screen.y, screen.width, screen.y + 110 * s), accent)
    screen.y += 16 * s
    screen.text("账户余额" if chinese else "Checking account", 14, ink=(220, 228, 226))
    screen.text(
        f"${random.integers(12, 4200):,}.{random.integers(0, 100):02}", 27, bold=True, ink="white"
    )
    screen.y = max(screen.y, 160 * s)
    screen.text("最近交易" if chinese else "Recent activity", 16, bold=True, gap=12)
    for line in lines:
        left, _, right = line.partition("::")
        screen.pair(left.strip(), right.strip())
    return finished(screen)


def chat(random: Random, how: list[str], lines: list[str]) -> Image.Image:
    """Bubbles of a chat: lines that begin with me: or them:."""
    screen = start(random, True, " ".join(lines))
    status_bar(screen)
    s = screen.scale
    title = "北光家电客服" if is_chinese(" ".join(lines)) else "Northlight Support"
    screen.text(title, 18, bold=True, gap=14)
    mine = ((52, 128, 246), (46, 168, 92), (110, 86, 220))[random.integers(3)]
    for line in lines:
        who, _, text = line.partition(":")
        me = who.strip() == "me"
        font = screen.family.at(15 * s, text)
        parts = wrapped(text.strip(), font, screen.width * 0.66)
        wide = max(font.getlength(part) for part in parts) + 26 * s
        high = (len(parts) * 21 + 16) * s
        x = screen.width - wide - 14 * s if me else 14 * s
        fill = mine if me else screen.rule
        screen.draw.rounded_rectangle((x, screen.y, x + wide, screen.y + high), 14 * s, fill)
        for n, part in enumerate(parts):
            ink = "white" if me else screen.ink
            screen.draw.text((x + 13 * s, screen.y + (8 + 21 * n) * s), part, ink, font)
        screen.y += high + 10 * s
    return finished(screen)


def sms(random: Random, how: list[str], lines: list[str]) -> Image.Image:
    """A text message: the sender, then what it says."""
    screen = start(random, True, " ".join(lines))
    status_bar(screen)
    s = screen.scale
    centre = screen.width / 2
    screen.draw.ellipse(
        (centre - 24 * s, screen.y, centre + 24 * s, screen.y + 48 * s), (150, 156, 166)
    )
    screen.y += 54 * s
    font = screen.family.at(13 * s, lines[0])
    screen.draw.text((centre, screen.y), lines[0], screen.ink, font, "ma")
    screen.y += 40 * s
    for text in lines[1:]:
        font = screen.family.at(16 * s, text)
        parts = wrapped(text, font, screen.width * 0.7)
        high = (len(parts) * 23 + 20) * s
        box = (14 * s, screen.y, 34 * s + screen.width * 0.72, screen.y + high)
        screen.draw.rounded_rectangle(box, 16 * s, screen.rule)
        for n, part in enumerate(parts):
            screen.draw.text((26 * s, screen.y + (10 + 23 * n) * s), part, screen.ink, font)
        screen.y += high + 12 * s
    return finished(screen)


def mail(random: Random, how: list[str], lines: list[str]) -> Image.Image:
    """An e-mail: sender, subject, paragraphs."""
    screen = start(random, bool(random.random() < 0.6), " ".join(lines))
    screen.y = 24 * screen.scale
    screen.text(lines[1], 21, bold=True)
    screen.text(lines[0], 14, ink=screen.faint, gap=4)
    screen.draw.line(
        (screen.margin, screen.y, screen.width - screen.margin, screen.y), screen.rule, 2
    )
    screen.y += 16 * screen.scale
    body(screen, lines[2:], (36, 92, 170))
    return finished(screen)


def app(random: Random, how: list[str], lines: list[str]) -> Image.Image:
    """The app of the devices: the device, a code, what it says."""
    screen = start(random, True, " ".join(lines))
    status_bar(screen)
    s = screen.scale
    tone = next((h for h in how if h in TONES), "info")
    strong, pale, sign = TONES[tone]
    screen.text(
        "北光智家" if is_chinese(" ".join(lines)) else "Northlight Home", 14, ink=screen.faint
    )
    screen.text(lines[0], 25, bold=True, gap=16)
    centre = screen.width / 2
    fill = tuple(c // 4 for c in strong) if screen.dark else pale
    screen.draw.ellipse(
        (centre - 74 * s, screen.y, centre + 74 * s, screen.y + 148 * s), fill, strong
    )
    code = lines[1] if len(lines) > 1 else sign
    font = screen.family.at((34 if len(code) < 8 else 18) * s, code, True)
    screen.draw.text((centre, screen.y + 74 * s), code, strong, font, "mm")
    screen.y += 172 * s
    body(screen, lines[2:], strong)
    return finished(screen)


KINDS = {"page": page, "bank": bank, "chat": chat, "sms": sms, "mail": mail, "app": app}


def drawn(random: Random, kind: str, how: list[str], lines: list[str]) -> Image.Image:
    """A screenshot."""
    return KINDS[kind](random, how, lines)
