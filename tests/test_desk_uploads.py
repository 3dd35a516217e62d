"""Uploads are there until the desk has taken what it needs of them, and no longer."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from desk_pages import LATE, served
from gradio_client import Client, handle_file
from media_files import corners, encoded

from mmcs import private
from mmcs.bench.served import Visitor, connected
from mmcs.desk.uploads import LEFT_FOR, MOST_BYTES, Uploads, process_uploads
from mmcs.roles import ROLES
from mmcs.settings import Settings


@dataclass(frozen=True)
class Desk:
    """A desk that is served, and where uploads to it lie."""

    url: str
    folder: Path

    def upload(self, name: str, content: bytes) -> Path:
        """Send a file."""
        answer = httpx.post(f"{self.url}gradio_api/upload", files={"files": (name, content)})
        return Path(answer.raise_for_status().json()[0])

    @property
    def lying(self) -> list[Path]:
        """All that lies in the folder, but for an empty one that Gradio makes at its start."""
        return [path for path in self.folder.rglob("*") if path.name != "vibe_edit_history"]


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk on fakes."""
    folder = tmp_path_factory.mktemp("desk")
    settings = Settings(cache=folder / "cache", home=folder / "home", offline=True)
    with served(settings.with_flags(**dict.fromkeys(ROLES, "fake"))) as url:
        yield Desk(url, process_uploads(settings.cache).folder)


@pytest.fixture
def desk(serving: Desk) -> Desk:
    """The desk, with no uploads."""
    process_uploads(serving.folder).drop([str(path) for path in serving.lying if path.is_file()])
    assert not serving.lying
    return serving


PHOTO = encoded(corners(), "PNG")


def test_the_same_bytes_of_two_are_two_files(desk: Desk) -> None:
    """Nobody's file is another's, nobody can guess where it lies, and nobody else may read it."""
    one, two = desk.upload("box.png", PHOTO), desk.upload("box.png", PHOTO)
    assert one != two and one.name == two.name == "box.png"
    assert one.read_bytes() == two.read_bytes() == PHOTO
    assert len(one.parent.name) == 32 and one.parent.parent == desk.folder
    assert not [path for path in desk.lying if path.stat().st_mode & 0o077]


NAMES = [
    "../../../etc/passwd",
    "/etc/passwd",
    "..",
    "a" * 400 + ".png",
    "照" * 300 + ".png",
    "\0.png",
]


@pytest.mark.parametrize("name", [*NAMES, "🎧" * 90 + ".png", ".x.png", "a\\b.png"])
def test_no_name_leads_elsewhere(name: str, desk: Desk) -> None:
    """Whatever a file is called, it lies in its own folder, with its suffix."""
    path = desk.upload(name, PHOTO)
    assert path.parent.parent == desk.folder and path.read_bytes() == PHOTO
    assert path.suffix == ".png" or not name.endswith(".png")


def test_what_the_page_has_taken_is_gone(desk: Desk, image: str) -> None:
    """Once a photo is an attachment, or was refused, its upload is removed; another's stays."""
    other = desk.upload("box.png", PHOTO)
    with connected(desk.url) as wire:
        visitor = Visitor(wire)
        visitor.upload(Path(image))
        bad = Path(image).with_name("bad.png")
        bad.write_bytes(b"no image")
        visitor.upload(bad)
    assert "bad.png is damaged" in " ".join(visitor.seen)
    assert desk.lying == [other.parent, other]


def test_what_a_script_has_sent_is_gone(desk: Desk, sound: str, image: str) -> None:
    """When /draft has answered, nothing is left of what was sent to it."""
    client = Client(desk.url, verbose=False)
    client.predict(LATE, handle_file(sound), [handle_file(image)], api_name="/draft")
    assert not desk.lying


def test_a_client_that_goes_away_leaves_nothing(desk: Desk) -> None:
    """Half a file, and a connection that ends, is no file at any time."""
    url = httpx.URL(desk.url)
    with socket.create_connection((url.host, url.port or 80)) as connection:
        connection.sendall(
            b"POST /gradio_api/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000000\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
            b'Content-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
            + b"x"
            * 3_000_000
        )
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1000):
            assert not desk.lying
    desk.upload("b.png", PHOTO)  # the desk goes on
    assert [path.name for path in desk.lying if path.is_file()] == ["b.png"]


def test_more_than_a_request_may_have_is_refused(desk: Desk) -> None:
    """A request without an end is answered when it has sent enough, and leaves nothing."""

    def endless() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
        for _ in range(MOST_BYTES // 1_000_000 + 2):
            yield b"x" * 1_000_000

    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = httpx.post(f"{desk.url}gradio_api/upload", content=endless(), headers=kind, timeout=60)
    assert answer.status_code == 413 and "send fewer files" in answer.text
    assert not desk.lying


@pytest.mark.parametrize("meta", [{"_type": "gradio.FileData"}, None])
def test_only_uploads_can_be_attached(desk: Desk, meta: dict[str, str] | None, image: str) -> None:
    """A path that is no upload's, a file of the desk itself too, is refused unread."""
    with connected(desk.url) as wire:
        visitor = Visitor(wire)
        named = {"path": image, "orig_name": "box.png", "meta": meta}
        with pytest.raises(httpx.HTTPStatusError):
            visitor.call("attach", visitor.page, [named])
    assert Path(image).exists()


def test_no_address_is_fetched_after_an_upload_either(desk: Desk, image: str) -> None:
    """An address in place of an upload is refused, also by a component that was drawn anew."""
    with connected(desk.url) as wire:
        visitor = Visitor(wire)
        visitor.upload(Path(image))
        meta = {"_type": "gradio.FileData"}
        for path in ("http://192.0.2.1/a.png", "https://192.0.2.1/a.png"):
            asked = {
                "fn_index": wire.events["attach"],
                "data": [visitor.page, [{"path": path, "orig_name": "a.png", "meta": meta}]],
                "session_hash": visitor.session,
            }
            answer = wire.client.post("gradio_api/run/predict", json=asked)
            assert answer.status_code == 500
            assert "This desk fetches nothing from elsewhere" in answer.text


def test_a_start_removes_what_a_crash_has_left(tmp_path: Path) -> None:
    """The uploads of a process that ended are removed; those of one that runs stay."""
    holds = (
        "import sys; from filelock import FileLock\n"
        "lock = FileLock(sys.argv[1])\n"
        "lock.acquire(); print(flush=True); sys.stdin.read()"
    )
    left = tmp_path / "left"
    private.file(left / "sent" / "a.png")
    start = [sys.executable, "-c", holds, str(left.with_suffix(".lock"))]
    with subprocess.Popen(start, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline()
        one = Uploads(tmp_path)
        assert (left / "sent" / "a.png").exists()
        process.kill()
    two = Uploads(tmp_path)
    names = {uploads.folder.name for uploads in (one, two)}
    assert {path.name for path in tmp_path.iterdir()} == names | {f"{name}.lock" for name in names}


def test_what_nobody_has_attached_is_removed_in_time(tmp_path: Path) -> None:
    """An upload that was never made an attachment is removed after two hours, not before."""
    uploads = Uploads(tmp_path)
    old, new = uploads.folder / "old", uploads.folder / "new"
    for folder in (old, new):
        folder.mkdir()
    os.utime(old, (0, old.stat().st_mtime - LEFT_FOR - 1))
    uploads.drop_old()
    assert not old.exists() and new.exists()
