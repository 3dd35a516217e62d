"""Feature vectors on disk, by the hash of the content and the name of the model that made them."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path

import numpy as np

from mmcs import private
from mmcs.triage.features import Vector

FILE = "features.sqlite"
WAIT = 30.0  # seconds for another process that writes
_ASKED = 500  # keys a question; SQLite allows 999
_TABLE = (
    "CREATE TABLE IF NOT EXISTS vectors (model TEXT, content TEXT, vector BLOB, "
    "PRIMARY KEY (model, content)) WITHOUT ROWID"
)


def text_key(text: str) -> str:
    """Return the hash of a text's content."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class KeptVectors:
    """The vectors of one cache folder. Many processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; the file in it is made by the first ``put``."""
        self._file = folder / FILE

    def get(self, model: str, keys: Sequence[str]) -> Mapping[str, Vector]:
        """Return those vectors that are kept; none of a file that is no database."""
        found: dict[str, Vector] = {}
        if not self._file.is_file():
            return found
        try:
            with closing(sqlite3.connect(self._file, timeout=WAIT)) as database:
                for start in range(0, len(keys), _ASKED):
                    some = list(keys[start : start + _ASKED])
                    holes = ",".join("?" * len(some))
                    rows = database.execute(
                        "SELECT content, vector FROM vectors "  # noqa: S608  # holes, no values
                        f"WHERE model = ? AND content IN ({holes})",
                        [model, *some],
                    )
                    found.update((key, np.frombuffer(blob, np.float32)) for key, blob in rows)
        except sqlite3.OperationalError:  # locked, or without its table yet
            return found
        except sqlite3.DatabaseError:
            with suppress(OSError):
                self._file.unlink()  # damaged, and only a cache
        return found

    def put(self, model: str, vectors: Iterable[tuple[str, Vector]]) -> None:
        """Keep vectors; on a full, locked or read-only disk they are found anew next time."""
        rows = [(model, key, np.asarray(v, np.float32).tobytes()) for key, v in vectors]
        try:
            private.file(self._file)
            with closing(sqlite3.connect(self._file, timeout=WAIT)) as database, database:
                database.execute(_TABLE)
                database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)
        except (OSError, sqlite3.DatabaseError):
            return
