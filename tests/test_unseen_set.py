"""The tickets that nothing is tuned on are labelled as a careful stranger would label them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from mmcs.decoder import SAMPLE_RATE
from mmcs.evaluate.drafts_report import LabelledTicket
from mmcs.labelled import read_labelled
from mmcs.media import read_sound

DRAFTS = Path(__file__).parent / "drafts"
TRANSIT = Path(__file__).parent / "knowledge" / "transit"
SETS = {
    name: read_labelled(DRAFTS / f"unseen_{name}_test.jsonl", LabelledTicket, "ticket")
    for name in ("transit", "arduino")
}
ALL = [ticket for tickets in SETS.values() for ticket in tickets]
MOST_BYTES = 60_000


def readable(article: Path) -> str:
    """Return the words of an article as they are compared: on one line, in small letters."""
    return " ".join(article.read_text("utf-8").casefold().split())


def test_each_ticket_has_a_name_of_its_own() -> None:
    """No two tickets share an id, and no two say the same."""
    assert len({ticket.id for ticket in ALL}) == len(ALL) >= 130
    said = [(ticket.text, ticket.audio, ticket.images) for ticket in ALL]
    assert len(set(said)) == len(said)


def test_a_fifth_has_no_answer() -> None:
    """Of each set, 18 to 22 % have no article that answers."""
    for tickets in SETS.values():
        assert 0.18 <= sum(not ticket.answerable for ticket in tickets) / len(tickets) <= 0.22


@pytest.mark.parametrize("ticket", ALL, ids=lambda ticket: ticket.id)
def test_the_label_is_whole(ticket: LabelledTicket) -> None:
    """A ticket with an answer names articles and facts, one without names neither."""
    assert ticket.text or ticket.audio
    assert ticket.answerable is bool(ticket.articles) is bool(ticket.facts)
    assert len(ticket.articles) <= 2
    assert len(ticket.facts) <= 3
    required = [fact.casefold().split(" | ") for fact in ticket.facts]
    for wrong in ticket.forbidden:
        assert all(any(wrong.casefold() not in wording for wording in fact) for fact in required)


@pytest.mark.parametrize("ticket", SETS["transit"], ids=lambda ticket: ticket.id)
def test_each_fact_stands_in_an_article(ticket: LabelledTicket) -> None:
    """Some wording of each fact is what one of the ticket's articles says."""
    texts = [readable(TRANSIT / f"{article}.md") for article in ticket.articles]
    for fact in ticket.facts:
        assert any(wording in text for wording in fact.casefold().split(" | ") for text in texts)


def test_the_media_are_there_and_small() -> None:
    """Each image and voice note of a ticket opens, is small, and belongs to one ticket."""
    images = [DRAFTS / name for ticket in ALL for name in ticket.images]
    sounds = [DRAFTS / name for ticket in ALL for name in ticket.audio]
    assert len(images) >= 24
    assert len(sounds) >= 10
    for image in images:
        assert 600 <= Image.open(image).width <= 1280
    for sound in sounds:
        assert 5 <= len(read_sound(sound, sound.name)) / SAMPLE_RATE <= 30
    here = {
        path for path in (DRAFTS / "unseen").iterdir() if path.suffix in {".jpg", ".png", ".ogg"}
    }
    assert here == set(images + sounds)
    assert len(here) == len(images + sounds)
    assert all(path.stat().st_size <= MOST_BYTES for path in here)
