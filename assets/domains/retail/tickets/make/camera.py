"""What a phone does to a picture: python camera.py RENDER.png TARGET.jpg [warmth] [gain]"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from scipy.ndimage import gaussian_filter, zoom

LIMIT = 330_000  # bytes


def phone_photo(picture: Image.Image, warmth: float, gain: float, seed: int = 4) -> Image.Image:
    """Vignette, a tone curve, sensor noise, noise reduction's smear, and too much sharpening."""
    random = np.random.default_rng(seed)
    light = np.asarray(picture.convert("RGB"), np.float32) / 255
    height, width, _ = light.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    light *= (1 - 0.13 * (x**2 + y**2))[..., None] * gain
    light *= np.array([1 + 0.03 * warmth, 1.0, 1 - 0.045 * warmth], np.float32)
    light = np.clip(light, 0, 1)
    light = light + 0.10 * (light * light * (3 - 2 * light) - light)  # contrast
    grain = gaussian_filter(random.standard_normal((height, width)), 0.55) * 0.016
    blotches = (
        zoom(random.standard_normal((height // 6, width // 6, 3)), (6, 6, 1), order=1) * 0.007
    )
    light[: blotches.shape[0], : blotches.shape[1]] += blotches
    light += grain[..., None] * (1.25 - light.mean(axis=2, keepdims=True))
    shot = Image.fromarray((np.clip(light, 0, 1) * 255).astype(np.uint8))
    shot = shot.filter(ImageFilter.GaussianBlur(0.45))
    return shot.filter(ImageFilter.UnsharpMask(radius=1.6, percent=85, threshold=2))


def main() -> None:
    """Save the best JPEG that is small enough."""
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    warmth = float(sys.argv[3]) if len(sys.argv) > 3 else 0.0
    gain = float(sys.argv[4]) if len(sys.argv) > 4 else 1.0
    shot = phone_photo(Image.open(source), warmth, gain)
    for quality in range(88, 50, -4):
        shot.save(target, quality=quality, subsampling="4:2:0", optimize=True)
        if target.stat().st_size <= LIMIT:
            break
    print(f"{target}: {shot.size}, quality {quality}, {target.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
