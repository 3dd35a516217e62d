"""What many images leave behind in memory, and how many of them are decoded at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import psutil

from mmcs import media
from mmcs.bench import standard
from mmcs.bench.figures import Figure
from mmcs.intake import Request, take
from mmcs.pipeline import Pipeline

FIRST = 100  # images until caches are full: 1.86 GB after ten, 1.90 after a hundred, as after 240
MEASURED = 100  # images
SEEN = 20  # images whose median is compared: what malloc holds at a moment swings by 20 MB
AT_ONCE = 8  # files that come at the same moment
THREADS = 4  # that take turns, as a server's do; each may keep what it took


def measure_images(pipeline: Pipeline, folder: Path) -> list[Figure]:
    """Let the models look at different images, one after another, then decode many at once."""
    gained = growth(pipeline, folder, FIRST, MEASURED)
    paths = [standard.write_screenshot(folder, number) for number in range(AT_ONCE)]
    return [
        Figure(f"memory that {MEASURED} more images take", gained / 1e6, "MB", 10),
        Figure(f"decoders at once, of {AT_ONCE} images", _decoders(paths), "processes", 2),
    ]


def growth(pipeline: Pipeline, folder: Path, first: int, measured: int) -> int:
    """Return by how many bytes the process grows while so many images are read, tagged and filed,
    after so many others."""
    threads = [ThreadPoolExecutor(1) for _ in range(THREADS)]

    def look(number: int) -> None:
        path = standard.write_screenshot(folder, number)
        ticket, _ = take(Request("", "", (), (str(path),)), pipeline.settings)
        path.unlink()
        threads[number % THREADS].submit(lambda: list(pipeline.find(ticket))).result()

    process, taken = psutil.Process(), []
    for number in range(first + measured):
        look(number)
        taken.append(process.memory_info().rss)
    for thread in threads:
        thread.shutdown()
    return int(median(taken[-SEEN:]) - median(taken[first - SEEN : first]))


def _decoders(paths: list[Path]) -> int:
    """Return how many children this process has at most while files are decoded at once."""
    process, most = psutil.Process(), 0
    with ThreadPoolExecutor(len(paths)) as many:
        read: Callable[[Path], object] = lambda path: media.read_image(path, path.name)  # noqa: E731
        waiting = [many.submit(read, path) for path in paths]
        while not all(one.done() for one in waiting):
            most = max(most, len(process.children()))
    return most
