"""The frozen encoders of triage: what an image and a sound are as a whole, as one vector each.

They are the networks that the desk has loaded already: EfficientNet-Lite0 before its classifier,
and Whisper base before its decoder.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmcs.backends import _whisper_common as common
from mmcs.backends.efficientnet import EfficientNetLite
from mmcs.backends.faster_whisper import FRAMES, PER_STATE, FasterWhisper
from mmcs.roles import Image, Sound, load
from mmcs.settings import Settings
from mmcs.triage.features import Modality, Vector
from mmcs.triage.gather import Encoders, Span

MOST_WINDOWS = 3  # of 20 s; a customer says early what it is about
HOP = 400  # samples; 25 ms, over which energy is measured
QUIETEST = 1e-5  # of full scale; -100 dB


class PooledEfficientNet:
    """EfficientNet-Lite0 up to its last pooling."""

    name = "efficientnet-lite0 pooled"

    def __init__(self, tagger: EfficientNetLite) -> None:
        """Take the network that tags."""
        self._tagger = tagger

    def encode_image(self, image: Image) -> Vector:
        """Return the features that the classifier would see, (1280,)."""
        return self._tagger.pooled(image)


class PooledWhisper:
    """Whisper base's encoder, and how something is said."""

    name = "whisper-base-int8 pooled"

    def __init__(self, transcriber: FasterWhisper) -> None:
        """Take the network that transcribes."""
        self._transcriber = transcriber

    def encode_sound(self, sound: Sound) -> Vector:
        """Return the mean and the deviation over time of the encoder's states, then the manner,
        (512 + 512 + 5,). Of a sound without speech, the sound itself is heard."""
        states, _, stretches = self._heard(sound)
        return _pooled(states, sound, stretches)

    def encode_without(self, sound: Sound, cuts: Sequence[Sequence[Span]]) -> list[Vector | None]:
        """Return the same once for each cut, as if its spans had been taken out after they were
        heard: their states are left out, those beside them still know of them."""
        states, times, stretches = self._heard(sound)
        left: list[Vector | None] = []
        for cut in cuts:
            kept, rest, spoken = np.ones(len(times), bool), sound, stretches
            for start, end in sorted(cut, reverse=True):  # the last first: the others stay in place
                kept &= (times < start) | (times >= end)
                first, last = (round(side * common.SAMPLE_RATE) for side in (start, end))
                rest = np.concatenate((rest[:first], rest[last:]))
                spoken = [piece for s in spoken for piece in _without(s, first, last)]
            left.append(_pooled(states[kept], rest, spoken) if kept.any() else None)
        return left

    def _heard(self, sound: Sound) -> tuple[Vector, NDArray[np.float64], list[common.Stretch]]:
        """Return the states, (time, 512), the second at which each was heard, and where somebody
        speaks."""
        longest = common.WINDOW * common.SAMPLE_RATE
        windows = common.windows(sound)[:MOST_WINDOWS]
        stretches = [stretch for window in windows for stretch in window.stretches]
        if not windows:
            first = sound[:longest]
            windows = [common.Window(first, (common.Stretch(0, len(first)),))]
        states = [self._transcriber.states(window.sound) for window in windows]
        times = [
            window.place(place / (FRAMES / PER_STATE))
            for window, found in zip(windows, states, strict=True)
            for place in range(len(found))
        ]
        return np.concatenate(states), np.array(times), stretches


def _pooled(states: Vector, sound: Sound, stretches: Sequence[common.Stretch]) -> Vector:
    spread = (states.mean(axis=0), states.std(axis=0))
    return np.concatenate((*spread, manner(sound, stretches)))


def _without(stretch: common.Stretch, first: int, last: int) -> list[common.Stretch]:
    """Return what is left of a stretch when the samples from first to last are cut out."""
    before = common.Stretch(stretch.start, min(stretch.end, first))
    gone = last - first
    after = common.Stretch(max(stretch.start, last) - gone, stretch.end - gone)
    return [piece for piece in (before, after) if piece.end > piece.start]


def manner(sound: Sound, stretches: Sequence[common.Stretch]) -> Vector:
    """Return how something is said, (5,): the mean and the deviation of its energy in dB, the share
    of silence, pauses a second, and the logarithm of its seconds.

    Args:
        sound: all of it.
        stretches: where somebody speaks.
    """
    frames = sound[: len(sound) // HOP * HOP].reshape(-1, HOP)
    energy = np.sqrt((frames**2).mean(axis=1)) if len(frames) else np.zeros(1)
    decibel = 20 * np.log10(np.maximum(energy, QUIETEST))
    spoken = sum(stretch.end - stretch.start for stretch in stretches)
    within = stretches[-1].end if stretches else len(sound)
    seconds = max(within, 1) / common.SAMPLE_RATE
    silence = 1 - spoken / max(within, 1)
    pauses = max(len(stretches) - 1, 0) / seconds
    found = (decibel.mean(), decibel.std(), silence, pauses, np.log(seconds))
    return np.array(found, np.float32)


def encoders(settings: Settings, modalities: Sequence[Modality], embedder: str) -> Encoders:
    """Load the encoders of these modalities; the text's is always there.

    Raises:
        ModelUnavailable: the weights of one cannot be had.
    """
    image = sound = None
    if "image" in modalities:
        image = PooledEfficientNet(load("tagger", "efficientnet", settings))
    if "audio" in modalities:
        sound = PooledWhisper(load("transcriber", "faster_whisper", settings))
    return Encoders(load("embedder", embedder, settings), image, sound)
