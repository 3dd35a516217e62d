"""Tickets that outlive a closed tab: each owner's Cases, in a database.

One table; the Case is kept as its own JSON, so that the database never knows more words than the
contract. SQLite by default, PostgreSQL or whatever else SQLAlchemy speaks by MMCS_DATABASE; several
desks may share one database.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, replace
from datetime import datetime, timezone
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.engine.interfaces import DBAPIConnection

from mmcs.errors import StoreError
from mmcs.settings import Settings
from mmcs.ticket import Case, Message, from_json, to_json

PATIENCE = 5  # seconds until a server that does not answer is given up
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
_POSTGRESQL = {
    "connect_timeout": str(PATIENCE),
    # A connection that a firewall has forgotten hangs for a quarter of an hour otherwise.
    "tcp_user_timeout": str(PATIENCE * 1000),  # ms
    # A database that was made without a locale names no encoding, and answers with bytes.
    "client_encoding": "utf8",
}
_SUBJECT_LENGTH = 80  # characters
_CATEGORY_LENGTH = 64  # characters


class _Moment(sa.types.TypeDecorator[datetime]):
    """A time in UTC that says so. SQLite forgets the zone that it is given, and PostgreSQL answers
    in the zone of its session."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return what the database answered, in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            return value.replace(tzinfo=timezone.utc)
        return value.astimezone(timezone.utc)


_metadata = sa.MetaData()
_cases = sa.Table(
    "cases",
    _metadata,
    sa.Column("owner", sa.String(64), primary_key=True),
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("subject", sa.String(_SUBJECT_LENGTH), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("category", sa.String(_CATEGORY_LENGTH), nullable=False),
    sa.Column("updated", _Moment, nullable=False, index=True),
    sa.Column("reply", sa.Text, nullable=False),  # what the agent has edited, not yet sent
    sa.Column("case", sa.JSON, nullable=False),
)


@dataclass(frozen=True)
class Filed:
    """One line of an owner's list of tickets."""

    id: str
    subject: str
    status: str
    category: str
    updated: datetime  # UTC


class Store:
    """Keeps Cases. An owner sees only their own."""

    def __init__(self, settings: Settings) -> None:
        """Open the database, and make its table if it is new.

        Raises:
            StoreError: it cannot be opened.
        """
        url = _url(settings)
        self.address = url.set(query={}).render_as_string(hide_password=True)  # ?password=… too
        try:
            if not settings.database:
                settings.home.mkdir(parents=True, exist_ok=True)
            # A server that restarts leaves dead connections behind: each is tried before its use.
            self._engine = sa.create_engine(url, pool_pre_ping=True)
            if self._engine.dialect.name == "sqlite":
                sa.event.listen(self._engine, "connect", _on_a_space if settings.space else _local)
            self._make_table()
        except ModuleNotFoundError as error:
            raise StoreError(
                f"The database {self.address} needs the package {error.name}, "
                "which is not installed."
            ) from error
        except (OSError, sa.exc.SQLAlchemyError) as error:
            raise StoreError(f"The database {self.address} cannot be opened.") from error

    def keep(self, owner: str, case: Case, reply: str = "") -> None:
        """Write a Case, over an older one of the same id. Characters that not every database can
        keep become U+FFFD.

        Raises:
            StoreError: the database cannot be written.
        """
        row = {
            "subject": _storable(_subject(case)),
            "status": case.ticket.status,
            "category": _storable(case.triage.category.label if case.triage else ""),
            "updated": datetime.now(timezone.utc),
            "reply": _storable(reply),
            "case": _storable(to_json(case)),
        }
        row["category"] = row["category"][:_CATEGORY_LENGTH]
        update = sa.update(_cases).where(_mine(owner, case.id)).values(row)
        with self._transaction() as connection:
            if connection.execute(update).rowcount:
                return
            try:
                with connection.begin_nested():
                    connection.execute(sa.insert(_cases).values(owner=owner, id=case.id, **row))
            except sa.exc.IntegrityError:  # another desk has just written it
                connection.execute(update)

    def cases(self, owner: str, limit: int = 50) -> tuple[Filed, ...]:
        """Return an owner's tickets, the latest first.

        Raises:
            StoreError: the database cannot be read.
        """
        columns = [_cases.c[f.name] for f in fields(Filed)]
        query = sa.select(*columns).where(_cases.c.owner == owner)
        with self._transaction() as connection:
            rows = connection.execute(query.order_by(_cases.c.updated.desc()).limit(limit))
            return tuple(Filed(*row) for row in rows)

    def count(self) -> int:
        """Return how many tickets are kept, of all owners.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._transaction() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(_cases)).scalar_one()

    def case(self, owner: str, case_id: str) -> Case | None:
        """Return an owner's Case; None if there is none of that id.

        Raises:
            StoreError: the database cannot be read, or holds what is no Case.
        """
        found = self._column(owner, case_id, _cases.c.case)
        try:
            return from_json(Case, found) if found is not None else None
        except ValidationError as error:
            raise StoreError(f"The ticket {case_id} was written by another version.") from error

    def every(self) -> Iterator[Case]:
        """Yield the tickets of all owners, for training on this machine; not those that another
        version wrote.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._transaction() as connection:
            for (found,) in connection.execute(sa.select(_cases.c.case)):
                with suppress(ValidationError):
                    yield from_json(Case, found)

    def reply(self, owner: str, case_id: str) -> str:
        """Return what the agent had typed for a Case.

        Raises:
            StoreError: the database cannot be read.
        """
        return str(self._column(owner, case_id, _cases.c.reply) or "")

    def answer(self, owner: str, case_id: str, text: str) -> Case:
        """Add the agent's reply to the ticket, which is then answered, and return its Case.

        Raises:
            StoreError: there is no such ticket, or the database cannot be written.
        """
        case = self.case(owner, case_id)
        if case is None:
            raise StoreError("This ticket is no longer there.")
        messages = (*case.ticket.messages, Message("agent", _storable(text)))
        answered = replace(case, ticket=replace(case.ticket, messages=messages, status="answered"))
        self.keep(owner, answered)
        return answered

    def _make_table(self) -> None:
        with self._engine.connect() as connection:
            try:
                with connection.begin():
                    _metadata.create_all(connection)
            except sa.exc.DBAPIError:  # another desk, started at once, may have made it just now
                with connection.begin():
                    _metadata.create_all(connection)

    def _column(self, owner: str, case_id: str, column: sa.Column[Any]) -> Any:
        with self._transaction() as connection:
            query = sa.select(column).where(_mine(owner, case_id))
            return connection.execute(query).scalar_one_or_none()

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            raise StoreError("The database could not be read or written.") from error


def _mine(owner: str, case_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(_cases.c.owner == owner, _cases.c.id == case_id)


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


def _storable(value: Any) -> Any:
    """Return JSON values as every database can keep them.

    PostgreSQL refuses NUL, no database takes half a surrogate pair, and a whole ticket must not be
    lost over one such character. It becomes the character that stands for one that cannot be shown:
    left out, it would join words and shift what counts characters. Nor has JSON a word for NaN.
    https://www.postgresql.org/docs/current/datatype-json.html
    """
    if isinstance(value, str):
        # In UTF-16 two halves that belong together become one character again.
        whole = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return whole.replace("\0", "\ufffd")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # which from_json reads as the number
    if isinstance(value, dict):
        return {key: _storable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_storable(inner) for inner in value]
    return value


def _subject(case: Case) -> str:
    """Return what a list shows for a ticket: its subject, else the customer's first words."""
    words = case.ticket.subject or case.ticket.customer_text
    if not words:
        words = next((heard.text for heard in case.evidence.transcripts if heard.text), "")
    if not words:
        words = ", ".join(attachment.name for attachment in case.ticket.attachments)
    return " ".join(words.split())[:_SUBJECT_LENGTH]


def _local(connection: DBAPIConnection, _: object) -> None:
    """Let readers go on while a Case is written."""
    _for_many_threads(connection, "WAL")


def _on_a_space(connection: DBAPIConnection, _: object) -> None:
    """Do without the memory that WAL's readers share: a bucket mounted as a folder has none.
    https://www.sqlite.org/wal.html#noshm"""
    _for_many_threads(connection, "DELETE")


def _for_many_threads(connection: DBAPIConnection, journal: str) -> None:
    """Let a writer wait for another.

    A journal is not waited for: the desk that has the database open at this moment sets the same,
    for all of them. https://www.sqlite.org/pragma.html#pragma_journal_mode
    """
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=5000")  # ms
    with suppress(sqlite3.OperationalError):
        cursor.execute(f"PRAGMA journal_mode={journal}")
    cursor.close()
