"""Attachments: what is kept is within its limits and found again, and no name or file does harm."""

from __future__ import annotations

import functools
import os
import threading
from dataclasses import replace
from pathlib import Path

import media_files as make
import numpy as np
import pytest

from mmcs import attachments
from mmcs.errors import BadInput, OverLimit, StoreError, UnreadableAudio
from mmcs.settings import Settings
from mmcs.ticket import Attachment, AttachmentKind

# Names.

NAMES = {
    "a.png": "a.png",
    "../../etc/passwd": "passwd",
    "C:\\Users\\ann\\photo of box.jpg": "photo of box.jpg",
    "bill\u202egnp.exe": "billgnp.exe",
    "a\r\nSet-Cookie: x.png": "a Set-Cookie: x.png",
    "\x00\x1b[31mred.wav\x7f": "[31mred.wav",
    "zero\u200bwidth\ufeff.png": "zerowidth.png",
    "line\u2028break.png": "line break.png",
    "\udcff.png": ".png",
    "收据 2026.png": "收据 2026.png",
    "cafe\u0301.png": "café.png",
    "": "file",
    "///": "file",
    "..": "file",
    "\u202e\u200f": "file",
    "folder/": "folder",
    "x" * 300 + ".jpeg": "x" * 74 + "….jpeg",
    "y" * 300: "y" * 79 + "…",
}


@pytest.mark.parametrize("name", NAMES)
def test_name_is_safe_to_show(name: str) -> None:
    """No folder, control character, hidden mark or endless name reaches the desk."""
    shown = attachments.safe_name(name)
    assert shown == NAMES[name]
    assert len(shown) <= attachments.MAX_NAME
    shown.encode("utf-8")


# Keeping.


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home of its own."""
    return replace(Settings(), home=tmp_path / "home")


def test_attachment_is_kept_by_its_content(tmp_path: Path, settings: Settings) -> None:
    """The same bytes are kept once, whatever they are called, and found again."""
    content = make.encoded(make.corners(), "PNG")
    one = attachments.keep(make.put(tmp_path, "a.png", content), "image", settings)
    two = attachments.keep(
        make.put(tmp_path, "b", content), "image", settings, "../photos/b\x00.png"
    )
    assert (one.kind, one.name, two.name) == ("image", "a.png", "b.png")
    assert one.sha256 == two.sha256
    assert attachments.locate(two, settings).read_bytes() == content
    kept = [path for path in (settings.home / "attachments").rglob("*") if path.is_file()]
    assert [path.name for path in kept] == [one.sha256]


def test_two_may_keep_the_same_file_at_once(tmp_path: Path, settings: Settings) -> None:
    """Eight copies at the same moment leave one whole file and no remains."""
    content = np.random.default_rng(1).bytes(3_000_000)
    path = make.put(tmp_path, "a.mp3", content)
    keep = functools.partial(attachments.keep, path, "audio", settings)
    threads = [threading.Thread(target=keep) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = [file for file in (settings.home / "attachments").rglob("*") if file.is_file()]
    assert [file.read_bytes() for file in kept] == [content]


@pytest.mark.parametrize(("kind", "megabytes"), [("audio", 26), ("image", 26)])
def test_too_large_a_file_is_not_kept(
    kind: AttachmentKind, megabytes: int, tmp_path: Path, settings: Settings
) -> None:
    """A file over its limit leaves nothing behind."""
    path = make.put(tmp_path, "a.bin", b"")
    os.truncate(path, megabytes * attachments.MEGABYTE)
    with pytest.raises(OverLimit) as raised:
        attachments.keep(path, kind, settings)
    make.assert_sentence(raised.value, "a.bin")
    assert not (settings.home / "attachments").exists()


def test_empty_and_absent_files_are_not_kept(tmp_path: Path, settings: Settings) -> None:
    """Nothing cannot be kept."""
    for path in (make.put(tmp_path, "a.wav", b""), tmp_path / "absent.wav", tmp_path):
        with pytest.raises(UnreadableAudio) as raised:
            attachments.keep(path, "audio", settings)
        make.assert_sentence(raised.value, path.name)


def test_store_that_cannot_be_written_says_so(tmp_path: Path, settings: Settings) -> None:
    """A home that is a file is an error of the desk's, not of the customer's file."""
    path = make.put(tmp_path, "a.png", b"anything")
    settings.home.write_text("in the way")
    with pytest.raises(StoreError, match="cannot be kept"):
        attachments.keep(path, "image", settings)


@pytest.mark.parametrize("sha256", ["0" * 64, "../../secret", "", "Z" * 64, "a" * 63 + "\n"])
def test_unknown_attachment_is_not_located(sha256: str, tmp_path: Path, settings: Settings) -> None:
    """An attachment that was never kept, or whose hash is a path, leads nowhere."""
    make.put(tmp_path, "secret", b"secret")
    with pytest.raises(BadInput, match="a.png is not kept"):
        attachments.locate(Attachment("image", "a.png", sha256), settings)


# Kinds, texts and counts.


def test_kind_goes_by_content_first(tmp_path: Path) -> None:
    """A photo called .mp3 is an image; a text called .jpg still counts as one, to be refused."""
    photo = make.put(tmp_path, "a.mp3", make.encoded(make.corners(), "JPEG"))
    assert attachments.attachment_kind(photo) == "image"
    assert attachments.attachment_kind(make.put(tmp_path, "a.jpg", b"text")) == "image"
    assert attachments.attachment_kind(make.put(tmp_path, "a", b"text"), "Voice.M4A") == "audio"


@pytest.mark.parametrize("name", ["a.pdf", "a.txt", "archive.zip", "a", "jpg"])
def test_what_is_neither_is_refused_with_what_can_be_sent(name: str, tmp_path: Path) -> None:
    """Any other file is answered with the formats that can be sent."""
    with pytest.raises(BadInput) as raised:
        attachments.attachment_kind(make.put(tmp_path, name, b"PK\x03\x04 or %PDF-1.7 or text"))
    make.assert_sentence(raised.value, name)
    assert attachments.SOUNDS in str(raised.value)
    assert attachments.IMAGES in str(raised.value)


def test_text_and_count_have_limits() -> None:
    """20,000 characters and 6 attachments pass, one more does not."""
    attachments.check_text("x" * 20_000)
    attachments.check_count(6)
    with pytest.raises(OverLimit, match="1,000,000 characters and may have 20,000"):
        attachments.check_text("x" * 1_000_000)
    with pytest.raises(OverLimit, match="7 attachments and may have 6"):
        attachments.check_count(7)
