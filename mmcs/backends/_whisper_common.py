"""What the Whisper backends share around their networks.

A gate finds where somebody speaks; pauses are left out and the rest is laid into windows. An engine
hears one window. What it says is believed, or not, and becomes segments, one a sentence, in the
time of the whole sound.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from faster_whisper.vad import VadOptions, get_speech_timestamps
from opencc import OpenCC

from mmcs.roles import Sound
from mmcs.ticket import Segment, Transcript

SAMPLE_RATE = 16_000  # Hz
# Whisper was trained on 30 s and hears no worse in 20 (2.0 % of words wrong against 2.2 % in clips
# of 13-31 s), for 13 % less work: the encoder's grows faster than the length.
WINDOW = 20  # seconds of speech, at most
TRAINED = 30  # seconds
BEAM_SIZE = 5
# Marks that belong to the word after or before them; whisper/transcribe.py's defaults.
OPENING, CLOSING = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"

# Silero's probabilities of speech. Of the sounds without speech that were tried, few reach 0.4 for
# as long as 160 ms; of 38 clips, telephone and noise of 3 dB included, none is lost.
GATE = VadOptions(
    threshold=0.4, min_speech_duration_ms=160, max_speech_duration_s=WINDOW, speech_pad_ms=400
)
QUIET = 0.05  # peak below which the gate hears the sound amplified; it is deaf to whispers

# Whisper's own rule (whisper/transcribe.py), with the language as a third witness.
NO_SPEECH = 0.6
LOW_LOG_PROBABILITY = -1.0

SENTENCE_END = tuple(".?!。？！…")
CLAUSE_END = (*SENTENCE_END, *",;，；、")
PAUSE = 1.0  # seconds of silence that end a segment
LONG = 10.0  # seconds after which a segment ends at a comma too

# The Chinese that Whisper hears is written as the prompt is: simplified, with punctuation.
PROMPTS = {"zh": "以下是普通话的句子，用简体字。"}
_FULL_WIDTH = str.maketrans(",?!;:", "，？！；：")


@dataclass(frozen=True)
class Word:
    """A word with the space before it, or a Chinese character."""

    text: str
    start: float  # seconds
    end: float  # seconds
    probability: float  # mean of its tokens'


@dataclass(frozen=True)
class Guess:
    """What an engine believes to hear in one window."""

    language: str  # ISO 639-1
    language_confidence: float  # 0-1
    words: tuple[Word, ...]
    mean_log_probability: float  # of the tokens
    no_speech: float  # 0-1


class Engine(Protocol):
    """A Whisper network."""

    def hear(self, sound: Sound, language: str | None) -> Guess:
        """Return what is said in at most 20 s, in ``language`` or in the one it detects."""


@dataclass(frozen=True)
class Stretch:
    """Where somebody speaks, in samples."""

    start: int
    end: int


@dataclass(frozen=True)
class Window:
    """Stretches of one sound, laid end to end."""

    sound: Sound
    stretches: tuple[Stretch, ...]

    def place(self, seconds: float, *, ending: bool = False) -> float:
        """Return where a moment of the window lies in the whole sound, in seconds.

        At the seam of two stretches an ending belongs to the first, a start to the second.
        """
        sample = round(seconds * SAMPLE_RATE)
        for stretch in self.stretches:
            length = stretch.end - stretch.start
            if sample < length or (ending and sample == length):
                return (stretch.start + max(sample, 0)) / SAMPLE_RATE
            sample -= length
        return self.stretches[-1].end / SAMPLE_RATE


def transcribe(engine: Engine, sound: Sound) -> Transcript:
    """Return what is said in a sound; no segments when nobody speaks."""
    language, confidence = "en", 0.0
    segments: list[Segment] = []
    for window in windows(sound):
        guess = engine.hear(window.sound, language if segments else None)
        if not believable(guess):
            continue
        if not segments:
            language, confidence = guess.language, guess.language_confidence
        segments += _segments(guess, window)
    text = _joined((segment.text for segment in segments), language)
    return Transcript(language, text, tuple(segments), language_confidence=confidence)


def windows(sound: Sound) -> list[Window]:
    """Return the speech of a sound in windows of at most 20 s; none when nobody speaks."""
    peak = float(np.max(np.abs(sound), initial=0.0))
    heard = sound / (2 * peak) if 0 < peak < QUIET else sound
    found = [Stretch(s["start"], s["end"]) for s in get_speech_timestamps(heard, GATE)]
    packed: list[list[Stretch]] = []
    room = 0
    for stretch in found:
        length = stretch.end - stretch.start
        if not packed or length > room:
            packed.append([])
            room = WINDOW * SAMPLE_RATE
        packed[-1].append(stretch)
        room -= length
    return [
        Window(np.concatenate([sound[s.start : s.end] for s in stretches]), tuple(stretches))
        for stretches in packed
    ]


def believable(guess: Guess) -> bool:
    """Say whether a guess is speech, and not what Whisper makes up over noise."""
    unlikely = guess.mean_log_probability < LOW_LOG_PROBABILITY
    return bool(guess.words) and not (unlikely and guess.no_speech > NO_SPEECH)


def doubtful(guess: Guess) -> bool:
    """Say whether it is worth to listen again: words made up, or a phrase said again and again."""
    unlikely = guess.mean_log_probability < LOW_LOG_PROBABILITY
    return unlikely or len(without_loops(guess.words)) < len(guess.words)


def without_loops(words: Sequence[Word]) -> list[Word]:
    """Return the words with each loop cut to its first round.

    People repeat a word or two ("no, no, no", "five five five five"): six rounds are let pass, of
    three words and more two.
    """
    spoken = [re.sub(r"\W", "", word.text).lower() for word in words]
    kept: list[Word] = []
    at = 0
    while at < len(words):
        for size in range(1, (len(words) - at) // 2 + 1):
            rounds = _rounds(spoken, at, size)
            if rounds > (6 if size < 3 else 2):
                kept += words[at : at + size]
                at += size * rounds
                break
        else:
            kept.append(words[at])
            at += 1
    return kept


def _rounds(spoken: Sequence[str], at: int, size: int) -> int:
    """Count how often the phrase of ``size`` words at ``at`` stands there in a row."""
    phrase = spoken[at : at + size]
    rounds = 1
    while spoken[at + rounds * size : at + (rounds + 1) * size] == phrase:
        rounds += 1
    return rounds if any(phrase) else 1


def _segments(guess: Guess, window: Window) -> list[Segment]:
    """Return the sentences of a guess, in the time of the whole sound."""
    segments = []
    for words in _sentences(without_loops(guess.words)):
        text = written("".join(word.text for word in words), guess.language)
        start = window.place(words[0].start)
        end = max(start, window.place(words[-1].end, ending=True))
        confidence = sum(word.probability for word in words) / len(words)
        if re.search(r"\w", text):
            segments.append(Segment(round(start, 2), round(end, 2), text, round(confidence, 3)))
    return segments


def _sentences(words: Sequence[Word]) -> list[list[Word]]:
    """Cut words after each sentence, at pauses, and where a long one has a comma."""
    sentences: list[list[Word]] = []
    for i, word in enumerate(words):
        if not sentences or _ends(sentences[-1], word):
            sentences.append([])
        sentences[-1].append(words[i])
    return sentences


def _ends(sentence: Sequence[Word], following: Word) -> bool:
    last = sentence[-1]
    long = last.end - sentence[0].start > LONG
    ended = last.text.endswith(CLAUSE_END if long else SENTENCE_END)
    # "3.5" and "mmcs.example" go on without a space; Chinese has none
    joined = last.text[-1] in ".," and following.text[:1].isalnum() and following.text.isascii()
    return (ended and not joined) or following.start - last.end > PAUSE


def written(text: str, language: str) -> str:
    """Return a text as its language is written: Chinese simplified, its marks full-width."""
    text = " ".join(text.split())
    if language != "zh":
        return text
    simplified: str = _to_simplified().convert(text)
    chinese = r"[\u3000-\u303f\u4e00-\u9fff]"
    beside = rf"(?<={chinese})[,?!;:]|[,?!;:](?={chinese})"
    wide = re.sub(beside, lambda mark: mark[0].translate(_FULL_WIDTH), simplified)
    return re.sub(rf"(?<={chinese}) (?={chinese})", "", wide)


def _joined(texts: Iterable[str], language: str) -> str:
    return ("" if language in {"zh", "ja", "th"} else " ").join(texts)


@cache
def _to_simplified() -> OpenCC:
    return OpenCC("t2s")
