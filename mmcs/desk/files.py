"""What the page shows of a customer's files: pixels and samples made anew, never the file itself.

The confined decoder of ``mmcs.media`` reads the file; the browser gets an upright JPEG or a WAV of
what came out. So the browser meets no hostile bytes, no hidden position of the photographer, and
formats that it can't play play.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import re
import wave
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from mmcs import cache, media
from mmcs.attachments import is_kept
from mmcs.boundary import foreseen
from mmcs.errors import MMCSError, StoreError
from mmcs.settings import Settings
from mmcs.ticket import Attachment, AttachmentKind

MAX_SHOWN = 1600  # pixels of the longer side of what the page shows
SAMPLE_RATE = 16_000  # Hz
KINDS: tuple[AttachmentKind, ...] = ("audio", "image")


@dataclass(frozen=True)
class Preview:
    """An image as the page shows it."""

    path: Path
    width: int  # pixels of the upright original, in which boxes are given
    height: int


class Files:
    """Makes, keeps and serves what the page shows of attachments."""

    def __init__(self, settings: Settings, secret: bytes) -> None:
        """Keep them in the cache.

        Args:
            settings: where the cache is.
            secret: with which links are made; desks that share it know each other's.
        """
        self._settings = settings
        self._secret = secret

    @property
    def route(self) -> Route:
        """The address under which the page asks for them."""
        return Route("/attachment/{key}/{kind}/{sha256}", self._serve)

    def link(self, attachment: Attachment) -> str:
        """Return the address of an attachment, which only a desk with this secret can have made."""
        kind, sha256 = attachment.kind, attachment.sha256
        return f"attachment/{self._key(kind, sha256)}/{kind}/{sha256}"

    def make(self, attachment: Attachment) -> None:
        """Decode an attachment for the page.

        Raises:
            BadInput: it cannot be decoded, or is past a limit.
            ModelUnavailable: the decoder does not start.
        """
        with suppress(StoreError):  # it can be understood, though the page has no room to show it
            if attachment.kind == "image":
                self.image(attachment)
            else:
                self.sound(attachment)

    def size(self, attachment: Attachment) -> tuple[int, int] | None:
        """Return width and height of an image in pixels; None if it cannot be shown."""
        try:
            preview = self.image(attachment)
        except MMCSError:
            return None
        return preview.width, preview.height

    def image(self, attachment: Attachment) -> Preview:
        """Return an image, upright and no larger than the page needs; see ``make``.

        Raises:
            StoreError: besides, the cache cannot be written.
        """
        from PIL import Image  # here: a page without images needn't wait for it

        folder = self._folder(attachment)
        for kept in folder.glob(f"{attachment.sha256}.*.jpg"):
            width, height = map(int, kept.name.split(".")[1].split("x"))
            return Preview(kept, width, height)
        pixels = media.image_of(attachment, self._settings)
        width, height = media.image_size(attachment, self._settings)
        shown = Image.fromarray(pixels)
        shown.thumbnail((MAX_SHOWN, MAX_SHOWN))
        path = folder / f"{attachment.sha256}.{width}x{height}.jpg"
        written = io.BytesIO()
        shown.save(written, "JPEG", quality=88)
        self._keep(path, written, attachment)
        return Preview(path, width, height)

    def sound(self, attachment: Attachment) -> Path:
        """Return a sound as 16-bit WAV; see ``image``."""
        path = self._folder(attachment) / f"{attachment.sha256}.wav"
        if path.exists():
            return path
        samples = media.sound_of(attachment, self._settings)
        written = io.BytesIO()
        with wave.open(written, "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(SAMPLE_RATE)
            wav.writeframes((samples * 32767).astype(np.int16).tobytes())
        self._keep(path, written, attachment)
        return path

    def _keep(self, path: Path, written: io.BytesIO, attachment: Attachment) -> None:
        if not cache.keep(path, written.getvalue(), self._settings.cache):
            raise StoreError(
                f"{attachment.name} cannot be shown: {self._settings.cache} cannot be written, or "
                "the disk is full."
            )
        if not is_kept(attachment, self._settings):  # it was removed while it was decoded
            path.unlink(missing_ok=True)

    def _folder(self, attachment: Attachment) -> Path:
        return self._settings.cache / "shown" / attachment.sha256[:2]

    def _key(self, kind: str, sha256: str) -> str:
        return hmac.new(self._secret, f"{kind} {sha256}".encode(), hashlib.sha256).hexdigest()[:32]

    async def _serve(self, request: Request) -> Response:
        kind, sha256 = request.path_params["kind"], request.path_params["sha256"]
        known = kind in KINDS and re.fullmatch("[0-9a-f]{64}", sha256)
        if not known or not hmac.compare_digest(
            self._key(kind, sha256).encode(), request.path_params["key"].encode()
        ):
            return PlainTextResponse("There is no such file.", 404)
        attachment = Attachment(kind, "file", sha256)
        try:
            with foreseen():
                if kind == "image":
                    preview = await run_in_threadpool(self.image, attachment)
                    return FileResponse(preview.path, media_type="image/jpeg", headers=_CACHED)
                path = await run_in_threadpool(self.sound, attachment)
                return FileResponse(path, media_type="audio/wav", headers=_CACHED)
        except MMCSError as error:
            return PlainTextResponse(str(error), 415)


_CACHED = {"Cache-Control": "private, max-age=86400, immutable"}
