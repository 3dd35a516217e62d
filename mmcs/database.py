"""The database of a desk: its address, how it is connected, and how long anybody waits for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection

from mmcs.errors import StoreError
from mmcs.settings import Settings

PATIENCE = 5  # seconds until a server that does not answer is given up
LOCKED = 3  # seconds until a lock that somebody else holds is given up
RUNNING = 10  # seconds for one statement on a server
BUSY = "The database is busy: another program holds it. Nothing was changed; try again in a moment."
UNREACHABLE = "The database could not be read or written."
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
_POSTGRESQL = {
    "connect_timeout": str(PATIENCE),
    # A connection that a firewall has forgotten hangs for a quarter of an hour otherwise.
    "tcp_user_timeout": str(PATIENCE * 1000),  # ms
    # A database that was made without a locale names no encoding, and answers with bytes.
    "client_encoding": "utf8",
}


def connect(settings: Settings) -> sa.Engine:
    """Return the way to the desk's database, which is not opened yet.

    Raises:
        StoreError: the address is none.
        ModuleNotFoundError: its driver is not installed.
    """
    url = _url(settings)
    # A server that restarts leaves dead connections behind: each is tried before its use. Among the
    # parameters are owners' tokens and tickets, which no error may quote.
    engine = sa.create_engine(url, pool_pre_ping=True, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _on_a_space if settings.space else _local)
    if engine.dialect.name == "postgresql" and "options" not in url.query:
        sa.event.listen(engine, "connect", _with_limits)
    return engine


@contextmanager
def transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Do something whole or not at all.

    Raises:
        StoreError: it could not be done; the message says if somebody else holds the database.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except sa.exc.SQLAlchemyError as error:
        raise StoreError(BUSY if _is_busy(error) else UNREACHABLE) from error


def address(settings: Settings) -> str:
    """Return the database's address as it may be shown, without a password.

    Raises:
        StoreError: it is none.
    """
    return _url(settings).set(query={}).render_as_string(hide_password=True)  # ?password=… too


def _url(settings: Settings) -> sa.URL:
    """Return the database's address, with what PostgreSQL's driver needs besides.

    Raises:
        StoreError: it is none.
    """
    if not settings.database:
        return sa.URL.create("sqlite", database=str(settings.home / "desk.sqlite"))
    try:
        url = sa.make_url(settings.database)
    except (ValueError, sa.exc.ArgumentError):
        url = None
    # With an @ in the password, its end is taken for the server: no message may quote that.
    if url is None or (url.username is not None and "@" in f"{url.host}/{url.database}"):
        raise StoreError(
            "MMCS_DATABASE cannot be understood: write it as postgresql://user:password@host/name, "
            "with %40 for an @ in the password."
        )
    if url.drivername in {"postgresql", "postgres"}:  # the second is what many hosts hand out
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername == "postgresql+psycopg":
        url = url.set(query={**_POSTGRESQL, **url.query})  # what the address asks for stands
    return url


def _local(connection: DBAPIConnection, _: object) -> None:
    """Let readers go on while a Case is written."""
    _for_many_threads(connection, "WAL")


def _on_a_space(connection: DBAPIConnection, _: object) -> None:
    """Do without the memory that WAL's readers share: a bucket mounted as a folder has none.
    https://www.sqlite.org/wal.html#noshm"""
    _for_many_threads(connection, "DELETE")


def _for_many_threads(connection: DBAPIConnection, journal: str) -> None:
    """Let a writer wait for another, but not for long.

    A journal is not waited for: the desk that has the database open at this moment sets the same,
    for all of them. https://www.sqlite.org/pragma.html#pragma_journal_mode
    """
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={LOCKED * 1000}")  # ms
    with suppress(sqlite3.OperationalError):
        cursor.execute(f"PRAGMA journal_mode={journal}")
    cursor.close()


def _with_limits(connection: DBAPIConnection, _: object) -> None:
    """Let nobody wait long for a lock on a server. Not in the connection's own options, which a
    pooler in between may refuse. What the address has in ``options`` stands instead."""
    cursor = connection.cursor()
    cursor.execute(f"SET lock_timeout = {LOCKED * 1000}")  # ms
    cursor.execute(f"SET statement_timeout = {RUNNING * 1000}")
    cursor.close()
    connection.commit()


def _is_busy(error: sa.exc.SQLAlchemyError) -> bool:
    """Say whether somebody waited for a lock, or for a connection, until the time was up."""
    if isinstance(error, sa.exc.TimeoutError):
        return True
    cause = getattr(error, "orig", None)
    if isinstance(cause, sqlite3.OperationalError):
        return "locked" in str(cause)
    # https://www.postgresql.org/docs/current/errcodes-appendix.html
    return getattr(cause, "sqlstate", None) in {"55P03", "57014"}
