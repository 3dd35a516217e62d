"""A ticket that can be taken apart: without some of its words, a region of an image, a stretch of a
voice note."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from PIL.Image import Resampling, fromarray

from mmcs import media
from mmcs.decoder import SAMPLE_RATE
from mmcs.errors import BadInput
from mmcs.explanation import CHANNELS, Channel, Region, Stretch
from mmcs.roles import Image, Sound
from mmcs.settings import Settings
from mmcs.ticket import Attachment
from mmcs.triage.features import Features, Table, Vector
from mmcs.triage.gather import (
    Encoders,
    Span,
    attached,
    audio_rows,
    embedded,
    image_rows,
    mean_of,
    with_kind,
    with_rate,
)
from mmcs.triage.words import Text, Understood

MOST_REGIONS = 24  # of all images; a look takes 0.07 s
LEAST_REGIONS = 4  # of an image
SIDE = 480  # pixels, of an image that is looked at again
GREY = 127  # what covers a region: the middle of what the network was trained on
MOST_STRETCHES = 16  # of all voice notes
LEAST_STRETCH = 1.0  # seconds

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels
T = TypeVar("T")


@dataclass(frozen=True)
class Variant:
    """A ticket without a part of it."""

    words: str
    image: Vector | None
    audio: Vector | None

    @property
    def empty(self) -> bool:
        """Whether nothing is left."""
        return not self.words and self.image is None and self.audio is None


@dataclass(frozen=True)
class Parts:
    """A ticket that can be taken apart."""

    understood: Understood
    encoders: Encoders
    settings: Settings

    @cached_property
    def text(self) -> Text:
        """Its words."""
        return Text.of(self.understood)

    @cached_property
    def images(self) -> Mapping[str, Vector]:
        """The features of each image, by its name."""
        return image_rows(self.understood, self.encoders, self.settings)

    @cached_property
    def sounds(self) -> Mapping[str, Vector]:
        """The features of each voice note, by its name."""
        return audio_rows(self.understood, self.encoders, self.settings)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Those in which there is anything."""
        there = {token.channel for token in self.text.tokens}
        there |= {"shown"} if self.images else set()
        there |= {"said"} if self.sounds else set()
        return tuple(channel for channel in CHANNELS if channel in there)

    def only(self, channels: Iterable[Channel]) -> Variant:
        """Return the ticket as if nothing but these had been sent."""
        kept = set(channels)
        gone = [at for at, token in enumerate(self.text.tokens) if token.channel not in kept]
        image = mean_of(self.images.values()) if "shown" in kept else None
        audio = mean_of(self.sounds.values()) if "said" in kept else None
        return Variant(self.text.without(gone), image, audio)

    def without_words(self, gone: Sequence[int]) -> Variant:
        """Return the ticket without some of its words."""
        return replace(self.only(CHANNELS), words=self.text.without(gone))

    def regions(self) -> list[Region]:
        """Return the regions of all images, of no value yet."""
        sizes = {name: size[::-1] for name, (_, size) in self._originals.items()}
        most = max(LEAST_REGIONS, MOST_REGIONS // max(len(sizes), 1))
        return [Region(n, box, 0.0) for n, size in sizes.items() for box in grid(size, most)]

    def covered(self, name: str, regions: Sequence[Region] = ()) -> Variant:
        """Return the ticket with regions of one image covered, and the lines that stand there left
        out; of no region, with the image looked at again, as small as one that is covered."""
        (image, (width, _)), encoder = self._originals[name], self.encoders.image
        if encoder is None:
            raise ValueError(f"nothing looked at {name}")
        small = _small(image)
        scale = small.shape[1] / width
        for region in regions:
            x0, y0, x1, y1 = (round(side * scale) for side in region.box)
            small[y0:y1, x0:x1] = GREY
        gone = [
            at
            for at, token in enumerate(self.text.tokens)
            if token.kind == "image" and token.attachment == name
            if any(_inside(token.place, region.box) for region in regions)
        ]
        row = with_kind(encoder.encode_image(small), name, self.understood)
        rows = {**self.images, name: row}
        return replace(self.without_words(gone), image=mean_of(rows.values()))

    def stretches(self) -> list[Stretch]:
        """Return the stretches of all voice notes, of no value yet."""
        most = MOST_STRETCHES // max(len(self._sounds), 1)
        return [
            Stretch(name, round(start, 2), round(end, 2), 0.0)
            for name, sound in self._sounds.items()
            for start, end in spans_of(len(sound) / SAMPLE_RATE, most)
        ]

    def cut(self, name: str, cuts: Sequence[Sequence[Stretch]]) -> list[Variant]:
        """Return the ticket once for each cut: without some stretches of one voice note, and the
        words that are said there."""
        encoder = self.encoders.sound
        if encoder is None:
            raise ValueError(f"nothing heard {name}")
        spans = [[(s.start, s.end) for s in stretches] for stretches in cuts]
        left = encoder.encode_without(self._sounds[name], spans)
        found = []
        for cut, pooled in zip(spans, left, strict=True):
            gone = [
                at
                for at, token in enumerate(self.text.tokens)
                if token.kind == "transcript" and token.attachment == name
                if any(start <= token.time < end for start, end in cut)
            ]
            rows = {other: row for other, row in self.sounds.items() if other != name}
            if pooled is not None:
                rows[name] = with_rate(pooled, name, self.understood)
            found.append(replace(self.without_words(gone), audio=mean_of(rows.values())))
        return found

    @cached_property
    def _originals(self) -> Mapping[str, tuple[Image, tuple[int, int]]]:
        """The pixels of each image, and the width and height in which boxes are told."""
        look = lambda file, s: (media.image_of(file, s), media.image_size(file, s))  # noqa: E731
        files = attached(self.understood.ticket, "image")
        read = {f.name: self._decoded(f, look) for f in files if f.name in self.images}
        return {name: image for name, image in read.items() if image is not None}

    @cached_property
    def _sounds(self) -> Mapping[str, Sound]:
        files = attached(self.understood.ticket, "audio")
        heard = {f.name: self._decoded(f, media.sound_of) for f in files if f.name in self.sounds}
        return {name: sound for name, sound in heard.items() if sound is not None}

    def _decoded(self, file: Attachment, of: Callable[[Attachment, Settings], T]) -> T | None:
        with suppress(BadInput):
            return of(file, self.settings)
        return None


def table_of(variants: Sequence[Variant], encoders: Encoders) -> Table:
    """Return the features of some variants; each text is embedded once."""
    texts = list(dict.fromkeys(v.words for v in variants if v.words))
    rows = dict(zip(texts, embedded(texts, encoders), strict=True)) if texts else {}
    return Table.of([Features(rows.get(v.words), v.image, v.audio) for v in variants])


def grid(size: tuple[int, ...], most: int) -> list[Box]:
    """Return about ``most`` boxes, nearly square, that fill an image of a height and a width."""
    height, width = size
    rows = max(1, min(most, round(math.sqrt(most * height / width))))
    columns = max(1, most // rows)
    return [
        (c * width / columns, r * height / rows, (c + 1) * width / columns, (r + 1) * height / rows)
        for r in range(rows)
        for c in range(columns)
    ]


def spans_of(seconds: float, most: int) -> list[Span]:
    """Return the stretches of a sound, from start to end, equally long."""
    count = max(1, min(most, int(seconds / LEAST_STRETCH)))
    return [(seconds * n / count, seconds * (n + 1) / count) for n in range(count)]


def _small(image: Image) -> Image:
    """Return a copy of an image, no larger than it need be."""
    longest = max(image.shape[:2])
    height, width = (max(1, round(side * min(1.0, SIDE / longest))) for side in image.shape[:2])
    return np.array(fromarray(image).resize((width, height), Resampling.BOX))


def _inside(place: tuple[float, float], box: Box) -> bool:
    x, y = place
    return box[0] <= x < box[2] and box[1] <= y < box[3]
