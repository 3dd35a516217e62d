"""Untrusted bytes in, samples and pixels out; and the keeping of attachments by content hash.

Each file is opened once, found to be a plain file within its limit of size, and handed over open to
a child process that decodes it (``mmcs.decoder``), confined in memory, time and rights. What comes
back is counted before it is believed. The child's own words reach nobody.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import subprocess
import sys
import tempfile
import threading
import unicodedata
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from mmcs import decoder
from mmcs.decoder import MAX_PIXELS, MAX_SECONDS, MAX_SIDE, SAMPLE_RATE
from mmcs.errors import (
    BadInput,
    MMCSError,
    ModelUnavailable,
    OverLimit,
    StoreError,
    UnreadableAudio,
    UnreadableImage,
)
from mmcs.roles import Image, Sound
from mmcs.settings import Settings
from mmcs.ticket import Attachment, AttachmentKind

MEGABYTE = 1_000_000  # bytes
MAX_BYTES: dict[AttachmentKind, int] = {"audio": 25 * MEGABYTE, "image": 15 * MEGABYTE}
MAX_TEXT = 20_000  # characters of a message
MAX_ATTACHMENTS = 6  # of a message
MAX_NAME = 80  # characters of a shown name
TIME_OUT = 20.0  # seconds to decode one file on a busy machine; decoder.CPU_SECONDS is stricter
KILLED = (-9, -24)  # exit statuses: SIGKILL, by the clock or for want of memory, and SIGXCPU

SOUNDS = "WAV, MP3, M4A, OGG, WebM, FLAC or AMR"
IMAGES = "JPEG, PNG, WEBP, GIF, BMP or HEIC"

SUFFIXES: dict[AttachmentKind, frozenset[str]] = {
    "audio": frozenset(
        ".3gp .aac .ac3 .aif .aiff .amr .au .avi .awb .caf .flac .flv .m4a .m4b .m4v .mka .mkv .mov"
        " .mp2 .mp3 .mp4 .mpeg .mpg .oga .ogg .ogv .opus .ts .wav .weba .webm .wma .wmv".split()
    ),
    "image": frozenset(".bmp .dib .gif .heic .heif .jfif .jpe .jpeg .jpg .mpo .png .webp".split()),
}
MAGIC: tuple[tuple[re.Pattern[bytes], AttachmentKind], ...] = (
    (re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP", re.S), "image"),
    (re.compile(rb"BM.{4}\0{4}", re.S), "image"),
    (re.compile(rb".{4}ftyp(hei[cmsx]|hev[cmx]|mif1|msf1|avif)", re.S), "image"),
    (re.compile(rb"(RIFF|RF64)....(WAVE|AVI )", re.S), "audio"),
    (re.compile(rb".{4}(ftyp|moov|mdat|wide|free|skip)", re.S), "audio"),
    (re.compile(rb"ID3|OggS|fLaC|caff|#!AMR|\x1aE\xdf\xa3|FORM....AIF[FC]|\.snd", re.S), "audio"),
    (re.compile(rb"0&\xb2\x75\x8e\x66\xcf\x11|FLV\x01|ADIF"), "audio"),
    (re.compile(rb"\xff[\xe2-\xe7\xf0-\xff][^\xf0-\xff]", re.S), "audio"),  # MPEG and ADTS frames
)


def attachment_kind(path: Path, name: str | None = None) -> AttachmentKind:
    """Return whether a file is a sound or an image: by its first bytes, else by its name's suffix.

    Raises:
        BadInput: it is neither, or cannot be opened.
    """
    shown = safe_name(path.name if name is None else name)
    with _open_plain(path, shown, BadInput) as file:
        start = file.read(32)
    for magic, kind in MAGIC:
        if magic.match(start):
            return kind
    suffix = Path(shown).suffix.lower()
    for kind, suffixes in SUFFIXES.items():
        if suffix in suffixes:
            return kind
    raise BadInput(f"{shown} is neither a sound nor an image: send {SOUNDS}, or {IMAGES}.")


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


def keep(
    path: Path, kind: AttachmentKind, settings: Settings, name: str | None = None
) -> Attachment:
    """Copy a file into the store of attachments, under the hash of its content.

    Raises:
        UnreadableAudio, UnreadableImage: it is empty, or no plain file.
        OverLimit: more bytes than its kind may have.
        StoreError: the store cannot be written.
    """
    shown = safe_name(path.name if name is None else name)
    store = settings.home / "attachments"
    with _open_within_limit(kind, path, shown) as file:
        try:
            store.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, copy = tempfile.mkstemp(dir=store)
        except OSError as failure:
            raise _unkept(shown, store) from failure
        try:
            with os.fdopen(handle, "wb") as kept:
                sha256 = _copy(file, kept, MAX_BYTES[kind])
            if sha256 is None:  # it grew while it was read
                raise _over_size(kind, shown)
            target = store / sha256[:2] / sha256
            target.parent.mkdir(mode=0o700, exist_ok=True)
            if not target.exists():
                Path(copy).replace(target)
        except OSError as failure:
            raise _unkept(shown, store) from failure
        finally:
            Path(copy).unlink(missing_ok=True)
    return Attachment(kind, shown, sha256)


def _copy(file: IO[bytes], kept: IO[bytes], most: int) -> str | None:
    """Copy a file to the disk itself and return its SHA-256; None past ``most`` bytes."""
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        most -= len(block)
        if most < 0:
            return None
        digest.update(block)
        kept.write(block)
    kept.flush()
    os.fsync(kept.fileno())
    return digest.hexdigest()


def _unkept(shown: str, store: Path) -> StoreError:
    return StoreError(f"{shown} cannot be kept: {store} cannot be written, or the disk is full.")


def locate(attachment: Attachment, settings: Settings) -> Path:
    """Return where a kept attachment lies.

    Raises:
        BadInput: it is not kept here.
    """
    sha256 = attachment.sha256
    if re.fullmatch("[0-9a-f]{64}", sha256):  # it may come from outside: it must not lead elsewhere
        path = settings.home / "attachments" / sha256[:2] / sha256
        if path.is_file():
            return path
    raise BadInput(f"{safe_name(attachment.name)} is not kept on this desk: attach it again.")


def check_text(text: str) -> None:
    """Refuse a message that is too long.

    Raises:
        OverLimit: more than 20,000 characters.
    """
    if len(text) > MAX_TEXT:
        raise OverLimit(
            f"The message has {len(text):,} characters and may have {MAX_TEXT:,}: "
            "shorten it to what matters."
        )


def check_count(count: int) -> None:
    """Refuse a message with too many attachments.

    Raises:
        OverLimit: more than 6.
    """
    if count > MAX_ATTACHMENTS:
        raise OverLimit(
            f"The message has {count} attachments and may have {MAX_ATTACHMENTS}: "
            "send the rest in a further message."
        )


def safe_name(name: str) -> str:
    """Return a file's name as it may be shown anywhere: no folders, nothing invisible, never empty.

    Control characters, marks that reverse the reading direction, and what no text can encode are
    left out; past 80 characters the middle gives way to an ellipsis, the suffix stays.
    """
    last = re.split(r"[/\\]", name.rstrip("/\\ ")[-4096:])[-1]
    seen = (c if unicodedata.category(c)[0] not in "CZ" else " " * c.isspace() for c in last)
    shown = " ".join(unicodedata.normalize("NFC", "".join(seen)).split())
    if not shown.strip(". "):
        return "file"
    if len(shown) > MAX_NAME:
        suffix = Path(shown).suffix[:10]
        shown = shown[: MAX_NAME - 1 - len(suffix)] + "…" + suffix
    return shown


# The files, opened.


def _unreadable(kind: AttachmentKind) -> type[BadInput]:
    return UnreadableAudio if kind == "audio" else UnreadableImage


def _open_plain(path: Path, shown: str, error: type[BadInput]) -> IO[bytes]:
    """Open a plain file, or what a link leads to; anything that could block is refused."""
    quick = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, os.O_RDONLY | quick)
    except (OSError, ValueError) as failure:  # ValueError: a null character in the path
        raise error(f"{shown} cannot be opened: check that it is there, then send it again.") from (
            failure
        )
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise error(f"{shown} is not a file: send a sound or an image.")
    return os.fdopen(handle, "rb")


def _open_within_limit(kind: AttachmentKind, path: Path, shown: str) -> IO[bytes]:
    file = _open_plain(path, shown, _unreadable(kind))
    size = os.fstat(file.fileno()).st_size
    if 0 < size <= MAX_BYTES[kind]:
        return file
    file.close()
    if size:
        raise _over_size(kind, shown)
    raise _unreadable(kind)(f"{shown} is empty, 0 bytes long: send it again.")


def _over_size(kind: AttachmentKind, shown: str) -> OverLimit:
    most = MAX_BYTES[kind] // MEGABYTE
    if kind == "audio":
        return OverLimit(f"{shown} is larger than {most} MB: send it as MP3 or M4A, or in parts.")
    return OverLimit(f"{shown} is larger than {most} MB: send a smaller copy of it.")


# The child process.


def _decode(kind: AttachmentKind, path: Path, shown: str) -> NDArray[Any]:
    """Return what a child decodes out of a file, or raise what speaks against it."""
    with _open_within_limit(kind, path, shown) as file:
        child = subprocess.Popen(  # noqa: S603  # our own file, by this very Python
            [sys.executable, decoder.__file__, kind],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
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
    error = _unreadable(kind)
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
