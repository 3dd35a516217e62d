"""How well speech is heard: word and character error rate, language, real-time factor.

A folder is judged by its ``manifest.json``, a list of ``{"file", "lang", "transcript"}``; as a
folder of ``<name>.wav`` with ``<name>.txt``; or as a folder of sample tickets, by each ticket's
``expected.json``. ``spoken`` says how texts are compared. A sound with an empty transcript has no
speech in it: each word that is heard there is invented.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import jiwer

from mmcs import media
from mmcs.attachments import SUFFIXES
from mmcs.decoder import SAMPLE_RATE
from mmcs.errors import UsageError
from mmcs.evaluate.spoken import UNSPACED, tokens
from mmcs.models import Models
from mmcs.roles import Transcriber
from mmcs.settings import Settings


@dataclass(frozen=True)
class LabelledSound:
    """A sound and what is truly said in it."""

    path: Path
    language: str  # ISO 639-1
    transcript: str


@dataclass(frozen=True)
class SpeechScore:
    """How one sound went."""

    file: str
    language: str  # the true one
    heard_language: str
    confidence: float  # 0-1, the mean of the segments'
    duration: float  # seconds
    seconds: float  # to transcribe it; decoding the file is not counted
    errors: int  # tokens that are wrong, missing or too much
    tokens: int  # truly said: words, in Chinese and its like characters
    transcript: str
    heard: str


@dataclass(frozen=True)
class SpeechReport:
    """How all sounds went; a figure is None where nothing is labelled for it."""

    transcriber: str
    sounds: int
    word_error_rate: float | None
    character_error_rate: float | None
    language_accuracy: float | None
    invented: int  # tokens heard in sounds without speech
    real_time_factor: float  # seconds of work per second of sound
    scores: tuple[SpeechScore, ...]

    def lines(self) -> list[str]:
        """Return the report for people."""
        told = [f"{self.sounds} sounds, {self.transcriber}"]
        if self.word_error_rate is not None:
            told.append(f"word error rate {self.word_error_rate:.1%}")
        if self.character_error_rate is not None:
            told.append(f"character error rate {self.character_error_rate:.1%}")
        if self.language_accuracy is not None:
            told.append(f"language right {self.language_accuracy:.1%}")
        told += [
            f"words invented where nobody speaks: {self.invented}",
            f"real-time factor {self.real_time_factor:.3f}",
        ]
        for score in self.scores:
            told.append(
                f"{score.file}: {score.errors} of {score.tokens} wrong, "
                f"{score.heard_language}, {score.seconds:.2f} s for {score.duration:.1f} s"
            )
            if score.errors:
                told += [f"  said:  {score.transcript}", f"  heard: {score.heard}"]
        return told


def evaluate(data: Path, settings: Settings) -> SpeechReport:
    """Transcribe every sound of a folder and compare with what is truly said.

    Raises:
        UsageError: the folder has no labels, or labels that mean nothing.
        MMCSError: a sound, or the model, cannot be used.
    """
    labelled = labelled_sounds(data)
    transcriber: Transcriber = Models(settings).get("transcriber")
    scores = tuple(_score(sound, transcriber) for sound in labelled)
    spoken = [score for score in scores if score.tokens]
    duration = sum(score.duration for score in scores)
    return SpeechReport(
        transcriber=transcriber.name,
        sounds=len(scores),
        word_error_rate=_error_rate([s for s in spoken if s.language not in UNSPACED]),
        character_error_rate=_error_rate([s for s in spoken if s.language in UNSPACED]),
        language_accuracy=(
            sum(score.heard_language == score.language for score in spoken) / len(spoken)
            if spoken
            else None
        ),
        invented=sum(score.errors for score in scores if not score.tokens),
        real_time_factor=round(sum(score.seconds for score in scores) / max(duration, 1e-9), 4),
        scores=scores,
    )


def labelled_sounds(data: Path) -> tuple[LabelledSound, ...]:
    """Return the sounds of a folder (or of a manifest file) with what is said in them.

    Raises:
        UsageError: there are none, or a label means nothing.
    """
    manifest = data if data.is_file() else data / "manifest.json"
    try:
        if manifest.is_file():
            sounds = tuple(_from_manifest(manifest))
        else:
            sounds = (*_from_pairs(data), *_from_tickets(data))
    except (ValueError, KeyError, TypeError, AttributeError) as broken:
        raise UsageError(f"The labels of {data} do not have the expected form.") from broken
    if not sounds:
        raise UsageError(
            f"{data} has no manifest.json that names sounds, no sounds with a .txt beside them, "
            "and no tickets with a voice note and an expected.json."
        )
    return sounds


def _from_manifest(manifest: Path) -> Iterator[LabelledSound]:
    for entry in json.loads(manifest.read_text("utf-8")):
        yield LabelledSound(manifest.parent / entry["file"], entry["lang"], entry["transcript"])


def _from_pairs(data: Path) -> Iterator[LabelledSound]:
    suffixes = SUFFIXES["audio"]
    for path in sorted(p for p in data.glob("*") if p.suffix.lower() in suffixes):
        label = path.with_suffix(".txt")
        if label.is_file():
            transcript = label.read_text("utf-8").strip()
            yield LabelledSound(path, _language(transcript), transcript)


def _from_tickets(data: Path) -> Iterator[LabelledSound]:
    """A label holds for a ticket's only voice note; those of a ticket with more are left out."""
    for path in sorted(data.glob("**/expected.json")):
        ticket = json.loads((path.parent / "ticket.json").read_text("utf-8"))
        names = [name for message in ticket["messages"] for name in message.get("audio", ())]
        if len(names) == 1:
            transcript = json.loads(path.read_text("utf-8"))["transcript"]
            yield LabelledSound(path.parent / names[0], _language(transcript), transcript)


def _language(transcript: str) -> str:
    return "zh" if re.search("[\u4e00-\u9fff]", transcript) else "en"


def _score(labelled: LabelledSound, transcriber: Transcriber) -> SpeechScore:
    sound = media.read_sound(labelled.path, labelled.path.name)
    begun = time.perf_counter()
    heard = transcriber.transcribe(sound)
    seconds = time.perf_counter() - begun
    said = tokens(labelled.transcript, labelled.language)
    confidences = [segment.confidence for segment in heard.segments]
    return SpeechScore(
        file="/".join(labelled.path.parts[-2:]),
        language=labelled.language,
        heard_language=heard.language,
        confidence=round(sum(confidences) / len(confidences), 3) if confidences else 0.0,
        duration=round(len(sound) / SAMPLE_RATE, 2),
        seconds=round(seconds, 3),
        errors=_errors(said, tokens(heard.text, labelled.language)),
        tokens=len(said),
        transcript=labelled.transcript,
        heard=heard.text,
    )


def _errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """Count tokens that are wrong, missing or too much."""
    if not said:
        return len(heard)
    counted = jiwer.process_words(" ".join(said), " ".join(heard))
    errors: int = counted.substitutions + counted.deletions + counted.insertions
    return errors


def _error_rate(scores: Sequence[SpeechScore]) -> float | None:
    said = sum(score.tokens for score in scores)
    return round(sum(score.errors for score in scores) / said, 4) if said else None
