"""Several desks on one database: no write undoes another's, older databases open, and nobody waits
long for a lock. SQLite and PostgreSQL, each for real."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from test_store import AGENTS, at_once, case, desk

from mmcs.database import BUSY, connect
from mmcs.errors import StoreError
from mmcs.settings import Settings
from mmcs.store import Edit, Kept, Store
from mmcs.ticket import Message, to_json

if TYPE_CHECKING:
    from postgres import Server

__all__ = ["desk"]  # the fixture
pytest_plugins = ["postgres"]

WRITERS, WRITES = 4, 30
# As the first version made it.
OLD_TABLE = """
CREATE TABLE cases (
    owner VARCHAR(64) NOT NULL, id VARCHAR(64) NOT NULL, subject VARCHAR(80) NOT NULL,
    status VARCHAR(16) NOT NULL, category VARCHAR(64) NOT NULL, updated TIMESTAMP NOT NULL,
    reply TEXT NOT NULL, "case" JSON NOT NULL, PRIMARY KEY (owner, id))
"""
OLD_ROW = """
INSERT INTO cases VALUES
    ('anna', 'c1', 'Late', 'open', '', '2026-01-02 03:04:05', 'Dear', :kept)
"""
HOLD_SQLITE = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


def with_turn(kept: Kept, text: str) -> Kept:
    """Return a ticket with one more turn."""
    ticket = kept.case.ticket
    turns = replace(ticket, messages=(*ticket.messages, Message("note", text)))
    return replace(kept, case=replace(kept.case, ticket=turns))


def test_no_write_of_two_desks_is_lost(desk: Settings) -> None:
    """Four agents at two desks add turns to one ticket at once: each that was acknowledged is
    there, once, and the revisions count them."""
    stores = (Store(desk), Store(desk))
    stores[0].keep("anna", case())

    def work(number: int) -> None:
        for turn in range(WRITES):
            words = f"{number}/{turn}"
            kept = stores[number % 2].change("anna", "c1", lambda k, w=words: with_turn(k, w))  # type: ignore[misc]  # mypy cannot infer a default's type
            assert kept.case.ticket.messages[-1].text == words

    at_once(work, WRITERS)
    kept = stores[0].kept("anna", "c1")
    words = sorted(m.text for m in kept.case.ticket.messages[1:])
    assert words == sorted(f"{n}/{turn}" for n in range(WRITERS) for turn in range(WRITES))
    assert kept.revision == 1 + WRITERS * WRITES == stores[1].latest("anna", "c1")


def test_an_answer_and_a_correction_at_once_are_both_there(desk: Settings) -> None:
    """Whoever reads, is overtaken by another desk's reply, and then writes, writes onto it."""
    one, other = Store(desk), Store(desk)
    one.keep("anna", case(), reply="Dear")
    overtaken: list[int] = []

    def slow(kept: Kept) -> Kept:
        if not overtaken:
            overtaken.append(kept.revision)
            other.answer("anna", "c1", "It comes today.", "there")
        return with_turn(kept, "Called.")

    kept = one.change("anna", "c1", slow)
    assert [m.text for m in kept.case.ticket.messages[1:]] == ["It comes today.", "Called."]
    assert kept.case.ticket.status == "answered"
    assert (kept.reply, kept.edits) == (
        "",
        {"message": Edit("there", 2), "reply": Edit("there", 2)},
    )
    assert one.kept("anna", "c1") == kept


def test_what_stays_as_it_was_is_not_written(desk: Settings) -> None:
    """A change that changes nothing counts no revision; a ticket that is not there stays so."""
    store = Store(desk)
    store.keep("anna", case())
    assert store.change("anna", "c1", lambda kept: kept).revision == 1
    assert store.change("anna", "c2", lambda kept: kept).revision == 0
    assert store.latest("anna", "c2") == 0 and store.count() == 1


def test_a_database_of_an_older_version_opens(desk: Settings) -> None:
    """Its tickets are read, changed and counted on, also when many desks open it at once."""
    desk.home.mkdir(parents=True)
    older = connect(desk)
    with older.begin() as connection:
        connection.execute(sa.text(OLD_TABLE))
        connection.execute(sa.text(OLD_ROW), {"kept": json.dumps(to_json(case()))})
    stores = at_once(lambda _: Store(desk))
    kept = stores[0].kept("anna", "c1")
    assert kept == Kept(case(), "Dear", {}, 1)
    at_once(lambda n: stores[n].change("anna", "c1", lambda k: with_turn(k, str(n))))
    assert stores[0].latest("anna", "c1") == 1 + AGENTS


def test_desks_share_a_secret(desk: Settings) -> None:
    """Desks that ask for it at once get the same, and so do they after a restart; another name is
    another secret."""
    stores = [Store(desk) for _ in range(AGENTS)]
    found = set(at_once(lambda n: stores[n].secret("links")))
    assert len(found) == 1 and found == {Store(desk).secret("links")}
    assert len(found.pop()) == 32
    assert Store(desk).secret("links") != Store(desk).secret("other")


# --- locks ---


@contextmanager
def held(desk: Settings, request: pytest.FixtureRequest) -> Iterator[None]:
    """Let another process hold the database: all of SQLite's, Anna's ticket in PostgreSQL's."""
    if desk.database:
        server: Server = request.getfixturevalue("postgres")
        with server.connected(desk.database) as other:
            other.execute("BEGIN")
            other.execute("SELECT * FROM cases WHERE owner = 'anna' FOR UPDATE")
            yield
            other.execute("ROLLBACK")
        return
    told = [sys.executable, "-c", HOLD_SQLITE, str(desk.home / "desk.sqlite")]
    with subprocess.Popen(told, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other_process:
        assert other_process.stdout is not None
        assert other_process.stdout.readline() == b"held\n"
        yield
        other_process.communicate()


def test_a_lock_of_another_process_is_a_plain_sentence(
    desk: Settings, request: pytest.FixtureRequest
) -> None:
    """Who writes is told so and may try again; who reads is not kept waiting; nothing is half
    written."""
    store = Store(desk)
    store.keep("anna", case(text="old"))
    with held(desk, request):
        with pytest.raises(StoreError) as caught:
            store.keep("anna", case(text="new"))
        assert str(caught.value) == BUSY
        assert store.kept("anna", "c1").case == case(text="old")
        assert len(store.cases("anna")) == 1
    assert store.keep("anna", case(text="new")).revision == 2


def test_many_who_wait_for_a_lock_are_all_told(
    desk: Settings, request: pytest.FixtureRequest
) -> None:
    """More writers than there are connections: each gets the sentence, and meanwhile a reader gets
    the ticket."""
    store = Store(desk)
    store.keep("anna", case(text="old"))

    def write(number: int) -> str:
        if not number:
            return store.kept("anna", "c1").case.ticket.customer_text
        with pytest.raises(StoreError) as caught:
            store.keep("anna", case(text=str(number)))
        return str(caught.value)

    with held(desk, request):
        told = at_once(write, 20)
    assert told == ["old", *[BUSY] * 19]
    assert store.keep("anna", case(text="new")).revision == 2


def test_a_desk_starts_on_a_database_that_is_written_to(
    desk: Settings, request: pytest.FixtureRequest
) -> None:
    """A lock on its tickets keeps no desk from starting."""
    Store(desk).keep("anna", case())
    with held(desk, request):
        assert Store(desk).kept("anna", "c1").case == case()


def test_the_database_is_never_left_locked(desk: Settings) -> None:
    """A change that fails in between holds nothing."""
    store = Store(desk)
    store.keep("anna", case())

    def broken(kept: Kept) -> Kept:
        raise sqlite3.DataError(kept.case.id)

    with pytest.raises(sqlite3.DataError):
        store.change("anna", "c1", broken)
    assert Store(desk).keep("anna", case(text="new")).revision == 2
