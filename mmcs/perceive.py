"""Attachments to Evidence: what is said in a sound, what an image says and shows.

Each finding is kept by the content hash of its file, so asking again costs nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

from pydantic import ValidationError

from mmcs import cache, media
from mmcs.attachments import is_kept
from mmcs.kinds import image_kind
from mmcs.roles import Captioner, Image, Reader, Tagger, Transcriber
from mmcs.settings import Settings
from mmcs.ticket import Attachment, Picture, Reading, Transcript, from_json, to_json
from mmcs.wellformed import parse_json

FINDINGS = 1  # raised when the same model finds something else than before

T = TypeVar("T", Transcript, Reading, Picture)


class View:
    """One image attachment, decoded when the first model looks at it."""

    def __init__(self, attachment: Attachment, settings: Settings) -> None:
        self.attachment = attachment
        self.settings = settings

    @cached_property
    def image(self) -> Image:
        """The pixels.

        Raises:
            BadInput: the file cannot be decoded, or is past a limit.
        """
        return media.image_of(self.attachment, self.settings)

    @property
    def reduced(self) -> float:
        """How many times larger the sides of the original are, in whose pixels boxes are told."""
        width, _ = media.image_size(self.attachment, self.settings)
        return width / int(self.image.shape[1])


def hear(attachment: Attachment, transcriber: Transcriber, settings: Settings) -> Transcript:
    """Return what is said in an audio attachment.

    Raises:
        BadInput: the file cannot be decoded, or is past a limit.
    """
    listen = lambda: transcriber.transcribe(media.sound_of(attachment, settings))  # noqa: E731
    heard = _kept(Transcript, attachment, f"heard-{transcriber.name}", settings, listen)
    return replace(heard, attachment=attachment.name)


def read(view: View, reader: Reader) -> Reading:
    """Return the text of an image attachment.

    Raises:
        BadInput: the file cannot be decoded, or is past a limit.
    """
    find = lambda: reader.read(view.image).enlarged(view.reduced)  # noqa: E731  # if not kept
    return _kept(Reading, view.attachment, f"read-{reader.name}", view.settings, find)


def unseen(view: View, reading: Reading) -> Picture:
    """Return the picture of which only the text is known so far."""
    return Picture(view.attachment.name, "other", "", (), reading.lines)


def look(view: View, reading: Reading, tagger: Tagger, captioner: Captioner) -> Picture:
    """Return what an image attachment shows, with the text that was read off it.

    Raises:
        BadInput: the file cannot be decoded, or is past a limit.
    """

    def see() -> Picture:
        tags = tagger.tag(view.image)
        kind = image_kind(view.image, tags, reading.enlarged(1 / view.reduced))
        seen = Picture(view.attachment.name, kind, "", tags, reading.lines)
        return replace(seen, caption=captioner.caption(view.image, seen))

    models = f"seen-{tagger.name}-{captioner.name}"
    picture = _kept(Picture, view.attachment, models, view.settings, see)
    return replace(picture, attachment=view.attachment.name, lines=reading.lines)


def _kept(
    kind: type[T], attachment: Attachment, models: str, settings: Settings, find: Callable[[], T]
) -> T:
    """Return the finding from the cache; find and keep it if it is not there, or is damaged."""
    name = re.sub(r"[^\w.-]", "_", f"{attachment.sha256}.{FINDINGS}-{models}.json")
    path = settings.cache / "findings" / attachment.sha256[:2] / name
    try:
        return from_json(kind, parse_json(path.read_bytes()))
    except (OSError, ValueError, ValidationError):
        finding = find()
    cache.keep(path, json.dumps(to_json(finding)).encode(), settings.cache)
    if not is_kept(attachment, settings):  # it was removed while a model looked at it
        path.unlink(missing_ok=True)
    return finding
