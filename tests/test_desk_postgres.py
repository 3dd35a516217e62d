"""Two desks on one PostgreSQL: whoever has a ticket's owner token finds it at either."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from desk_pages import LATE, served

from mmcs.backends.fake import FakeReader
from mmcs.bench.served import Visitor, Wire, connected
from mmcs.roles import ROLES
from mmcs.settings import Settings

if TYPE_CHECKING:
    from postgres import Server

pytest_plugins = ["postgres"]

REPLY = "Dear customer, it comes today.\0"


@pytest.fixture
def first(postgres: Server, tmp_path: Path) -> Settings:
    """A desk on fakes, on an empty database of a server."""
    desk = Settings(cache=tmp_path / "cache", home=tmp_path / "home", offline=True)
    return replace(desk, database=postgres.empty_database()).with_flags(
        **dict.fromkeys(ROLES, "fake")
    )


@pytest.fixture
def second(first: Settings, tmp_path: Path) -> Settings:
    """A desk on the same database, on a machine of its own."""
    return replace(first, cache=tmp_path / "cache of 2", home=tmp_path / "home of 2")


@pytest.fixture
def wire(first: Settings) -> Iterator[Wire]:
    """The first desk, served."""
    with served(first) as url, connected(url) as opened:
        yield opened


def drafted(visitor: Visitor) -> str:
    """Press Draft, and return everything that the page shows for it."""
    visitor.seen.clear()
    list(visitor.draft(LATE))
    return " ".join(visitor.seen)


def loaded(visitor: Visitor) -> str:
    """Open the page anew, and return what it shows."""
    visitor.seen.clear()
    visitor.call("load", visitor.page)
    return " ".join(visitor.seen)


def test_a_ticket_written_at_one_desk_is_opened_at_the_other(wire: Wire, second: Settings) -> None:
    """Its owner finds message and typed reply there, and what is sent there is seen here; a visitor
    with the ticket's id alone finds nothing at either."""
    anna = Visitor(wire)
    anna.type("message", LATE + "\0")
    anna.type("reply", REPLY)
    with served(second) as url, connected(url) as other:
        anna_there, bob = Visitor(other, dict(anna.page)), Visitor(other)
        shown = loaded(anna_there)
        assert LATE in shown and "it comes today." in shown
        bob.page["case"] = anna.page["case"]
        shown = loaded(bob)
        assert LATE not in shown and "it comes today." not in shown
        anna_there.call("send", anna_there.page, REPLY)
    assert "it comes today." in loaded(anna)  # a turn of the conversation now
    assert LATE not in loaded(Visitor(wire, bob.page))


def test_a_file_that_the_other_desk_has_not_is_a_plain_sentence(
    wire: Wire, first: Settings, second: Settings, image: str
) -> None:
    """Without the first desk's home, the ticket opens all the same; drafting says which file is
    missing. With it, the file is read."""
    anna = Visitor(wire)
    anna.type("message", LATE)
    anna.upload(Path(image))
    with served(second) as url, connected(url) as other:
        there = Visitor(other, dict(anna.page))
        assert LATE in loaded(there)
        shown = drafted(there)
        assert "box.png is not kept on this desk: attach it again." in shown
        assert "process_completed" in shown and '"success": false' not in shown
    shared = replace(second, home=first.home)
    with served(shared) as url, connected(url) as other:
        there = Visitor(other, dict(anna.page))
        drafted(there)
        shown = loaded(there)
        assert FakeReader.lines[0] in shown and "is not kept on this desk" not in shown
