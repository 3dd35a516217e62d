"""Drafts are judged by what a reader would look for."""

import json
from pathlib import Path

import pytest

from mmcs.errors import UsageError
from mmcs.evaluate.bootstrap import paired_bootstrap
from mmcs.evaluate.drafts import evaluate, reading_ease
from mmcs.evaluate.drafts_page import write_page
from mmcs.settings import Settings

TICKET = {
    "id": "t1",
    "text": "My parcel shows no movement in tracking for 6 days, is it lost?",
    "articles": ["en/delivery/lost-parcel"],
    "facts": ["five working days | 5 working days", "<b>nowhere</b> | never said"],
    "forbidden": ["Northlight"],
    "answerable": True,
}


def labelled(folder: Path, *tickets: dict[str, object]) -> Path:
    path = folder / "tickets.jsonl"
    path.write_text("\n".join(json.dumps(ticket) for ticket in tickets), "utf-8")
    return path


def unseen(line: str) -> None:
    """Take no notice of progress."""


def test_facts_and_forbidden_words_are_looked_up(fake_settings: Settings, tmp_path: Path) -> None:
    """Each fact counts once, by any of its wordings; what is forbidden is named."""
    report = evaluate(labelled(tmp_path, TICKET), fake_settings, ["article"], unseen)
    score = report.scores[0].drafts["article"]
    assert score.facts == pytest.approx(0.5)
    assert score.missing == ("<b>nowhere</b> | never said",)
    assert score.forbidden == ("Northlight",)
    assert report.engines[0].forbidden == 1
    assert score.unmarked == ()


def test_the_page_shows_markup_as_text(fake_settings: Settings, tmp_path: Path) -> None:
    """What tickets and drafts hold is escaped, and nothing is loaded from elsewhere."""
    report = evaluate(labelled(tmp_path, TICKET), fake_settings, ["article"], unseen)
    page = tmp_path / "drafts.html"
    write_page(report, page)
    written = page.read_text("utf-8")
    assert "&lt;b&gt;nowhere&lt;/b&gt;" in written
    assert "<b>nowhere" not in written
    assert "src=" not in written and "http" not in written


def test_a_line_that_is_no_ticket_is_named(fake_settings: Settings, tmp_path: Path) -> None:
    """The sentence says which line, and what it needs."""
    with pytest.raises(
        UsageError, match="Line 1 of tickets.jsonl is no ticket; it needs id, text, answerable"
    ):
        evaluate(labelled(tmp_path, {"id": "t1"}), fake_settings, ["article"], unseen)


def test_a_sure_difference_is_told_from_chance() -> None:
    """An interval around nothing holds zero, one around a steady gain doesn't."""
    gain = paired_bootstrap("gain", [1.0, 0.9, 1.0, 0.8] * 5, [0.5, 0.4, 0.6, 0.2] * 5)
    chance = paired_bootstrap("chance", [1.0, 0.0] * 10, [0.0, 1.0] * 10)
    assert gain.low > 0
    assert chance.low < 0 < chance.high
    assert "may be chance" in chance.line()


def test_short_words_read_more_easily() -> None:
    """Flesch's ease falls with long sentences of long words."""
    easy = reading_ease("The cat sat. It was a good day.")
    hard = reading_ease("Notwithstanding considerable organisational complications, reimbursement.")
    assert easy is not None and hard is not None
    assert easy > 90 > hard
