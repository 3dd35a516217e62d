"""What is found in an image, however large it is: told in the pixels of what the customer sent."""

from pathlib import Path

import numpy as np
import pytest
import rendered
from PIL import Image as Images

from mmcs import media, perceive, roles
from mmcs.attachments import keep
from mmcs.backends import fake
from mmcs.desk.files import Files
from mmcs.settings import Settings
from mmcs.ticket import Attachment, Picture

SCAN = (4961, 7016)  # pixels of A4 at 600 dpi
PRINT = 75  # pixels of 9 point


@pytest.fixture(scope="module")
def page() -> rendered.Rendered:
    """A page of print, as a scanner gives it."""
    return rendered.order_page(*SCAN, PRINT)


@pytest.fixture
def scan(page: rendered.Rendered, fake_settings: Settings, tmp_path: Path) -> Attachment:
    """The page as a customer sends it."""
    path = tmp_path / "scan.png"
    Images.fromarray(page.image).save(path, compress_level=1)
    return keep(path, "image", fake_settings)


def test_a_scan_of_35_megapixels_is_read_where_it_stands(
    page: rendered.Rendered, scan: Attachment, real_settings: Settings, fake_settings: Settings
) -> None:
    """The real reader reads every line of a 600-dpi page, and each box lies on its line in the
    pixels of the scan."""
    reader = roles.load("reader", "rapid_ocr", real_settings)
    reading = perceive.read(perceive.View(scan, fake_settings), reader)
    read = {line.text.replace(" ", ""): line.box for line in reading.lines}
    assert set(read) == {text.replace(" ", "") for text in page.lines}
    for text, drawn in zip(page.lines, page.boxes, strict=True):
        assert np.abs(np.subtract(read[text.replace(" ", "")], drawn)).max() < PRINT


def test_a_large_image_is_told_in_its_own_pixels(scan: Attachment, fake_settings: Settings) -> None:
    """Boxes, the size that the page lays them over, and the kind go together, also when the finding
    comes out of the cache."""
    view = perceive.View(scan, fake_settings)
    on_small = fake.FakeReader().read(view.image).lines[0].box
    for _ in range(2):
        reading = perceive.read(view, fake.FakeReader())
        assert reading.lines[0].box == pytest.approx([2 * side for side in on_small], rel=0.001)
    preview = Files(fake_settings, b"secret").image(scan)
    assert (preview.width, preview.height) == SCAN
    tagger, captioner = fake.FakeTagger(), fake.FakeCaptioner()
    picture: Picture = perceive.look(view, reading, tagger, captioner)
    assert picture.lines == reading.lines
    assert media.image_of(scan, fake_settings).shape == (3508, 2481, 3)
