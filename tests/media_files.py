"""Makes media files at run time: a tone in every format, and what broken or hostile clients send.
Says what the refusal of a file must read like.

``python tests/media_files.py audio|image FILE…`` decodes files in one process, as the child would,
and prints the outcome and the processor seconds of each.
"""

from __future__ import annotations

import contextlib
import io
import resource
import struct
import sys
import time
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Images

from mmcs import decoder

TONE = 440.0  # Hz
RED, GREEN, BLUE, WHITE = (220, 30, 40), (30, 160, 60), (40, 60, 200), (255, 255, 255)


def tone(seconds: float, rate: int, channels: int = 1) -> NDArray[np.float32]:
    """Return a sine of 440 Hz, (channels, samples), at half of full scale."""
    time = np.arange(round(seconds * rate)) / rate
    sine = 0.5 * np.sin(2 * np.pi * TONE * time)
    return np.repeat(sine[np.newaxis].astype(np.float32), channels, axis=0)


def write_sound(
    path: Path,
    codec: str,
    rate: int,
    *,
    sound: NDArray[np.float32] | None = None,
    container: str | None = None,
    film: str | None = None,
    bit_rate: int | None = None,
    title: str | None = None,
) -> Path:
    """Write a sound (2 s of the tone unless given), beside a film of grey frames if asked."""
    samples = tone(2.0, rate) if sound is None else sound
    layout = "mono" if len(samples) == 1 else "stereo"
    with av.open(str(path), "w", format=container) as out:
        if title is not None:
            out.metadata["title"] = title
        video = None if film is None else _film(out, film)
        stream = out.add_stream(codec, rate=rate, layout=layout)
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        if video is not None:
            _shoot(out, video)
        _encode(out, stream, samples, layout, rate)
    return path


def write_film(path: Path) -> Path:
    """Write two seconds of grey without any sound."""
    with av.open(str(path), "w") as out:
        _shoot(out, _film(out, "mpeg4"))
    return path


def _film(out: Any, codec: str) -> Any:
    video = out.add_stream(codec, rate=10)
    video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
    return video


def _shoot(out: Any, video: Any) -> None:
    for number in range(20):
        picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8))
        picture.pts, picture.time_base = number, Fraction(1, 10)
        out.mux(video.encode(picture))
    out.mux(video.encode(None))


def _encode(out: Any, stream: Any, samples: NDArray[np.float32], layout: str, rate: int) -> None:
    resampler = av.AudioResampler(stream.format, layout, rate, stream.frame_size or None)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    for whole in (frame, None):
        for piece in resampler.resample(whole):
            out.mux(stream.encode(piece))
    out.mux(stream.encode(None))


def prolonged(source: Path, target: Path, seconds: float) -> Path:
    """Write a file's packets again and again, until they last as long as asked."""
    with av.open(str(source)) as short, av.open(str(target), "w") as long:
        stream = short.streams.audio[0]
        copy = long.add_stream_from_template(stream)
        packets = [(bytes(p), p.duration) for p in short.demux(stream) if p.size and p.duration]
        time, step = 0, float(stream.time_base)
        while time * step < seconds:
            for body, duration in packets:
                packet = av.Packet(body)
                packet.stream, packet.time_base = copy, stream.time_base
                packet.pts = packet.dts = time
                packet.duration, packet.is_keyframe = duration, True
                long.mux(packet)
                time += duration
    return target


def wav(samples: bytes, *, rate: int = 16_000, claims: int | None = None) -> bytes:
    """Return a WAV file of 16-bit mono samples, whose header may claim another size."""
    size = len(samples) if claims is None else claims
    form = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate & 0xFFFFFFFF, 2, 16)
    riff = min(size + 36, 0xFFFFFFFF)
    header = struct.pack("<4sI4s4sI", b"RIFF", riff, b"WAVE", b"fmt ", 16) + form
    return header + struct.pack("<4sI", b"data", size) + samples


def pcm(seconds: float, rate: int = 16_000) -> bytes:
    """Return the tone as 16-bit samples."""
    samples: bytes = (tone(seconds, rate)[0] * 32767).astype("<i2").tobytes()
    return samples


def chunk(name: bytes, body: bytes) -> bytes:
    """Return one chunk of a PNG file."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(
    width: int,
    height: int,
    extra: bytes = b"",
    claims: tuple[int, int] | None = None,
    depth: int = 8,
    colour: int = 0,
) -> bytes:
    """Return a black PNG of any size, its pixels never held; ``extra`` are more chunks. Its header
    may claim another size, or pixels of more bits and colours."""
    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(bytes(1 + width)) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", *(claims or (width, height)), depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", body)
        + chunk(b"IEND", b"")
    )


def text_bomb() -> bytes:
    """Return a chunk of PNG text that unpacks to 30 MB."""
    return chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(30_000_000), 9))


def corners(mode: str = "RGB", width: int = 64, height: int = 48) -> Images.Image:
    """Return an image whose top is red and blue, left to right, and whose bottom is green."""
    image = Images.new("RGB", (width, height), GREEN)
    image.paste(RED, (0, 0, width // 2, height // 2))
    image.paste(BLUE, (width // 2, 0, width, height // 2))
    return image.quantize(8) if mode == "P" else image.convert(mode)


def encoded(image: Images.Image, form: str, **options: object) -> bytes:
    """Return an image as the bytes of a file."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def gif(frames: int) -> bytes:
    """Return an animation of any length: a red frame, then the same one again and again."""
    first = encoded(Images.new("P", (32, 32), 0), "GIF")
    start, end = first.index(b"\x2c\0\0\0\0"), len(first) - 1
    return first[:start] + first[start:end] * frames + first[end:]


def scanned(scans: int) -> bytes:
    """Return a small progressive JPEG of 16 megapixels whose last pass is repeated."""
    image = encoded(Images.new("L", (4000, 4000)), "JPEG", progressive=True)
    last = image.rindex(b"\xff\xda")
    return image[:last] + image[last:-2] * scans + image[-2:]


def mutated(original: bytes, chance: np.random.Generator) -> bytes:
    """Return a file with a few bytes changed, and sometimes a piece cut out, doubled or dropped."""
    changed = bytearray(original)
    for _ in range(chance.choice((1, 1, 2, 8))):
        near = chance.random() < 0.5  # half of them where the headers are
        reach = min(len(changed), 200) if near else len(changed)
        changed[chance.integers(reach)] = chance.choice((0, 255, 127, 128, 1, 77))
    cut = int(chance.integers(len(changed)))
    shapes = (changed, changed, changed[:cut], changed[:cut] + changed[cut // 2 :], changed[cut:])
    return bytes(shapes[chance.integers(len(shapes))])


def put(folder: Path, name: str, content: bytes) -> Path:
    """Write a file."""
    path = folder / name
    path.write_bytes(content)
    return path


def assert_sentence(error: Exception, name: str) -> None:
    """Check that an error names the file and sentence the way out, nothing technical."""
    said = str(error)
    assert said.startswith(f"{name} ")
    assert said.endswith(".")
    assert "\n" not in said
    assert not [word for word in ("Errno", "Error", "Traceback", "av.", "PIL", "/") if word in said]
    assert [word for word in ("send", "check", "attach", "record") if f" {word} " in said]


def main(kind: str, *paths: str) -> None:
    """Decode each file, within the memory that the child has."""
    decoder.import_decoders(kind, start=b"    ftyp")
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (decoder.MEMORY, decoder.MEMORY))
    decode = decoder.decode_sound if kind == "audio" else decoder.decode_image
    for path in paths:
        before, outcome = time.process_time(), "refused"
        with contextlib.suppress(Exception):  # as many kinds as decoders; the child dies of them
            decode(io.BytesIO(Path(path).read_bytes()))
            outcome = "decoded"
        print(outcome, time.process_time() - before, flush=True)  # noqa: T201  # a script


if __name__ == "__main__":
    main(*sys.argv[1:])
