"""The report on the check of drafts: its figures are worked out by hand on a few claims."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mmcs.errors import UsageError
from mmcs.evaluate.claims import KindReport, LabelScore, evaluate
from mmcs.settings import Settings
from mmcs.ticket import to_json

ENGLISH = "Refunds take 5 working days. You can return an item within 30 days."
CHINESE = "退款需要5个工作日。您可以在30天内退货。"
# What the check says of these is sure: a claim that stands in the source is supported, one with
# another number isn't, a question claims nothing, and what the shop is said to have done never is.
VERBATIM = "Refunds take 5 working days."
OTHER_NUMBER = "Refunds take 9 working days."
QUESTION = "Do refunds take long?"
DONE = "We have refunded you."


def line(claim: str, supported: bool, why: str = "", source: str = ENGLISH) -> dict[str, Any]:
    return {"id": "e1", "source": source, "claim": claim, "supported": supported, "why": why}


LINES = (
    line(VERBATIM, True, "shorter"),
    line(OTHER_NUMBER, False, "number"),
    line("Refunds take 8 working days.", False, "number"),
    line(QUESTION, False, "question"),
    line(DONE, True, "question"),
    line("您可以在30天内退货。", True, "shorter", CHINESE),
    line("您可以在90天内退货。", False, "number", CHINESE),
)


def written(folder: Path, *lines: dict[str, Any]) -> Path:
    path = folder / "claims.jsonl"
    path.write_text("\n".join(json.dumps(each) for each in lines), "utf-8")
    return path


def called(folder: Path, settings: Settings, *lines: dict[str, Any]) -> list[bool]:
    """Return what the check calls each claim."""
    return [score.called_supported for score in evaluate(written(folder, *lines), settings).scores]


def test_each_claim_is_checked(fake_settings: Settings, tmp_path: Path) -> None:
    """A claim that the source says word for word is supported, one with another number is not."""
    verdicts = called(tmp_path, fake_settings, *LINES)
    assert verdicts == [True, False, False, True, False, True, False]


def test_each_language_is_counted_alone(fake_settings: Settings, tmp_path: Path) -> None:
    """Accuracy, precision, recall and F1 are those of the confusion counts, in English here 1 true
    and 1 false "supported", 2 true and 1 false "unsupported"."""
    report = evaluate(written(tmp_path, *LINES), fake_settings)
    english, chinese, both = (report.languages[name] for name in ("en", "zh", "all"))
    assert (report.pairs, english.pairs, chinese.pairs, both.pairs) == (7, 5, 2, 7)
    assert english.accuracy == pytest.approx(3 / 5)
    assert english.supported == LabelScore(precision=1 / 2, recall=1 / 2, f1=1 / 2)
    assert english.unsupported == LabelScore(precision=2 / 3, recall=2 / 3, f1=2 / 3)
    assert chinese.accuracy == 1.0
    assert chinese.supported == chinese.unsupported == LabelScore(1.0, 1.0, 1.0)
    assert both.accuracy == pytest.approx(5 / 7)
    assert both.supported == LabelScore(precision=2 / 3, recall=2 / 3, f1=2 / 3)
    assert both.unsupported == LabelScore(precision=3 / 4, recall=3 / 4, f1=3 / 4)


def test_precision_is_not_recall(fake_settings: Settings, tmp_path: Path) -> None:
    """Precision is a share of what was called so, recall of what truly is so."""
    lines = (line(VERBATIM, True), line(QUESTION, False), line("Is it late?", False))
    found = evaluate(written(tmp_path, *lines), fake_settings).languages["all"]
    assert found.supported == LabelScore(precision=1 / 3, recall=1.0, f1=1 / 2)
    assert found.unsupported == LabelScore(precision=None, recall=0.0, f1=0.0)


def test_what_there_is_none_of_has_no_figure(fake_settings: Settings, tmp_path: Path) -> None:
    """Without claims of a label its figures are None, and a language without claims is left out."""
    report = evaluate(written(tmp_path, line(VERBATIM, True)), fake_settings)
    assert list(report.languages) == ["en", "all"]
    assert report.languages["all"].unsupported == LabelScore(None, None, None)
    assert report.kinds == {}


def test_kinds_are_counted(fake_settings: Settings, tmp_path: Path) -> None:
    """A kind says how many claims it has, how many are supported, and which share is called so."""
    report = evaluate(written(tmp_path, *LINES), fake_settings)
    assert report.kinds == {
        "number": KindReport(pairs=3, supported=0, called_supported=0.0),
        "question": KindReport(pairs=2, supported=1, called_supported=0.5),
        "shorter": KindReport(pairs=2, supported=2, called_supported=1.0),
    }


def test_a_source_may_have_several_claims(fake_settings: Settings, tmp_path: Path) -> None:
    """A line with a list of claims counts like as many lines with one claim."""
    many = {
        "id": "ve1",
        "source": ENGLISH,
        "claims": [[VERBATIM, True, "shorter"], [OTHER_NUMBER, False, "number"]],
    }
    listed = evaluate(written(tmp_path, many), fake_settings)
    single = evaluate(written(tmp_path, *LINES[:2]), fake_settings)
    assert listed.pairs == 2
    assert (listed.languages, listed.kinds) == (single.languages, single.kinds)


def test_every_sentence_must_be_supported(fake_settings: Settings, tmp_path: Path) -> None:
    """A claim of two sentences is supported only if both are."""
    good = f"{VERBATIM} You can return an item within 30 days."
    half = f"{VERBATIM} You can return an item within 90 days."
    assert called(tmp_path, fake_settings, line(good, True), line(half, False)) == [True, False]


def test_another_source_supports_nothing(fake_settings: Settings, tmp_path: Path) -> None:
    """A claim is held against its own source alone, though another line's source says it."""
    other = line(VERBATIM, False, source="Our shop in the old town opens at 9 every day.")
    assert called(tmp_path, fake_settings, line(VERBATIM, True), other) == [True, False]


def test_the_report_reads_well_and_goes_to_json(fake_settings: Settings, tmp_path: Path) -> None:
    """People read lines, programs read JSON."""
    report = evaluate(written(tmp_path, *LINES), fake_settings)
    rows = {row.split()[0]: row.split()[1:] for row in report.lines()}
    assert rows["7"][-1] == "fake"
    assert rows["en"] == "5 0.600 0.500 0.500 0.500 0.667 0.667 0.667".split()
    assert rows["question"] == ["2", "1", "0.500"]
    shaped = to_json(report)
    assert shaped["languages"]["zh"]["unsupported"]["f1"] == 1.0
    assert shaped["kinds"]["number"]["pairs"] == 3
    assert shaped["scores"][1]["called_supported"] is False


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "claims.jsonl holds no claim"),
        ("not json", "Line 1 of claims.jsonl is no claim; it needs id, source"),
        ('{"id": "e7"}', "Line 1 of claims.jsonl is no claim; it needs id, source"),
        ('{"id": "e7", "source": "x", "claims": [["x."]]}', "Line 1 of claims.jsonl is no claim"),
        ('{"id": "e7", "source": "x"}', 'Source e7 needs "claim" and "supported", or "claims"'),
        ('{"id": "e7", "source": "x", "claim": "x."}', "Source e7 needs"),
        ('{"id": "e7", "source": "x", "supported": true}', "Source e7 needs"),
        ('{"id": "e7", "source": "x", "claims": [["", true, "empty"]]}', "Source e7 needs"),
    ],
)
def test_bad_lines_are_told_plainly(
    fake_settings: Settings, tmp_path: Path, content: str, sentence: str
) -> None:
    """Each fault of the data is one sentence that names the line or its source."""
    file = tmp_path / "claims.jsonl"
    file.write_text(content, "utf-8")
    with pytest.raises(UsageError, match=sentence):
        evaluate(file, fake_settings)


def test_missing_data_is_told_plainly(fake_settings: Settings, tmp_path: Path) -> None:
    """A path with nothing at it is named."""
    with pytest.raises(UsageError, match="There are no labelled claims .*nothing.jsonl"):
        evaluate(tmp_path / "nothing.jsonl", fake_settings)
