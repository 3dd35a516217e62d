"""Speech to text with faster-whisper: Whisper base in int8, for two cores without a GPU.

``WhisperModel.transcribe`` encodes the first window twice, and each as if it were 30 s long. Here
the parts of that library are put together anew: a window is encoded once, and no longer than it
needs, since the encoder takes most of the time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
from ctranslate2 import StorageView
from faster_whisper import WhisperModel
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens, merge_punctuations
from numpy.typing import NDArray

from mmcs import weights
from mmcs.backends import _whisper_common as common
from mmcs.backends._whisper_common import (
    BEAM_SIZE,
    CLOSING,
    OPENING,
    PROMPTS,
    TRAINED,
    Guess,
    Word,
)
from mmcs.roles import Sound
from mmcs.settings import Settings
from mmcs.ticket import Transcript

FRAMES = 100  # of the log-mel spectrogram, per second
# Whisper knows only windows of 30 s. It hears as well in shorter ones if silence follows the
# speech; with 1-2 s of it, it said one clip in six twice, with 5 s none.
SILENCE = 5  # seconds
SHORTEST = 10  # seconds
PER_STATE = 2  # frames of the spectrogram to one state of the encoder
KEPT = 4  # sounds whose states are known

States = NDArray[np.float32]  # (time, 512)


@dataclass
class FasterWhisper:
    """Whisper in CTranslate2."""

    model: WhisperModel
    name: str
    _states: dict[bytes, States] = field(default_factory=dict)  # of the last sounds, by their hash

    def transcribe(self, sound: Sound) -> Transcript:
        """Return what is said; no segments when nobody speaks."""
        return common.transcribe(self, sound)

    def hear(self, sound: Sound, language: str | None) -> Guess:
        """Return what is said in at most 20 s, heard again in a full window if it is doubtful."""
        features, length, encoded, _ = self._encode(sound)
        guess = self._guess(features, encoded, language)
        if length < TRAINED * FRAMES and common.doubtful(guess):
            full = self.model.encode(pad_or_trim(features, TRAINED * FRAMES))
            guess = self._guess(features, full, language)
        return guess

    def states(self, sound: Sound) -> States:
        """Return the encoder's states, (time, 512), of at most 20 s, without those of the padding.
        Those of what was heard just before are still known."""
        key = sha256(sound.tobytes()).digest()
        known = self._states.get(key)
        return self._encode(sound)[3] if known is None else known

    def _encode(self, sound: Sound) -> tuple[Sound, int, StorageView, States]:
        """Return the features of a sound, (80, frames), to how many frames they were padded, what
        the encoder makes of them, and that without the padding."""
        features = self.model.feature_extractor(sound)[:, :-1]
        frames = max(features.shape[1], PER_STATE)
        length = min(max(SHORTEST * FRAMES, frames + SILENCE * FRAMES), TRAINED * FRAMES)
        encoded = self.model.encode(pad_or_trim(features, length))
        states = np.asarray(encoded, np.float32)[0, : frames // PER_STATE].copy()
        self._states = {
            **dict(list(self._states.items())[1 - KEPT :]),
            sha256(sound.tobytes()).digest(): states,
        }
        return features, length, encoded, states

    def _guess(self, features: Sound, encoded: StorageView, language: str | None) -> Guess:
        """Decode features, (80, frames), from what the encoder made of them."""
        token, confidence = self.model.model.detect_language(encoded)[0][0]
        spoken = language or token.strip("<|>")
        tokenizer = Tokenizer(self.model.hf_tokenizer, True, task="transcribe", language=spoken)
        prompt = tokenizer.encode(" " + PROMPTS[spoken]) if spoken in PROMPTS else []
        found = self.model.model.generate(
            encoded,
            [self.model.get_prompt(tokenizer, prompt, without_timestamps=True)],
            beam_size=BEAM_SIZE,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
        )[0]
        tokens = [token for token in found.sequences_ids[0] if token < tokenizer.eot]
        return Guess(
            language=spoken,
            language_confidence=confidence,
            words=self._words(tokens, encoded, features.shape[1], tokenizer),
            mean_log_probability=found.scores[0] * len(tokens) / (len(tokens) + 1),  # and the end
            no_speech=found.no_speech_prob,
        )

    def _words(
        self, tokens: list[int], encoded: StorageView, frames: int, tokenizer: Tokenizer
    ) -> tuple[Word, ...]:
        """Return when each word is said and how sure the network is of it."""
        if not tokens:
            return ()
        found = self.model.find_alignment(tokenizer, [tokens], encoded, frames)[0]
        merge_punctuations(found, OPENING, CLOSING)
        return tuple(
            Word(word["word"], float(word["start"]), float(word["end"]), float(word["probability"]))
            for word in found
            if word["word"]
        )


def transcriber(settings: Settings) -> FasterWhisper:
    """Load Whisper base in int8 and warm it up.

    Raises:
        WeightsError: its weights cannot be had.
    """
    folder = weights.fetch("whisper-base", settings)
    model = WhisperModel(
        str(folder),
        device="cpu",
        compute_type="int8",
        cpu_threads=settings.threads,
        local_files_only=True,
    )
    loaded = FasterWhisper(model, "whisper-base-int8")
    loaded.hear(np.zeros(SHORTEST * common.SAMPLE_RATE, np.float32), None)
    return loaded
