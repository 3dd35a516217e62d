"""Where files lie from when a browser or a script sends them until the desk has kept them.

The route takes the place of Gradio's own, which gives everybody who sends the same bytes the same
file, and leaves what a client has sent that goes away in mid-upload.
"""

from __future__ import annotations

import asyncio
import atexit
import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive

from mmcs import private
from mmcs.attachments import MAX_ATTACHMENTS, MAX_BYTES, MEGABYTE, safe_name
from mmcs.settings import take_uploads_in

ROUTE = "/gradio_api/upload"
FOLDER = "uploads"  # in the cache
MOST_FILES = 4 * MAX_ATTACHMENTS  # of a request; the desk says in its own words which are too many
MOST_BYTES = MAX_ATTACHMENTS * max(MAX_BYTES.values()) + MEGABYTE  # of a request
LEFT_FOR = 2 * 3600  # seconds; a ticket takes what belongs to it within minutes
LOOKED_EVERY = 600  # seconds
_LONGEST_NAME = 200  # bytes; file systems take 255


class TooLarge(Exception):
    """More bytes than a request may have."""


class Uploads:
    """The uploads of this process: each file in a folder of its own that nobody can guess."""

    def __init__(self, folder: Path) -> None:
        """Make a folder in a folder, and remove those of processes that have ended there."""
        remove_left(private.folder(folder))
        name = secrets.token_hex(8)
        self._lock = FileLock(folder / f"{name}.lock", mode=private.FILE, thread_local=False)
        self._lock.acquire()
        self.folder = private.folder(folder / name)
        atexit.register(self._end)

    @property
    def route(self) -> Route:
        """The address under which files are sent."""
        return Route(ROUTE, self._receive, methods=["POST"])

    def drop(self, paths: Sequence[str]) -> None:
        """Remove files that were uploaded; nothing else."""
        for path in map(Path, paths):
            if path.parent.parent == self.folder:
                shutil.rmtree(path.parent, ignore_errors=True)

    def drop_old(self) -> None:
        """Remove what nobody has made an attachment of."""
        for sent in self.folder.iterdir():
            with suppress(OSError):  # taken meanwhile
                if sent.stat().st_mtime < time.time() - LEFT_FOR:
                    shutil.rmtree(sent)

    @asynccontextmanager
    async def looked_after(self) -> AsyncIterator[None]:
        """Remove what is left, from time to time."""

        async def look() -> None:
            while True:
                await asyncio.sleep(LOOKED_EVERY)
                await run_in_threadpool(self.drop_old)

        looking = asyncio.create_task(look())
        try:
            yield
        finally:
            looking.cancel()

    async def _receive(self, request: Request) -> Response:
        """Answer with the path of each file, as Gradio's page and client expect."""
        paths: list[str] = []
        limited = Request(request.scope, _at_most(MOST_BYTES, request.receive))
        try:
            async with limited.form(max_files=MOST_FILES, max_fields=MOST_FILES) as form:
                for sent in form.getlist("files"):
                    if isinstance(sent, UploadFile):
                        paths.append(await run_in_threadpool(self._put, sent.file, sent.filename))
        except ClientDisconnect:
            return Response(status_code=400)  # which nobody reads
        except TooLarge:
            most = MOST_BYTES // MEGABYTE
            return PlainTextResponse(f"More than {most} MB at once: send fewer files.", 413)
        except OSError:
            self.drop(paths)
            return PlainTextResponse("The file cannot be kept: the disk is full.", 507)
        return JSONResponse(paths)

    def _put(self, sent: IO[bytes], name: str | None) -> str:
        folder = private.folder(self.folder / secrets.token_hex(16))
        last = safe_name(name or "file").encode()[-_LONGEST_NAME:].decode("utf-8", "ignore")
        try:
            path = private.file(folder / last)
            with path.open("wb") as kept:
                shutil.copyfileobj(sent, kept, 1 << 20)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return str(path)

    def _end(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)


_mine: Uploads | None = None


def process_uploads(cache: Path) -> Uploads:
    """Return the uploads of this process, in the cache of the first desk in it: Gradio knows one
    folder of uploads a process. Where the cache cannot be written they lie in the system's own."""
    global _mine
    if _mine is None:
        try:
            _mine = Uploads(cache / FOLDER)
        except OSError:
            _mine = Uploads(Path(tempfile.mkdtemp(prefix="mmcs-")))
        take_uploads_in(_mine.folder)
    return _mine


@contextmanager
def taken(paths: Sequence[str]) -> Iterator[None]:
    """Remove uploaded files when the desk has taken what it needs of them, or refused them."""
    try:
        yield
    finally:
        if _mine is not None:
            _mine.drop(paths)


def remove_left(folder: Path) -> None:
    """Remove the uploads of processes that ended without doing so: nobody holds their locks."""
    for path in folder.glob("*.lock"):
        lock = FileLock(path)
        with suppress(Timeout, OSError), lock.acquire(timeout=0):
            shutil.rmtree(path.with_suffix(""), ignore_errors=True)
            path.unlink(missing_ok=True)


def _at_most(most: int, receive: Receive) -> Receive:
    """Return what receives a request's body, up to so many bytes."""
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > most:
            raise TooLarge
        return message

    return counted
