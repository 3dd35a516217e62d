"""The frozen encoders of triage: what an image and a sound are as a whole, as one vector each.

They are the networks that the desk has loaded already: EfficientNet-Lite0 before its classifier,
and Whisper base before its decoder.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from faster_whisper.audio import pad_or_trim

from mmcs.backends import _whisper_common as common
from mmcs.backends.efficientnet import CENTRE, SPREAD, EfficientNetLite, _middle, _squeezed
from mmcs.backends.faster_whisper import FRAMES, SHORTEST, SILENCE, FasterWhisper
from mmcs.roles import Image, Sound, load
from mmcs.settings import Settings
from mmcs.triage.features import Modality, Vector
from mmcs.triage.gather import Encoders

MOST_WINDOWS = 3  # of 20 s; a customer says early what it is about
PER_STATE = 2  # frames of the spectrogram to one state of the encoder
HOP = 400  # samples; 25 ms, over which energy is measured
QUIETEST = 1e-5  # of full scale; -100 dB


class PooledEfficientNet:
    """EfficientNet-Lite0 up to its last pooling."""

    name = "efficientnet-lite0 pooled"

    def __init__(self, tagger: EfficientNetLite) -> None:
        """Take the network that tags."""
        self._network = tagger._network
        self._device = tagger._device

    def encode_image(self, image: Image) -> Vector:
        """Return the features that the classifier would see, (1280,), the mean of the tagger's two
        views."""
        views = np.stack([_squeezed(image), _middle(image)]).astype(np.float32)
        pixels = torch.from_numpy((views - CENTRE) / SPREAD).permute(0, 3, 1, 2).to(self._device)
        with torch.inference_mode():
            states = self._network.extract_features(pixels)  # type: ignore[operator]  # untyped
            pooled: Vector = states.mean(dim=(0, 2, 3)).cpu().numpy()
        return pooled


class PooledWhisper:
    """Whisper base's encoder, and how something is said."""

    name = "whisper-base-int8 pooled"

    def __init__(self, transcriber: FasterWhisper) -> None:
        """Take the network that transcribes."""
        self._model = transcriber.model

    def encode_sound(self, sound: Sound) -> Vector:
        """Return the mean and the deviation over time of the encoder's states, then the manner,
        (512 + 512 + 5,). Of a sound without speech, the sound itself is heard."""
        windows = common.windows(sound)[:MOST_WINDOWS]
        longest = common.WINDOW * common.SAMPLE_RATE
        sounds = [window.sound for window in windows] or [sound[:longest]]
        states = np.concatenate([self._states(one) for one in sounds])
        return np.concatenate((states.mean(axis=0), states.std(axis=0), manner(sound, windows)))

    def _states(self, sound: Sound) -> Vector:
        """Return the states, (time, 512), of at most 20 s, without those of the padding."""
        features = self._model.feature_extractor(sound)[:, :-1]
        frames = max(features.shape[1], PER_STATE)
        length = min(max(SHORTEST * FRAMES, frames + SILENCE * FRAMES), common.TRAINED * FRAMES)
        encoded = np.asarray(self._model.encode(pad_or_trim(features, length)), np.float32)
        return encoded[0, : frames // PER_STATE]


def manner(sound: Sound, windows: Sequence[common.Window]) -> Vector:
    """Return how something is said, (5,): the mean and the deviation of its energy in dB, the share
    of silence, pauses a second, and the logarithm of its seconds."""
    frames = sound[: len(sound) // HOP * HOP].reshape(-1, HOP)
    energy = np.sqrt((frames**2).mean(axis=1)) if len(frames) else np.zeros(1)
    decibel = 20 * np.log10(np.maximum(energy, QUIETEST))
    stretches = [stretch for window in windows for stretch in window.stretches]
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
