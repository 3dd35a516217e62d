"""The store: what is kept comes back, to its owner alone. One contract for SQLite and PostgreSQL,
each for real."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING, TypeVar

import pytest

from mmcs.errors import StoreError
from mmcs.settings import Settings
from mmcs.store import Store
from mmcs.ticket import (
    Case,
    Evidence,
    Line,
    Message,
    Picture,
    Ticket,
    Transcript,
    Triage,
    Verdict,
)

if TYPE_CHECKING:
    from postgres import Server

pytest_plugins = ["postgres"]

AGENTS = 10
T = TypeVar("T")


def settings(folder: Path, **changes: str) -> Settings:
    return replace(Settings(home=folder / "home", cache=folder / "cache"), **changes)  # type: ignore[arg-type]  # fields


def case(case_id: str = "c1", text: str = "My parcel is late.") -> Case:
    return Case(case_id, Ticket((Message("customer", text),)))


def at_once(act: Callable[[int], T], times: int = AGENTS) -> list[T]:
    """Return what so many threads, which start together, return for their numbers."""
    barrier = Barrier(times)

    def started(number: int) -> T:
        barrier.wait()
        return act(number)

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(started, range(times)))


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """A desk on an empty database of either kind."""
    if request.param == "sqlite":
        return settings(tmp_path)
    server: Server = request.getfixturevalue("postgres")
    return settings(tmp_path, database=server.empty_database())


def test_a_case_outlives_the_process(desk: Settings) -> None:
    """A Case and the reply being typed are read back whole by a second Store on the same base."""
    Store(desk).keep("anna", case(), reply="Dear")
    again = Store(desk)
    assert again.kept("anna", "c1").case == case()
    assert again.kept("anna", "c1").reply == "Dear"


def test_owners_see_only_their_own(desk: Settings) -> None:
    """The same id under two owners is two Cases; nobody lists another's."""
    store = Store(desk)
    store.keep("anna", case(text="Anna's"), reply="Anna's reply")
    store.keep("ben", case(text="Ben's"))
    assert [filed.subject for filed in store.cases("anna")] == ["Anna's"]
    assert store.kept("ben", "c1").case == case(text="Ben's")
    assert store.kept("ben", "c1").reply == ""
    assert store.kept("eve", "c1").revision == 0 and store.cases("eve") == ()
    assert store.count() == 2


def test_keeping_again_writes_over(desk: Settings) -> None:
    """The latest Case of an id is kept, once, and listed first."""
    store = Store(desk)
    store.keep("anna", case("c1", "one"))
    store.keep("anna", case("c2", "two"))
    store.keep("anna", case("c1", "one, again"))
    assert [filed.subject for filed in store.cases("anna")] == ["one, again", "two"]


def test_a_list_ends_with_its_limit(desk: Settings) -> None:
    """Of more tickets than are asked for, the latest are listed."""
    store = Store(desk)
    for number in range(5):
        store.keep("anna", case(f"c{number}"))
    assert [filed.id for filed in store.cases("anna", limit=3)] == ["c4", "c3", "c2"]


def test_a_ticket_tells_when_it_was_changed(desk: Settings) -> None:
    """The time is in UTC and says so, whatever the database makes of zones."""
    store = Store(desk)
    before = datetime.now(timezone.utc)
    store.keep("anna", case())
    (filed,) = store.cases("anna")
    assert filed.updated.tzinfo is timezone.utc
    assert before <= filed.updated <= before + timedelta(seconds=60)


def test_an_answer_is_added_to_the_ticket(desk: Settings) -> None:
    """Sending records the agent's words as a turn of the conversation, and closes nothing else."""
    store = Store(desk)
    store.keep("anna", case(), reply="Hello")
    answered = store.answer("anna", "c1", "Hello,\0 it comes today.")
    assert answered.ticket.status == "answered"
    assert [m.author for m in answered.ticket.messages] == ["customer", "agent"]
    assert store.kept("anna", "c1").case == answered
    assert store.kept("anna", "c1").reply == ""


def test_a_ticket_that_is_gone_cannot_be_answered(desk: Settings) -> None:
    """Answering what is not there is one plain sentence, and so is answering another's."""
    store = Store(desk)
    store.keep("ben", case())
    for case_id in ("nope", "c1"):
        with pytest.raises(StoreError, match="no longer there"):
            store.answer("anna", case_id, "Hello")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Order\x0048213", "Order\ufffd48213"),
        ("cut \ud83d here", "cut \ufffd here"),
        ("\ude00 and \ud83d", "\ufffd and \ufffd"),
        ("two halves \ud83d\ude00", "two halves 😀"),
        ("\ud83d\ud83d\ude00", "\ufffd😀"),
        ("👩‍👩‍👧 🇩🇪 e\u0301 \ufeff\u202e\u2028\x01\x1f\x7f\uffff", None),
        ("我的包裹没有到，订单号 48213。", None),
        ("\\u0000 \\x00 %s %(a)s :a {0} \"'; DROP TABLE cases; --", None),
        ("😀 1 MB " + "x" * 1_000_000, None),
    ],
    ids=[
        *("NUL", "half a pair", "wrong halves", "a pair", "half and pair"),
        *("odd", "Chinese", "escapes", "1 MB"),
    ],
)
def test_no_text_loses_a_ticket(desk: Settings, text: str, kept: str | None) -> None:
    """Whatever is written, said, read or typed comes back; what no database keeps is one mark."""
    store = Store(desk)
    store.keep("anna", everywhere(text), reply=text)
    kept = text if kept is None else kept
    assert store.kept("anna", "c1").case == everywhere(kept)
    assert store.kept("anna", "c1").reply == kept
    (filed,) = store.cases("anna")
    assert filed.subject == " ".join(kept.split())[:80]
    assert filed.category == kept[:64]


def everywhere(text: str) -> Case:
    """Return a Case that holds a text wherever a customer, a model or a domain may write."""
    picture = Picture("b.png", "other", text, (), (Line(text, 0.5, (0, 0, 9, 9)),))
    return Case(
        "c1",
        Ticket((Message("customer", text),), subject=text),
        Evidence((Transcript("en", text, ()),), (picture,)),
        Triage(
            Verdict(text, 0.5), Verdict(text, 0.5), Verdict(text, 0.5), Verdict(text, 0.5), text
        ),
    )


def test_a_number_that_is_none_loses_no_ticket(desk: Settings) -> None:
    """NaN and infinity, for which JSON has no word, come back as they were."""
    store = Store(desk)
    store.keep("anna", replace(case(), seconds={"read": math.nan, "draft": -math.inf}))
    found = store.kept("anna", "c1").case
    assert found is not None
    assert math.isnan(found.seconds["read"]) and found.seconds["draft"] == -math.inf


def test_desks_may_start_at_once(desk: Settings) -> None:
    """Desks that find the database empty at the same moment all open it, and share one table."""

    def start(number: int) -> None:
        Store(desk).keep("anna", case(f"c{number}"))

    at_once(start)
    assert len(Store(desk).cases("anna")) == AGENTS


def test_agents_write_and_read_at_once(desk: Settings) -> None:
    """Ten agents at two desks lose nothing, and see nobody else's."""
    stores = (Store(desk), Store(desk))

    def work(number: int) -> list[str]:
        owner, store = f"agent{number}", stores[number % 2]
        for turn in range(8):
            store.keep(owner, case(f"c{turn % 4}", f"{owner}, turn {turn}"))
            assert store.kept(owner, f"c{turn % 4}").case == case(
                f"c{turn % 4}", f"{owner}, turn {turn}"
            )
        return [filed.subject for filed in stores[(number + 1) % 2].cases(owner)]

    wanted = [[f"agent{n}, turn {turn}" for turn in (7, 6, 5, 4)] for n in range(AGENTS)]
    assert at_once(work) == wanted


def test_a_new_ticket_may_be_written_twice_at_once(desk: Settings) -> None:
    """Desks that write the same new ticket in the same moment both can; one of them comes last."""
    stores = [Store(desk) for _ in range(AGENTS)]
    for number in range(5):
        case_id = f"c{number}"
        at_once(lambda n, i=case_id: stores[n].keep("anna", case(i, f"by {n}")))  # type: ignore[misc]  # mypy cannot infer a default's type
        assert stores[0].cases("anna")[0].subject in {f"by {n}" for n in range(AGENTS)}
    assert stores[0].count() == 5
