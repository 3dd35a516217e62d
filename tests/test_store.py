"""The store: what is kept comes back, to its owner alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from mmcs.errors import StoreError
from mmcs.settings import Settings
from mmcs.store import Store
from mmcs.ticket import Case, Message, Ticket


def settings(folder: Path, **changes: str) -> Settings:
    return replace(Settings(home=folder / "home", cache=folder / "cache"), **changes)  # type: ignore[arg-type]  # fields


def case(case_id: str = "c1", text: str = "My parcel is late.") -> Case:
    return Case(case_id, Ticket((Message("customer", text),)))


def test_a_case_outlives_the_process(tmp_path: Path) -> None:
    """A Case and the reply being typed are read back whole by a second Store on the same file."""
    Store(settings(tmp_path)).keep("anna", case(), reply="Dear")
    again = Store(settings(tmp_path))
    assert again.case("anna", "c1") == case()
    assert again.reply("anna", "c1") == "Dear"


def test_owners_see_only_their_own(tmp_path: Path) -> None:
    """The same id under two owners is two Cases; nobody lists another's."""
    store = Store(settings(tmp_path))
    store.keep("anna", case(text="Anna's"))
    store.keep("ben", case(text="Ben's"))
    assert [filed.subject for filed in store.cases("anna")] == ["Anna's"]
    assert store.case("ben", "c1") == case(text="Ben's")
    assert store.case("eve", "c1") is None


def test_keeping_again_writes_over(tmp_path: Path) -> None:
    """The latest Case of an id is kept, once, and listed first."""
    store = Store(settings(tmp_path))
    store.keep("anna", case("c1", "one"))
    store.keep("anna", case("c2", "two"))
    store.keep("anna", case("c1", "one, again"))
    assert [filed.subject for filed in store.cases("anna")] == ["one, again", "two"]


def test_an_answer_is_added_to_the_ticket(tmp_path: Path) -> None:
    """Sending records the agent's words as a turn of the conversation, and closes nothing else."""
    store = Store(settings(tmp_path))
    store.keep("anna", case(), reply="Hello")
    answered = store.answer("anna", "c1", "Hello, it comes today.")
    assert answered.ticket.status == "answered"
    assert [m.author for m in answered.ticket.messages] == ["customer", "agent"]
    assert store.case("anna", "c1") == answered
    assert store.reply("anna", "c1") == ""


def test_a_ticket_that_is_gone_cannot_be_answered(tmp_path: Path) -> None:
    """Answering what is not there is one plain sentence."""
    with pytest.raises(StoreError, match="no longer there"):
        Store(settings(tmp_path)).answer("anna", "nope", "Hello")


@pytest.mark.parametrize(
    "address", ["sqlite:////proc/nowhere/desk.sqlite", "no address", "sqlite:////etc/passwd"]
)
def test_a_database_that_cannot_be_opened_says_so(tmp_path: Path, address: str) -> None:
    """A wrong address is one sentence without a trace."""
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(settings(tmp_path, database=address))
