"""What customers sent and what was found in it is closed to every other user of the machine."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from desk_pages import LATE, served

from mmcs import private
from mmcs.bench.served import Visitor, connected, started
from mmcs.database import connect
from mmcs.desk.page import open_page
from mmcs.kept import Kept
from mmcs.roles import ROLES
from mmcs.settings import Settings

OTHERS = 0o077  # the rights of everybody else


@pytest.fixture
def no_umask() -> Iterator[None]:
    """A process that keeps nothing from anybody by itself."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A desk on fakes, with folders of its own that are not there yet."""
    desk = Settings(cache=tmp_path / "cache", home=tmp_path / "a" / "home", offline=True)
    return desk.with_flags(**dict.fromkeys(ROLES, "fake"))


def open_to_others(*roots: Path) -> list[str]:
    """Return the folders and files at and under some that others have any right to."""
    paths = [path for root in roots for path in (root, *root.rglob("*"))]
    return [str(path) for path in paths if path.lstat().st_mode & OTHERS]


@pytest.mark.usefixtures("no_umask")
def test_what_is_made_is_closed_to_others(tmp_path: Path) -> None:
    """Folders with all that is missing above them, files, and files in the making."""
    private.folder(tmp_path / "a" / "b")
    private.file(tmp_path / "c" / "d")
    with private.written(tmp_path / "e" / "f") as draft:
        draft.write_text("words")
        assert not open_to_others(draft)
    Kept(tmp_path / "features").put_vectors("model", [("key", np.zeros(3, np.float32))])
    assert not open_to_others(*(tmp_path / name for name in ("a", "c", "e", "features")))
    assert (tmp_path / "e" / "f").read_text() == "words"


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """A failure in between leaves what was there before, and no remains."""
    kept = tmp_path / "kept"
    kept.write_text("before")
    with pytest.raises(ZeroDivisionError), private.written(kept) as draft:
        draft.write_text("half")
        raise ZeroDivisionError
    assert kept.read_text() == "before" and list(tmp_path.iterdir()) == [kept]


@pytest.mark.usefixtures("no_umask")
def test_all_that_a_desk_keeps_is_closed_to_others(
    settings: Settings, sound: str, image: str
) -> None:
    """After a ticket with a voice note and a photo was drafted, the database with its journals, the
    attachments, the transcripts and the previews are its user's alone."""
    with served(settings) as url, connected(url) as wire:
        visitor = Visitor(wire)
        visitor.upload(Path(sound))
        visitor.upload(Path(image))
        list(visitor.draft(LATE))
        assert (settings.home / "desk.sqlite-wal").exists()
        for folder in ("findings", "shown"):
            assert list((settings.cache / folder).rglob("*.*"))
        assert not open_to_others(settings.home, settings.cache)


def test_an_older_home_is_closed_at_the_start(settings: Settings, tmp_path: Path) -> None:
    """What an earlier version left open to everybody is closed before the page is served; the
    weights stay as they are."""
    left = [
        settings.home / "desk.sqlite",
        settings.home / "attachments" / "ab" / "abc",
        settings.home / "triage" / "0001.safetensors",
        settings.cache / "findings" / "ab" / "abc.json",
        settings.cache / "features" / "features.sqlite",
    ]
    weights = settings.cache / "weights" / "model"
    for path in (*left, weights):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        path.chmod(0o644)
    settings.home.chmod(0o755)
    with started(settings):
        assert not open_to_others(settings.home, settings.cache / "findings")
        assert not open_to_others(settings.cache / "features")
        assert weights.stat().st_mode & OTHERS


def test_what_is_not_ours_stays_as_it_is(settings: Settings) -> None:
    """A home that was set to a folder with other things in it keeps their rights and its own."""
    theirs = settings.home / "script.sh"
    settings.home.mkdir(parents=True)
    theirs.write_text("#!/bin/sh")
    theirs.chmod(0o755)
    settings.home.chmod(0o755)
    (settings.home / "desk.sqlite").touch(0o644)
    private.close(settings.home, settings.cache)
    assert theirs.stat().st_mode & 0o777 == settings.home.stat().st_mode & 0o777 == 0o755
    assert not open_to_others(settings.home / "desk.sqlite")


def test_no_trace_holds_a_token_or_a_customers_words(settings: Settings) -> None:
    """An error of the database quotes neither whose ticket it was nor what it held; nor does what
    stands for a page."""
    settings.home.mkdir(parents=True)
    page = open_page({})
    with pytest.raises(sa.exc.OperationalError) as raised, connect(settings).begin() as connection:
        asked = sa.text("SELECT * FROM nowhere WHERE owner = :owner AND text = :text")
        connection.execute(asked, {"owner": page.owner, "text": LATE})
    trace = "".join(traceback.format_exception(raised.value)) + repr(page)
    assert page.owner not in trace and LATE not in trace
