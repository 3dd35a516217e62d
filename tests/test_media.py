"""Media: every format comes back as it was, and no file, however broken, does harm."""

from __future__ import annotations

import io
import os
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import media_files as make
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Images
from PIL import ImageOps

from mmcs import decoder, media
from mmcs.attachments import MAX_BYTES, attachment_kind, keep, locate, safe_name
from mmcs.errors import BadInput, ModelUnavailable, OverLimit, UnreadableAudio, UnreadableImage
from mmcs.settings import Settings
from mmcs.ticket import AttachmentKind

ANSWER_SECONDS = 5.0  # of the processor, for any file: the wall clock belongs to other tests too
GROWTH = 300_000_000  # bytes that a hostile file may add to this process


def refusal(kind: AttachmentKind, path: Path, name: str | None = None) -> BadInput:
    """Return what reading a file raises, having checked its sentence, its time and its memory."""
    shown = path.name if name is None else name
    before, memory = resource.getrusage(resource.RUSAGE_CHILDREN), start_of_growth()
    with pytest.raises(BadInput) as raised:
        read(kind, path, shown)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < ANSWER_SECONDS
    assert growth(memory) < GROWTH
    make.assert_sentence(raised.value, safe_name(shown))
    return raised.value


def read(kind: AttachmentKind, path: Path, name: str) -> NDArray[np.generic]:
    """Read a sound or an image."""
    return media.read_sound(path, name) if kind == "audio" else media.read_image(path, name)


def start_of_growth() -> int:
    """Set the peak of this process's memory to what it is now, and return that, in bytes."""
    peak = Path("/proc/self/clear_refs")
    if peak.exists():
        peak.write_text("5")
    return peak_memory()


def growth(start: int) -> int:
    """Return by how many bytes the peak of memory has grown since."""
    return peak_memory() - start


def peak_memory() -> int:
    """Return the highest resident memory of this process in bytes; 0 where nothing tells it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    line = next(row for row in status.read_text().splitlines() if row.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def dominant(sound: NDArray[np.float32]) -> float:
    """Return the loudest frequency of a sound, in Hz."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(np.argmax(spectrum)) * decoder.SAMPLE_RATE / len(sound)


def assert_tone(sound: NDArray[np.float32], seconds: float = 2.0) -> None:
    """Check that a sound is the tone, as long as it was."""
    assert sound.dtype == np.float32
    assert sound.ndim == 1
    assert np.abs(sound).max() <= 1.0
    assert np.sqrt(np.mean(sound**2)) > 0.1
    assert len(sound) / decoder.SAMPLE_RATE == pytest.approx(seconds, abs=0.1)
    assert dominant(sound) == pytest.approx(make.TONE, abs=3)


def assert_corners(image: NDArray[np.uint8], tolerance: int = 30) -> None:
    """Check that an image is upright: red and blue at the top, green at the bottom."""
    assert image.dtype == np.uint8
    height, width, _ = image.shape
    for row, column, colour in (
        (height // 4, width // 4, make.RED),
        (height // 4, 3 * width // 4, make.BLUE),
        (3 * height // 4, width // 2, make.GREEN),
    ):
        assert np.abs(image[row, column].astype(int) - colour).max() <= tolerance


# Sounds.

SOUNDS: dict[str, tuple[str, int, str | None]] = {  # name: codec, rate, codec of a film beside it
    "a.wav": ("pcm_s16le", 16_000, None),
    "float.wav": ("pcm_f32le", 44_100, None),
    "telephone.wav": ("pcm_mulaw", 8_000, None),
    "odd.wav": ("pcm_s16le", 37_801, None),
    "a.mp3": ("libmp3lame", 44_100, None),
    "a.m4a": ("aac", 48_000, None),
    "a.aac": ("aac", 22_050, None),
    "a.ogg": ("libopus", 48_000, None),
    "a.webm": ("libopus", 48_000, None),
    "a.flac": ("flac", 96_000, None),
    "a.amr": ("libopencore_amrnb", 8_000, None),
    "a.aiff": ("pcm_s16be", 11_025, None),
    "a.caf": ("pcm_s16be", 44_100, None),
    "film.mp4": ("aac", 44_100, "mpeg4"),
    "film.webm": ("libopus", 48_000, "libvpx"),
    "film.3gp": ("libopencore_amrnb", 8_000, "mpeg4"),
    "film.avi": ("libmp3lame", 44_100, "mpeg4"),
}


@pytest.mark.parametrize("name", SOUNDS)
def test_sound_of_every_format_comes_back(name: str, tmp_path: Path) -> None:
    """A tone keeps its frequency and its length in every container and at every rate."""
    codec, rate, film = SOUNDS[name]
    path = make.write_sound(tmp_path / name, codec, rate, film=film)
    assert attachment_kind(path, "unnamed") == "audio"
    assert_tone(media.read_sound(path, name))


def test_stereo_is_mixed_down(tmp_path: Path) -> None:
    """What only one channel holds is in the mono sound too."""
    sound = make.tone(2.0, 44_100, 2)
    sound[1] = 0
    path = make.write_sound(tmp_path / "a.mp3", "libmp3lame", 44_100, sound=sound)
    assert_tone(media.read_sound(path, path.name))


def test_stream_that_changes_its_rate_is_one_sound(tmp_path: Path) -> None:
    """Recordings that were joined byte by byte come back one after the other."""
    one = make.write_sound(tmp_path / "1.mp3", "libmp3lame", 44_100)
    two = make.write_sound(
        tmp_path / "2.mp3", "libmp3lame", 32_000, sound=make.tone(2.0, 32_000, 2)
    )
    path = make.put(tmp_path, "a.mp3", one.read_bytes() + two.read_bytes())
    assert_tone(media.read_sound(path, path.name), seconds=4.0)


def test_tags_in_any_encoding_do_no_harm(tmp_path: Path) -> None:
    """A title that is not UTF-8 does not make a recording unreadable."""
    path = make.write_sound(tmp_path / "a.flac", "flac", 16_000, title="TITLE")
    path.write_bytes(path.read_bytes().replace(b"TITLE", b"\xb1\xb1\xb9\xe2\xff"))
    assert_tone(media.read_sound(path, path.name))


def test_sound_that_is_not_a_number_is_silence(tmp_path: Path) -> None:
    """Infinite, undefined and overloud samples end within [-1, 1]."""
    sound = make.tone(2.0, 16_000)
    sound[0, 100:200], sound[0, 300:400], sound[0, 500:600] = np.nan, np.inf, -7.0
    path = make.write_sound(tmp_path / "a.wav", "pcm_f32le", 16_000, sound=sound)
    heard = media.read_sound(path, path.name)
    assert np.isfinite(heard).all()
    assert heard.min() == -1.0
    assert heard.max() == 1.0


def test_truncated_sound_is_decoded_as_far_as_it_goes(tmp_path: Path) -> None:
    """Half of an mp3 file is half of the recording."""
    whole = make.write_sound(
        tmp_path / "a.mp3", "libmp3lame", 44_100, bit_rate=128_000
    ).read_bytes()
    path = make.put(tmp_path, "half.mp3", whole[: len(whole) // 2])
    assert_tone(media.read_sound(path, path.name), seconds=1.0)


def test_wav_that_claims_four_gigabytes_is_what_it_holds(tmp_path: Path) -> None:
    """A header's size is not believed: recorders that stream do not know it beforehand."""
    memory = start_of_growth()
    path = make.put(tmp_path, "a.wav", make.wav(make.pcm(2.0), claims=0xFFFFFFFF))
    assert_tone(media.read_sound(path, path.name))
    assert growth(memory) < GROWTH


LONG: dict[str, tuple[str, int, int]] = {  # name: codec, rate, bit rate
    "claims.m4a": ("aac", 8_000, 12_000),  # the header tells its length
    "counted.mp3": ("libmp3lame", 8_000, 8_000),  # the header does not
}


@pytest.mark.parametrize("name", LONG)
def test_three_hour_recording_is_refused(name: str, tmp_path: Path) -> None:
    """Three hours are refused by the header, or once ten minutes are decoded."""
    codec, rate, bit_rate = LONG[name]
    second = make.write_sound(tmp_path / f"short-{name}", codec, rate, bit_rate=bit_rate)
    path = make.prolonged(second, tmp_path / name, 3 * 3600)
    assert path.stat().st_size < MAX_BYTES["audio"]
    error = refusal("audio", path)
    assert isinstance(error, OverLimit)
    assert "10 minutes" in str(error)


def test_ten_minutes_are_not_too_long(tmp_path: Path) -> None:
    """The limit itself is within the limit, and costs less than it may cost."""
    second = make.write_sound(tmp_path / "short.mp3", "libmp3lame", 8_000, bit_rate=8_000)
    path = make.prolonged(second, tmp_path / "a.mp3", 600 - 2)
    memory = start_of_growth()
    heard = media.read_sound(path, path.name)
    assert len(heard) / decoder.SAMPLE_RATE == pytest.approx(600, abs=3)
    assert growth(memory) < GROWTH


def test_recording_that_is_too_much_work_is_refused(tmp_path: Path) -> None:
    """A small file that decodes to more samples than a song may have is stopped on the way."""
    silence = np.zeros((2, 4 * 192_000), np.float32)
    short = make.write_sound(tmp_path / "short.flac", "flac", 192_000, sound=silence)
    path = make.prolonged(short, tmp_path / "a.mka", 590)
    assert path.stat().st_size < 500_000
    assert "too long to decode" in str(refusal("audio", path))


PLAYLISTS = {
    "a.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{there}\n#EXT-X-ENDLIST\n",
    "file.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{there}\n#EXT-X-ENDLIST\n",
    "concat.mp3": "ffconcat version 1.0\nfile '{there}'\n",
    "near.mp3": "ffconcat version 1.0\nfile 'secret.wav'\n",
    "a.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
    "a.mpd": '<?xml version="1.0"?><MPD type="static"><Period><AdaptationSet mimeType="audio/wav">'
    "<Representation id='1'><BaseURL>{there}</BaseURL></Representation>"
    "</AdaptationSet></Period></MPD>",
    "a.wav": "{there}",
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_playlist_opens_no_other_file(name: str, tmp_path: Path) -> None:
    """A file that only names another one is no sound, however it is called."""
    secret = make.write_sound(tmp_path / "secret.wav", "pcm_s16le", 16_000)
    path = make.put(tmp_path, name, PLAYLISTS[name].format(there=secret).encode())
    assert isinstance(refusal("audio", path), UnreadableAudio)


BAD_SOUNDS: dict[str, Callable[[], bytes]] = {
    "text.mp3": lambda: b"Where is my parcel? " * 500,
    "noise.mp3": lambda: np.random.default_rng(1).bytes(50_000),
    "empty.wav": lambda: b"",
    "no-samples.wav": lambda: make.wav(b""),
    "header.wav": lambda: make.wav(b"")[:20],
    "picture.ogg": lambda: make.encoded(make.corners(), "PNG"),
    "page.webm": lambda: b"<html><body>404 Not Found</body></html>",
    "zeros.m4a": lambda: bytes(100_000),
    "slow.wav": lambda: make.wav(make.pcm(10.0), rate=1),
    "no-rate.wav": lambda: make.wav(make.pcm(1.0), rate=0),
}


@pytest.mark.parametrize("name", BAD_SOUNDS)
def test_bad_sound_gets_one_sentence(name: str, tmp_path: Path) -> None:
    """What is no sound is refused by name, quickly, and in plain words."""
    refusal("audio", make.put(tmp_path, name, BAD_SOUNDS[name]()))


def test_recording_without_its_index_gets_one_sentence(tmp_path: Path) -> None:
    """An m4a file that was cut off has lost its index, which comes last."""
    whole = make.write_sound(tmp_path / "a.m4a", "aac", 48_000).read_bytes()
    refusal("audio", make.put(tmp_path, "cut.m4a", whole[: len(whole) // 2]))


def test_film_without_sound_is_told_apart(tmp_path: Path) -> None:
    """A silent film is not called damaged."""
    path = make.write_film(tmp_path / "a.mp4")
    assert "no sound in it" in str(refusal("audio", path))


def test_sound_over_its_size_is_not_read(tmp_path: Path) -> None:
    """26 MB are refused before a byte is read."""
    path = make.put(tmp_path, "a.wav", make.wav(b""))
    os.truncate(path, 26_000_000)
    assert isinstance(refusal("audio", path), OverLimit)


# Images.

IMAGES: dict[str, tuple[str, str]] = {  # name: format, mode
    "a.jpg": ("JPEG", "RGB"),
    "cmyk.jpg": ("JPEG", "CMYK"),
    "a.png": ("PNG", "RGB"),
    "clear.png": ("PNG", "RGBA"),
    "palette.png": ("PNG", "P"),
    "a.webp": ("WEBP", "RGB"),
    "clear.webp": ("WEBP", "RGBA"),
    "a.gif": ("GIF", "P"),
    "a.bmp": ("BMP", "RGB"),
    "a.heic": ("HEIF", "RGB"),
}


@pytest.mark.parametrize("name", IMAGES)
def test_image_of_every_format_comes_back(name: str, tmp_path: Path) -> None:
    """Every format and mode comes back as upright RGB of the same size and colours."""
    form, mode = IMAGES[name]
    path = make.put(tmp_path, name, encoded(make.corners(mode), form))
    assert attachment_kind(path, "unnamed") == "image"
    image = media.read_image(path, name)
    assert image.shape == (48, 64, 3)
    assert_corners(image, tolerance=45 if form == "JPEG" else 30)


def encoded(image: Images.Image, form: str, **options: object) -> bytes:
    """Return an image as a file's bytes; HEIC only where it can be written."""
    if form == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    return make.encoded(image, form, **options)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photo_is_turned_upright(orientation: int, tmp_path: Path) -> None:
    """Each of EXIF's eight orientations shows the same picture."""
    exif = Images.Exif()
    exif[decoder.ORIENTATION] = orientation
    back = {6: 8, 8: 6}.get(orientation, orientation)  # what undoes a turn
    lying = make.corners()
    lying.getexif()[decoder.ORIENTATION] = back
    path = make.put(
        tmp_path, "a.jpg", encoded(ImageOps.exif_transpose(lying), "JPEG", exif=exif, quality=95)
    )
    image = media.read_image(path, path.name)
    assert image.shape == (48, 64, 3)
    assert_corners(image)


def test_heic_is_turned_once(tmp_path: Path) -> None:
    """A phone's photo holds its turn twice, in the container and in EXIF: it is turned once."""
    exif = Images.Exif()
    exif[decoder.ORIENTATION] = 6
    lying = make.corners().transpose(Images.Transpose.ROTATE_90)
    path = make.put(tmp_path, "a.heic", encoded(lying, "HEIF", exif=exif.tobytes(), quality=90))
    image = media.read_image(path, path.name)
    assert image.shape == (48, 64, 3)
    assert_corners(image)


def test_broken_exif_is_no_reason_to_refuse(tmp_path: Path) -> None:
    """A photo with a damaged EXIF block is shown as it lies."""
    exif = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + np.random.default_rng(1).bytes(200)
    path = make.put(tmp_path, "a.jpg", encoded(make.corners(), "JPEG", exif=exif))
    assert_corners(media.read_image(path, path.name))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_white(mode: str, tmp_path: Path) -> None:
    """What is transparent is white, as on the page that it came from, and not black."""
    clear = Images.new("RGBA", (8, 8), (0, 0, 0, 0))
    image = clear.quantize(2) if mode == "P" else clear.convert(mode)
    path = make.put(tmp_path, "a.png", encoded(image, "PNG"))
    assert (media.read_image(path, path.name) == 255).all()


@pytest.mark.parametrize(("mode", "value"), [("I;16", 128 * 257), ("L", 128), ("1", 1)])
def test_grey_keeps_its_brightness(mode: str, value: int, tmp_path: Path) -> None:
    """One, eight and sixteen bits of grey become three equal bytes."""
    path = make.put(tmp_path, "a.png", encoded(Images.new(mode, (8, 8), value), "PNG"))
    expected = 255 if mode == "1" else 128
    assert np.abs(media.read_image(path, path.name).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_first_frame_of_an_animation_counts(form: str, tmp_path: Path) -> None:
    """The frames after the first one are not looked at."""
    frames = [make.corners(), Images.new("RGB", (64, 48), "black")]
    file = encoded(frames[0], form, save_all=True, append_images=frames[1:])
    path = make.put(tmp_path, f"a.{form.lower()}", file)
    assert_corners(media.read_image(path, path.name))


def test_gif_of_two_thousand_frames_is_its_first(tmp_path: Path) -> None:
    """A long animation costs no more than a short one."""
    path = make.put(tmp_path, "a.gif", make.gif(2_000))
    before, memory = resource.getrusage(resource.RUSAGE_CHILDREN), start_of_growth()
    assert media.read_image(path, path.name).shape == (32, 32, 3)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before.ru_utime < ANSWER_SECONDS
    assert growth(memory) < GROWTH


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1)])
def test_strange_shapes_are_images_too(size: tuple[int, int], tmp_path: Path) -> None:
    """A pixel, a column and a row come back as they are."""
    path = make.put(tmp_path, "a.png", encoded(Images.new("RGB", size, make.RED), "PNG"))
    image = media.read_image(path, path.name)
    assert image.shape == (size[1], size[0], 3)
    assert (image == make.RED).all()


def test_photo_within_the_limit_stays_within_memory(tmp_path: Path) -> None:
    """25 megapixels grow this process by the pixels alone."""
    path = make.put(tmp_path, "a.png", make.png(5_000, 5_000))
    memory = start_of_growth()
    assert media.read_image(path, path.name).shape == (5_000, 5_000, 3)
    assert growth(memory) < 100_000_000


LARGE: dict[str, tuple[str, int, dict[str, object]]] = {  # name: mode, times, how it is written
    "a.jpg": ("RGB", 2, {"quality": 80}),
    "progressive.jpg": ("RGB", 2, {"quality": 80, "progressive": True}),
    "cmyk.jpg": ("CMYK", 2, {}),
    "a.png": ("RGB", 2, {"compress_level": 1}),
    "clear.png": ("RGBA", 2, {"compress_level": 1}),
    "a.gif": ("P", 2, {}),
    "a.bmp": ("1", 2, {}),
    "a.webp": ("RGB", 2, {"quality": 5, "method": 0}),
    "grey.jpg": ("L", 4, {"quality": 20}),
    "grey.png": ("L", 4, {"compress_level": 1}),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_large_image_is_decoded_reduced(
    name: str, fake_settings: Settings, tmp_path: Path
) -> None:
    """A scan of 35 megapixels has half its sides in every format, one of 105 a quarter; it looks
    the same, and it is still known how large it is."""
    mode, times, options = LARGE[name]
    width, height = {2: (4_961, 7_016), 4: (10_502, 10_001)}[times]
    form = {"jpg": "JPEG"}.get(name.split(".")[1], name.split(".")[1].upper())
    kept = keep(
        make.put(tmp_path, name, encoded(make.corners(mode, width, height), form, **options)),
        "image",
        fake_settings,
    )
    memory = start_of_growth()
    image = media.image_of(kept, fake_settings)
    assert growth(memory) < 100_000_000
    assert image.shape == (-(-height // times), -(-width // times), 3)
    assert media.image_size(kept, fake_settings) == (width, height)
    if mode in {"L", "1"}:
        assert abs(int(image[9, 9, 0]) - int(image[-9, 9, 0])) > 10
    else:
        assert_corners(image, tolerance=45)


def test_250_megapixels_are_not_too_many(tmp_path: Path) -> None:
    """The limit itself is within the limit, and within the child's share of memory and time."""
    path = make.put(tmp_path, "a.png", make.png(15_625, 16_000))
    assert media.read_image(path, path.name).shape == (4_000, 3_907, 3)


def test_a_large_photo_is_turned_upright(fake_settings: Settings, tmp_path: Path) -> None:
    """Its size is told as it stands, not as it lay in the camera."""
    exif = Images.Exif()
    exif[decoder.ORIENTATION] = 6
    lying = make.corners(width=5_000, height=7_001).transpose(Images.Transpose.ROTATE_90)
    path = make.put(tmp_path, "a.jpg", encoded(lying, "JPEG", exif=exif))
    kept = keep(path, "image", fake_settings)
    assert_corners(media.image_of(kept, fake_settings))
    assert media.image_size(kept, fake_settings) == (5_000, 7_001)


PNGS: dict[str, tuple[str, dict[str, object]]] = {  # name: mode, how it is written
    "colour": ("RGB", {}),
    "clear": ("RGBA", {}),
    "grey": ("L", {}),
    "clear grey": ("LA", {}),
    "deep grey": ("I;16", {}),
    "black and white": ("1", {}),
    "palette": ("P", {}),
    "sixteen colours": ("P", {"bits": 4}),
    "four colours": ("P", {"bits": 2}),
    "clear palette": ("P", {"transparency": 3}),
}


@pytest.mark.parametrize("name", PNGS)
def test_a_png_is_the_same_in_strips(name: str) -> None:
    """Whatever it holds and however its rows are told, a PNG that is decoded strip by strip is the
    one that is decoded as a whole and made smaller."""
    mode, options = PNGS[name]
    noise = np.random.default_rng(7).normal(0, 9, (601, 99, 4)).cumsum(axis=0).cumsum(axis=1)
    image = Images.fromarray((noise % 256).astype(np.uint8), "RGBA")
    if mode == "P":
        image = image.convert("RGB").quantize(2 ** int(str(options.get("bits", 8))))
    elif mode == "I;16":
        image = Images.fromarray((noise[..., 0] % 65_536).astype(np.uint16))
    file = io.BytesIO(encoded(image if mode in "PI;16" else image.convert(mode), "PNG", **options))
    whole = decoder.flattened(Images.open(file)).reduce(2)
    strips = decoder.reduced(Images.open(file), file, 2)
    assert strips.size == (50, 301)
    assert strips.tobytes() == whole.tobytes()


BAD_IMAGES: dict[str, tuple[type[BadInput], Callable[[], bytes]]] = {
    "text.jpg": (UnreadableImage, lambda: b"This is not a photo.\n" * 100),
    "empty.png": (UnreadableImage, lambda: b""),
    "251-megapixels.png": (OverLimit, lambda: make.png(100, 100, claims=(15_689, 16_000))),
    "deep.png": (OverLimit, lambda: make.png(8, 8, claims=(15_600, 16_000), depth=16, colour=2)),
    "short.png": (UnreadableImage, lambda: make.png(6_000, 10, claims=(6_000, 6_000))),
    "140-thousand-pixels-wide.png": (OverLimit, lambda: make.png(140_000, 200)),
    "ribbon.png": (OverLimit, lambda: make.png(40_000, 1)),
    "claims.gif": (OverLimit, lambda: b"GIF89a\xff\xff\xff\xff\0\0\0" + make.gif(1)[13:]),
    "claims.bmp": (
        OverLimit,
        lambda: make.encoded(make.corners(), "BMP").replace(
            bytes([64, 0, 0, 0, 48, 0, 0, 0]), b"\0\0\x01\0\0\0\x01\0"
        ),
    ),
    "text-bomb.png": (
        UnreadableImage,
        lambda: make.png(8, 8, make.text_bomb() * 8),
    ),
    "tail.jpg": (
        UnreadableImage,
        lambda: make.encoded(make.corners(width=640, height=480), "JPEG", quality=95)[:4_000],
    ),
    "passes.jpg": (UnreadableImage, lambda: make.scanned(200)),
    "drawing.svg": (
        UnreadableImage,
        lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    ),
    "scan.png": (UnreadableImage, lambda: make.encoded(make.corners(), "TIFF")),
    "script.png": (UnreadableImage, lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
    "song.png": (UnreadableImage, lambda: make.wav(make.pcm(1.0))),
    "head.png": (UnreadableImage, lambda: make.encoded(make.corners(), "PNG")[:40]),
}


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_bad_image_gets_one_sentence(name: str, tmp_path: Path) -> None:
    """What is no image, or too much of one, is refused by name, quickly, and in plain words."""
    error, content = BAD_IMAGES[name]
    file = content()
    assert len(file) < 300_000
    assert type(refusal("image", make.put(tmp_path, name, file))) is error


def test_image_over_its_size_is_not_read(tmp_path: Path) -> None:
    """26 MB are refused before a byte is read."""
    path = make.put(tmp_path, "a.png", make.png(8, 8))
    os.truncate(path, 26_000_000)
    assert isinstance(refusal("image", path), OverLimit)


# Files that are none, and names that are worse.


@pytest.mark.parametrize("kind", ["audio", "image"])
def test_what_is_no_plain_file_is_refused(kind: AttachmentKind, tmp_path: Path) -> None:
    """A folder, a pipe, a device, a dead link and an impossible path neither block nor crash."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "dead").symlink_to(tmp_path / "nowhere")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for name in ("folder", "pipe", "zero", "dead", "circle", "absent"):
        refusal(kind, tmp_path / name)
    refusal(kind, tmp_path / "null\0byte", "null")


def test_link_to_a_plain_file_is_that_file(tmp_path: Path) -> None:
    """Whoever gives a path may give a link: it is read as what it leads to."""
    make.put(tmp_path, "a.png", make.encoded(make.corners(), "PNG"))
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    assert_corners(media.read_image(tmp_path / "link.png", "link.png"))


def test_sentences_show_the_safe_name(tmp_path: Path) -> None:
    """A hostile name is made safe before an error repeats it."""
    path = make.put(tmp_path, "a.png", b"no image")
    error = refusal("image", path, "../\u202e\nevil\x07.png")
    assert str(error).startswith("evil.png ")


# The child process.


def test_child_may_do_nothing_but_decode(tmp_path: Path) -> None:
    """Once confined, the decoding process opens no file and no socket, writes to none that is open,
    and starts no process and no thread."""
    script = (
        "import os, socket, sys, threading; from mmcs import decoder\n"
        "kept = open(sys.argv[1], 'wb', buffering=0)\n"
        "decoder.confine('audio')\n"
        "acts = {'open': lambda: open('/etc/hostname'), 'socket': lambda: socket.socket(),\n"
        "    'write': lambda: kept.write(b'x'), 'fork': lambda: os.fork() or os._exit(0),\n"
        "    'thread': lambda: threading.Thread(target=print).start()}\n"
        "for name, act in acts.items():\n"
        "    try: act()\n"
        "    except (OSError, RuntimeError): print(name)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "kept")]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["open", "socket", "write", "fork", "thread"]


def test_child_inherits_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoding process has no key and no variable of ours, no file but its input and the way
    back, and no session in common with the desk."""
    told = tmp_path / "told"
    spy = tmp_path / "python"
    spy.write_text(
        f"#!{sys.executable} -S\nimport os\n"
        f"with open({str(told)!r}, 'w') as told:\n"
        "    print(*os.environ, file=told)\n"
        "    print(*(fd for fd in range(3, 99) if fd != told.fileno() and\n"
        "        os.path.exists(f'/dev/fd/{fd}')), file=told)\n"
        "    print(os.getsid(0) == os.getpid(), file=told)\n"
    )
    spy.chmod(0o755)
    path = make.put(tmp_path, "a.wav", make.wav(make.pcm(1.0)))
    monkeypatch.setenv("MMCS_OPENAI_KEY", "made-up-key")
    monkeypatch.setenv("PYTHONHOME", sys.base_prefix)  # what Python needs to start stays
    monkeypatch.setattr(sys, "executable", str(spy))
    with path.open() as open_file:
        os.set_inheritable(open_file.fileno(), True)
        with pytest.raises(ModelUnavailable):
            media.read_sound(path, path.name)
    names, files, alone = told.read_text().split("\n")[:3]
    to_start = {"PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"}
    assert set(names.split()) <= to_start | {"LC_CTYPE"}  # Python sets the last
    assert files == "" and alone == "True"


def test_child_that_takes_too_long_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the time-out the child is killed, and the file is said to be too much work."""
    path = make.put(tmp_path, "a.wav", make.wav(make.pcm(1.0)))
    monkeypatch.setattr(media, "TIME_OUT", 0.0)
    with pytest.raises(UnreadableAudio, match="too long to decode"):
        media.read_sound(path, path.name)


def test_child_that_does_not_start_is_not_the_files_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken installation is told apart from a broken file."""
    path = make.put(tmp_path, "a.wav", make.wav(make.pcm(1.0)))
    monkeypatch.setattr(sys, "executable", shutil.which("true"))
    with pytest.raises(ModelUnavailable, match="decoder does not start"):
        media.read_sound(path, path.name)


# Notes, under its own number, how many that began like it are alive; then is the decoder.
COUNTED = """#!/bin/sh
echo 0 >{log}/$$
alive=0
for file in {log}/*; do kill -0 "${{file##*/}}" 2>/dev/null && alive=$((alive + 1)); done
echo $alive >{log}/$$
exec {python} "$@"
"""


def test_two_files_at_most_are_decoded_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many files that come at once, two are decoded while the others wait, and all are read."""
    log, python = tmp_path / "log", tmp_path / "python"
    log.mkdir()
    python.write_text(COUNTED.format(log=log, python=sys.executable))
    python.chmod(0o700)
    path = make.put(tmp_path, "a.png", make.encoded(make.corners(), "PNG"))
    monkeypatch.setattr(sys, "executable", str(python))
    with ThreadPoolExecutor(8) as many:
        images = list(many.map(media.read_image, [path] * 8, ["a.png"] * 8))
    assert all(image.shape == (48, 64, 3) for image in images)
    counts = [int(file.read_text()) for file in log.iterdir()]
    assert len(counts) == 8
    assert max(counts) == media.MOST_DECODERS == 2


def test_child_leaves_no_remains(tmp_path: Path) -> None:
    """After good and bad files no child, thread or open file is left."""
    good = make.put(tmp_path, "good.png", make.encoded(make.corners(), "PNG"))
    bad = make.put(tmp_path, "bad.png", b"bad")
    threads, files = threading.active_count(), open_files()
    for _ in range(3):
        media.read_image(good, good.name)
        refusal("image", bad)
    assert threading.active_count() == threads
    assert open_files() == files


def open_files() -> int:
    """Return how many files this process holds open; 0 where nothing tells it."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


@pytest.mark.parametrize("kind", ["audio", "image"])
def test_mutated_files_are_decoded_or_refused(kind: AttachmentKind, tmp_path: Path) -> None:
    """Hundreds of damaged files are answered in time; what crashes a decoder is refused as well."""
    chance = np.random.default_rng(20_261_121)
    originals = small_files(kind, tmp_path)
    mutants = []
    for number in range(300):
        name, content = originals[chance.integers(len(originals))]
        mutants.append(make.put(tmp_path, f"{number:03d}-{name}", make.mutated(content, chance)))
    outcomes = decoded_in_one_process(kind, mutants)
    assert max(seconds for _, seconds in outcomes) < ANSWER_SECONDS
    refused = [path for path, (word, _) in zip(mutants, outcomes, strict=True) if word == "refused"]
    crashed = [path for path, (word, _) in zip(mutants, outcomes, strict=True) if word == "crashed"]
    assert len(refused) + len(crashed) < len(mutants)
    for path in refused[:3] + crashed:
        refusal(kind, path)


def decoded_in_one_process(kind: AttachmentKind, paths: list[Path]) -> list[tuple[str, float]]:
    """Return the outcome and the processor seconds of each file: decoded, refused or crashed."""
    outcomes: list[tuple[str, float]] = []
    root = str(Path(media.__file__).parent.parent)
    while left := paths[len(outcomes) :]:
        run = subprocess.run(
            [sys.executable, make.__file__, kind, *map(str, left)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": root},
        )
        rows = [line.split() for line in run.stdout.splitlines()]
        outcomes += [(word, float(seconds)) for word, seconds in rows]
        if len(rows) < len(left):
            outcomes.append(("crashed", 0.0))
    return outcomes


def small_files(kind: AttachmentKind, folder: Path) -> list[tuple[str, bytes]]:
    """Return a small valid file of each format."""
    if kind == "image":
        return [(name, encoded(make.corners(mode), form)) for name, (form, mode) in IMAGES.items()]
    return [
        (name, make.write_sound(folder / name, codec, rate, film=film).read_bytes())
        for name, (codec, rate, film) in SOUNDS.items()
    ]


def test_a_kept_file_is_decoded_once(fake_settings: Settings, tmp_path: Path) -> None:
    """Whoever looks at it next gets the same pixels, which nobody may write to; once it is deleted
    nobody gets them."""
    image = keep(square(tmp_path, 40), "image", fake_settings)
    pixels = media.image_of(image, fake_settings)
    assert pixels.shape == (40, 40, 3)
    assert media.image_of(image, fake_settings) is pixels
    with pytest.raises(ValueError, match="read-only"):
        pixels[0, 0] = 0
    locate(image, fake_settings).unlink()
    with pytest.raises(BadInput, match="attach it again"):
        media.image_of(image, fake_settings)


def test_what_is_remembered_has_a_limit(tmp_path: Path) -> None:
    """The file that was looked at longest ago is forgotten first, and one too large for all of the
    room is read each time."""
    first, second, third, large = (square(tmp_path, side) for side in (40, 41, 42, 100))
    recent = media.Recent(11_000)  # bytes; two of the small ones
    pixels = {path: recent.decoded(path, path.name, media.read_image) for path in (first, second)}
    assert recent.decoded(first, "", media.read_image) is pixels[first]
    recent.decoded(third, "", media.read_image)
    assert recent.decoded(first, "", media.read_image) is pixels[first]
    assert recent.decoded(second, "", media.read_image) is not pixels[second]
    assert recent.decoded(large, "", media.read_image).shape == (100, 100, 3)


def square(folder: Path, side: int) -> Path:
    """Write an image."""
    path = folder / f"{side}.png"
    Images.new("RGB", (side, side), "#3366cc").save(path)
    return path
