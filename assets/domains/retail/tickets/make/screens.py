"""Render the pages with headless Chromium: three screenshots, and the prints that go onto things.

Usage: python screens.py PRINTS_DIR   (prints are textures for scenes.py; screenshots go to the tickets)
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import barcode
import segno
from barcode.writer import SVGWriter
from PIL import Image

HERE = Path(__file__).resolve().parent
TICKETS = HERE.parent


@dataclass(frozen=True)
class Page:
    """An HTML page and its size in CSS pixels; ``scale`` is device pixels per CSS pixel."""

    name: str
    width: int
    height: int
    scale: float


SCREENSHOTS = {
    Page("orbit-app", 412, 892, 2.625): "03-robot-lost/screenshot.png",
    Page("bank-zh", 390, 844, 3): "07-chinese-screenshot/screenshot.png",
    Page("order-page", 1180, 860, 1): "10-rules-in-a-picture/screenshot.png",
}
PRINTS = (
    Page("parcel-label", 600, 900, 3),
    Page("parcel-print", 1680, 1200, 2),
    Page("receipt", 576, 1090, 2),
    Page("invoice", 1000, 1414, 2),
    Page("rating-plate", 720, 260, 3),
    Page("purifier-panel", 900, 420, 2),
)


def bars(text: str) -> str:
    """A Code 128 bar code as SVG."""
    drawn = io.BytesIO()
    options = {"write_text": False, "quiet_zone": 0, "module_height": 12}
    barcode.get("code128", text, writer=SVGWriter()).write(drawn, options)
    svg = drawn.getvalue().decode()
    width, height = re.findall(r'<svg[^>]*?\bwidth="([\d.]+)mm"[^>]*', svg)[0], "12.000"
    svg = svg[svg.index("<svg") :].replace("mm", "")
    head = f'<svg viewBox="0 1 {width} {height}" preserveAspectRatio="none" width="100%" height="100%">'
    return head + svg[svg.index(">") + 1 :]


def squares(text: str) -> str:
    """A QR code as SVG."""
    return segno.make(text, error="m").svg_inline(border=0, omitsize=True)


def filled(html: str) -> str:
    """The page with its ``{{bars:…}}`` and ``{{qr:…}}`` drawn."""
    html = re.sub(r"\{\{bars:(.+?)\}\}", lambda found: bars(found[1]), html)
    return re.sub(r"\{\{qr:(.+?)\}\}", lambda found: squares(found[1]), html)


def render(page: Page, target: Path) -> None:
    """Shoot one page; a transparent body stays transparent."""
    with tempfile.TemporaryDirectory() as folder:
        html = Path(folder) / "page.html"
        html.write_text(filled((HERE / "pages" / f"{page.name}.html").read_text()))
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        command += [
            "--disable-background-networking",
            "--hide-scrollbars",
            f"--user-data-dir={folder}/profile",
        ]
        command += [
            f"--force-device-scale-factor={page.scale}",
            f"--window-size={page.width},{page.height}",
        ]
        command += ["--default-background-color=00000000", f"--screenshot={target}", html.as_uri()]
        subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    """Render everything."""
    prints = Path(sys.argv[1])
    prints.mkdir(parents=True, exist_ok=True)
    for page in PRINTS:
        render(page, prints / f"{page.name}.png")
    for page, target in SCREENSHOTS.items():
        path = TICKETS / target
        path.parent.mkdir(parents=True, exist_ok=True)
        render(page, path)
        Image.open(path).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
            path, optimize=True
        )
        print(f"{target}: {Image.open(path).size}, {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
