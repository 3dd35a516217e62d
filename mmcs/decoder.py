"""The child process that decodes one untrusted file: media on stdin to samples or pixels on stdout.

``python mmcs/decoder.py audio|image`` reads the file that is its standard input, so it opens none
by name. Once its libraries are imported it gives up its right to open any file or socket, to start
any process (but for a HEIC, whose decoder has threads), and to more than a share of memory and
processor time; a file that breaks a decoder breaks this process alone. It answers

    ready
    sound SAMPLES           then SAMPLES float32 of 16 kHz mono
    image H W HEIGHT WIDTH  then H x W x 3 bytes of upright RGB, of an image of HEIGHT and WIDTH:
                            above 25 megapixels H and W are a half or a quarter of them
    refused REASON          long | large | whole | slow | soundless | empty | unreadable

and anything else, a crash or silence too, means that the file cannot be decoded. ``mmcs.media``
starts it, checks what it says, and words the refusals.

Nothing of mmcs is imported here, and the libraries are imported late and apart, because every file
waits for this start: PyAV takes 0.15 s, Pillow 0.07 s.
"""

from __future__ import annotations

import struct
import sys
import warnings
import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import groupby, islice
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image as Images
    from PIL.ImageFile import ImageFile

SAMPLE_RATE = 16_000  # Hz
SAMPLE_BYTES = 4  # float32
MAX_SECONDS = 10 * 60  # of sound
MAX_PIXELS = 250_000_000  # of an image
MAX_DECODED = 25_000_000  # pixels that come out; of a larger image fewer are decoded
MAX_SIDE = 32_767  # pixels of what comes out; OpenCV's remapping takes no more

MEMORY = 1 << 30  # bytes of address space
NOBODY = 65_534  # the user and the group that nothing belongs to
CPU_SECONDS = {"audio": 8, "image": 4}  # several times what any legal file takes …
LARGE_CPU_SECONDS = 12  # … and a legal image of more than 25 megapixels
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
STRIP = 256  # rows at a time, so that no second copy of an image is made
BLOCK = 1 << 20  # bytes that are inflated at a time
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a PNG's colour types
CARRIERS = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}  # modes of so many bytes a pixel


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


def decode_image(file: IO[bytes]) -> tuple[Images.Image, tuple[int, int]]:
    """Return the first frame of an image file, upright and in RGB, transparency on white, and the
    width and height that it has there when it is not reduced.

    Raises:
        Refused: it has too many pixels, or more than can be held and no way to decode fewer.
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
    width, height = image.size
    times = reduction(width, height)
    if times > 1:
        allow_more_time()
    if max(width, height) > MAX_SIDE * times:
        raise Refused("long")
    turn = _turn(image, times)
    try:
        flat = flattened(image) if times == 1 else reduced(image, file, times)
    except MemoryError as full:
        raise Refused("whole") from full
    if turn is None:
        return flat, (width, height)
    upright = flat.transpose(turn)
    lying = turn in (turn.TRANSPOSE, turn.TRANSVERSE, turn.ROTATE_90, turn.ROTATE_270)
    return upright, (height, width) if lying else (width, height)


def reduction(width: int, height: int) -> int:
    """Return how many times smaller the sides of an image become: 1, or a power of two, as JPEG's
    own reduced decoding has them."""
    times = 1
    while -(-width // times) * -(-height // times) > MAX_DECODED:
        times *= 2
    return times


def reduced(image: ImageFile, file: IO[bytes], times: int) -> Images.Image:
    """Return an image as RGB, its sides so many times smaller, rounded up. JPEG decodes no more
    than that; of any other, some rows at a time become RGB and are averaged."""
    from PIL import Image

    width, height = image.size
    if image.draft("RGB", (width // times, height // times)):
        return flattened(image)
    flat = Image.new("RGB", (-(-width // times), -(-height // times)))
    for number, strip in enumerate(_strips_of_png(image, file) or _strips(image)):
        flat.paste(flattened(strip).reduce(times), (0, number * STRIP // times))
    return flat


def _strips(image: ImageFile) -> Iterator[Images.Image]:
    """Yield an image in strips; all of it is decoded at once, in its own mode."""
    image.load()
    for top in range(0, image.height, STRIP):
        yield image.crop((0, top, image.width, min(top + STRIP, image.height)))


def _strips_of_png(image: ImageFile, file: IO[bytes]) -> Iterator[Images.Image] | None:
    """Return what yields a PNG in strips, of which no more than one is decoded at a time; None if
    it is no PNG, interlaced, or of more bytes a pixel than Pillow can carry."""
    if image.format != "PNG" or image.info.get("interlace"):
        return None
    file.seek(24)  # depth and colour type, behind width and height
    depth, colour = file.read(2)
    bits = depth * CHANNELS[colour]
    carrier = CARRIERS.get(max(1, bits // 8))
    return _decoded_strips(image, file, bits, carrier) if carrier else None


def _decoded_strips(
    image: ImageFile, file: IO[bytes], bits: int, carrier: str
) -> Iterator[Images.Image]:
    """Yield a PNG in strips. A row is told as its difference to the one above, so each strip is
    given to Pillow's decoder with the last row of the strip before, as a small PNG's data."""
    from copy import copy

    from PIL import Image

    size = (image.width * bits + 7) // 8  # bytes of a row
    above = bytes(size)
    rows = _inflated(_data_of_png(file), size + 1)  # a row's first byte tells of what it differs
    for top in range(0, image.height, STRIP):
        count = min(STRIP, image.height - top)
        told = list(islice(rows, count))
        if len(told) < count:
            raise Refused("unreadable")
        shape = (size // len(carrier), count + 1)
        packed = zlib.compress(b"".join((b"\0", above, *told)), 0)
        plain = Image.frombytes(carrier, shape, packed, "zip", carrier, 0).tobytes()
        above = plain[-size:]
        strip = Image.frombytes(
            image.mode, (image.width, count), plain[size:], "raw", image.tile[0].args
        )
        # Pillow gives a palette to one image alone, and marks it as given.
        strip.palette, strip.info = copy(image.palette), image.info
        yield strip


def _data_of_png(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the compressed rows of a PNG, out of its chunks."""
    file.seek(8)
    while len(head := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        end = file.tell() + length + 4  # a checksum
        if name == b"IDAT":
            yield file.read(length)
        file.seek(end)


def _inflated(packed: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Yield what was compressed in pieces of one size, as far as it goes."""
    inflate, held = zlib.decompressobj(), bytearray()
    for data in packed:
        while True:
            more = inflate.decompress(data, BLOCK)
            held += more
            while len(held) >= size:
                yield bytes(held[:size])
                del held[:size]
            data = inflate.unconsumed_tail
            if not data and len(more) < BLOCK:
                break


def _turn(image: Images.Image, times: int) -> Images.Transpose | None:
    """Return how to turn an image upright, by its EXIF orientation; None if it is or can't tell."""
    from PIL.Image import Transpose

    orientation = 1
    if times > 1:  # else Pillow decodes all of a PNG to see whether its EXIF stands at the end
        image.info.setdefault("exif", b"")
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


def flattened(image: Images.Image) -> Images.Image:
    """Return an image of any mode as RGB, transparency on white."""
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
        (resource.RLIMIT_NOFILE, 0),  # those that are open stay open
        *(() if threads else ((resource.RLIMIT_NPROC, 0),)),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):  # a limit that is stricter already, or unknown
            resource.setrlimit(limit, (most, most))
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS[kind], LARGE_CPU_SECONDS))


def allow_more_time() -> None:
    """Take the processor time that a large image may have."""
    if sys.platform == "win32":
        return
    import resource

    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (LARGE_CPU_SECONDS, LARGE_CPU_SECONDS))


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
            image, full = decode_image(file)
            width, height = image.size
            answer.write(b"image %d %d %d %d\n" % (height, width, full[1], full[0]))
            for top in range(0, height, STRIP):
                strip = image.crop((0, top, width, min(top + STRIP, height)))
                answer.write(strip.tobytes())
    except Refused as refusal:
        answer.write(b"refused %s\n" % str(refusal).encode("ascii"))
    answer.flush()


if __name__ == "__main__":
    del sys.path[0]  # this folder, whose modules are not meant to be found by their bare names
    main(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer)
