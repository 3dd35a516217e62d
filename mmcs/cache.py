"""Files below the cache folder: each is written whole or not at all, and all can be made anew.

A folder that is full or cannot be written costs time, never a ticket. Whoever runs a ticket asks
for the news of it and tells the agent.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

_refused: set[Path] = set()  # cache folders in which a write failed, until somebody is told


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, whoever else writes the same; make its folders, which only
    this user may read.

    Raises:
        OSError: it cannot be written; what was there before is there still.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as written:
            written.write(content)
        Path(draft).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(draft).unlink()
        raise


def keep(path: Path, content: bytes, cache: Path) -> bool:
    """Keep a file that can be made anew, and say whether it is kept.

    Args:
        path: where.
        content: of the whole file.
        cache: the cache folder that it belongs to.
    """
    try:
        replace_file(path, content)
    except OSError:
        _refused.add(cache)
        return False
    return True


def news(cache: Path) -> str:
    """Return the sentence that says that something could not be kept in a cache folder since the
    last time that this was asked; empty if everything could."""
    if cache not in _refused:
        return ""
    _refused.discard(cache)
    return (
        f"Nothing can be kept in {cache}, which cannot be written or is full: each ticket takes as "
        "long as the first. Free some space, or set MMCS_CACHE to another folder."
    )
