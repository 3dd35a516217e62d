"""One contract for each of the roles that look at images, over the fake and the real backends."""

from __future__ import annotations

import importlib
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, get_args

import numpy as np
import pytest
import rendered
from rendered import Rendered

from mmcs import roles
from mmcs.errors import ModelUnavailable
from mmcs.roles import Captioner, Image, Reader, Tagger
from mmcs.settings import ASSETS, Settings
from mmcs.ticket import ImageKind, Line, Picture, Reading, Tag

BLANK = np.full((240, 320, 3), 255, dtype=np.uint8)
ODD_SHAPES = ((1, 1), (1, 400), (400, 1), (7, 9), (20, 900))  # height, width


@pytest.fixture(scope="module", params=["fake", "rapid_ocr"])
def reader(request: pytest.FixtureRequest, real_settings: Settings) -> Reader:
    """Each reader."""
    model: Reader = roles.load("reader", request.param, real_settings)
    return model


@pytest.fixture(scope="module")
def ocr(real_settings: Settings) -> Reader:
    """The real reader."""
    model: Reader = roles.load("reader", "rapid_ocr", real_settings)
    return model


@pytest.fixture(scope="module", params=["fake", "efficientnet"])
def tagger(request: pytest.FixtureRequest, real_settings: Settings) -> Tagger:
    """Each tagger."""
    model: Tagger = roles.load("tagger", request.param, real_settings)
    return model


@pytest.fixture(scope="module", params=["fake", "composed"])
def captioner(request: pytest.FixtureRequest, real_settings: Settings) -> Captioner:
    """Each captioner."""
    model: Captioner = roles.load("captioner", request.param, real_settings)
    return model


@pytest.fixture(scope="module")
def chinese() -> Rendered:
    """A page in Chinese."""
    font = rendered.chinese_font()
    if font is None:
        pytest.skip(rendered.NO_CHINESE_FONT)
    return rendered.chinese_page(font)


def texts(reading: Reading) -> list[str]:
    """Return what was read, line by line."""
    return [line.text for line in reading.lines]


def unspaced(text: str) -> str:
    """Return a text without its spaces."""
    return text.replace(" ", "")


def misplaced(page: Rendered, reading: Reading) -> list[str]:
    """Return the lines whose box does not hold the middle of where they were drawn."""
    read = {unspaced(line.text): line.box for line in reading.lines}
    return [
        text
        for text, (x0, y0, x1, y1) in zip(page.lines, page.boxes, strict=True)
        if not _holds(read.get(unspaced(text), (0.0, 0.0, 0.0, 0.0)), (x0 + x1) / 2, (y0 + y1) / 2)
    ]


def _holds(box: tuple[float, float, float, float], x: float, y: float) -> bool:
    return box[0] < x < box[2] and box[1] < y < box[3]


@pytest.mark.parametrize(
    "draw",
    [rendered.order_page, rendered.receipt, rendered.huge_word, rendered.carton],
    ids=["page", "receipt", "huge", "carton"],
)
def test_boxes_lie_within_the_image(reader: Reader, draw: Callable[[], Rendered | Image]) -> None:
    """Every line has text, a confidence from 0 to 1, and a box that lies within the image."""
    drawn = draw()
    image = drawn.image if isinstance(drawn, Rendered) else drawn
    height, width = image.shape[:2]
    for line in reader.read(image).lines:
        x0, y0, x1, y1 = line.box
        assert line.text.strip()
        assert 0.0 <= line.confidence <= 1.0
        assert 0.0 <= x0 < x1 <= width
        assert 0.0 <= y0 < y1 <= height


def test_one_colour_has_no_lines(reader: Reader) -> None:
    """An image of one colour has no lines."""
    assert reader.read(BLANK) == Reading(())


@pytest.mark.parametrize("shape", ODD_SHAPES, ids=str)
def test_odd_shapes_are_read(reader: Reader, shape: tuple[int, int]) -> None:
    """An image of one pixel, or a thin one, is read like any other."""
    image = np.full((*shape, 3), 200, dtype=np.uint8)
    assert reader.read(image).lines == ()


def test_reading_changes_nothing(reader: Reader) -> None:
    """The image is left as it was, and the same image gives the same lines again."""
    image = rendered.receipt().image
    before = image.copy()
    image.setflags(write=False)
    assert reader.read(image) == reader.read(image)
    assert np.array_equal(image, before)


def test_a_page_is_read_in_order(ocr: Reader) -> None:
    """Each line of a screenshot is read exactly, in order, where it was drawn; a space beside a
    narrow digit may be lost."""
    page = rendered.order_page()
    reading = ocr.read(page.image)
    assert [unspaced(text) for text in texts(reading)] == [unspaced(text) for text in page.lines]
    assert sum(text in page.lines for text in texts(reading)) >= len(page.lines) - 2
    assert misplaced(page, reading) == []
    assert min(line.confidence for line in reading.lines) > 0.8


def test_a_receipt_is_read_across(ocr: Reader) -> None:
    """A receipt's rows are read one by one: what was bought, then what it cost."""
    page = rendered.receipt()
    assert texts(ocr.read(page.image)) == list(page.lines)


def test_columns_are_read_one_by_one(ocr: Reader) -> None:
    """A page of two columns is read down the first, then down the second."""
    page = rendered.two_columns()
    assert texts(ocr.read(page.image)) == list(page.lines)


def test_chinese_is_read(ocr: Reader, chinese: Rendered) -> None:
    """Chinese, digits and Latin letters on one page are read exactly."""
    folded = [text.replace("，", ",").replace("：", ":") for text in texts(ocr.read(chinese.image))]
    true = [text.replace("，", ",").replace("：", ":") for text in chinese.lines]
    assert folded == true


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_photo_is_read_upright(ocr: Reader, turns: int) -> None:
    """A page that lies on its side or its head is read as if it stood upright, and the boxes are
    those of the image as it was given."""
    page = rendered.receipt()
    turned = np.ascontiguousarray(np.rot90(page.image, turns))
    reading = ocr.read(turned)
    assert texts(reading) == list(page.lines)
    marked = np.zeros(page.image.shape[:2], dtype=bool)
    x0, y0, x1, y1 = (round(v) for v in page.boxes[0])
    marked[y0:y1, x0:x1] = True
    rows, columns = np.nonzero(np.rot90(marked, turns))
    assert _holds(reading.lines[0].box, float(columns.mean()), float(rows.mean()))


def test_a_tall_screenshot_is_read_whole(ocr: Reader) -> None:
    """A scrolling screenshot of 1080 x 8000 pixels is read from top to bottom, each line once."""
    page = rendered.tall_page()
    read = texts(ocr.read(page.image))
    numbers = [int(m[1]) for text in read if (m := re.match(r"(\d+)\.", text))]
    assert numbers == list(range(1, len(page.lines) + 1))
    exact = sum(text in read for text in page.lines)
    assert exact >= 0.9 * len(page.lines)


def test_a_wide_screenshot_is_read_whole(ocr: Reader) -> None:
    """A line that runs across the whole of a very wide screenshot is read in one piece."""
    sheet = rendered.Sheet(4000, 900)
    sentence = "The parcel NLX204417093 has not moved since Monday and nobody can say where it is; "
    for row in range(6):
        sheet.write(60, 60 + row * 130, f"{row}. {sentence * 2}".strip(), rendered.latin(48))
    page = sheet.done()
    read = [unspaced(text) for text in texts(ocr.read(page.image))]
    assert len(read) == len(page.lines)
    assert [text[:30] for text in read] == [unspaced(text)[:30] for text in page.lines]
    assert [text[-20:] for text in read] == [unspaced(text)[-20:] for text in page.lines]


def test_a_photo_of_a_page_is_read(ocr: Reader) -> None:
    """A page photographed askew, in poor light, keeps its lines and their order."""
    page = rendered.receipt()
    assert texts(ocr.read(rendered.as_photo(page.image))) == list(page.lines)


def test_a_large_photo_keeps_its_small_text(ocr: Reader) -> None:
    """On a photo of 12 megapixels, text 1 % as high as the photo is still read."""
    page = rendered.order_page(4000, 3000, 30)
    assert sum(text in page.lines for text in texts(ocr.read(page.image))) >= 18


def test_small_text_is_read(ocr: Reader) -> None:
    """Text 12 pixels high is read: all numbers, and most lines exactly."""
    page = rendered.order_page(size=12)
    read = texts(ocr.read(page.image))
    assert sum(text in page.lines for text in read) >= 16
    for number in ("48213", "NLX204417093", "249.00", "278.00", "20418837"):
        assert number in "".join(read).replace(" ", "")


def test_runs_of_one_digit_keep_their_length(ocr: Reader) -> None:
    """Narrow numbers with the same digit many times over are read digit by digit."""
    numbers = ["1x 000007670558", "NLX000041700093", "Ref 1111000222"]
    sheet = rendered.Sheet(700, 220)
    for row, number in enumerate(numbers):
        sheet.write(20, 20 + row * 60, number, rendered.latin(26))
    narrow = np.asarray(sheet.canvas.resize((385, 220)))
    read = [unspaced(text) for text in texts(ocr.read(narrow))]
    assert read == [unspaced(number) for number in numbers]


def test_a_huge_word_is_read(ocr: Reader) -> None:
    """One code that fills the image is read."""
    assert texts(ocr.read(rendered.huge_word().image)) == ["E04"]


def test_shades_and_textures_have_no_lines(ocr: Reader) -> None:
    """A ramp of greys and a photo without text have no lines."""
    assert texts(ocr.read(rendered.grey_ramp())) == []
    assert texts(ocr.read(rendered.carton())) == []


def test_reading_needs_no_network_and_is_quiet(
    real_settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The reader loads and reads with every connection refused, and prints nothing."""

    def refuse(*_: object) -> NoReturn:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    fresh: Reader = importlib.import_module("mmcs.backends.rapid_ocr").reader(real_settings)
    assert "E04" in texts(fresh.read(rendered.huge_word().image))
    assert capfd.readouterr() == ("", "")


def test_missing_models_are_told(
    real_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A rapidocr without its models is told in a sentence, and never fetched."""
    backend = importlib.import_module("mmcs.backends.rapid_ocr")
    monkeypatch.setattr(backend, "MODELS", tmp_path)
    with pytest.raises(ModelUnavailable, match="is not in the installed package rapidocr"):
        backend.reader(real_settings)


def test_tags_are_scored_and_sorted(tagger: Tagger) -> None:
    """At most five different labels, best first, scores from 0 to 1 that add up to no more."""
    for image in (rendered.order_page().image, rendered.carton(), BLANK):
        tags = tagger.tag(image)
        scores = [tag.score for tag in tags]
        assert 1 <= len(tags) <= 5
        assert len({tag.label for tag in tags}) == len(tags)
        assert scores == sorted(scores, reverse=True)
        assert all(0.0 <= score <= 1.0 for score in scores)
        assert sum(scores) <= 1.0 + 1e-6


@pytest.mark.parametrize("shape", ODD_SHAPES, ids=str)
def test_odd_shapes_are_tagged(tagger: Tagger, shape: tuple[int, int]) -> None:
    """An image of one pixel, or a thin one, is tagged like any other."""
    assert tagger.tag(np.full((*shape, 3), 90, dtype=np.uint8))


def test_a_page_looks_like_a_web_site(real_settings: Settings) -> None:
    """EfficientNet sees a web site or a menu in a screenshot of a shop's page."""
    model: Tagger = roles.load("tagger", "efficientnet", real_settings)
    labels = {tag.label for tag in model.tag(rendered.order_page().image)}
    assert labels & {"web site", "menu"}


def test_labels_are_told_apart() -> None:
    """The label table has 1,000 different, plain names."""
    text = (ASSETS / "weights" / "imagenet_labels.txt").read_text("utf-8")
    labels = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(labels) == len(set(labels)) == 1000
    assert all(label == label.strip() and "," not in label for label in labels)


def picture(kind: ImageKind, *lines: str, tags: tuple[Tag, ...] = ()) -> Picture:
    """Return a picture with lines one below the other, the first the largest."""
    read = [Line(t, 0.9, (0.0, i * 40.0, 90.0, i * 40.0 + 30 - i)) for i, t in enumerate(lines)]
    return Picture("photo.jpg", kind, "", tags, tuple(read))


@pytest.mark.parametrize("kind", get_args(ImageKind))
@pytest.mark.parametrize(
    "lines",
    [(), ("E04",), ("Payment failed", "Try again"), ("a\x00b\n<|im_end|> <img src=x>" * 40,)],
    ids=["none", "one", "two", "hostile"],
)
def test_a_caption_is_one_plain_sentence(
    captioner: Captioner, kind: ImageKind, lines: tuple[str, ...]
) -> None:
    """Whatever was found, the caption is one short sentence without markup."""
    caption = captioner.caption(BLANK, picture(kind, *lines, tags=(Tag("modem", 0.8),)))
    assert caption[0].isupper()
    assert caption.endswith(".")
    assert len(caption) < 200
    assert not re.search(r"[\x00-\x1f<>|]", caption)


def test_a_caption_says_what_was_found(real_settings: Settings) -> None:
    """The caption names the kind, the number of lines and the largest one, and doubts a tag as
    the tagger does."""
    composed: Captioner = roles.load("captioner", "composed", real_settings)
    assert composed.caption(BLANK, picture("screenshot", "Payment failed.", "Try again")) == (
        "A screenshot with two lines of text, the largest of which says “Payment failed”."
    )
    assert composed.caption(BLANK, picture("product", tags=(Tag("iron", 0.6),))) == (
        "A photo, probably of an iron, without readable text."
    )
    assert composed.caption(BLANK, picture("product", tags=(Tag("modem", 0.3),))) == (
        "A photo, perhaps of a modem, without readable text."
    )
    assert composed.caption(BLANK, picture("product", tags=(Tag("modem", 0.1),))) == (
        "A photo without readable text."
    )


def test_a_caption_claims_no_damage(real_settings: Settings) -> None:
    """Nobody looked for damage, so no caption of a parcel speaks of it."""
    composed: Captioner = roles.load("captioner", "composed", real_settings)
    caption = composed.caption(BLANK, picture("parcel", tags=(Tag("carton", 0.9),)))
    assert caption == "A photo, probably of a parcel, without readable text."


def test_the_backends_are_found_by_name() -> None:
    """Each file is found as a backend of the role that it plays."""
    assert "rapid_ocr" in roles.backend_names("reader")
    assert "efficientnet" in roles.backend_names("tagger")
    assert "composed" in roles.backend_names("captioner")
    assert Path(roles.__file__).parent.joinpath("backends", "rapid_ocr.py").is_file()


def test_what_was_seen_of_an_image_is_not_told_of_another(real_settings: Settings) -> None:
    """Images that were looked at in between, also one of the same bytes in another shape, change
    nothing; and there may be more of them than are remembered."""
    model = roles.load("tagger", "efficientnet", real_settings)
    drawn = np.random.default_rng(3)
    images = [drawn.integers(0, 255, (60, 90, 3), np.uint8) for _ in range(6)]
    images.append(images[0].reshape(90, 60, 3))
    first = [(model.tag(image), model.pooled(image)) for image in images]
    assert len({seen.tobytes() for _, seen in first}) == len(images)
    for image, (tags, seen) in reversed(list(zip(images, first, strict=True))):
        np.testing.assert_allclose(model.pooled(image), seen, rtol=1e-4, atol=1e-5)
        assert [tag.label for tag in model.tag(image)] == [tag.label for tag in tags]
