"""Render the tickets of messages.jsonl, with voice notes and images, into a folder.

Usage: python compose.py FOLDER --kokoro VOICES_DIR [--seed 1] [--processes 2] [--only voices|images]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

MESSAGES = Path(__file__).resolve().with_name("messages.jsonl")
DOMAIN = Path(__file__).resolve().parents[2] / "domains" / "retail" / "domain.yaml"
MOST_PROCESSES = 2
MARKS = re.compile(r"^(?:[*>-] |(?:me|them): ?)")  # at the head of a line: a step, a field, a bubble
SCREENS = ("page", "bank", "chat", "sms", "mail", "app")


def random_of(seed: int, ticket: str, what: str) -> np.random.Generator:
    """A ticket's own chance, which doesn't depend on the other tickets."""
    return np.random.default_rng([seed, zlib.crc32(f"{ticket}/{what}".encode())])


def render_voice(folder: Path, seed: int, row: dict[str, Any]) -> str:
    """Record one voice note unless it is there."""
    import speech

    path = folder / voice_of(row)
    if path.exists():
        return ""
    random = random_of(seed, row["id"], "voice")
    sound, scene = speech.record(random, row)
    path.with_suffix(".json").parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").write_text(json.dumps(speech.scene_json(scene)), "utf-8")
    speech.save(sound, path)
    return f"{row['id']}: {sound.size / 16_000:.1f} s, {scene.engine} {scene.voice}, {scene.manner}"


def render_image(folder: Path, seed: int, row: dict[str, Any]) -> str:
    """Draw one image unless it is there."""
    import images

    path = folder / image_of(row)
    if path.exists():
        return ""
    random = random_of(seed, row["id"], "image")
    picture = images.draw(random, row["image"])
    if row["image"]["kind"] in SCREENS and path.suffix == ".jpg" and random.random() < 0.5:
        picture = images.of_a_monitor(random, picture)
    path.parent.mkdir(parents=True, exist_ok=True)
    images.save(random, picture, path)
    return f"{row['id']}: {picture.size[0]}x{picture.size[1]}, {row['image']['kind']}"


def voice_of(row: dict[str, Any]) -> str:
    """Where the voice note lies, relative to the folder."""
    return f"audio/{row['id']}.ogg"


def image_of(row: dict[str, Any]) -> str:
    """Where the image lies: most screenshots without loss, everything else as a photo."""
    lossless = row["image"]["kind"] in SCREENS and zlib.crc32(row["id"].encode()) % 10 < 7
    return f"images/{row['id']}.{'png' if lossless else 'jpg'}"


def as_ticket(row: dict[str, Any]) -> dict[str, Any]:
    """A line in the training format."""
    return {
        "id": row["id"],
        "text": row["text"],
        "audio": [voice_of(row)] if row["said"] else [],
        "images": [image_of(row)] if row["image"] else [],
        "labels": row["labels"],
        "transcripts": [row["said"]] if row["said"] else [],
        "readings": [written_in(row["image"])] if row["image"] else [],
        "language": row["language"],
    }


def written_in(image: dict[str, Any]) -> str:
    """What stands in an image, without the signs that say how it is drawn."""
    lines = [MARKS.sub("", line).strip("[]") for line in image["lines"]]
    return " ".join(" ".join(line.replace("::", " ").split()) for line in lines)


def examples() -> list[str]:
    """The domain's own examples of its labels, as tickets of which one label is known."""
    domain = yaml.safe_load(DOMAIN.read_text("utf-8"))
    levels = {"category": "categories", "urgency": "urgency", "sentiment": "sentiment"}
    return [
        json.dumps({"text": text, "labels": {question: level["label"]}}, ensure_ascii=False)
        for question, key in levels.items()
        for level in domain[key]
        for texts in level["examples"].values()
        for text in texts
    ]


def write_lists(folder: Path, rows: list[dict[str, Any]]) -> None:
    """train.jsonl, test.jsonl, domain.jsonl, and audio/voices.jsonl with what was drawn for each
    voice note."""
    for split in ("train", "test"):
        lines = [json.dumps(as_ticket(r), ensure_ascii=False) for r in rows if r["split"] == split]
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    (folder / "domain.jsonl").write_text("\n".join(examples()) + "\n", "utf-8")
    scenes = []
    for row in rows:
        path = (folder / voice_of(row)).with_suffix(".json")
        if row["said"] and path.exists():
            scenes.append(json.dumps({"id": row["id"], **json.loads(path.read_text("utf-8"))}))
    (folder / "audio" / "voices.jsonl").write_text("\n".join(scenes) + "\n", "utf-8")


def run(work: Callable[[dict[str, Any]], str], rows: list[dict[str, Any]], processes: int) -> None:
    """Do the work for each row, and say what was made."""
    with ProcessPoolExecutor(processes) as pool:
        for line in pool.map(work, rows, chunksize=4):
            if line:
                print(line, flush=True)


def main() -> None:
    """Render what is missing, then write the lists."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kokoro", type=Path, help="folder with Kokoro's voices (*.bin)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2, choices=range(1, MOST_PROCESSES + 1))
    parser.add_argument("--only", choices=["voices", "images"])
    given = parser.parse_args()
    if given.kokoro:
        os.environ["KOKORO_VOICES"] = str(given.kokoro.resolve())
    elif given.only != "images":
        sys.exit("Voice notes need --kokoro, the folder with Kokoro's voices.")
    rows = [json.loads(line) for line in MESSAGES.read_text("utf-8").splitlines()]
    if given.only != "images":
        speaking = [row for row in rows if row["said"]]
        run(partial(render_voice, given.folder, given.seed), speaking, given.processes)
    if given.only != "voices":
        shown = [row for row in rows if row["image"]]
        run(partial(render_image, given.folder, given.seed), shown, given.processes)
    write_lists(given.folder, rows)


if __name__ == "__main__":
    main()
