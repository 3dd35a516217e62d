"""Untrusted bytes in, samples and pixels out.

Each file is opened once, found to be a plain file within its limit of size, and handed over open to
a child process that decodes it (``mmcs.decoder``), confined in memory, time and rights. What comes
back is counted before it is believed. The child's own words reach nobody.

Several models look at one file, so the last ones are remembered decoded. Of an image of more than
25 megapixels a half or a quarter of its rows and columns are decoded; whoever tells where something
stands in it does so in the pixels of ``image_size``.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from mmcs import decoder
from mmcs.attachments import IMAGES, SOUNDS, locate, open_within_limit, safe_name, unreadable
from mmcs.decoder import MAX_DECODED, MAX_PIXELS, MAX_SECONDS, MAX_SIDE, SAMPLE_RATE
from mmcs.errors import MMCSError, ModelUnavailable, OverLimit
from mmcs.roles import Image, Sound
from mmcs.settings import Settings, bare_environment
from mmcs.ticket import Attachment, AttachmentKind

TIME_OUT = 20.0  # seconds to decode one file on a busy machine; decoder.CPU_SECONDS is stricter
MOST_DECODERS = 2  # at a time: each may take a gigabyte; the next file waits, off the clock
KILLED = (-9, -24)  # exit statuses: SIGKILL, by the clock or for want of memory, and SIGXCPU
REMEMBERED = 80_000_000  # bytes of samples and pixels: any image fits


class Decoded(Protocol):
    """What takes room when it is remembered."""

    @property
    def nbytes(self) -> int:
        """Its bytes."""


D = TypeVar("D", bound=Decoded)
Answer = tuple[NDArray[Any], tuple[int, int]]  # samples or pixels; an image's width and height


@dataclass(frozen=True)
class Photo:
    """An image as it was decoded."""

    pixels: Image
    size: tuple[int, int]  # width and height of the upright original

    @property
    def nbytes(self) -> int:
        """The bytes of its pixels."""
        return self.pixels.nbytes


def sound_of(attachment: Attachment, settings: Settings) -> Sound:
    """Return the sound of a kept attachment, not to be written to; see ``read_sound``.

    Raises:
        BadInput: it is not kept, or cannot be read.
        ModelUnavailable: the decoder itself does not start.
    """
    return _RECENT.decoded(locate(attachment, settings), attachment.name, read_sound)


def image_of(attachment: Attachment, settings: Settings) -> Image:
    """Return the pixels of a kept attachment, not to be written to; see ``read_image``.

    Raises:
        BadInput: it is not kept, or cannot be read.
        ModelUnavailable: the decoder itself does not start.
    """
    return _photo_of(attachment, settings).pixels


def image_size(attachment: Attachment, settings: Settings) -> tuple[int, int]:
    """Return width and height of a kept image, upright, in the pixels that boxes are told in; those
    of ``image_of`` are fewer where it is large.

    Raises:
        BadInput: it is not kept, or cannot be read.
        ModelUnavailable: the decoder itself does not start.
    """
    return _photo_of(attachment, settings).size


def _photo_of(attachment: Attachment, settings: Settings) -> Photo:
    return _RECENT.decoded(locate(attachment, settings), attachment.name, _read_photo)


def read_sound(path: Path, name: str) -> Sound:
    """Return a sound file, or the sound of a video, as 16 kHz mono float32 in [-1, 1].

    Raises:
        UnreadableAudio: it is no sound, holds none, or cannot be decoded in time.
        OverLimit: more than 10 minutes or 25 MB.
        ModelUnavailable: the decoder itself does not start.
    """
    sound: Sound = _decode("audio", path, safe_name(name))[0]
    np.nan_to_num(sound, copy=False, posinf=1.0, neginf=-1.0)
    np.clip(sound, -1.0, 1.0, out=sound)
    sound.flags.writeable = False
    return sound


def read_image(path: Path, name: str) -> Image:
    """Return the first frame of an image file as upright RGB, transparency on white; above 25
    megapixels with sides of a half or a quarter.

    Raises:
        UnreadableImage: it is no image, or cannot be decoded in time.
        OverLimit: more than 250 megapixels or 25 MB, a side too long to work on, or a format that
            has to be decoded as a whole and is too large for that.
        ModelUnavailable: the decoder itself does not start.
    """
    return _read_photo(path, name).pixels


def _read_photo(path: Path, name: str) -> Photo:
    pixels, size = _decode("image", path, safe_name(name))
    pixels.flags.writeable = False
    return Photo(pixels, size)


class Recent:
    """The files that were decoded last, by how they were read and where they are kept: under their
    content hash, so what stands there never changes. The same bytes may come as a sound and as an
    image. To decode a file anew takes a child process, 0.2 s of a draft."""

    def __init__(self, most: int) -> None:
        """Remember at most so many bytes of samples and pixels."""
        self._most = most
        self._files: OrderedDict[tuple[Any, Path], Decoded] = OrderedDict()
        self._lock = threading.Lock()

    def decoded(self, path: Path, name: str, read: Callable[[Path, str], D]) -> D:
        """Return a file's samples or pixels, read if they are not remembered."""
        key = (read, path)
        with self._lock:
            if key in self._files:
                self._files.move_to_end(key)
                return cast(D, self._files[key])
        file = read(path, name)
        with self._lock:
            self._files[key] = file
            while sum(kept.nbytes for kept in self._files.values()) > self._most:
                self._files.popitem(last=False)
        return file


_RECENT = Recent(REMEMBERED)
_DECODERS = threading.BoundedSemaphore(MOST_DECODERS)


# The child process.


def _decode(kind: AttachmentKind, path: Path, shown: str) -> Answer:
    """Return what a child decodes out of a file, or raise what speaks against it."""
    with open_within_limit(kind, path, shown) as file, _DECODERS:
        answer = _answer(kind, file)
    if isinstance(answer, str):
        raise _refusal(kind, shown, answer)
    return answer


def _answer(kind: AttachmentKind, file: IO[bytes]) -> Answer | str:
    """Return what a child decodes out of an open file, or why it doesn't."""
    child = subprocess.Popen(  # noqa: S603  # our own file, by this very Python
        [sys.executable, decoder.__file__, kind],
        stdin=file,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=bare_environment(),
        start_new_session=True,
    )
    clock = threading.Timer(TIME_OUT, child.kill)
    clock.start()
    spoken = cast(BufferedReader, child.stdout)
    try:
        started = spoken.readline(100) == b"ready\n"
        answer = _hear(kind, spoken)
        if answer is None:
            answer = "slow" if child.wait() in KILLED else "unreadable"
    finally:
        clock.cancel()
        clock.join()
        child.kill()
        child.wait()
        spoken.close()
    return answer if started or answer == "slow" else "unstarted"


def _hear(kind: AttachmentKind, spoken: BufferedReader) -> Answer | str | None:
    """Return the child's samples or pixels, or why it refuses them; None if it died.

    The child has met hostile bytes: what it claims is held against the limits first.
    """
    line = spoken.readline(100)
    if refused := re.fullmatch(rb"refused ([a-z]+)\n", line):
        return refused[1].decode("ascii")
    media: NDArray[Any]
    size = (0, 0)
    if kind == "audio" and (sound := re.fullmatch(rb"sound (\d{1,9})\n", line)):
        if int(sound[1]) > (MAX_SECONDS + 2) * SAMPLE_RATE:
            return "long"
        media = np.empty(int(sound[1]), np.float32)
    elif kind == "image" and (image := re.fullmatch(rb"image" + rb" (\d{1,9})" * 4 + rb"\n", line)):
        height, width, *full = map(int, image.groups())
        if height * width > MAX_DECODED or full[0] * full[1] > MAX_PIXELS:
            return "large"
        media, size = np.empty((height, width, 3), np.uint8), (full[1], full[0])
    else:
        return None
    room = media.reshape(-1).view(np.uint8).data
    while room and (got := spoken.readinto(room)):
        room = room[got:]
    return None if room else (media, size)


def _refusal(kind: AttachmentKind, shown: str, reason: str) -> MMCSError:
    """Word why a file cannot be had, in one sentence with the way out."""
    error = unreadable(kind)
    what, formats = (
        ("a sound that can be played", SOUNDS)
        if kind == "audio"
        else ("an image that can be read", IMAGES)
    )
    match reason:
        case "long" | "large" | "whole":
            return _over_limit(kind, shown, reason)
        case "soundless":
            return error(f"{shown} has no sound in it: send a recording that has, as {formats}.")
        case "empty":
            return error(f"{shown} is a recording of 0 seconds: send it again, as {formats}.")
        case "slow":
            return error(
                f"{shown} takes too long to decode: save it anew and send that, as {formats}."
            )
        case "unstarted":
            return ModelUnavailable(
                f"{shown} cannot be decoded, because the decoder does not start: "
                "install requirements.txt again."
            )
    return error(f"{shown} is damaged or not {what}: send it again, as {formats}.")


def _over_limit(kind: AttachmentKind, shown: str, reason: str) -> OverLimit:
    if reason == "long" and kind == "audio":
        return OverLimit(f"{shown} is longer than {MAX_SECONDS // 60} minutes: send it in parts.")
    if reason == "long":
        return OverLimit(f"{shown} has a side of over {MAX_SIDE:,} pixels: send it in parts.")
    if reason == "large":
        most = MAX_PIXELS // 1_000_000
        return OverLimit(f"{shown} has more than {most} megapixels: send a smaller copy of it.")
    return OverLimit(f"{shown} has too many pixels for its format: save it as JPEG and send that.")
