"""How many tokens an image may take, told to each family of image processors in its own way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image as Pillow

from mmcs.backends._vlm.known import ImageRule
from mmcs.roles import Image

THINNEST = 50  # times as long as wide; Qwen's processor refuses 200, and a strip shows nothing
BESIDE = 3  # tokens around each tile of an image: its place, and two borders
PLAIN_PIXELS = 28 * 28  # a token of a processor that none of the rules fits is at least this large


def image_rule(processor: Any) -> ImageRule:
    """Return how a processor takes a limit; ``fixed`` takes none, whatever the image."""
    images = processor.image_processor
    if hasattr(images, "merge_size") and hasattr(images, "patch_size"):
        return "pixels"
    if hasattr(images, "max_image_size") and hasattr(images, "do_image_splitting"):
        return "tiles"
    if hasattr(images, "crop_to_patches") and hasattr(images, "max_patches"):
        return "crops"
    return "fixed"


def limit(processor: Any, tokens: int) -> dict[str, Any]:
    """Return the options with which an image processor makes at most ``tokens`` of one image.

    - ``pixels`` (Qwen): the number of pixels lies between two bounds; a token is a square of
      ``merge_size`` patches.
    - ``tiles`` (SmolVLM, Idefics 3): the longest edge becomes n tiles; there are at most n times n
      of them and one of the whole image, and each takes ``image_seq_len`` tokens.
    - ``crops`` (InternVL): a number of tiles in any arrangement, and one of the whole image.
    - ``fixed`` (Gemma 3: always 256): nothing to say.
    """
    images = processor.image_processor
    rule = image_rule(processor)
    if rule == "pixels":
        token = (images.patch_size * images.merge_size) ** 2
        most = max(1, tokens) * token
        return {
            "size": {
                "shortest_edge": min(_edge(images, "shortest_edge"), most),
                "longest_edge": min(_edge(images, "longest_edge"), most),
            }
        }
    if rule == "tiles":
        tile = images.max_image_size["longest_edge"]
        each = processor.image_seq_len + BESIDE
        across = max(1, int(max(0, tokens / each - 1) ** 0.5))
        edge = min(_edge(images, "longest_edge"), across * tile)
        return {"size": {"longest_edge": edge}, "do_image_splitting": edge > tile}
    if rule == "crops":
        most = max(1, min(images.max_patches, tokens // processor.image_seq_length - 1))
        return {"max_patches": most, "min_patches": min(images.min_patches, most)}
    return {}


def _edge(images: Any, name: str) -> int:
    size = images.size
    return int(size[name] if isinstance(size, dict) else getattr(size, name))


def pictures(images: Sequence[Image], processor: Any, tokens: int) -> list[Pillow.Image]:
    """Return images as processors take them: no thin strips, and no needless pixels."""
    # A token shows a square: so many of them make no strip that is thinner.
    thinnest = max(1, min(THINNEST, tokens))
    made = [_widened(Pillow.fromarray(image), thinnest) for image in images]
    if image_rule(processor) == "fixed":
        for picture in made:
            shrink = (tokens * PLAIN_PIXELS / (picture.width * picture.height)) ** 0.5
            if shrink < 1:
                size = (int(picture.width * shrink) + 1, int(picture.height * shrink) + 1)
                picture.thumbnail(size)
    return made


def _widened(picture: Pillow.Image, thinnest: int) -> Pillow.Image:
    """Return a thin strip on a white ground that is at most ``thinnest`` times as long as wide."""
    least = -(-max(picture.size) // thinnest)
    if min(picture.size) >= least:
        return picture
    ground = Pillow.new("RGB", (max(picture.width, least), max(picture.height, least)), "white")
    ground.paste(picture)
    return ground


def blank(side: int) -> Image:
    """Return a grey square, to warm up with."""
    return np.full((side, side, 3), 128, np.uint8)
