"""Folders and files that nobody but this user may read, whatever the umask: tickets, what customers
sent, and what was found in it."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FOLDER, FILE = 0o700, 0o600
HALF = ".part"  # the suffix of a file that is being written
_OTHERS = 0o077
_AT_HOME = ("desk.sqlite", "attachments", "triage")
_IN_CACHE = ("features", "findings", "knowledge", "shown", "training", "uploads")


def folder(path: Path) -> Path:
    """Return a folder, made with all that is missing above it.

    Raises:
        OSError: it cannot be made.
    """
    missing = [level for level in (path, *path.parents) if not level.exists()]
    for level in reversed(missing):
        level.mkdir(FOLDER, exist_ok=True)  # or another desk has just made it
    return path


def file(path: Path) -> Path:
    """Return a file, made empty if it is not there, in its folder.

    Raises:
        OSError: it cannot be made.
    """
    folder(path.parent)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, FILE))
    return path


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Yield an empty file to write into, which takes the place of ``path`` when it is whole.

    Raises:
        OSError: it cannot be written.
    """
    handle, name = tempfile.mkstemp(HALF, f".{path.name[:40]}.", folder(path.parent))  # 0600
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        draft.replace(path)
    finally:
        with suppress(OSError):  # it has taken its place; or the disk has turned read-only
            draft.unlink()


def close(home: Path, cache: Path) -> None:
    """Close to others what an earlier version left open to them. Only what is ours: either folder
    may have been set to one that holds other things as well."""
    kept = [path for path in home.glob("*") if path.name.startswith(_AT_HOME)]
    for path in (*kept, *(cache / name for name in _IN_CACHE)):
        _close(path)
    if home.is_dir() and len(kept) == len(list(home.iterdir())):
        _close(home)


def _close(path: Path) -> None:
    """Close a file, or a folder and all in it; that one last, so that a start that is interrupted
    begins again. One that is closed is not gone through."""
    with suppress(OSError):  # it is not there, or in a mounted bucket, which has no modes
        mode = path.lstat().st_mode
        if not mode & _OTHERS or stat.S_ISLNK(mode):
            return
        for inside in path.iterdir() if stat.S_ISDIR(mode) else ():
            _close(inside)
        path.chmod(FOLDER if stat.S_ISDIR(mode) else FILE)
