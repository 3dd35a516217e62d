"""The kind of an image follows from its pixels, its tags and its text."""

from __future__ import annotations

import io

import numpy as np
import pytest
import rendered
from PIL import Image as Images
from rendered import Rendered

from mmcs.kinds import image_kind, looked_at
from mmcs.roles import Image
from mmcs.ticket import Line, Reading, Tag

NOTHING = Reading(())
WEB_SITE = (Tag("web site", 0.8), Tag("menu", 0.1))
MENU = (Tag("menu", 0.6), Tag("envelope", 0.1))
CARTON = (Tag("carton", 0.6), Tag("crate", 0.2))
VACUUM = (Tag("vacuum cleaner", 0.7),)
UNSURE = (Tag("velvet", 0.06), Tag("wool", 0.04))


def read(page: Rendered) -> Reading:
    """Return what a perfect reader reads."""
    pairs = zip(page.lines, page.boxes, strict=True)
    return Reading(tuple(Line(text, 1.0, box) for text, box in pairs))


def as_jpeg(image: Image, quality: int) -> Image:
    """Return an image after it went through a messenger."""
    packed = io.BytesIO()
    Images.fromarray(image).save(packed, "JPEG", quality=quality)
    return np.asarray(Images.open(packed).convert("RGB"))


@pytest.mark.parametrize("quality", [None, 85, 60])
def test_a_page_on_a_screen_is_a_screenshot(quality: int | None) -> None:
    """A drawn page with lines is a screenshot, also after a messenger made it a JPEG."""
    page = rendered.order_page()
    image = page.image if quality is None else as_jpeg(page.image, quality)
    assert image_kind(image, WEB_SITE, read(page)) == "screenshot"


def test_a_scanned_receipt_is_a_document() -> None:
    """A page of lines without any colour is paper, not a screen."""
    page = rendered.receipt()
    assert image_kind(page.image, MENU, read(page)) == "document"


def test_a_photographed_receipt_is_a_document() -> None:
    """A receipt photographed on a table is a document."""
    page = rendered.receipt(width=900, size=34)
    photo = rendered.as_photo(page.image, 0.0)
    shift = (photo.shape[1] - page.image.shape[1]) / 2, (photo.shape[0] - page.image.shape[0]) / 2
    boxes = tuple(
        (x0 + shift[0], y0 + shift[1], x1 + shift[0], y1 + shift[1])
        for x0, y0, x1, y1 in page.boxes
    )
    assert image_kind(photo, MENU, read(Rendered(photo, page.lines, boxes))) == "document"


def test_a_carton_is_a_parcel() -> None:
    """A photo that the tagger calls a carton is a parcel."""
    assert image_kind(rendered.carton(), CARTON, NOTHING) == "parcel"


def test_a_photo_of_a_thing_is_a_product() -> None:
    """A photo of something that the tagger knows is a product, with its brand on it or not."""
    photo = rendered.carton()
    brand = Reading((Line("Breeze V8", 0.95, (300.0, 300.0, 500.0, 340.0)),))
    assert image_kind(photo, VACUUM, NOTHING) == "product"
    assert image_kind(photo, VACUUM, brand) == "product"


def test_what_shows_nothing_is_other() -> None:
    """Neither text nor anything the tagger knows: the rule doesn't guess."""
    assert image_kind(rendered.carton(), UNSURE, NOTHING) == "other"
    assert image_kind(np.full((90, 90, 3), 40, dtype=np.uint8), UNSURE, NOTHING) == "other"


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (2, 2)], ids=str)
def test_odd_shapes_have_a_kind(shape: tuple[int, int]) -> None:
    """An image of one pixel, or a thin one, has a kind like any other."""
    image = np.full((*shape, 3), 77, dtype=np.uint8)
    assert image_kind(image, (), NOTHING) == "other"
    assert image_kind(image, UNSURE, Reading((Line("x", 0.9, (0.0, 0.0, 1.0, 1.0)),))) == "other"


def test_shares_are_shares() -> None:
    """What the rule looks at lies from 0 to 1, the number of lines aside."""
    page = rendered.order_page()
    look = looked_at(page.image, WEB_SITE, read(page))
    for share in (look.alike, look.coloured, look.paper, look.screen, look.parcel, look.best):
        assert 0.0 <= share <= 1.0
    assert look.lines == len(page.lines)
