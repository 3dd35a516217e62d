"""Speak the three voice notes with Kokoro-82M and record one without words.

Usage: python speech.py MODEL.onnx VOICES_DIR   (see README.md for where both come from)
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before onnxruntime is imported

import numpy as np
import onnxruntime
import soundfile
from kokoro_onnx.config import DEFAULT_VOCAB
from kokoro_onnx.tokenizer import Tokenizer
from misaki.zh import ZHG2P
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfilt

TICKETS = Path(__file__).resolve().parent.parent
RATE = 24_000  # Hz, of Kokoro
Sound = NDArray[np.float32]


@dataclass(frozen=True)
class Phrase:
    """A stretch of speech in one breath, and the silence after it."""

    text: str
    pause: float = 0.35  # seconds
    speed: float = 1.0  # below 1 for numbers, which people dictate slowly
    breath: bool = False  # an audible breath before it


@dataclass(frozen=True)
class Recording:
    """One voice note: who says what, and how the phone hears it."""

    path: str
    voice: str
    phrases: tuple[Phrase, ...]
    language: str = "en"
    room: float = 0.10  # share of the echo
    noise: float = -44.0  # dB below the speech
    hum: float = 0.0  # share of mains hum in the noise
    band: tuple[int, int] = (110, 7_200)  # Hz, what the microphone passes
    seed: int = 1


RECORDINGS = (
    Recording(
        "01-late-parcel/voice.ogg",
        "af_heart",
        (
            Phrase("Hi, um, this is Dana Whitfield.", 0.3),
            Phrase("I ordered a Breeze V eight vacuum from you, and it still isn't here.", 0.55),
            Phrase("The order number is four, eight, two, one, three.", 0.6, 0.92, True),
            Phrase("And the tracking number is N, L, X,", 0.3, 0.9),
            Phrase("two, zero, four,", 0.25, 0.9),
            Phrase("four, one, seven,", 0.25, 0.9),
            Phrase("zero, nine, three.", 0.7, 0.9),
            Phrase(
                "The tracking page hasn't moved for, like, eight working days now.", 0.4, 1.02, True
            ),
            Phrase("It just says, in transit.", 0.5),
            Phrase(
                "Can you find out where it is, or just send me another one? Thanks, bye.", 0.5, 1.02
            ),
        ),
        hum=0.25,
        seed=11,
    ),
    Recording(
        "05-bill-conflict/voice.ogg",
        "am_michael",
        (
            Phrase("Hey, good morning, this is Marcus Bell.", 0.4),
            Phrase("Um, I'm looking at my bank statement here,", 0.25, 1.0, True),
            Phrase(
                "and you charged me four hundred and nineteen dollars for the robot vacuum.", 0.6
            ),
            Phrase("That's not what the invoice says. I've sent you a photo of it.", 0.5, 1.02),
            Phrase("The order number is four, eight, four, one, seven.", 0.6, 0.92, True),
            Phrase("So, could somebody check which amount is right,", 0.2),
            Phrase("and pay me back the difference? Thank you.", 0.5),
        ),
        room=0.16,
        noise=-40.0,
        band=(180, 5_200),
        seed=23,
    ),
    Recording(
        "06-mandarin-return/voice.ogg",
        "zf_xiaoyi",
        (
            Phrase("你好，麻烦问一下。", 0.45),
            Phrase("我上周在你们店里买了一台咖啡机，", 0.2),
            Phrase("订单号是，四，八，五，零，六。", 0.6, 0.95),
            Phrase("收到以后我试用了两次，", 0.2, 1.0, True),
            Phrase("觉得有点太大了，厨房放不下，", 0.25),
            Phrase("所以我想退货。", 0.6),
            Phrase("请问用过两次还能退吗？", 0.4, 1.0, True),
            Phrase("退货的运费是谁来出？", 0.35),
            Phrase("钱大概几天能退到我的卡上？谢谢啊。", 0.5),
        ),
        language="zh",
        hum=0.1,
        seed=37,
    ),
)


class Speaker:
    """Kokoro-82M in ONNX, with its grapheme-to-phoneme steps for English and Mandarin."""

    def __init__(self, model: Path, voices: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        self._session = onnxruntime.InferenceSession(str(model), options)
        self._voices = voices
        self._english = Tokenizer()
        self._mandarin = ZHG2P()

    def say(self, phrase: Phrase, voice: str, language: str) -> Sound:
        """One phrase as sound, its silent edges cut."""
        if language == "zh":
            phonemes = self._mandarin(phrase.text)[0]
        else:
            phonemes = self._english.phonemize(phrase.text, "en-us")
        tokens = [DEFAULT_VOCAB[p] for p in phonemes if p in DEFAULT_VOCAB]
        styles = np.fromfile(self._voices / f"{voice}.bin", np.float32).reshape(-1, 1, 256)
        sound = self._session.run(
            None,
            {
                "tokens": np.array([[0, *tokens, 0]], np.int64),
                "style": styles[len(tokens) - 1],
                "speed": np.array([phrase.speed], np.float32),
            },
        )[0].ravel()
        loud = np.flatnonzero(np.abs(sound) > 0.01)
        return sound[max(0, loud[0] - 700) : loud[-1] + 1_400].astype(np.float32)


def band_pass(sound: Sound, low: float, high: float, order: int = 2) -> Sound:
    """The sound between two frequencies (Hz)."""
    return sosfilt(butter(order, (low, high), "bandpass", fs=RATE, output="sos"), sound).astype(
        np.float32
    )


def level(sound: Sound, decibel: float) -> Sound:
    """The sound at an RMS level (dB below full scale)."""
    rms = float(np.sqrt(np.mean(np.square(sound))) + 1e-9)
    return (sound * (10 ** (decibel / 20) / rms)).astype(np.float32)


def silence(seconds: float) -> Sound:
    """Nothing, for so long."""
    return np.zeros(int(seconds * RATE), np.float32)


def breath(random: np.random.Generator, seconds: float = 0.38) -> Sound:
    """A soft intake of air: noise between 500 Hz and 5 kHz that swells and stops."""
    noise = band_pass(random.standard_normal(int(seconds * RATE)).astype(np.float32), 500, 5_000)
    swell = np.sin(np.linspace(0, np.pi, noise.size)) ** 1.5
    return level((noise * swell).astype(np.float32), -46)


def room_tone(random: np.random.Generator, samples: int, hum: float = 0.0) -> Sound:
    """The sound of a quiet room: noise that falls with frequency, and a little mains hum."""
    spectrum = np.fft.rfft(random.standard_normal(samples))
    frequency = np.maximum(np.fft.rfftfreq(samples, 1 / RATE), 40)
    noise = np.fft.irfft(spectrum / frequency**0.6, samples)
    time = np.arange(samples) / RATE
    mains = sum(np.sin(2 * np.pi * f * time) / n for n, f in enumerate((120, 240, 360), start=1))
    return (noise / noise.std() + hum * mains).astype(np.float32)


def echo(random: np.random.Generator, sound: Sound, share: float) -> Sound:
    """The sound in a small furnished room (echo gone after about a quarter of a second)."""
    time = np.arange(int(0.25 * RATE)) / RATE
    impulse = random.standard_normal(time.size) * np.exp(-time / 0.045)
    wet = fftconvolve(sound, impulse / np.sqrt(np.sum(impulse**2)))[: sound.size]
    return (sound + share * wet).astype(np.float32)


def record(speaker: Speaker, recording: Recording) -> Sound:
    """A voice note as the phone's microphone hears it."""
    random = np.random.default_rng(recording.seed)
    parts = [silence(0.6)]
    for phrase in recording.phrases:
        if phrase.breath:
            parts += [breath(random), silence(0.06)]
        said = level(speaker.say(phrase, recording.voice, recording.language), -21)
        parts += [said * 10 ** (random.uniform(-1.5, 1.0) / 20)]
        parts += [silence(phrase.pause * random.uniform(0.85, 1.2))]
    speech = echo(random, np.concatenate([*parts, silence(0.5)]), recording.room)
    noise = level(room_tone(random, speech.size, recording.hum), -21 + recording.noise + 12)
    heard = band_pass(speech + noise, *recording.band)
    return np.tanh(heard * 1.6).astype(np.float32) * 0.6


def pocket_call() -> Sound:
    """A call from a pocket in the street: traffic, cloth, steps, breath, then the line's tone."""
    random = np.random.default_rng(5)
    street = level(room_tone(random, 22 * RATE), -34)
    time = np.arange(street.size) / RATE
    for middle, width in ((3.5, 1.1), (9.0, 1.6), (15.2, 1.0)):  # cars that pass
        car = band_pass(random.standard_normal(street.size).astype(np.float32), 70, 900)
        street += level(car, -26) * np.exp(-(((time - middle) / width) ** 2)).astype(np.float32)
    for start in np.arange(0.7, 14.0, 0.58):  # steps
        at = int((start + random.uniform(-0.04, 0.04)) * RATE)
        thump = random.standard_normal(int(0.09 * RATE)) * np.exp(
            -np.arange(int(0.09 * RATE)) / 400
        )
        street[at : at + thump.size] += level(band_pass(thump.astype(np.float32), 60, 400), -30)
    for start in (1.9, 4.4, 6.1, 7.8, 11.3, 12.6):  # cloth over the microphone
        at, size = int(start * RATE), int(random.uniform(0.25, 0.7) * RATE)
        rub = band_pass(random.standard_normal(size).astype(np.float32), 900, 6_000)
        rub *= np.abs(np.interp(np.arange(size), np.linspace(0, size, 9), random.random(9))).astype(
            np.float32
        )
        street[at : at + size] += level(rub, -31)
    for start in (5.2, 10.1, 13.7):
        air = breath(random, 0.6) * 4
        street[int(start * RATE) : int(start * RATE) + air.size] += air
    for start in (17.0, 18.6, 20.2):  # the line's busy tone
        tone = np.sin(2 * np.pi * 440 * time[: int(0.8 * RATE)]) + np.sin(
            2 * np.pi * 480 * time[: int(0.8 * RATE)]
        )
        street[int(start * RATE) : int(start * RATE) + tone.size] += level(
            tone.astype(np.float32), -27
        )
    return np.tanh(band_pass(street, 150, 6_000) * 1.5).astype(np.float32) * 0.6


def save(sound: Sound, path: Path) -> None:
    """Opus at 24 kbit/s, as messengers send it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(suffix=".wav") as wav:
        soundfile.write(wav.name, sound, RATE)
        command = ["ffmpeg", "-y", "-v", "error", "-i", wav.name, "-map_metadata", "-1", "-ac", "1"]
        command += ["-fflags", "+bitexact", "-flags:a", "+bitexact"]  # the same bytes each time
        subprocess.run([*command, "-c:a", "libopus", "-b:a", "24k", str(path)], check=True)
    print(
        f"{path.relative_to(TICKETS)}: {sound.size / RATE:.1f} s, {path.stat().st_size // 1000} kB"
    )


def main() -> None:
    """Make all four sounds."""
    speaker = Speaker(Path(sys.argv[1]), Path(sys.argv[2]))
    for recording in RECORDINGS:
        save(record(speaker, recording), TICKETS / recording.path)
    save(pocket_call(), TICKETS / "09-no-words/voice.ogg")


if __name__ == "__main__":
    main()
