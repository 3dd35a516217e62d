"""EfficientNet-Lite0 (Apache-2.0), trained on ImageNet-1k, in PyTorch: what a photo shows."""

from __future__ import annotations

from hashlib import sha256

import cv2
import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet
from numpy.typing import NDArray

from mmcs.backends._device import BUILDING, device
from mmcs.errors import ModelUnavailable
from mmcs.roles import Image
from mmcs.settings import ASSETS, Settings
from mmcs.ticket import Tag
from mmcs.weights import fetch

ARCHITECTURE = "efficientnet-lite0"
WEIGHTS = "efficientnet-lite0-57934424.pth"
SIDE = 224  # pixels
TOP = 5  # labels
CENTRE = 127.0  # of the pixel values, as the model was trained
SPREAD = 128.0
KEPT = 4  # images of which it is known what the classifier sees


class EfficientNetLite:
    """The classifier over two views of an image: all of it squeezed to a square, and its middle."""

    name = "efficientnet"

    def __init__(self, network: torch.nn.Module, labels: tuple[str, ...], device: str) -> None:
        """Take a network that is ready for inference, and put it where it computes."""
        self._device = device
        self._network = network.eval().to(device)
        self._labels = labels
        self._seen: dict[bytes, torch.Tensor] = {}  # of the last images, by their hash

    def tag(self, image: Image) -> tuple[Tag, ...]:
        """Return the five likeliest labels, best first."""
        with torch.inference_mode():
            classify = self._network.get_submodule("_fc")
            odds = classify(self._states(image)).softmax(dim=1).mean(dim=0)
            best = odds.topk(TOP)
        return tuple(
            Tag(self._labels[label], float(score))
            for score, label in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        )

    def pooled(self, image: Image) -> NDArray[np.float32]:
        """Return what the classifier sees of an image, (1280,), the mean of both views."""
        mean: NDArray[np.float32] = self._states(image).mean(dim=0).cpu().numpy()
        return mean

    def _states(self, image: Image) -> torch.Tensor:
        """Return what the classifier sees of each view, (2, 1280); of the last images it is known,
        so whoever tags and whoever triages look once together."""
        content = sha256(repr(image.shape).encode())
        content.update(np.ascontiguousarray(image).data)  # not copied, as large as it may be
        key = content.digest()
        known = self._seen.get(key)
        if known is None:
            with torch.inference_mode():
                states = self._network.extract_features(self._views(image))  # type: ignore[operator]  # untyped
                known = states.mean(dim=(2, 3))
            self._seen = {**dict(list(self._seen.items())[1 - KEPT :]), key: known}
        return known

    def _views(self, image: Image) -> torch.Tensor:
        """Return both views as the network reads them, (2, 3, side, side)."""
        views = np.stack([_squeezed(image), _middle(image)]).astype(np.float32)
        pixels = torch.from_numpy((views - CENTRE) / SPREAD).permute(0, 3, 1, 2)
        return pixels.to(self._device)


def _squeezed(image: Image) -> Image:
    """Return the whole image as a square."""
    return _resized(image)


def _middle(image: Image) -> Image:
    """Return the square in the middle of an image."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return _resized(image[top : top + side, left : left + side])


def _resized(image: Image) -> Image:
    shrinks = min(image.shape[:2]) > SIDE
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    square: Image = cv2.resize(image, (SIDE, SIDE), interpolation=how)
    return square


def _labels() -> tuple[str, ...]:
    text = (ASSETS / "weights" / "imagenet_labels.txt").read_text("utf-8")
    return tuple(line for line in text.splitlines() if not line.startswith("#"))


def tagger(settings: Settings) -> EfficientNetLite:
    """Load EfficientNet-Lite0 and warm it up.

    Raises:
        ModelUnavailable: its weights cannot be had, or are not what they should be.
    """
    path = fetch("efficientnet-lite0", settings) / WEIGHTS
    torch.set_num_threads(settings.threads)
    with BUILDING:
        network = EfficientNet.from_name(ARCHITECTURE)
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError) as broken:
        raise ModelUnavailable(
            "The image model EfficientNet-Lite0 could not be loaded; "
            "run `python -m mmcs weights --check` to see whether its file is damaged."
        ) from broken
    model = EfficientNetLite(network, _labels(), device(settings))
    model.tag(np.zeros((SIDE, SIDE, 3), dtype=np.uint8))
    return model
