"""The order in which a person reads boxes of text: bands from the top, columns one by one.

A table's row is read across (name, then amount), a page of two columns is read column by column.
What tells them apart: a table's lines stand level with one another, and they are short; those of
columns are long, or stand at heights of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]  # x0, y0, x1, y1
Quad = NDArray[np.float32]  # (4, 2): x, y of a line's corners, clockwise from its top left
Band = list[int]  # the boxes of one line across the page, left to right

MIN_ROWS = 4  # lines on each side before white space between them is a gutter
LEVEL = 0.2  # of a line's height by which the middles of two level lines differ at most
MIN_FILL = 0.55  # how much of a column its middle line must fill
MIN_LENGTH = 8.0  # width over height of a line of running text


LONGEST = 6  # lines that say how a page is turned
UPRIGHT = math.radians(1)  # up to here a page is not turned
NEARBY = math.radians(6)  # rows may lie this far from their words, on paper seen at an angle
STEP = math.radians(0.5)


def straightened(quads: Sequence[Quad]) -> list[Box]:
    """Return the lines' boxes as if the page lay straight.

    The words of a photographed page show roughly how it is turned. Exactly, it is turned so that
    most of its lines stand level with another: perspective turns words and rows differently.
    """
    if not quads:
        return []
    longest = sorted(quads, key=lambda quad: float(np.linalg.norm(quad[1] - quad[0])))[-LONGEST:]
    angle = median(math.atan2(*(quad[1] - quad[0])[::-1]) for quad in longest)
    if abs(angle) <= UPRIGHT:
        return _turned(quads, 0.0)
    nearby = np.arange(-NEARBY, NEARBY + STEP, STEP)
    tried = [_turned(quads, angle + float(off)) for off in sorted(nearby, key=abs)]
    return max(tried, key=_rows)  # of equals the first: the words' own angle


def _turned(quads: Sequence[Quad], angle: float) -> list[Box]:
    """Return boxes of which the middles are turned back by an angle, the sizes are the lines'."""
    boxes: list[Box] = []
    for quad in quads:
        x, y = (float(v) for v in quad.mean(axis=0))
        width = float(np.linalg.norm(quad[1] - quad[0])) / 2
        height = float(np.linalg.norm(quad[3] - quad[0])) / 2
        x, y = (
            x * math.cos(angle) + y * math.sin(angle),
            y * math.cos(angle) - x * math.sin(angle),
        )
        boxes.append((x - width, y - height, x + width, y + height))
    return boxes


def _rows(boxes: Sequence[Box]) -> int:
    """Count the pairs of boxes that stand level, side by side."""
    x0, y0, x1, y1 = np.array(boxes).T
    middle, height = (y0 + y1) / 2, y1 - y0
    apart = x1[:, None] <= x0[None, :]
    near = np.abs(middle[:, None] - middle) <= LEVEL * np.minimum(height[:, None], height)
    return int((apart & near).sum())


def reading_order(boxes: Sequence[Box]) -> list[int]:
    """Return the boxes' indices in reading order."""
    return [i for part in _parts(boxes, _bands(boxes, range(len(boxes)))) for i in part]


def _bands(boxes: Sequence[Box], chosen: Sequence[int]) -> list[Band]:
    """Gather boxes that share a line: the middle of each lies within the band's first box."""
    bands: list[Band] = []
    for i in sorted(chosen, key=lambda i: (boxes[i][1] + boxes[i][3], boxes[i][0])):
        if bands and _level(boxes[bands[-1][0]], boxes[i]):
            bands[-1].append(i)
        else:
            bands.append([i])
    for band in bands:
        band.sort(key=lambda i: boxes[i][0])
    return bands


def _level(a: Box, b: Box) -> bool:
    """Say whether two boxes stand on one line: they share half of the lower one's height."""
    shared = min(a[3], b[3]) - max(a[1], b[1])
    return shared > 0.5 * min(a[3] - a[1], b[3] - b[1])


def _parts(boxes: Sequence[Box], bands: list[Band]) -> list[Band]:
    """Cut bands at the longest run that has a gutter, until there is none."""
    found = _longest_run(boxes, bands)
    if found is None:
        return bands
    first, last, gutter = found
    inside = [i for band in bands[first:last] for i in band]
    left = [i for i in inside if boxes[i][2] <= gutter]
    right = [i for i in inside if boxes[i][2] > gutter]
    return [
        *_parts(boxes, bands[:first]),
        *_parts(boxes, _bands(boxes, left)),
        *_parts(boxes, _bands(boxes, right)),
        *_parts(boxes, bands[last:]),
    ]


def _longest_run(boxes: Sequence[Box], bands: list[Band]) -> tuple[int, int, float] | None:
    """Return first and last (excluded) band of the longest run of columns, and its gutter's x."""
    gutters = {
        (boxes[a][2] + boxes[b][0]) / 2
        for band in bands
        for a, b in pairwise(band)
        if boxes[a][2] < boxes[b][0]
    }
    best: tuple[int, int, float] | None = None
    for gutter in sorted(gutters):
        for first, last in _clear_runs(boxes, bands, gutter):
            longer = best is None or last - first > best[1] - best[0]
            if longer and _are_columns(boxes, bands[first:last], gutter):
                best = (first, last, gutter)
    return best


def _clear_runs(boxes: Sequence[Box], bands: list[Band], gutter: float) -> list[tuple[int, int]]:
    """Return the runs of bands (first, last excluded) that no box crosses at ``gutter``."""
    runs: list[tuple[int, int]] = []
    first = 0
    for row, band in enumerate(bands):
        if any(boxes[i][0] < gutter < boxes[i][2] for i in band):
            runs.append((first, row))
            first = row + 1
    runs.append((first, len(bands)))
    return [run for run in runs if run[1] - run[0] >= MIN_ROWS]


def _are_columns(boxes: Sequence[Box], bands: list[Band], gutter: float) -> bool:
    """Say whether both sides of a gutter are read on their own."""
    inside = [boxes[i] for band in bands for i in band]
    left = [box for box in inside if box[2] <= gutter]
    right = [box for box in inside if box[2] > gutter]
    fewer, more = sorted((left, right), key=len)
    if len(fewer) < MIN_ROWS:
        return False
    level = sum(any(_stand_level(box, other) for other in more) for box in fewer)
    return 2 * level < len(fewer) or (_is_running_text(left) and _is_running_text(right))


def _stand_level(a: Box, b: Box) -> bool:
    height = max(a[3] - a[1], b[3] - b[1])
    return abs(a[1] + a[3] - b[1] - b[3]) / 2 <= LEVEL * height


def _is_running_text(column: Sequence[Box]) -> bool:
    width = max(box[2] for box in column) - min(box[0] for box in column)
    typical = median(box[2] - box[0] for box in column)
    long = median((box[2] - box[0]) / max(box[3] - box[1], 1.0) for box in column) >= MIN_LENGTH
    return long and typical >= MIN_FILL * width
