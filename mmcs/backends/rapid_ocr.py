"""PP-OCRv6 (Apache-2.0) in onnxruntime, with the models and the decoding that RapidOCR carries.

RapidOCR's own pipeline is not used. It looks at every image at one scale, pads every line to the
longest of its batch, and lets its threads spin while they wait. Here a first look is coarse, a
second one goes closer where the text is small; tall images are looked at in tiles; lines are cut
from the image as it was given; an image that lies on its side is turned first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import onnxruntime
import rapidocr
from numpy.typing import NDArray
from rapidocr.ch_ppocr_det.utils import DBPostProcess
from rapidocr.ch_ppocr_rec.utils import CTCLabelDecode
from rapidocr.utils.process_img import get_rotate_crop_image

from mmcs import memory
from mmcs.errors import ModelUnavailable
from mmcs.reading_order import Box, Quad, reading_order, straightened
from mmcs.roles import Image
from mmcs.settings import Settings
from mmcs.ticket import Line, Reading

MODELS = Path(rapidocr.__file__).parent / "models"
DETECTOR = "PP-OCRv6_det_small.onnx"
RECOGNISER = "PP-OCRv6_rec_small.onnx"
DIRECTION = "ch_ppocr_mobile_v2.0_cls_mobile.onnx"

# finding lines
FIRST_LOOK = 480_000  # pixels that the detector sees of a tile at first
CLOSER_LOOK = 1_600_000  # … and when the text is small
SMALL_TEXT = 15.0  # pixels; lines lower than this after scaling are looked at again
GOOD_TEXT = 24.0  # pixels; the height to which small text is brought
SMALL_PHOTO = 26.0  # pixels; the same for a photo, whose text is faint, skewed and uneven
GOOD_PHOTO = 32.0  # pixels
HUGE_TEXT = 120.0  # pixels; letters higher than this fall apart
WORTH = 1.25  # times the first look's scale, from which a second one is taken
DRAWN = 0.6  # share of neighbouring pixels exactly alike; cameras never take so many
MAX_ENLARGED = 3.0  # small images are enlarged no more than this
TALL = 2.2  # long side over short side from which an image is cut into tiles
TILE = 1.5  # long side over short side of a tile
OVERLAP = 0.12  # of a tile's long side; more than a line is high
WHOLE = 0.97  # of a line's width that one tile must show for the other's view to be dropped
MIN_SEEN = (
    0.35  # the detector's mean score of a line; 0.5, RapidOCR's, loses lines on creased paper
)
STRIDE = 32  # pixels; both sides of what the detector gets are a multiple

# reading lines
LINE_HEIGHT = 48  # pixels, the recogniser's and the direction classifier's
MIN_WIDTH = 96  # pixels to which short lines are padded
STRETCH = 1.15  # times its width; narrow digits side by side (000076) would be read as fewer
WIDTH_STEP = 16  # pixels; to a multiple of which all are padded
MAX_WIDTH = 3_200  # pixels; longer lines are squeezed
DIRECTION_WIDTH = 192  # pixels
MIN_CONFIDENCE = 0.5  # RapidOCR's own; below it is texture that looks like letters
MIN_ALONE = 0.8  # … for one character by itself: knots, corners and icons look like 0, X or 口
VOTERS = 6  # longest lines that decide whether the image is upside down
MAX_LINES = 1_000  # a page of small print has 150

Pixels = NDArray[np.float32]


class RapidOcr:
    """Finds lines, turns the image upright, reads each line."""

    name = "rapid_ocr"

    def __init__(self, threads: int) -> None:
        """Load the three models."""
        self._detector = _session(DETECTOR, threads)
        # A line is little work: read on one thread each, side by side, two lines take as long as
        # one; shared between threads that don't spin, each would wait for the other.
        self._recogniser = _session(RECOGNISER, 1)
        self._direction = _session(DIRECTION, 1)
        self._lane = ThreadPoolExecutor(threads, "mmcs-read")
        characters = self._recogniser.get_modelmeta().custom_metadata_map["character"]
        self._decode = CTCLabelDecode(character=characters.splitlines())
        self._trace = DBPostProcess(
            thresh=0.3,
            box_thresh=MIN_SEEN,
            max_candidates=MAX_LINES,
            unclip_ratio=1.6,
            use_dilation=True,
        )

    def read(self, image: Image) -> Reading:
        """Return the lines in reading order, boxes in pixels of ``image``."""
        picture = np.ascontiguousarray(image[:, :, ::-1])  # the models were trained on BGR
        quads = self._find(picture)
        turns = self._quarter_turns(picture, quads)
        if turns:
            picture = np.ascontiguousarray(np.rot90(picture, turns))
            quads = self._find(picture)
        order = reading_order(straightened(quads))
        quads = [quads[i] for i in order]
        read = list(self._lane.map(self._read_line, [_cut(picture, quad) for quad in quads]))
        memory.give_back()
        return Reading(
            tuple(
                Line(text, confidence, _given(quad, turns, image.shape))
                for quad, (text, confidence) in zip(quads, read, strict=True)
                if text and confidence >= (MIN_ALONE if len(text) == 1 else MIN_CONFIDENCE)
            )
        )

    # finding lines

    def _find(self, picture: Image) -> list[Quad]:
        """Return where the lines are, in pixels of ``picture``."""
        quads: list[Quad] = []
        for x0, y0, x1, y1 in _tiles(*picture.shape[:2]):
            tile = picture[y0:y1, x0:x1]
            origin = np.array([x0, y0], dtype=np.float32)
            quads = _joined(quads, [quad + origin for quad in self._look(tile)])
        return quads

    def _look(self, tile: Image) -> list[Quad]:
        """Look at a tile as a whole; then from nearer at the part with text, if that is small or
        photographed, or from farther, if it is huge."""
        scale = min(1.0, math.sqrt(FIRST_LOOK / (tile.shape[0] * tile.shape[1])))
        quads = self._detect(tile, scale)
        if not quads:
            return quads
        height = median(_height(quad) for quad in quads)
        small, good = (SMALL_TEXT, GOOD_TEXT) if _is_drawn(tile) else (SMALL_PHOTO, GOOD_PHOTO)
        if height * scale > HUGE_TEXT:
            return self._detect(tile, GOOD_PHOTO / height)
        if height * scale >= small:
            return quads
        x0, y0, x1, y1 = _around(quads, 2 * height, tile.shape[:2])
        most = math.sqrt(CLOSER_LOOK / ((x1 - x0) * (y1 - y0)))
        nearer = min(good / height, MAX_ENLARGED, most)
        if nearer < WORTH * scale:
            return quads
        origin = np.array([x0, y0], dtype=np.float32)
        return [quad + origin for quad in self._detect(tile[y0:y1, x0:x1], nearer)]

    def _detect(self, tile: Image, scale: float) -> list[Quad]:
        """Return the lines that the detector sees in a tile after scaling it."""
        height, width = tile.shape[:2]
        size = (_stride(width * scale), _stride(height * scale))
        how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
        seen = cv2.resize(tile, size, interpolation=how)
        (found,) = self._detector.run(None, {"x": _normal(seen)[None]})
        quads, _ = self._trace(found, seen.shape[:2])
        back = np.array([width / size[0], height / size[1]], dtype=np.float32)
        return [np.asarray(quad, dtype=np.float32) * back for quad in quads]

    # turning

    def _quarter_turns(self, picture: Image, quads: Sequence[Quad]) -> int:
        """Return how often the image must be turned left by 90 degrees to be upright."""
        longest = sorted(quads, key=lambda quad: -max(_width(quad), _height(quad)))[:VOTERS]
        if not longest:
            return 0
        lying = sum(_height(quad) > 1.5 * _width(quad) for quad in longest)
        turns = int(2 * lying > len(longest))
        cuts = [_cut(picture, quad) for quad in longest]
        down = sum(self._is_upside_down(cut) for cut in cuts)
        if turns or 2 * down > len(cuts):
            upright = sum(sure for _, sure in self._lane.map(self._read_line, cuts))
            over = [np.rot90(cut, 2) for cut in cuts]
            turned = sum(sure for _, sure in self._lane.map(self._read_line, over))
            turns += 2 * int(turned > upright)
        return turns

    def _is_upside_down(self, cut: Image) -> bool:
        width = min(DIRECTION_WIDTH, math.ceil(LINE_HEIGHT * cut.shape[1] / cut.shape[0]))
        line = np.zeros((1, 3, LINE_HEIGHT, DIRECTION_WIDTH), dtype=np.float32)
        line[0, :, :, :width] = _normal(cv2.resize(cut, (width, LINE_HEIGHT)))
        (odds,) = self._direction.run(None, {self._direction.get_inputs()[0].name: line})
        return bool(odds[0, 1] > odds[0, 0])

    # reading lines

    def _read_line(self, cut: Image) -> tuple[str, float]:
        width = min(MAX_WIDTH, math.ceil(STRETCH * LINE_HEIGHT * cut.shape[1] / cut.shape[0]))
        padded = max(MIN_WIDTH, WIDTH_STEP * math.ceil(width / WIDTH_STEP))
        line = np.zeros((1, 3, LINE_HEIGHT, padded), dtype=np.float32)
        line[0, :, :, :width] = _normal(cv2.resize(cut, (width, LINE_HEIGHT)))
        (odds,) = self._recogniser.run(None, {"x": line})
        ((text, confidence),), _ = self._decode(odds)
        return text.strip(), float(confidence)


def _session(model: str, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # fatal
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False  # it would keep the memory of the largest image
    options.enable_mem_pattern = False  # … and this a plan of it for each shape ever seen
    return onnxruntime.InferenceSession(
        str(MODELS / model), options, providers=["CPUExecutionProvider"]
    )


def _normal(pixels: Image) -> Pixels:
    """Return (height, width, 3) bytes as (3, height, width) in [-1, 1]."""
    return (pixels.astype(np.float32) / 127.5 - 1.0).transpose(2, 0, 1)


def _stride(side: float) -> int:
    return max(STRIDE, STRIDE * round(side / STRIDE))


def _is_drawn(tile: Image) -> bool:
    """Say whether a tile comes from a screen rather than from a camera."""
    return bool((tile[:, 1:] == tile[:, :-1]).all(axis=2).mean() >= DRAWN)


def _tiles(height: int, width: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield x0, y0, x1, y1 of tiles that overlap; one for an image of ordinary shape or size."""
    long, short = max(height, width), min(height, width)
    whole = long <= TALL * short or height * width <= CLOSER_LOOK
    length = long if whole else math.ceil(TILE * short)
    count = math.ceil((long - OVERLAP * length) / (length - OVERLAP * length))
    for number in range(count):
        start = round(number * (long - length) / max(count - 1, 1))
        if height >= width:
            yield 0, start, width, start + length
        else:
            yield start, 0, start + length, height


def _joined(quads: list[Quad], more: list[Quad]) -> list[Quad]:
    """Return the lines of some tiles and of the next; one that both saw, or saw part of, once."""
    before, fresh = list(quads), []
    for quad in more:
        same = [other for other in before if _is_one_line(_box(quad), _box(other))]
        before = [other for other in before if not any(other is one for one in same)]
        around = _bounds([quad, *same])
        widest = max([quad, *same], key=_width)
        fresh.append(widest if _width(widest) > WHOLE * _width(around) else around)
    return before + fresh


def _is_one_line(a: Box, b: Box) -> bool:
    """Say whether two boxes overlap, and stand on the same line."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return width > 0 and height > 0.5 * min(a[3] - a[1], b[3] - b[1])


def _bounds(quads: Sequence[Quad]) -> Quad:
    """Return the upright rectangle around lines."""
    x0, y0, x1, y1 = _box(np.concatenate(quads))
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=np.float32)


def _around(
    quads: Sequence[Quad], margin: float, shape: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Return whole pixels x0, y0, x1, y1 of the part of an image that holds all lines."""
    corners = np.concatenate(quads)
    x0, y0 = (int(v) for v in np.maximum(corners.min(axis=0) - margin, 0))
    x1, y1 = (math.ceil(v) for v in corners.max(axis=0) + margin)
    return x0, y0, min(x1, shape[1]), min(y1, shape[0])


def _width(quad: Quad) -> float:
    return float(np.linalg.norm(quad[1] - quad[0]))


def _height(quad: Quad) -> float:
    return float(np.linalg.norm(quad[3] - quad[0]))


def _box(quad: Quad) -> Box:
    (x0, y0), (x1, y1) = quad.min(axis=0), quad.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def _given(quad: Quad, turns: int, shape: tuple[int, ...]) -> Box:
    """Return a line's box on the image as it was given, before it was turned left ``turns``
    times; ``shape`` is that image's."""
    height, width = shape[:2]
    if turns % 2:
        height, width = width, height
    for _ in range(turns):
        quad = np.stack([height - quad[:, 1], quad[:, 0]], axis=1)
        height, width = width, height
    x0, y0, x1, y1 = _box(quad)
    return max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height))


def _cut(picture: Image, quad: Quad) -> Image:
    """Return a line as an upright strip; one that stands is laid down to the left."""
    strip: Image = get_rotate_crop_image(picture, quad.copy())
    return strip


def reader(settings: Settings) -> RapidOcr:
    """Load PP-OCR and warm it up.

    Raises:
        ModelUnavailable: the installed rapidocr doesn't carry the models.
    """
    if missing := [m for m in (DETECTOR, RECOGNISER, DIRECTION) if not (MODELS / m).is_file()]:
        raise ModelUnavailable(
            f"The text reader's model {missing[0]} is not in the installed package rapidocr; "
            "install the version that requirements.txt names."
        )
    onnxruntime.disable_telemetry_events()  # Windows' own tracing, which no variable switches off
    model = RapidOcr(settings.threads)
    blank = np.zeros((64, 256, 3), dtype=np.uint8)
    model.read(blank)
    model._read_line(blank)
    return model
