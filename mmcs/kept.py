"""What was worked out of some content, kept on disk by the hash of the content and by what made it:
the name of a model, mostly. It is only a cache: what can't be kept is worked out again."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmcs import private

Vector = NDArray[np.float32]

FILE = "features.sqlite"
WAIT = 5.0  # seconds for another process that writes
_ASKED = 500  # keys a question; SQLite allows 999
_TABLE = (
    "CREATE TABLE IF NOT EXISTS vectors (model TEXT, content TEXT, vector BLOB, "
    "PRIMARY KEY (model, content))"
)


def text_key(text: str) -> str:
    """Return the hash of a text's content."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Kept:
    """What is kept in one cache folder. Many processes may use it at once, and one that is killed
    leaves what it had put.

    ``refused`` is set once the disk could not be read or written, because it is full, locked or
    read-only; then nothing more is tried.
    """

    def __init__(self, folder: Path) -> None:
        """Name the folder; it is made by the first ``put``."""
        self.folder = folder
        self.refused = False
        self._file = folder / FILE

    def get(self, model: str, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Return those that are kept; none of a file that cannot be read or is no database."""
        found: dict[str, bytes] = {}

        def read(database: sqlite3.Connection) -> None:
            for start in range(0, len(keys), _ASKED):
                some = list(keys[start : start + _ASKED])
                holes = ",".join("?" * len(some))
                found.update(
                    database.execute(
                        "SELECT content, vector FROM vectors "  # noqa: S608  # holes, no values
                        f"WHERE model = ? AND content IN ({holes})",
                        [model, *some],
                    )
                )

        if keys:
            self._do(read)
        return found

    def put(self, model: str, values: Iterable[tuple[str, bytes]]) -> None:
        """Keep some bytes, all of them or none."""
        rows = [(model, key, value) for key, value in values]

        def write(database: sqlite3.Connection) -> None:
            database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)

        if rows:
            self._do(write)

    def vectors(self, model: str, keys: Sequence[str]) -> Mapping[str, Vector]:
        """Return those vectors that are kept."""
        found = self.get(model, keys)
        return {key: np.frombuffer(blob, np.float32) for key, blob in found.items()}

    def put_vectors(self, model: str, vectors: Iterable[tuple[str, Vector]]) -> None:
        """Keep some vectors, all of them or none."""
        self.put(model, ((key, np.asarray(v, np.float32).tobytes()) for key, v in vectors))

    def keep_only(self, model: str, keys: Collection[str]) -> None:
        """Forget everything else of a model."""

        def forget(database: sqlite3.Connection) -> None:
            held = database.execute("SELECT content FROM vectors WHERE model = ?", [model])
            gone = {key for (key,) in held} - set(keys)
            database.executemany(
                "DELETE FROM vectors WHERE model = ? AND content = ?", [(model, k) for k in gone]
            )

        self._do(forget)

    def forget(self, key: str) -> None:
        """Forget what any model made of some content."""

        def forgotten(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM vectors WHERE content = ?", [key])

        if self._file.exists():
            self._do(forgotten)

    def _do(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Do something with the database, all of it or nothing. A damaged one is thrown away."""
        if self.refused:
            return
        try:
            private.file(self._file)
            with closing(sqlite3.connect(self._file, timeout=WAIT)) as database, database:
                database.execute(_TABLE)
                work(database)
        except (OSError, sqlite3.OperationalError):
            self.refused = True
        except sqlite3.DatabaseError:
            self._throw_away()

    def _throw_away(self) -> None:
        try:
            self._file.unlink(missing_ok=True)
        except OSError:
            self.refused = True
