"""What is typed in two windows at once: nothing is overwritten unseen, or asked needlessly."""

from __future__ import annotations

from dataclasses import replace

import pytest
from desk_pages import LATE

from mmcs.desk.page import Page, open_page
from mmcs.desk.typed import as_drawn, as_followed, chosen, is_outdated, rival, text_of, typed
from mmcs.store import Kept, TextName
from mmcs.ticket import Case, Message, Ticket

BOTH: tuple[TextName, ...] = ("message", "reply")


@pytest.fixture
def kept() -> Kept:
    """A ticket that both windows have drawn."""
    return Kept(Case("1" * 12, Ticket((Message("customer", LATE),))), "Dear", revision=1)


def window(name: str, kept: Kept) -> Page:
    """Return a window that shows a ticket as it is."""
    return as_drawn(open_page({}, window=name), kept)


def written(kept: Kept) -> Kept:
    """Return what a store has after it was written."""
    return replace(kept, revision=kept.revision + 1)


@pytest.mark.parametrize("name", BOTH)
def test_one_window_types_on(kept: Kept, name: TextName) -> None:
    """Its own text is never another's: word by word it takes its place, with nothing to choose."""
    page = window("a", kept)
    for text in ("one", "one two", "one two three", ""):
        kept = written(typed(kept, name, text, page))
        assert text_of(kept, name) == text and rival(kept, name, text, page) is None


@pytest.mark.parametrize("name", BOTH)
def test_the_later_window_keeps_its_text_beside(kept: Kept, name: TextName) -> None:
    """What it typed over an older state stays beside what is there, word by word; each window is
    shown the other's, and either choice ends it."""
    first, later = window("a", kept), window("b", kept)
    kept = written(typed(kept, name, "first", first))
    for text in ("lat", "later"):
        kept = written(typed(kept, name, text, later))
        assert text_of(kept, name) == "first" and kept.edits[name].other == text
        assert rival(kept, name, text, later) == "first"
    assert rival(kept, name, "first", first) == "later"
    for text in ("first", "later"):
        after = written(chosen(kept, name, text, later))
        assert text_of(after, name) == text and rival(after, name, text, later) is None
    outvoted = written(chosen(kept, name, "later", later))
    assert rival(outvoted, name, "first", first) == "later"


def test_a_text_that_was_typed_over_what_is_there_takes_its_place(kept: Kept) -> None:
    """A window that says what it has typed over needs no memory here, as after a restart."""
    kept = written(typed(kept, "reply", "Dear customer", window("a", kept)))
    unknown = open_page({}, window="b")
    assert text_of(typed(kept, "reply", "Hello", unknown, ["Dear customer"]), "reply") == "Hello"
    assert text_of(typed(kept, "reply", "Hello", unknown, ["Dear"]), "reply") == "Dear customer"


def test_only_an_untouched_text_is_drawn_anew(kept: Kept) -> None:
    """A window that shows the older text draws the newer; one with words of its own does not."""
    first, other = window("a", kept), window("b", kept)
    kept = written(typed(kept, "reply", "first", first))
    assert is_outdated(kept, "reply", "Dear", other)
    assert not is_outdated(kept, "reply", "Dear me", other)
    assert not is_outdated(kept, "reply", "first", other)
    assert not is_outdated(kept, "reply", "Dear", first)


def test_a_window_that_followed_a_run_is_up_to_date_unless_a_text_is_not(kept: Kept) -> None:
    """Findings are drawn as they come; a text that another window has changed is still to be
    caught up with."""
    page = window("a", kept)
    found = written(kept)
    assert as_followed(page, found).revision == found.revision
    assert as_followed(page, found).shown == page.shown
    elsewhere = written(typed(kept, "reply", "Hello", window("b", kept)))
    assert as_followed(page, elsewhere) == page


def test_a_page_comes_back_as_it_was_kept(kept: Kept) -> None:
    """What the browser remembers of texts is read back, and anything else is not taken."""
    page = window("a", kept)
    assert open_page(page.to_json(), window="a") == page
    odd: object
    for odd in ("x", [], {"reply": 1}, {"reply": [1, 2]}, {"reply": ["1", ""]}, {"other": [1, ""]}):
        assert open_page({**page.to_json(), "shown": odd}).shown == {}
