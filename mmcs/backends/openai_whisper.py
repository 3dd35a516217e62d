"""Speech to text with openai-whisper: Whisper turbo in fp16 on a CUDA GPU.

Without a GPU it runs too, slowly, on the very weights that faster_whisper has: CTranslate2's file
converts exactly.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import torch
import whisper
from whisper.audio import HOP_LENGTH, N_FRAMES, log_mel_spectrogram, pad_or_trim
from whisper.decoding import DecodingOptions
from whisper.model import ModelDimensions, Whisper
from whisper.timing import find_alignment, merge_punctuations
from whisper.tokenizer import get_tokenizer

from mmcs import weights
from mmcs.backends import _whisper_common as common
from mmcs.backends._ctranslate2_file import read_variables, whisper_state_dict
from mmcs.backends._device import BUILDING, device
from mmcs.backends._whisper_common import BEAM_SIZE, CLOSING, OPENING, PROMPTS, Guess, Word
from mmcs.errors import ModelUnavailable
from mmcs.roles import Sound
from mmcs.settings import Settings
from mmcs.ticket import Transcript

# Whisper base, as its checkpoint says.
BASE = ModelDimensions(
    n_mels=80,
    n_audio_ctx=1500,
    n_audio_state=512,
    n_audio_head=8,
    n_audio_layer=6,
    n_vocab=51_865,
    n_text_ctx=448,
    n_text_state=512,
    n_text_head=8,
    n_text_layer=6,
)
CONNECT = 3.0  # seconds until the models' server counts as away


@dataclass
class OpenAIWhisper:
    """Whisper in PyTorch."""

    model: Whisper
    name: str

    def transcribe(self, sound: Sound) -> Transcript:
        """Return what is said; no segments when nobody speaks.

        Raises:
            ModelUnavailable: the GPU has no memory left.
        """
        try:
            return common.transcribe(self, sound)
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise ModelUnavailable("The GPU has no memory left to listen with.") from error

    def hear(self, sound: Sound, language: str | None) -> Guess:
        """Return what is said in at most 20 s, which this network always hears as 30 s."""
        fp16 = self.model.device.type == "cuda"
        mel = log_mel_spectrogram(sound, self.model.dims.n_mels)
        mel = pad_or_trim(mel, N_FRAMES)
        mel = mel.to(self.model.device, torch.float16 if fp16 else torch.float32)
        with torch.inference_mode():
            encoded = self.model.embed_audio(mel[None])
            languages = self.model.detect_language(encoded)[1][0]
            best = max(languages, key=lambda code: languages[code])
            spoken = language or best
            options = DecodingOptions(
                language=spoken,
                beam_size=BEAM_SIZE,
                without_timestamps=True,
                prompt=PROMPTS.get(spoken),
                fp16=fp16,
            )
            found = self.model.decode(encoded, options)[0]
            words = self._words(found.tokens, mel, len(sound) // HOP_LENGTH, spoken)
        return Guess(
            language=spoken,
            language_confidence=languages[best],
            words=words,
            mean_log_probability=found.avg_logprob,
            no_speech=found.no_speech_prob,
        )

    def _words(
        self, tokens: list[int], mel: torch.Tensor, frames: int, language: str
    ) -> tuple[Word, ...]:
        """Return when each word is said and how sure the network is of it."""
        if not tokens:
            return ()
        tokenizer = get_tokenizer(
            self.model.is_multilingual,
            num_languages=self.model.num_languages,
            language=language,
            task="transcribe",
        )
        found = find_alignment(self.model, tokenizer, tokens, mel, frames)
        merge_punctuations(found, OPENING, CLOSING)
        return tuple(
            Word(word.word, float(word.start), float(word.end), float(word.probability))
            for word in found
            if word.word
        )


def transcriber(settings: Settings) -> OpenAIWhisper:
    """Load Whisper turbo on a GPU, else base, and warm it up.

    Raises:
        WeightsError: the weights of base cannot be had.
        ModelUnavailable: those of another size cannot be had.
    """
    torch.set_num_threads(settings.threads)
    place = device(settings)
    size = settings.whisper_model
    if size == "base" and place == "cuda":
        size = "turbo"
    model = base(settings) if size == "base" else _published(size, settings)
    loaded = OpenAIWhisper(model.to(place).eval(), f"openai-whisper-{Path(size).stem}")
    loaded.hear(np.zeros(common.SAMPLE_RATE, np.float32), None)
    return loaded


def base(settings: Settings) -> Whisper:
    """Return Whisper base on the CPU, of the weights that faster_whisper has.

    Raises:
        WeightsError: they cannot be had.
    """
    folder = weights.fetch("whisper-base", settings)
    with BUILDING:
        model = Whisper(BASE)
    model.load_state_dict(whisper_state_dict(read_variables(folder / "model.bin")))
    heads = torch.zeros(BASE.n_text_layer, BASE.n_text_head, dtype=torch.bool)
    for layer, head in json.loads((folder / "config.json").read_text("utf-8"))["alignment_heads"]:
        heads[layer, head] = True
    model.register_buffer("alignment_heads", heads.to_sparse(), persistent=False)
    return model


def _published(size: str, settings: Settings) -> Whisper:
    """Return another size, or a checkpoint by its path, fetching what is not in the cache."""
    folder = settings.cache / "weights" / "openai-whisper"
    address = whisper._MODELS.get(size)
    if not Path(size).is_file():
        if address is None:
            names = ", ".join(whisper.available_models())
            raise ModelUnavailable(f"Whisper has no size {size!r}; it has {names}.")
        if not (folder / Path(address).name).is_file():
            _reach(address, size, settings)
    try:
        if address is not None:
            whisper._download(address, str(folder), in_memory=False)
        with BUILDING:
            return whisper.load_model(size, "cpu", str(folder))
    except (OSError, RuntimeError) as error:
        raise ModelUnavailable(f"Whisper {size} cannot be loaded: {error}") from error


def _reach(address: str, size: str, settings: Settings) -> None:
    """Refuse a download that may not be, or whose server is away: whisper would wait for ever."""
    if settings.offline or not settings.hub:
        raise ModelUnavailable(f"Whisper {size} is not in the cache and may not be downloaded.")
    try:
        httpx.head(address, timeout=CONNECT).raise_for_status()
    except httpx.HTTPError as error:
        raise ModelUnavailable(f"Whisper {size} cannot be downloaded: {error}") from error
