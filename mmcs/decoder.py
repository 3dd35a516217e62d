"""The child process that decodes one untrusted file: media on stdin to samples or pixels on stdout.

``python mmcs/decoder.py audio|image`` reads the file that is its standard input, so it opens none
by name. Once its libraries are imported it gives up its right to open any file or socket, to start
any process (but for a HEIC, whose decoder has threads), and to more than a share of memory and
processor time; a file that breaks a decoder breaks this process alone. It answers

    ready
    sound SAMPLES           then SAMPLES float32 of 16 kHz mono
    image HEIGHT WIDTH      then HEIGHT x WIDTH x 3 bytes of upright RGB
    refused REASON          long | large | slow | soundless | empty | unreadable

and anything else, a crash or silence too, means that the file cannot be decoded. ``mmcs.media``
starts it, checks what it says, and words the refusals.

Nothing of mmcs is imported here, and the libraries are imported late and apart, because every file
waits for this start: PyAV takes 0.15 s, Pillow 0.07 s.
"""

from __future__ import annotations

import struct
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from itertools import groupby
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image as Images

SAMPLE_RATE = 16_000  # Hz
SAMPLE_BYTES = 4  # float32
MAX_SECONDS = 10 * 60  # of sound
MAX_PIXELS = 25_000_000  # of an image
MAX_SIDE = 32_767  # pixels; OpenCV's remapping takes no more

MEMORY = 1 << 30  # bytes of address space
NOBODY = 65_534  # the user and the group that nothing belongs to
CPU_SECONDS = {"audio": 8, "image": 4}  # several times what any legal file takes
MAX_WORK = MAX_SECONDS * 96_000 * 2  # samples of all channels: ten minutes in 96 kHz stereo
MAX_FRAMES = 250_000  # ten minutes in the shortest frames that a codec makes, 2.5 ms
BATCH = 1 << 17  # samples resampled at once: frame by frame takes three times as long

# Containers that hold their own sound. What points to other files (hls, concat, dash, …) is left
# out, and so is what takes text for a film.
CONTAINERS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,eac3,flac,flv,gsm,matroska,mov,mp3,mpeg,"
    "mpegts,ogg,tta,voc,w64,wav,wv"
)
TIMED_CONTAINERS = ("mov", "matroska", "flac", "ogg")  # their header's duration can be trusted

MAX_SCANS = 100  # of a progressive JPEG, which has about ten; each costs a pass over the image
IMAGE_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP")
ORIENTATION = 0x0112  # the EXIF tag
STRIP = 256  # rows written at a time, so that no second copy of an image is made


class Refused(Exception):
    """The file cannot be had; the text is the REASON of the answer."""


def decode_sound(file: IO[bytes]) -> bytearray:
    """Return a file's first sound stream as 16 kHz mono float32, as far as it can be decoded.

    Raises:
        Refused: it is too long, holds no sound, or more damage than sound.
        av.FFmpegError: it is not media.
    """
    import av

    with av.open(
        file,
        metadata_errors="ignore",
        io_open=_open_nothing,
        options={"format_whitelist": CONTAINERS, "protocol_whitelist": "none"},
    ) as container:
        if not container.streams.audio:
            raise Refused("soundless")
        stream = container.streams.audio[0]
        if stream.codec_context is None:  # a codec that nobody knows
            raise Refused("unreadable")
        _refuse_long_header(container, stream)
        samples = _resampled(_bounded(_frames(container, stream)))
    if not samples:
        raise Refused("empty")
    return samples


def _open_nothing(url: str, flags: int, options: dict[str, str]) -> IO[bytes]:
    """Stand in for what opens the further files that a container names."""
    raise PermissionError(url)


def _refuse_long_header(container: Any, stream: Any) -> None:
    if container.format.name.split(",")[0] not in TIMED_CONTAINERS:
        return
    seconds = 0.0
    if stream.duration is not None and stream.time_base is not None:
        seconds = float(stream.duration * stream.time_base)
    elif container.duration is not None:
        seconds = container.duration / 1e6
    if seconds > MAX_SECONDS + 1:
        raise Refused("long")


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """Yield what decodes; damaged packets are left out unless they are the greater part."""
    import av

    decoded = damaged = 0
    with suppress(av.FFmpegError):  # a file that ends too early
        for packet in container.demux(stream):
            try:
                for frame in packet.decode():
                    decoded += 1
                    yield frame
            except av.FFmpegError:
                damaged += 1
            if decoded + damaged > MAX_FRAMES:
                raise Refused("slow")
    if damaged > decoded:
        raise Refused("unreadable")


def _bounded(frames: Iterator[Any]) -> Iterator[Any]:
    """Yield frames up to the longest duration, and while they are no more work than a song."""
    seconds = work = 0.0
    for frame in frames:
        seconds += frame.samples / frame.sample_rate
        work += frame.samples * len(frame.layout.channels)
        if seconds > MAX_SECONDS + 1:
            raise Refused("long")
        if work > MAX_WORK:
            raise Refused("slow")
        yield frame


def _resampled(frames: Iterator[Any]) -> bytearray:
    """Return the frames as 16 kHz mono float32; a stream may change its shape on the way."""
    from av.audio.fifo import AudioFifo
    from av.audio.resampler import AudioResampler

    samples = bytearray()
    for _, alike in groupby(frames, lambda f: (f.format.name, f.layout.name, f.sample_rate)):
        waiting, resampler = AudioFifo(), AudioResampler("flt", "mono", SAMPLE_RATE)
        for frame in alike:
            frame.pts = None  # gaps between time stamps are not filled
            waiting.write(frame)
            if waiting.samples > BATCH:
                samples += _bytes(resampler.resample(waiting.read()))
        if waiting.samples:
            samples += _bytes(resampler.resample(waiting.read()))
        samples += _bytes(resampler.resample(None))
    return samples


def _bytes(frames: list[Any]) -> bytes:
    return b"".join(bytes(frame.planes[0])[: frame.samples * SAMPLE_BYTES] for frame in frames)


def decode_image(file: IO[bytes]) -> Images.Image:
    """Return the first frame of an image file, upright and in RGB, transparency on white.

    Raises:
        Refused: it has too many pixels.
        Exception: Pillow raises a dozen kinds for broken files.
    """
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    if file.read(2) == b"\xff\xd8" and file.read().count(b"\xff\xda") > MAX_SCANS:
        raise Refused("slow")
    file.seek(0)
    formats = tuple(name for name in (*IMAGE_FORMATS, "HEIF") if name in Image.OPEN)
    try:
        image = Image.open(file, formats=formats)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as bomb:
        raise Refused("large") from bomb
    if max(image.size) > MAX_SIDE:
        raise Refused("long")
    turn = _turn(image)
    flat = _rgb(image)
    return flat if turn is None else flat.transpose(turn)


def _turn(image: Images.Image) -> Images.Transpose | None:
    """Return how to turn an image upright, by its EXIF orientation; None if it is or can't tell."""
    from PIL.Image import Transpose

    orientation = 1
    with suppress(OSError, SyntaxError, ValueError, TypeError, LookupError, struct.error):
        orientation = image.getexif().get(ORIENTATION, 1)  # broken EXIF is no reason to refuse
    return {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(orientation)


def _rgb(image: Images.Image) -> Images.Image:
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits of grey, which convert() would clip
        return image.point(lambda value: value * (1 / 257)).convert("L").convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    seen = image.convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(seen, mask=seen.getchannel("A"))
    return white


def import_decoders(kind: str, start: bytes) -> None:
    """Import all that decoding will need: afterwards no file can be opened, a module's neither."""
    if kind == "audio":
        import av.audio.fifo
        import av.audio.resampler
        import av.subtitles.codeccontext  # PyAV looks for these two late
        import av.subtitles.stream  # noqa: F401

        return
    import copy  # noqa: F401  # GIF looks for it late

    from PIL import Image, ImagePalette, MpoImagePlugin, TiffImagePlugin, WebPImagePlugin  # noqa: F401

    Image.preinit()  # JPEG, PNG, GIF, BMP; JPEG needs MPO and EXIF needs TIFF
    if _is_heif(start):
        with suppress(ImportError):
            import pillow_heif

            pillow_heif.register_heif_opener()


def _is_heif(start: bytes) -> bool:
    return start[4:8] == b"ftyp"


def confine(kind: str, threads: bool = False) -> None:
    """Give up what decoding does not need, where the system lets a process do so.

    Args:
        kind: of the file.
        threads: whether the decoder works in threads of its own, which count as processes.
    """
    if sys.platform == "win32":
        return
    import os
    import resource

    if os.geteuid() == 0:  # a container's root may do anything, limits or not
        with suppress(OSError):
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS[kind]),
        (resource.RLIMIT_NOFILE, 0),  # those that are open stay open
        *(() if threads else ((resource.RLIMIT_NPROC, 0),)),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):  # a limit that is stricter already, or unknown
            resource.setrlimit(limit, (most, most))


def main(kind: str, file: IO[bytes], answer: IO[bytes]) -> None:
    """Decode one file. What a decoder raises is not caught: this process then ends unheard."""
    start = file.read(16)
    file.seek(0)
    import_decoders(kind, start)
    confine(kind, threads=kind == "image" and _is_heif(start))
    answer.write(b"ready\n")
    answer.flush()
    try:
        if kind == "audio":
            samples = decode_sound(file)
            answer.write(b"sound %d\n" % (len(samples) // SAMPLE_BYTES))
            answer.write(samples)
        else:
            image = decode_image(file)
            width, height = image.size
            answer.write(b"image %d %d\n" % (height, width))
            for top in range(0, height, STRIP):
                strip = image.crop((0, top, width, min(top + STRIP, height)))
                answer.write(strip.tobytes())
    except Refused as refusal:
        answer.write(b"refused %s\n" % str(refusal).encode("ascii"))
    answer.flush()


if __name__ == "__main__":
    del sys.path[0]  # this folder, whose modules are not meant to be found by their bare names
    main(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer)
