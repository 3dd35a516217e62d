"""Voice notes: a text, a voice and a manner of speaking, as a telephone hears them."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from fonts import is_chinese
from scipy.signal import butter, fftconvolve, sosfilt
from voices import RATE, VOICES, Sound, Voice, say

Random = np.random.Generator
TELEPHONE = (300, 3_400)  # Hz
MICROPHONE = (110, 7_200)  # Hz
SHORTEST = 5.0  # seconds; a shorter note gets more silence around it


@dataclass(frozen=True)
class Manner:
    """How something is said."""

    name: str
    speed: tuple[float, float]
    semitones: tuple[float, float]
    pause: tuple[float, float]  # seconds, at a comma; a full stop takes twice as long
    level: tuple[float, float]  # dB below full scale
    swing: float  # dB, how much the loudness moves from phrase to phrase
    bite: float = 1.0  # drive of the soft clipping: a voice too loud for its microphone


CALM = Manner("calm", (0.90, 1.02), (-0.8, 0.4), (0.22, 0.45), (-27, -22), 1.2)
TIRED = Manner("tired", (0.82, 0.94), (-1.6, -0.4), (0.35, 0.65), (-30, -25), 1.5)
LIVELY = Manner("lively", (1.0, 1.12), (0.3, 1.5), (0.15, 0.3), (-24, -19), 2.5)
HURRIED = Manner("hurried", (1.12, 1.26), (0.0, 1.2), (0.05, 0.14), (-23, -18), 2.0, 1.3)
UPSET = Manner("upset", (1.10, 1.28), (0.8, 2.4), (0.04, 0.16), (-18, -13), 4.5, 2.4)

MANNERS = {m.name: m for m in (CALM, TIRED, LIVELY, HURRIED, UPSET)}  # that a ticket may name

# what is likely, by sentiment and by whether it presses; it is noise on purpose that anybody may
# speak in any manner
ANY = ((CALM, 0.05), (TIRED, 0.02), (LIVELY, 0.02), (HURRIED, 0.03), (UPSET, 0.02))
LIKELY = {
    ("negative", True): ((UPSET, 0.72), (HURRIED, 0.1), (TIRED, 0.06)),
    ("negative", False): ((UPSET, 0.5), (TIRED, 0.26), (CALM, 0.12)),
    ("neutral", True): ((HURRIED, 0.55), (CALM, 0.25), (UPSET, 0.06)),
    ("neutral", False): ((CALM, 0.8), (TIRED, 0.03), (HURRIED, 0.03)),
    ("positive", True): ((LIVELY, 0.5), (HURRIED, 0.25), (CALM, 0.11)),
    ("positive", False): ((LIVELY, 0.6), (CALM, 0.26)),
}


@dataclass(frozen=True)
class Scene:
    """Everything that was drawn by chance for one voice note."""

    engine: str
    voice: str
    manner: str
    speed: float
    semitones: float
    level: float  # dB
    band: str
    room: float  # share of the echo
    noise: str
    ratio: float  # dB, speech over noise


def band_pass(sound: Sound, low: float, high: float, order: int = 2) -> Sound:
    """The sound between two frequencies (Hz)."""
    filters = butter(order, (low, high), "bandpass", fs=RATE, output="sos")
    return sosfilt(filters, sound).astype(np.float32)


def level(sound: Sound, decibel: float) -> Sound:
    """The sound at an RMS level (dB below full scale)."""
    rms = float(np.sqrt(np.mean(np.square(sound))) + 1e-9)
    return (sound * (10 ** (decibel / 20) / rms)).astype(np.float32)


def coloured(random: Random, samples: int, slope: float) -> Sound:
    """Noise whose spectrum falls with frequency to the power of ``slope``."""
    spectrum = np.fft.rfft(random.standard_normal(samples))
    frequency = np.maximum(np.fft.rfftfreq(samples, 1 / RATE), 40)
    noise = np.fft.irfft(spectrum / frequency**slope, samples)
    return (noise / noise.std()).astype(np.float32)


def surroundings(random: Random, kind: str, samples: int) -> Sound:
    """What can be heard besides the speaker, at about RMS 1."""
    time = np.arange(samples) / RATE
    sound = coloured(random, samples, 0.7)
    if kind == "hum":
        sound += sum(np.sin(2 * np.pi * f * time) / n for n, f in enumerate((120, 240, 360), 1))
    elif kind == "street":
        for _ in range(random.integers(1, 4)):
            middle, width = random.uniform(0, time[-1]), random.uniform(0.8, 2.0)
            car = band_pass(coloured(random, samples, 0.9), 70, 1_200)
            sound += 3 * level(car, 0) * np.exp(-(((time - middle) / width) ** 2))
    elif kind == "kitchen":
        for _ in range(random.integers(3, 9)):
            start = random.integers(0, max(1, samples - 4_000))
            ring = np.sin(2 * np.pi * random.uniform(1_800, 4_200) * time[:4_000])
            sound[start : start + ring.size] += 2.5 * ring * np.exp(-np.arange(ring.size) / 500)
    elif kind == "fan":
        sound = level(band_pass(coloured(random, samples, 0.4), 90, 2_500), 0)
        sound *= 1 + 0.15 * np.sin(2 * np.pi * random.uniform(6, 14) * time)
    return level(sound.astype(np.float32), 0)


def echo(random: Random, sound: Sound, share: float) -> Sound:
    """The sound in a furnished room."""
    time = np.arange(int(0.35 * RATE)) / RATE
    impulse = random.standard_normal(time.size) * np.exp(-time / random.uniform(0.03, 0.09))
    wet = fftconvolve(sound, impulse / np.sqrt(np.sum(impulse**2)))[: sound.size]
    return (sound + share * wet).astype(np.float32)


def choose_manner(random: Random, sentiment: str, urgency: str) -> Manner:
    """A manner that mostly, not always, fits."""
    weighted = [*LIKELY[sentiment, urgency in ("high", "urgent")], *ANY]
    weights = np.array([weight for _, weight in weighted])
    return weighted[random.choice(len(weighted), p=weights / weights.sum())][0]


def choose_voice(random: Random, language: str, split: str) -> Voice:
    """A voice of the language, partly other ones for testing than for training."""
    fitting = [voice for voice in VOICES if voice.language == language]
    weights = np.array([getattr(voice, split) for voice in fitting])
    return fitting[random.choice(len(fitting), p=weights / weights.sum())]


def phrases(text: str) -> list[tuple[str, float]]:
    """What is said in one breath, and how long the pause after it is (1 = a comma's)."""
    parts = re.split(r"(?<=[,.!?;:…])\s+|(?<=[，。！？；：、])", text)
    joined: list[str] = []
    for part in (part.strip() for part in parts if part.strip()):
        if joined and len(joined[-1]) < (9 if is_chinese(joined[-1]) else 14):
            joined[-1] += part if is_chinese(part) else f" {part}"
        else:
            joined.append(part)
    return [(part, 2.0 if part[-1] in ".!?…。！？" else 1.0) for part in joined]


def speak(random: Random, text: str, voice: Voice, manner: Manner) -> tuple[Sound, float, float]:
    """The words alone, with their pauses; and the speed and pitch that were drawn."""
    speed, semitones = random.uniform(*manner.speed), random.uniform(*manner.semitones)
    parts = []
    for phrase, length in phrases(text):
        shift = semitones + random.normal(0, 0.12 * manner.swing)
        sound = say(voice, phrase, speed * random.uniform(0.96, 1.04), shift)
        contour = np.linspace(random.uniform(-1, 1), random.uniform(-1, 1), sound.size)
        loudness = random.normal(0, manner.swing / 2) + contour * manner.swing / 2
        parts.append(level(sound, -20) * 10 ** (loudness / 20))
        parts.append(np.zeros(int(random.uniform(*manner.pause) * length * RATE), np.float32))
    return np.concatenate(parts[:-1]).astype(np.float32), speed, semitones


def record(random: Random, row: dict[str, Any]) -> tuple[Sound, Scene]:
    """The voice note of a ticket, and what was drawn for it."""
    voice = choose_voice(random, row["language"], row["split"])
    manner = choose_manner(random, row["labels"]["sentiment"], row["labels"]["urgency"])
    manner = MANNERS.get(row.get("manner", ""), manner)
    words, speed, semitones = speak(random, row["said"], voice, manner)
    edges = random.uniform(0.3, 1.0, size=2)
    missing = max(0.0, SHORTEST - words.size / RATE - edges.sum())
    edges += missing / 2
    speech = np.concatenate(
        [np.zeros(int(edges[0] * RATE)), words, np.zeros(int(edges[1] * RATE))]
    ).astype(np.float32)
    room = random.uniform(0.05, 0.35) if random.random() < 0.6 else 0.0
    if room:
        speech = echo(random, speech, room)
    loudness = random.uniform(*manner.level) + random.normal(0, 1.5)
    speech = level(speech, loudness)
    kind = str(random.choice(["room", "room", "hum", "street", "kitchen", "fan"]))
    ratio = float(random.uniform(14, 36))
    heard = speech + level(surroundings(random, kind, speech.size), loudness - ratio)
    band = "telephone" if random.random() < 0.5 else "microphone"
    heard = band_pass(heard, *(TELEPHONE if band == "telephone" else MICROPHONE), order=3)
    heard = np.tanh(heard * manner.bite) / manner.bite
    heard = np.clip(heard * 2.2, -0.98, 0.98).astype(np.float32)
    drawn = (float(round(x, 2)) for x in (speed, semitones, loudness))
    scene = Scene(
        voice.engine, voice.name, manner.name, *drawn, band, round(room, 2), kind, round(ratio, 1)
    )
    return heard, scene


def save(sound: Sound, path: Path) -> None:
    """Opus at 24 kbit/s, 16 kHz, mono: the same bytes each time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(suffix=".wav") as wav:
        soundfile.write(wav.name, sound, RATE)
        command = ["ffmpeg", "-y", "-v", "error", "-i", wav.name, "-map_metadata", "-1"]
        command += ["-fflags", "+bitexact", "-flags:a", "+bitexact", "-c:a", "libopus"]
        unfinished = path.with_suffix(".part.ogg")
        subprocess.run([*command, "-b:a", "24k", "-f", "ogg", str(unfinished)], check=True)
        unfinished.rename(path)


def scene_json(scene: Scene) -> dict[str, object]:
    """For the list of what was drawn."""
    return asdict(scene)
