"""How well images are read and recognised: line recall, character error rate, kind, seconds.

A folder is judged by its ``manifest.json``, a list of ``{"file", "kind"?, "lines"?}`` with files
relative to it, or as a folder of sample tickets, by each ticket's ``expected.json``. What isn't
labelled isn't scored.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, get_args

from rapidfuzz.distance import Levenshtein

from mmcs import media
from mmcs.errors import UsageError
from mmcs.kinds import image_kind
from mmcs.models import Models
from mmcs.settings import Settings
from mmcs.ticket import ImageKind, Picture, Reading

KINDS: dict[str, ImageKind] = {  # other data's names for ours
    **{kind: kind for kind in get_args(ImageKind)},
    "receipt": "document",
    "hardware": "product",
    "apparel": "product",
}
CHINESE_SPACE = re.compile("(?<=[\u3000-\u9fff\uff00-\uffef]) | (?=[\u3000-\u9fff\uff00-\uffef])")
JOINED = 4  # lines read one after the other that may together be one true line


@dataclass(frozen=True)
class LabelledImage:
    """An image and what is truly on it, as far as somebody said."""

    path: Path
    kind: ImageKind | None = None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageScore:
    """How one image went."""

    file: str
    seconds: float  # to read it, tag it and name its kind; decoding is not counted
    kind: ImageKind
    true_kind: ImageKind | None
    true_lines: int
    missed: tuple[str, ...]  # true lines that were not read exactly
    characters: int  # of the true lines
    wrong_characters: int


@dataclass(frozen=True)
class ImagesReport:
    """How all images went; a figure is None where nothing is labelled for it."""

    reader: str
    tagger: str
    images: int
    with_lines: int
    with_kind: int
    line_recall: float | None
    character_error_rate: float | None
    kind_accuracy: float | None
    confusion: dict[str, dict[str, int]]  # true kind to kind seen to how many
    median_seconds: float
    p95_seconds: float
    scores: tuple[ImageScore, ...]

    def lines(self) -> list[str]:
        """Return the report for people."""
        told = [
            f"{self.images} images, {self.reader} and {self.tagger}",
            f"seconds an image: median {self.median_seconds:.2f}, p95 {self.p95_seconds:.2f}",
        ]
        if self.line_recall is not None and self.character_error_rate is not None:
            told += [
                f"line recall {self.line_recall:.1%}, character error rate "
                f"{self.character_error_rate:.1%} ({self.with_lines} images have their lines)"
            ]
        if self.kind_accuracy is not None:
            told += [
                f"kind right {self.kind_accuracy:.1%} ({self.with_kind} images have their kind)",
                *_table(self.confusion),
            ]
        missed = [(score.file, line) for score in self.scores for line in score.missed]
        return told + [f"not read exactly: {file}: {line}" for file, line in missed]


def evaluate(data: Path, settings: Settings) -> ImagesReport:
    """Read every image of a folder and compare with its labels.

    Raises:
        UsageError: the folder has no labels, or labels that mean nothing.
        MMCSError: an image, or a model, cannot be used.
    """
    labelled = labelled_images(data)
    models = Models(settings)
    scores = tuple(_score(image, models) for image in labelled)
    kinds = [score for score in scores if score.true_kind is not None]
    lines = sum(score.true_lines for score in scores)
    characters = sum(score.characters for score in scores)
    seconds = sorted(score.seconds for score in scores)
    return ImagesReport(
        reader=models.get("reader").name,
        tagger=models.get("tagger").name,
        images=len(scores),
        with_lines=sum(score.true_lines > 0 for score in scores),
        with_kind=len(kinds),
        line_recall=1 - sum(len(s.missed) for s in scores) / lines if lines else None,
        character_error_rate=(
            sum(score.wrong_characters for score in scores) / characters if characters else None
        ),
        kind_accuracy=sum(s.kind == s.true_kind for s in kinds) / len(kinds) if kinds else None,
        confusion=_confusion(kinds),
        median_seconds=round(median(seconds), 3),
        p95_seconds=round(seconds[int(0.95 * (len(seconds) - 1))], 3),
        scores=scores,
    )


def labelled_images(data: Path) -> tuple[LabelledImage, ...]:
    """Return the images of a folder (or of a manifest file) with their labels.

    Raises:
        UsageError: there are none, or a label means nothing.
    """
    manifest = data if data.is_file() else data / "manifest.json"
    try:
        if manifest.is_file():
            images = tuple(_from_manifest(manifest))
        else:
            images = tuple(_from_tickets(data))
    except (ValueError, KeyError, TypeError, AttributeError) as broken:
        raise UsageError(f"The labels of {data} do not have the expected form.") from broken
    if not images:
        raise UsageError(
            f"{data} has neither a manifest.json that names images "
            "nor tickets with images and an expected.json."
        )
    return images


def _from_manifest(manifest: Path) -> Iterator[LabelledImage]:
    for entry in json.loads(manifest.read_text("utf-8")):
        path = manifest.parent / entry["file"]
        yield LabelledImage(path, _kind(entry.get("kind")), tuple(entry.get("lines") or ()))


def _from_tickets(data: Path) -> Iterator[LabelledImage]:
    """Labels hold for a ticket's only image; those of a ticket with more images are left out."""
    for path in sorted(data.glob("**/expected.json")):
        ticket = json.loads((path.parent / "ticket.json").read_text("utf-8"))
        names = [name for message in ticket["messages"] for name in message.get("images", ())]
        expected: dict[str, Any] = json.loads(path.read_text("utf-8")) if len(names) == 1 else {}
        kind, lines = _kind(expected.get("image_kind")), tuple(expected.get("lines") or ())
        yield from (LabelledImage(path.parent / name, kind, lines) for name in names)


def _kind(name: str | None) -> ImageKind | None:
    if name is None or name in KINDS:
        return None if name is None else KINDS[name]
    raise UsageError(f"There is no kind of image {name!r}; there is {', '.join(KINDS)}.")


def _score(labelled: LabelledImage, models: Models) -> ImageScore:
    reader, tagger, captioner = (models.get(r) for r in ("reader", "tagger", "captioner"))
    image = media.read_image(labelled.path, labelled.path.name)
    begun = time.perf_counter()
    reading: Reading = reader.read(image)
    tags = tagger.tag(image)
    kind = image_kind(image, tags, reading)
    captioner.caption(image, Picture(labelled.path.name, kind, "", tags, reading.lines))
    seconds = time.perf_counter() - begun
    candidates = lines_and_rows(reading)
    true = [_folded(line) for line in labelled.lines]
    return ImageScore(
        file="/".join(labelled.path.parts[-2:]),
        seconds=round(seconds, 3),
        kind=kind,
        true_kind=labelled.kind,
        true_lines=len(true),
        missed=tuple(line for line in true if line not in candidates),
        characters=sum(len(line) for line in true),
        wrong_characters=sum(_distance(line, candidates) for line in true),
    )


def _folded(text: str) -> str:
    """Return a text with every stretch of white space as one space, and none beside Chinese
    characters, where it says nothing."""
    return CHINESE_SPACE.sub("", " ".join(text.split()))


def lines_and_rows(reading: Reading) -> list[str]:
    """Return every line, and every run of lines side by side: a reader may cut one in pieces."""
    found: list[str] = []
    for start, first in enumerate(reading.lines):
        run: list[str] = []
        for line in reading.lines[start : start + JOINED]:
            if min(line.box[3], first.box[3]) <= max(line.box[1], first.box[1]):
                break
            run.append(line.text)
            found.append(_folded(" ".join(run)))
    return found


def _distance(line: str, candidates: Sequence[str]) -> int:
    """Return how many characters of a true line are wrong in what comes nearest to it."""
    return min((Levenshtein.distance(line, c) for c in candidates), default=len(line))


def _confusion(scores: Sequence[ImageScore]) -> dict[str, dict[str, int]]:
    counts = Counter((str(score.true_kind), str(score.kind)) for score in scores)
    true = sorted({kind for kind, _ in counts})
    return {kind: {k: n for (t, k), n in sorted(counts.items()) if t == kind} for kind in true}


def _table(confusion: dict[str, dict[str, int]]) -> list[str]:
    seen = sorted({kind for row in confusion.values() for kind in row})
    head = f"{'true kind':>12} | " + " ".join(f"{kind:>10}" for kind in seen)
    return [head] + [
        f"{kind:>12} | " + " ".join(f"{row.get(k, 0):>10}" for k in seen)
        for kind, row in confusion.items()
    ]
