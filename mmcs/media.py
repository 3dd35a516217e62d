"""Untrusted bytes in, samples and pixels out.

Each file is opened once, found to be a plain file within its limit of size, and handed over open to
a child process that decodes it (``mmcs.decoder``), confined in memory, time and rights. What comes
back is counted before it is believed. The child's own words reach nobody.

Several models look at one file, so the last ones are remembered decoded.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from mmcs import decoder
from mmcs.attachments import IMAGES, SOUNDS, locate, open_within_limit, safe_name, unreadable
from mmcs.decoder import MAX_PIXELS, MAX_SECONDS, MAX_SIDE, SAMPLE_RATE
from mmcs.errors import MMCSError, ModelUnavailable, OverLimit
from mmcs.roles import Image, Sound
from mmcs.settings import Settings, bare_environment
from mmcs.ticket import Attachment, AttachmentKind

TIME_OUT = 20.0  # seconds to decode one file on a busy machine; decoder.CPU_SECONDS is stricter
KILLED = (-9, -24)  # exit statuses: SIGKILL, by the clock or for want of memory, and SIGXCPU
REMEMBERED = 64_000_000  # bytes of samples and pixels

A = TypeVar("A", bound=NDArray[Any])


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
    return _RECENT.decoded(locate(attachment, settings), attachment.name, read_image)


def read_sound(path: Path, name: str) -> Sound:
    """Return a sound file, or the sound of a video, as 16 kHz mono float32 in [-1, 1].

    Raises:
        UnreadableAudio: it is no sound, holds none, or cannot be decoded in time.
        OverLimit: more than 10 minutes or 25 MB.
        ModelUnavailable: the decoder itself does not start.
    """
    sound: Sound = _decode("audio", path, safe_name(name))
    np.nan_to_num(sound, copy=False, posinf=1.0, neginf=-1.0)
    return np.clip(sound, -1.0, 1.0, out=sound)


def read_image(path: Path, name: str) -> Image:
    """Return the first frame of an image file as upright RGB, transparency on white.

    Raises:
        UnreadableImage: it is no image, or cannot be decoded in time.
        OverLimit: more than 25 megapixels or 15 MB, or a side too long to work on.
        ModelUnavailable: the decoder itself does not start.
    """
    return _decode("image", path, safe_name(name))


class Recent:
    """The files that were decoded last, by how they were read and where they are kept: under their
    content hash, so what stands there never changes. The same bytes may come as a sound and as an
    image. To decode a file anew takes a child process, 0.2 s of a draft."""

    def __init__(self, most: int) -> None:
        """Remember at most so many bytes of samples and pixels."""
        self._most = most
        self._arrays: OrderedDict[tuple[Any, Path], NDArray[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def decoded(self, path: Path, name: str, read: Callable[[Path, str], A]) -> A:
        """Return a file's samples or pixels, read if they are not remembered."""
        key = (read, path)
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
                return cast(A, self._arrays[key])
        array = read(path, name)
        array.flags.writeable = False
        with self._lock:
            self._arrays[key] = array
            while sum(kept.nbytes for kept in self._arrays.values()) > self._most:
                self._arrays.popitem(last=False)
        return array


_RECENT = Recent(REMEMBERED)


# The child process.


def _decode(kind: AttachmentKind, path: Path, shown: str) -> NDArray[Any]:
    """Return what a child decodes out of a file, or raise what speaks against it."""
    with open_within_limit(kind, path, shown) as file:
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
    if isinstance(answer, str):
        raise _refusal(kind, shown, answer if started or answer == "slow" else "unstarted")
    return answer


def _hear(kind: AttachmentKind, spoken: BufferedReader) -> NDArray[Any] | str | None:
    """Return the child's samples or pixels, or why it refuses them; None if it died.

    The child has met hostile bytes: what it claims is held against the limits first.
    """
    line = spoken.readline(100)
    if refused := re.fullmatch(rb"refused ([a-z]+)\n", line):
        return refused[1].decode("ascii")
    media: NDArray[Any]
    if kind == "audio" and (sound := re.fullmatch(rb"sound (\d{1,9})\n", line)):
        if int(sound[1]) > (MAX_SECONDS + 2) * SAMPLE_RATE:
            return "long"
        media = np.empty(int(sound[1]), np.float32)
    elif kind == "image" and (image := re.fullmatch(rb"image (\d{1,9}) (\d{1,9})\n", line)):
        height, width = int(image[1]), int(image[2])
        if height * width > MAX_PIXELS:
            return "large"
        media = np.empty((height, width, 3), np.uint8)
    else:
        return None
    room = media.reshape(-1).view(np.uint8).data
    while room and (got := spoken.readinto(room)):
        room = room[got:]
    return None if room else media


def _refusal(kind: AttachmentKind, shown: str, reason: str) -> MMCSError:
    """Word why a file cannot be had, in one sentence with the way out."""
    error = unreadable(kind)
    what, formats = (
        ("a sound that can be played", SOUNDS)
        if kind == "audio"
        else ("an image that can be read", IMAGES)
    )
    match reason:
        case "long" if kind == "audio":
            return OverLimit(
                f"{shown} is longer than {MAX_SECONDS // 60} minutes: send it in parts."
            )
        case "long":
            return OverLimit(f"{shown} has a side of over {MAX_SIDE:,} pixels: send it in parts.")
        case "large":
            most = MAX_PIXELS // 1_000_000
            return OverLimit(f"{shown} has more than {most} megapixels: send a smaller copy of it.")
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
