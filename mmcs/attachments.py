"""What the desk keeps of a message, within limits: its files, each under the hash of its content.

A file is opened once and found to be a plain one of a legal size; nothing here decodes it
(``mmcs.media`` does).
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import tempfile
import time
import unicodedata
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import IO

from mmcs import private
from mmcs.errors import BadInput, OverLimit, StoreError, UnreadableAudio, UnreadableImage
from mmcs.kept import Kept
from mmcs.settings import Settings
from mmcs.ticket import Attachment, AttachmentKind

MEGABYTE = 1_000_000  # bytes
MAX_BYTES: dict[AttachmentKind, int] = {"audio": 25 * MEGABYTE, "image": 25 * MEGABYTE}
MAX_TEXT = 20_000  # characters of a message
MAX_ATTACHMENTS = 6  # of a message
MAX_NAME = 80  # characters of a shown name
UNUSED_FOR = 24 * 3600  # seconds until what no ticket has is removed
# Folders of the cache; the name of a file in them begins with the hash of what it was found in.
FINDINGS = ("findings", "shown")
_HASH = re.compile("[0-9a-f]{64}")
Asked = Callable[[str], bool]

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
    with open_within_limit(kind, path, shown) as file:
        try:
            handle, copy = tempfile.mkstemp(private.HALF, dir=private.folder(store))
        except OSError as failure:
            raise _unkept(shown, store) from failure
        try:
            with os.fdopen(handle, "wb") as kept:
                sha256 = _copy(file, kept, MAX_BYTES[kind])
            if sha256 is None:  # it grew while it was read
                raise _over_size(kind, shown)
            target = _place(sha256, settings)
            private.folder(target.parent)
            if target.exists():
                target.touch()  # whoever looks for what nobody needs sees that it is in use
            else:
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
    if _HASH.fullmatch(sha256):  # it may come from outside: it must not lead elsewhere
        path = _place(sha256, settings)
        if path.is_file():
            return path
    raise BadInput(f"{safe_name(attachment.name)} is not kept on this desk: attach it again.")


def is_kept(attachment: Attachment, settings: Settings) -> bool:
    """Say whether an attachment is still kept: what was found in one that is not is not kept."""
    return _place(attachment.sha256, settings).is_file()


def drop(sha256: str, settings: Settings, in_a_ticket: Asked) -> None:
    """Remove a kept file, and what was found in it, unless it is in a ticket.

    Another desk may make it part of a ticket at this moment. So it is moved aside, and asked for
    once more: a ticket from before the question brings it back, and one from after it, which looks
    for its files when it is written, finds that it has to keep its file anew.

    Args:
        sha256: the hash of its content.
        settings: where attachments and findings are kept.
        in_a_ticket: whether any ticket has it.
    """
    if in_a_ticket(sha256):
        return
    place = _place(sha256, settings)
    aside = place.with_name(f"{sha256}.{secrets.token_hex(4)}{private.HALF}")
    with suppress(FileNotFoundError):
        place.replace(aside)
    if in_a_ticket(sha256):
        with suppress(FileNotFoundError):
            aside.replace(place)
        return
    aside.unlink(missing_ok=True)
    for folder in FINDINGS:
        for found in (settings.cache / folder / sha256[:2]).glob(f"{sha256}.*"):
            found.unlink(missing_ok=True)
    Kept(settings.cache / "features").forget(sha256)


def drop_unused(settings: Settings, in_tickets: Collection[str], in_a_ticket: Asked) -> None:
    """Remove what no ticket has had for a day: what a script or the command line was asked about,
    and what a crash has left.

    Args:
        settings: where attachments and findings are kept.
        in_tickets: the hashes of all that tickets have.
        in_a_ticket: whether any ticket has it, asked again of each.
    """
    for path in _unused(settings.home / "attachments"):
        sha256, _, half = path.name.partition(".")
        if half and sha256 in in_tickets:  # it was moved aside
            path.replace(_place(sha256, settings))
        elif half:
            path.unlink(missing_ok=True)
        elif sha256 not in in_tickets:
            drop(sha256, settings, in_a_ticket)
    for folder in FINDINGS:
        for path in _unused(settings.cache / folder):
            if path.suffix == private.HALF:
                path.unlink(missing_ok=True)


def _unused(folder: Path) -> list[Path]:
    """Return the files in a folder that nobody has written or taken into use for a day."""
    now = time.time()
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and path.stat().st_mtime < now - UNUSED_FOR
    ]


def _place(sha256: str, settings: Settings) -> Path:
    return settings.home / "attachments" / sha256[:2] / sha256


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


def open_within_limit(kind: AttachmentKind, path: Path, shown: str) -> IO[bytes]:
    """Open a plain file that is neither empty nor larger than its kind may be.

    Raises:
        UnreadableAudio, UnreadableImage: it is empty, or no plain file.
        OverLimit: more bytes than its kind may have.
    """
    file = _open_plain(path, shown, unreadable(kind))
    size = os.fstat(file.fileno()).st_size
    if 0 < size <= MAX_BYTES[kind]:
        return file
    file.close()
    if size:
        raise _over_size(kind, shown)
    raise unreadable(kind)(f"{shown} is empty, 0 bytes long: send it again.")


def unreadable(kind: AttachmentKind) -> type[BadInput]:
    """Return the error of a file that is not the sound or the image it should be."""
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


def _over_size(kind: AttachmentKind, shown: str) -> OverLimit:
    most = MAX_BYTES[kind] // MEGABYTE
    if kind == "audio":
        return OverLimit(f"{shown} is larger than {most} MB: send it as MP3 or M4A, or in parts.")
    return OverLimit(f"{shown} is larger than {most} MB: send a smaller copy of it.")
