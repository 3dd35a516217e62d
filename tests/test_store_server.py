"""The database's address, and what may happen to a PostgreSQL server while desks use it."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from traceback import format_exception
from typing import TYPE_CHECKING

import pytest
from test_store import AGENTS, at_once, case, settings

from mmcs.database import PATIENCE
from mmcs.errors import StoreError
from mmcs.store import Store

if TYPE_CHECKING:
    from postgres import Server

pytest_plugins = ["postgres"]


# --- addresses ---


@pytest.mark.parametrize(
    "address", ["sqlite:////proc/nowhere/desk.sqlite", "sqlite:////etc/passwd"]
)
def test_a_database_that_cannot_be_opened_says_so(tmp_path: Path, address: str) -> None:
    """A wrong address is one sentence without a trace."""
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(settings(tmp_path, database=address))


@pytest.mark.parametrize(
    "address",
    [
        "no address",
        "postgresql://desk:secret@host:five/name",
        "postgresql://desk:se@secret@host/name",
        "postgresql://desk:se@secret:word@host/name",
        "postgresql://desk:se@secret/word@host/name",
    ],
)
def test_an_address_that_is_none_says_how_to_write_one(tmp_path: Path, address: str) -> None:
    """What cannot be told apart from a password is never quoted, not even in a trace."""
    with pytest.raises(StoreError, match="write it as postgresql://user") as caught:
        Store(settings(tmp_path, database=address))
    assert "secret" not in "".join(format_exception(caught.value))


def test_a_driver_that_is_missing_is_named(tmp_path: Path) -> None:
    """A database that SQLAlchemy speaks with a package that is not there says which."""
    with pytest.raises(
        StoreError, match=r"mysql://desk:\*\*\*@host/name needs the package MySQLdb"
    ):
        Store(settings(tmp_path, database="mysql://desk:secret@host/name?password=secret"))


def test_a_home_of_any_name_holds_the_tickets(tmp_path: Path) -> None:
    """A folder whose name would mean something in an address is a folder all the same."""
    odd = settings(tmp_path / "a@b c?d=e%41#工单")
    Store(odd).keep("anna", case())
    assert (odd.home / "desk.sqlite").is_file()


# --- a server ---


@pytest.mark.parametrize("scheme", ["postgresql+psycopg", "postgresql", "postgres"])
def test_postgresql_may_be_spelt_as_hosts_do(postgres: Server, tmp_path: Path, scheme: str) -> None:
    """Every usual scheme means the driver that is installed; no password is shown."""
    address = postgres.empty_database().replace("postgresql", scheme, 1)
    store = Store(settings(tmp_path, database=address))
    store.keep("anna", case())
    assert store.kept("anna", "c1").case == case()
    assert store.address.startswith("postgresql+psycopg://desk:***@127.0.0.1")


@pytest.mark.parametrize("options", ["ENCODING SQL_ASCII", "LOCALE 'C'"])
def test_a_database_without_an_encoding_keeps_every_text(
    postgres: Server, tmp_path: Path, options: str
) -> None:
    """A database made in a place without a locale answers with text, not with bytes."""
    address = postgres.new_database(f"TEMPLATE template0 {options}")
    store = Store(settings(tmp_path, database=address))
    store.keep("anna", case(text="我的包裹 😀"), reply="您好")
    assert store.kept("anna", "c1").case == case(text="我的包裹 😀")
    assert (store.kept("anna", "c1").reply, store.cases("anna")[0].subject) == (
        "您好",
        "我的包裹 😀",
    )


def test_the_zone_of_a_server_changes_no_time(postgres: Server, tmp_path: Path) -> None:
    """A server in Shanghai tells the same moment, in UTC."""
    address = postgres.new_database()
    name = address.rpartition("/")[2]
    with postgres.connected() as connection:
        connection.execute(f"ALTER DATABASE {name} SET timezone = 'Asia/Shanghai'".encode())
    before = datetime.now(timezone.utc)
    store = Store(settings(tmp_path, database=address))
    store.keep("anna", case())
    (filed,) = store.cases("anna")
    assert filed.updated.utcoffset() == timedelta(0)
    assert before <= filed.updated <= before + timedelta(seconds=60)


def test_a_desk_that_starts_while_another_makes_the_table_waits(
    postgres: Server, tmp_path: Path
) -> None:
    """A table that appears between looking for it and making it is no error."""
    desk = settings(tmp_path, database=postgres.empty_database())
    Store(desk)
    with postgres.connected(desk.database) as other, ThreadPoolExecutor(1) as threads:
        other.execute("ALTER TABLE cases RENAME TO hidden")
        other.execute("BEGIN")
        other.execute("ALTER TABLE hidden RENAME TO cases")
        starting = threads.submit(Store, desk)
        postgres.blocked(desk.database)
        other.execute("COMMIT")
        starting.result().keep("anna", case())


def test_a_server_that_restarts_between_two_requests_costs_nothing(
    postgres: Server, tmp_path: Path
) -> None:
    """No agent meets a connection that the restart has cut; while it is down, one plain sentence
    comes, and the same Store works again after it."""
    store = Store(settings(tmp_path, database=postgres.empty_database()))
    at_once(lambda number: store.keep(f"agent{number}", case()))
    postgres.stop()
    postgres.start()
    assert at_once(lambda number: store.kept(f"agent{number}", "c1").case) == [case()] * AGENTS
    postgres.stop()
    try:
        with pytest.raises(StoreError, match="^The database could not be read or written.$"):
            store.keep("anna", case())
    finally:
        postgres.start()
    store.keep("anna", case())


def test_a_connection_lost_in_the_middle_costs_one_request(
    postgres: Server, tmp_path: Path
) -> None:
    """What was being written is refused in one plain sentence and leaves the old Case; the next
    request works."""
    desk = settings(tmp_path, database=postgres.empty_database())
    store = Store(desk)
    store.keep("anna", case(text="old"))
    with postgres.connected(desk.database) as other, ThreadPoolExecutor(1) as threads:
        other.execute("BEGIN")
        other.execute("SELECT * FROM cases FOR UPDATE")
        writing = threads.submit(store.keep, "anna", case(text="new"))
        backend = postgres.blocked(desk.database)
        other.execute("SELECT pg_terminate_backend(%s)", [backend])
        with pytest.raises(StoreError, match="^The database could not be read or written.$"):
            writing.result()
    assert store.kept("anna", "c1").case == case(text="old")
    store.keep("anna", case(text="new"))
    assert store.kept("anna", "c1").case == case(text="new")


def test_a_wrong_password_is_refused_and_never_shown(postgres: Server, tmp_path: Path) -> None:
    """The sentence names the server and the user; no password is in it, nor in a trace."""
    address = postgres.address(password="wr0ng")
    for wrong in (address, address.replace(":wr0ng", "") + "?password=wr0ng"):
        with pytest.raises(StoreError, match="desk.*cannot be opened") as caught:
            Store(settings(tmp_path, database=wrong))
        assert "wr0ng" not in "".join(format_exception(caught.value))


@pytest.mark.parametrize("listens", [True, False])
def test_a_host_that_does_not_answer_is_given_up(tmp_path: Path, listens: bool) -> None:
    """Whether it is silent or nobody is there, the desk says so within seconds."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if listens:
            silent.listen()
        address = f"postgresql://desk:wr0ng@127.0.0.1:{silent.getsockname()[1]}/desk"
        begun = time.monotonic()
        with pytest.raises(StoreError, match="cannot be opened") as caught:
            Store(settings(tmp_path, database=address))
    assert time.monotonic() - begun < PATIENCE + 2
    assert "wr0ng" not in "".join(format_exception(caught.value))


def test_an_address_may_ask_for_more_patience(tmp_path: Path) -> None:
    """What the address says of its driver's options stands over the desk's own."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"postgresql://desk@127.0.0.1:{silent.getsockname()[1]}/d?connect_timeout=2"
        begun = time.monotonic()
        with pytest.raises(StoreError, match="cannot be opened"):
            Store(settings(tmp_path, database=address))
    assert time.monotonic() - begun < PATIENCE - 1
