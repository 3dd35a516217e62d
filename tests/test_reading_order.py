"""Boxes of text are put in the order in which a person reads them."""

from __future__ import annotations

import numpy as np
import pytest

from mmcs.reading_order import Box, Quad, reading_order, straightened


def row(y: float, *spans: tuple[float, float], height: float = 20.0) -> list[Box]:
    """Return boxes side by side, their tops at ``y``."""
    return [(x0, y, x1, y + height) for x0, x1 in spans]


def test_nothing_and_one() -> None:
    """No boxes have no order, and one comes first."""
    assert reading_order([]) == []
    assert reading_order(row(0, (0, 10))) == [0]


def test_rows_of_a_table_are_read_across() -> None:
    """Names and amounts of a bill are read row by row, whatever order they were found in."""
    boxes = [box for i in range(6) for box in row(i * 30, (10, 150), (400, 470))]
    assert reading_order(boxes) == list(range(12))
    assert reading_order(boxes[::-1]) == list(range(11, -1, -1))


def test_running_text_is_read_down() -> None:
    """Two columns of text under one heading are read one after the other, also when level."""
    heading = row(0, (10, 700))
    left = [box for i in range(5) for box in row(50 + i * 30, (10, 330))]
    right = [box for i in range(5) for box in row(50 + i * 30, (370, 700))]
    footer = row(300, (10, 700))
    mixed = [box for pair in zip(left, right, strict=True) for box in pair]
    order = reading_order([*heading, *mixed, *footer])
    assert order == [0, 1, 3, 5, 7, 9, 2, 4, 6, 8, 10, 11]


def test_a_sidebar_is_read_on_its_own() -> None:
    """Short lines beside a page, at heights of their own, don't come between its sentences."""
    page = [box for i in range(6) for box in row(i * 30, (10, 500))]
    sidebar = [box for i in range(5) for box in row(11 + i * 37, (600, 700))]
    order = reading_order([*sidebar, *page])
    assert order == [5, 6, 7, 8, 9, 10, 0, 1, 2, 3, 4]


def test_a_short_list_beside_another_is_a_table() -> None:
    """Three rows are too few to be columns."""
    boxes = [box for i in range(3) for box in row(i * 30, (10, 330), (370, 700))]
    assert reading_order(boxes) == list(range(6))


@pytest.mark.parametrize("count", [1, 7, 150])
def test_each_box_comes_once(count: int) -> None:
    """Every box is in the order once, however they overlap."""
    boxes = [
        (i * 37 % 500.0, i * 53 % 700.0, i * 37 % 500.0 + 90, i * 53 % 700.0 + 25.0)
        for i in range(count)
    ]
    assert sorted(reading_order(boxes)) == list(range(count))


def quad(x: float, y: float, width: float, slope: float, height: float = 24.0) -> Quad:
    """Return a line that begins at (x, y) and falls by ``slope`` pixels a pixel."""
    along = np.array([1.0, slope]) / np.hypot(1.0, slope)
    down = np.array([-along[1], along[0]])
    start = np.array([x, y])
    corners = (start, start + width * along, start + width * along + height * down)
    return np.array([*corners, start + height * down], dtype=np.float32)


@pytest.mark.parametrize("words", [-0.14, -0.08, 0.08])
def test_rows_of_a_turned_page_are_found(words: float) -> None:
    """On a photographed receipt, where perspective turns words and rows differently, each name
    still comes with its amount."""
    rows = -0.08 if words < 0 else 0.08
    quads = [
        line
        for i in range(8)
        for line in (
            quad(200, 400 + i * 36, 150, words),
            quad(600, 400 + i * 36 + 400 * rows, 90, words),
        )
    ]
    assert reading_order(straightened(quads)) == list(range(16))


def test_straight_lines_stay_where_they_are() -> None:
    """A page that is not turned keeps its boxes."""
    assert straightened([]) == []
    assert straightened([quad(10, 20, 100, 0.0)]) == [(10.0, 20.0, 110.0, 44.0)]
