"""Tickets that outlive a closed tab: each owner's Cases, in a database.

One table; the Case is kept as its own JSON, so that the database never knows more words than the
contract. SQLite by default, any database that SQLAlchemy speaks by MMCS_DATABASE.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime, timezone
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.engine.interfaces import DBAPIConnection

from mmcs.errors import StoreError
from mmcs.settings import Settings
from mmcs.ticket import Case, Message, from_json, to_json

_SUBJECT_LENGTH = 80  # characters

_metadata = sa.MetaData()
_cases = sa.Table(
    "cases",
    _metadata,
    sa.Column("owner", sa.String(64), primary_key=True),
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("subject", sa.String(_SUBJECT_LENGTH), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("category", sa.String(64), nullable=False),
    sa.Column("updated", sa.DateTime(timezone=True), nullable=False, index=True),
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
        url = settings.database or f"sqlite:///{settings.home / 'desk.sqlite'}"
        self.address = self._named(url)
        try:
            if not settings.database:
                settings.home.mkdir(parents=True, exist_ok=True)
            self._engine = sa.create_engine(url)
            if self._engine.dialect.name == "sqlite":
                sa.event.listen(self._engine, "connect", _on_a_space if settings.space else _local)
            _metadata.create_all(self._engine)
        except (OSError, sa.exc.SQLAlchemyError) as error:
            raise StoreError(f"The database {self.address} cannot be opened.") from error

    def keep(self, owner: str, case: Case, reply: str = "") -> None:
        """Write a Case, over an older one of the same id.

        Raises:
            StoreError: the database cannot be written.
        """
        row = {
            "subject": _subject(case),
            "status": case.ticket.status,
            "category": case.triage.category.label if case.triage else "",
            "updated": datetime.now(timezone.utc),
            "reply": reply,
            "case": to_json(case),
        }
        mine = sa.and_(_cases.c.owner == owner, _cases.c.id == case.id)
        with self._transaction() as connection:
            if connection.execute(sa.update(_cases).where(mine).values(row)).rowcount == 0:
                connection.execute(sa.insert(_cases).values(owner=owner, id=case.id, **row))

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
        messages = (*case.ticket.messages, Message("agent", text))
        answered = replace(case, ticket=replace(case.ticket, messages=messages, status="answered"))
        self.keep(owner, answered)
        return answered

    def _column(self, owner: str, case_id: str, column: sa.Column[Any]) -> Any:
        mine = sa.and_(_cases.c.owner == owner, _cases.c.id == case_id)
        with self._transaction() as connection:
            return connection.execute(sa.select(column).where(mine)).scalar_one_or_none()

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            raise StoreError("The database could not be read or written.") from error

    @staticmethod
    def _named(url: str) -> str:
        """Return a database's address without its password."""
        try:
            return sa.make_url(url).render_as_string(hide_password=True)
        except sa.exc.ArgumentError:
            return "that MMCS_DATABASE names"


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
    """Let a writer wait for another."""
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA journal_mode={journal}")
    cursor.execute("PRAGMA busy_timeout=5000")  # ms
    cursor.close()
