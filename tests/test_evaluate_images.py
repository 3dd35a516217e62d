"""What `eval images` counts, and what it leaves out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import rendered
from PIL import Image as Images

from mmcs.errors import UsageError
from mmcs.evaluate.images import evaluate, labelled_images, lines_and_rows
from mmcs.settings import Settings
from mmcs.ticket import Line, Reading, to_json

FAKE_LINES = ["Northlight", "Order 48213"]  # what the fake reader reads off every image


def folder(path: Path, entries: list[dict[str, Any]]) -> Path:
    """Write a manifest, and an image for each of its entries."""
    path.mkdir(parents=True, exist_ok=True)
    for entry in entries:
        Images.fromarray(rendered.receipt(size=12, width=310).image).save(path / entry["file"])
    (path / "manifest.json").write_text(json.dumps(entries), "utf-8")
    return path


def ticket(path: Path, images: list[str], expected: dict[str, Any]) -> None:
    """Write a sample ticket with images and what is expected of them."""
    path.mkdir(parents=True)
    for name in images:
        Images.fromarray(rendered.receipt(size=12, width=310).image).save(path / name)
    message = {"author": "customer", "text": "", "images": images}
    (path / "ticket.json").write_text(json.dumps({"messages": [message]}), "utf-8")
    (path / "expected.json").write_text(json.dumps(expected), "utf-8")


def test_lines_are_counted(tmp_path: Path, fake_settings: Settings) -> None:
    """Recall is the share of true lines read exactly, white space aside; wrong characters are
    those of the nearest line."""
    data = folder(tmp_path, [{"file": "a.png", "lines": ["Northlight", "Order  48218"]}])
    report = evaluate(data, fake_settings)
    assert report.line_recall == 0.5
    assert report.character_error_rate == pytest.approx(1 / 21)
    assert report.scores[0].missed == ("Order 48218",)
    assert "not read exactly: " + report.scores[0].file + ": Order 48218" in report.lines()


def test_a_line_may_be_read_in_pieces() -> None:
    """Pieces side by side count as one line too; lines one below the other don't."""
    boxes = ((0.0, 0.0, 50.0, 20.0), (300.0, 2.0, 350.0, 21.0), (0.0, 30.0, 50.0, 50.0))
    pieces = zip(("TOTAL  USD", "199.28", "Thank you"), boxes, strict=True)
    reading = Reading(tuple(Line(text, 0.9, box) for text, box in pieces))
    assert lines_and_rows(reading) == ["TOTAL USD", "TOTAL USD 199.28", "199.28", "Thank you"]


def test_spaces_beside_chinese_say_nothing() -> None:
    """A space between Chinese characters and digits is neither asked for nor wrong."""
    line = Line("11月20日 星期五  约 ¥1,062.37 USD paid", 0.9, (0.0, 0.0, 9.0, 9.0))
    assert lines_and_rows(Reading((line,))) == ["11月20日星期五约¥1,062.37 USD paid"]


def test_what_is_not_labelled_is_not_scored(tmp_path: Path, fake_settings: Settings) -> None:
    """Images without lines or kind count in neither figure, and the report says how many had."""
    entries: list[dict[str, Any]] = [
        {"file": "a.png", "lines": FAKE_LINES},
        {"file": "b.png", "kind": "receipt"},
        {"file": "c.png"},
    ]
    report = evaluate(folder(tmp_path, entries), fake_settings)
    assert (report.images, report.with_lines, report.with_kind) == (3, 1, 1)
    assert report.line_recall == 1.0
    assert sum(sum(row.values()) for row in report.confusion.values()) == 1
    assert list(report.confusion) == ["document"]


def test_without_labels_only_time_is_told(tmp_path: Path, fake_settings: Settings) -> None:
    """Where nothing is labelled, every figure but the seconds is None."""
    report = evaluate(folder(tmp_path, [{"file": "a.png"}]), fake_settings)
    assert report.line_recall is report.character_error_rate is report.kind_accuracy is None
    assert 0.0 <= report.median_seconds <= report.p95_seconds
    assert to_json(report)["images"] == 1


def test_sample_tickets_are_scored(tmp_path: Path, fake_settings: Settings) -> None:
    """A folder of sample tickets is scored by expected.json; a ticket with two images is not,
    since nobody says which of them is meant."""
    ticket(tmp_path / "one", ["a.png"], {"lines": FAKE_LINES, "image_kind": "document"})
    ticket(tmp_path / "two", ["a.png", "b.png"], {"lines": FAKE_LINES, "image_kind": "parcel"})
    ticket(tmp_path / "none", [], {"lines": [], "image_kind": None})
    report = evaluate(tmp_path, fake_settings)
    assert (report.images, report.with_lines, report.with_kind) == (3, 1, 1)
    assert report.line_recall == 1.0


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    """A folder with neither manifest nor tickets is refused in one sentence."""
    with pytest.raises(UsageError, match="neither a manifest.json that names images nor tickets"):
        labelled_images(tmp_path)


@pytest.mark.parametrize("text", ["{", "7", "[{}]", '[{"file": 3}]', '["a.png"]'])
def test_a_broken_manifest_is_refused(tmp_path: Path, text: str) -> None:
    """A manifest that isn't JSON, or isn't a list of files, is refused in one sentence."""
    (tmp_path / "manifest.json").write_text(text, "utf-8")
    with pytest.raises(UsageError, match="do not have the expected form"):
        labelled_images(tmp_path)


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    """A kind that means nothing is refused with the list of those that do."""
    data = folder(tmp_path, [{"file": "a.png", "kind": "selfie"}])
    with pytest.raises(UsageError, match="'selfie'; there is screenshot, document"):
        labelled_images(data)
