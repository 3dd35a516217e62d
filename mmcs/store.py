"""Tickets that outlive a closed tab: each owner's Cases, in a database.

One table; the Case is kept as its own JSON, so that the database never knows more words than the
contract. SQLite by default, PostgreSQL or whatever else SQLAlchemy speaks by MMCS_DATABASE.

Several desks may share one database. Each write counts a ticket's revision on, and is based on the
one before: whoever was overtaken reads again and changes what is there now, so no desk's write
undoes another's.
"""

from __future__ import annotations

import json
import math
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timezone
from typing import Any, Literal, get_args

import sqlalchemy as sa
from pydantic import ValidationError

from mmcs import private
from mmcs.database import address, connect, transaction
from mmcs.errors import StoreError
from mmcs.settings import Settings
from mmcs.ticket import Case, Message, Ticket, from_json, to_json

TextName = Literal["message", "reply"]  # what is typed: the customer's latest message, the answer
TEXTS: tuple[TextName, ...] = get_args(TextName)
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
    # Whatever comes below was not there at first: ``_make_tables`` adds it to an older database.
    sa.Column("revision", sa.Integer, nullable=False, server_default="1"),
    sa.Column("others", sa.Integer, nullable=False, server_default="0"),  # see Kept
    sa.Column("writer", sa.String(64)),  # see Kept; like edits, null in what an older version wrote
    sa.Column("edits", sa.Text),  # JSON, see Kept
)
_AS_TEXT = sa.cast(_cases.c.case, sa.Text)
_HASHES = re.compile(r'"sha256": ?"([0-9a-f]{64})"')
_LATER = ("revision", "others", "writer", "edits")
_secrets = sa.Table(
    "secrets",
    _metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.String(64), nullable=False),  # in hexadecimal
)


@dataclass(frozen=True)
class Filed:
    """One line of an owner's list of tickets."""

    id: str
    subject: str
    status: str
    category: str
    updated: datetime  # UTC


@dataclass(frozen=True)
class Edit:
    """Who typed a text last, and what was typed elsewhere at the same time."""

    writer: str = ""  # the name of the window it was typed in
    revision: int = 0  # of the ticket, from then on
    other: str | None = None  # typed in another window; until the agent has chosen one of the two


@dataclass(frozen=True)
class Kept:
    """What is kept of a ticket."""

    case: Case
    reply: str = ""  # what the agent has edited, not yet sent
    edits: Mapping[str, Edit] = field(default_factory=dict)  # by the text's name
    revision: int = 0  # how often it was written; 0: never
    writer: str = ""  # the name of the window that wrote it last, "" if none did
    others: int = 0  # the latest revision that was not this writer's


class Store:
    """Keeps Cases. An owner sees only their own."""

    def __init__(self, settings: Settings) -> None:
        """Open the database, and make its table if it is new.

        Raises:
            StoreError: it cannot be opened.
        """
        self.address = address(settings)
        try:
            if not settings.database:
                private.file(settings.home / "desk.sqlite")  # its journals get the same mode
            self._engine = connect(settings)
            self._make_tables()
        except ModuleNotFoundError as error:
            raise StoreError(
                f"The database {self.address} needs the package {error.name}, "
                "which is not installed."
            ) from error
        except (OSError, sa.exc.SQLAlchemyError) as error:
            raise StoreError(f"The database {self.address} cannot be opened.") from error

    def keep(self, owner: str, case: Case, reply: str = "") -> Kept:
        """Write a Case, over whatever is kept under its id, and return what is kept now.

        Raises:
            StoreError: the database cannot be written.
        """
        return self.change(owner, case.id, lambda kept: replace(kept, case=case, reply=reply))

    def change(
        self, owner: str, case_id: str, change: Callable[[Kept], Kept], writer: str = ""
    ) -> Kept:
        """Change what is kept of a ticket, and return what is kept then. Characters that not every
        database can keep become U+FFFD.

        Args:
            owner: whose ticket it is.
            case_id: its id; one that is not there is changed from an empty Case.
            change: returns what to keep, or what it was given if that can stay. It is called again,
                with what another desk wrote, if that desk was faster.
            writer: the name of the window in which it is changed, if it is in one.

        Raises:
            StoreError: the database cannot be read or written, or holds what is no Case.
        """
        while True:
            before = self.kept(owner, case_id)
            after = change(before)
            if after == before:
                return before
            others = before.others if writer == before.writer else before.revision
            revision = before.revision + 1
            after = replace(after, revision=revision, writer=writer, others=others)
            if self._written(owner, after):
                return after

    def kept(self, owner: str, case_id: str) -> Kept:
        """Return what is kept of an owner's ticket; of one that is not there, an empty Case.

        Raises:
            StoreError: the database cannot be read, or holds what is no Case.
        """
        columns = [
            _cases.c[name] for name in ("case", "reply", "edits", "revision", "writer", "others")
        ]
        with transaction(self._engine) as connection:
            row = connection.execute(sa.select(*columns).where(_mine(owner, case_id))).one_or_none()
        if row is None:
            return Kept(Case(case_id, Ticket(())))
        try:
            edits = {name: Edit(**edit) for name, edit in json.loads(row.edits or "{}").items()}
            case, writer = from_json(Case, row.case), row.writer or ""
            return Kept(case, row.reply, edits, row.revision, writer, row.others)
        except (ValidationError, ValueError, TypeError) as error:
            raise StoreError(f"The ticket {case_id} was written by another version.") from error

    def latest(self, owner: str, case_id: str, writer: str = "") -> int:
        """Return the latest revision of a ticket that was not a writer's, without reading the
        whole; 0 if it is not there.

        Raises:
            StoreError: the database cannot be read.
        """
        columns = (_cases.c.revision, _cases.c.writer, _cases.c.others)
        query = sa.select(*columns).where(_mine(owner, case_id))
        with transaction(self._engine) as connection:
            found = connection.execute(query).one_or_none()
        if found is None:
            return 0
        return int(found.others if writer and found.writer == writer else found.revision)

    def secret(self, name: str) -> bytes:
        """Return a secret that all desks on this database share; it is made when it is first asked
        for, and outlives a restart.

        Raises:
            StoreError: the database cannot be read or written.
        """
        query = sa.select(_secrets.c.value).where(_secrets.c.name == name)
        with transaction(self._engine) as connection:
            found = connection.execute(query).scalar_one_or_none()
            if found is None:
                made = sa.insert(_secrets).values(name=name, value=secrets.token_hex(32))
                with suppress(sa.exc.IntegrityError), connection.begin_nested():
                    connection.execute(made)  # or another desk has just made it
                found = connection.execute(query).scalar_one()
            return bytes.fromhex(found)

    def cases(self, owner: str, limit: int = 50) -> tuple[Filed, ...]:
        """Return an owner's tickets, the latest first.

        Raises:
            StoreError: the database cannot be read.
        """
        columns = [_cases.c[f.name] for f in fields(Filed)]
        query = sa.select(*columns).where(_cases.c.owner == owner)
        with transaction(self._engine) as connection:
            rows = connection.execute(query.order_by(_cases.c.updated.desc()).limit(limit))
            return tuple(Filed(*row) for row in rows)

    def count(self) -> int:
        """Return how many tickets are kept, of all owners.

        Raises:
            StoreError: the database cannot be read.
        """
        with transaction(self._engine) as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(_cases)).scalar_one()

    def has(self, sha256: str) -> bool:
        """Say whether any owner's ticket has an attachment of this content.

        Raises:
            StoreError: the database cannot be read.
        """
        found = sa.select(_cases.c.id).where(_AS_TEXT.contains(sha256)).limit(1)
        with transaction(self._engine) as connection:
            return connection.execute(found).first() is not None

    def attachments(self) -> frozenset[str]:
        """Return the hashes of all attachments of all owners' tickets.

        Raises:
            StoreError: the database cannot be read.
        """
        with transaction(self._engine) as connection:
            rows = connection.execution_options(yield_per=500).execute(sa.select(_AS_TEXT))
            return frozenset(found for (case,) in rows for found in _HASHES.findall(case))

    def every(self) -> Iterator[Case]:
        """Yield the tickets of all owners, for training on this machine; not those that another
        version wrote.

        Raises:
            StoreError: the database cannot be read.
        """
        with transaction(self._engine) as connection:
            query = sa.select(_cases.c.case).execution_options(yield_per=100)
            for (found,) in connection.execute(query):  # all at once may take a server too long
                with suppress(ValidationError):
                    yield from_json(Case, found)

    def answer(self, owner: str, case_id: str, text: str, writer: str = "") -> Case:
        """Add the agent's reply to the ticket, which is then answered, and return its Case.

        Args:
            owner: whose ticket it is.
            case_id: its id.
            text: the reply.
            writer: the name of the window from which it is sent.

        Raises:
            StoreError: there is no such ticket, or the database cannot be written.
        """

        def answered(kept: Kept) -> Kept:
            if not kept.revision:
                raise StoreError("This ticket is no longer there.")
            ticket = kept.case.ticket
            messages = (*ticket.messages, Message("agent", _storable(text)))
            ticket = replace(ticket, messages=messages, status="answered")
            edits: dict[str, Edit] = {
                name: Edit(writer, kept.revision + 1, kept.edits.get(name, Edit()).other)
                for name in TEXTS  # the message is another one from now on
            }
            return replace(kept, case=replace(kept.case, ticket=ticket), reply="", edits=edits)

        return self.change(owner, case_id, answered, writer).case

    def _written(self, owner: str, kept: Kept) -> bool:
        """Write a ticket, unless somebody else has written its revision already."""
        case = kept.case
        row = {
            "subject": _storable(_subject(case)),
            "status": case.ticket.status,
            "category": _storable(case.triage.category.label if case.triage else ""),
            "updated": datetime.now(timezone.utc),
            "reply": _storable(kept.reply),
            "case": _storable(to_json(case)),
            "edits": json.dumps({name: _storable(asdict(e)) for name, e in kept.edits.items()}),
            "revision": kept.revision,
            "writer": kept.writer,
            "others": kept.others,
        }
        row["category"] = row["category"][:_CATEGORY_LENGTH]
        based_on = sa.and_(_mine(owner, case.id), _cases.c.revision == kept.revision - 1)
        with transaction(self._engine) as connection:
            if kept.revision > 1:
                return bool(
                    connection.execute(sa.update(_cases).where(based_on).values(row)).rowcount
                )
            try:
                with connection.begin_nested():
                    connection.execute(sa.insert(_cases).values(owner=owner, id=case.id, **row))
            except sa.exc.IntegrityError:  # another desk has just written it
                return False
            return True

    def _make_tables(self) -> None:
        """Make the tables, or add what an older version's lack. Desks that start at once do so
        together: whoever was overtaken at a step looks again."""
        steps = len(_metadata.tables) + len(_LATER)
        with self._engine.connect() as connection:
            for left in reversed(range(steps + 1)):
                try:
                    with connection.begin():
                        _metadata.create_all(connection)
                        self._add_columns(connection)
                    return
                except sa.exc.DBAPIError:
                    if not left:
                        raise

    def _add_columns(self, connection: sa.Connection) -> None:
        there = {column["name"] for column in sa.inspect(connection).get_columns(_cases.name)}
        for name in _LATER:
            if name not in there:
                column = sa.schema.CreateColumn(_cases.c[name]).compile(self._engine)
                connection.execute(sa.text(f"ALTER TABLE {_cases.name} ADD COLUMN {column}"))


def _mine(owner: str, case_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(_cases.c.owner == owner, _cases.c.id == case_id)


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
