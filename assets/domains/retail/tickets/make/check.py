"""Hear and read every ticket again: python check.py WHISPER_DIR (word/character error rate, lines found)"""

from __future__ import annotations

import json
import logging
import re
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from faster_whisper import WhisperModel
from opencc import OpenCC
from rapidocr import RapidOCR

TICKETS = Path(__file__).resolve().parent.parent


def distance(said: Sequence[str], heard: Sequence[str]) -> int:
    """Edits (Levenshtein) that turn one sequence into the other."""
    row = list(range(len(heard) + 1))
    for i, a in enumerate(said, start=1):
        before, row[0] = row[0], i
        for j, b in enumerate(heard, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def tokens(text: str, language: str) -> list[str]:
    """Words (English) or characters (Chinese) without punctuation; digits stand alone."""
    text = unicodedata.normalize("NFKC", OpenCC("t2s").convert(text)).lower()
    if language == "zh":
        return re.findall(r"[^\W_]", text)
    text = re.sub(r"\beight\b", "8", text)
    text = re.sub(r"(?<=[a-z])-(?=[a-z]\b)|(?<=\d)-(?=\d)", " ", text)
    return re.findall(r"\d|[a-z']+", re.sub(r"\bnlx\b", "n l x", text))


def squeezed(text: str) -> str:
    """Text as lines are compared: without spaces and widths."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))


def main() -> None:
    """One line of figures for each file."""
    logging.disable(logging.CRITICAL)
    whisper, reader = WhisperModel(sys.argv[1], compute_type="int8", cpu_threads=2), RapidOCR()
    for folder in sorted(path.parent for path in TICKETS.glob("*/ticket.json")):
        expected = json.loads((folder / "expected.json").read_text())
        for sound in folder.glob("*.ogg"):
            segments, info = whisper.transcribe(
                str(sound), beam_size=5, vad_filter=True, condition_on_previous_text=False
            )
            heard = " ".join(segment.text.strip() for segment in segments)
            said = tokens(expected["transcript"], expected["language"])
            wrong = distance(said, tokens(heard, expected["language"])) / max(1, len(said))
            print(
                f"{folder.name}: {info.duration:.1f} s, {info.language}, error rate {wrong:.1%}: {heard}"
            )
        for image in [*folder.glob("*.jpg"), *folder.glob("*.png")]:
            found = [squeezed(line) for line in reader(str(image)).txts or ()]
            missed = [line for line in expected["lines"] if squeezed(line) not in found]
            total = len(expected["lines"])
            print(f"{folder.name}: {total - len(missed)} of {total} lines; not exactly: {missed}")


if __name__ == "__main__":
    main()
