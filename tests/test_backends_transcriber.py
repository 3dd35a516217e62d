"""One contract over every transcriber; and what the Whisper ones must hear, and must not."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Literal

import jiwer
import numpy as np
import pytest
from scipy.signal import butter, sosfilt
from whisper.model import Whisper

from mmcs import media, roles
from mmcs.backends import _whisper_common as common
from mmcs.backends._whisper_common import Guess, Stretch, Window, Word
from mmcs.backends.openai_whisper import BASE, base
from mmcs.errors import ModelUnavailable
from mmcs.evaluate.spoken import tokens
from mmcs.roles import Sound, Transcriber
from mmcs.settings import Settings

SAMPLE_RATE = 16_000  # Hz
MEDIA = Path(__file__).parent / "media"
TICKETS = Path(__file__).parents[1] / "assets/domains/retail/tickets"
ENGLISH = (
    "Hello, my order four eight two one three should have arrived on Monday, "
    "but the parcel is still not here."
)
MANDARIN = "你好，我上周买的咖啡机有点大，请问怎么退货？"


def sound(name: str) -> Sound:
    """Return one of our own clips."""
    return media.read_sound(MEDIA / name, name)


def error_rate(said: str, heard: str, language: str) -> float:
    """Return the word (in Chinese: character) error rate."""
    pair = (" ".join(tokens(text, language)) for text in (said, heard))
    return float(jiwer.wer(*pair))


Load = Callable[[str], Transcriber]


@pytest.fixture(scope="module")
def load(real_settings: Settings) -> Load:
    """Loads each transcriber once."""
    return cache(lambda name: roles.load("transcriber", name, real_settings))


@pytest.fixture(params=["fake", "faster_whisper", "openai_whisper"])
def transcriber(request: pytest.FixtureRequest, load: Load) -> Transcriber:
    """Every transcriber there is."""
    return load(request.param)


@pytest.fixture
def faster(load: Load) -> Transcriber:
    """The one for two cores."""
    return load("faster_whisper")


@pytest.mark.parametrize("name", ["order_late_en.ogg", "return_zh.ogg"])
def test_speech_becomes_segments_in_order(transcriber: Transcriber, name: str) -> None:
    """Segments have text, lie one after the other within the sound, with a confidence in 0-1."""
    heard = sound(name)
    transcript = transcriber.transcribe(heard)
    assert transcript.text
    assert len(transcript.language) == 2
    assert 0 < transcript.language_confidence <= 1
    times = [moment for s in transcript.segments for moment in (s.start, s.end)]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= len(heard) / SAMPLE_RATE
    assert all(0 <= segment.confidence <= 1 for segment in transcript.segments)
    assert all(segment.text.strip() == segment.text != "" for segment in transcript.segments)


@pytest.mark.parametrize("seconds", [0.0, 0.01, 3.0, 40.0])
def test_silence_has_no_segments(transcriber: Transcriber, seconds: float) -> None:
    """Where nothing is to be heard, nothing is."""
    transcript = transcriber.transcribe(np.zeros(int(seconds * SAMPLE_RATE), np.float32))
    assert transcript.segments == ()
    assert transcript.text == ""
    assert len(transcript.language) == 2


def noise(kind: Literal["hold tone", "chords", "engine", "breath", "static"]) -> Sound:
    """Return 8 s of a sound without speech."""
    t = np.arange(8 * SAMPLE_RATE) / SAMPLE_RATE
    random = np.random.default_rng(7).standard_normal(len(t))
    match kind:
        case "hold tone":
            made = np.sin(2 * np.pi * 425 * t) * (t % 2 < 1)
        case "chords":
            roots = 220 * 2 ** (np.array([0, 5, 7, 3])[(t / 2).astype(int)] / 12)
            made = sum(
                np.sin(2 * np.pi * roots * r * t) * np.exp(-(t % 0.5)) for r in (1, 1.26, 1.5)
            )
        case "engine":
            low = butter(4, 900, "low", fs=SAMPLE_RATE, output="sos")
            made = sosfilt(low, (t * 38) % 1 - 0.5 + 0.3 * random)
        case "breath":
            mouth = butter(2, [300, 3500], "band", fs=SAMPLE_RATE, output="sos")
            made = sosfilt(mouth, random) * np.clip(np.sin(2 * np.pi * 0.3 * t), 0, 1)
        case "static":
            made = random
    return np.asarray(0.5 * made / np.max(np.abs(made)), np.float32)


@pytest.mark.parametrize("kind", ["hold tone", "chords", "engine", "breath", "static"])
def test_no_words_are_made_up(
    faster: Transcriber, kind: Literal["hold tone", "chords", "engine", "breath", "static"]
) -> None:
    """Music, tones, breath and machines yield no segments."""
    assert faster.transcribe(noise(kind)).segments == ()


def test_mandarin_is_simplified_with_its_own_punctuation(faster: Transcriber) -> None:
    """Chinese comes in simplified script, however Whisper writes it."""
    transcript = faster.transcribe(sound("return_zh.ogg"))
    assert transcript.language == "zh"
    assert error_rate(MANDARIN, transcript.text, "zh") <= 0.2
    assert "退货" in transcript.text
    assert not set(transcript.text) & set("週買機點請問貨,?")


def test_a_quiet_recording_is_heard(faster: Transcriber) -> None:
    """A microphone at a fiftieth of the level changes nothing."""
    transcript = faster.transcribe(sound("order_late_en.ogg") / np.float32(50))
    assert error_rate(ENGLISH, transcript.text, "en") <= 0.1


def test_times_hold_across_a_long_pause(faster: Transcriber) -> None:
    """A pause that is cut out of what the network hears stays in the times."""
    clip = sound("order_late_en.ogg")
    pause = 40.0  # seconds
    quiet = np.zeros(int(pause * SAMPLE_RATE), np.float32)
    segments = faster.transcribe(np.concatenate([clip, quiet, clip])).segments
    length = len(clip) / SAMPLE_RATE
    assert segments[0].start < 1
    assert all(s.end <= length or s.start >= length + pause - 0.5 for s in segments)
    assert segments[-1].end > length + pause + 4


def test_more_than_one_window_is_heard_whole(faster: Transcriber) -> None:
    """What is said past 30 s is neither lost nor said twice."""
    parts = [TICKETS / name / "voice.ogg" for name in ("01-late-parcel", "05-bill-conflict")]
    long = np.concatenate([media.read_sound(path, path.name) for path in parts])
    assert len(long) > 35 * SAMPLE_RATE
    alone = [faster.transcribe(media.read_sound(path, path.name)).text for path in parts]
    assert error_rate(" ".join(alone), faster.transcribe(long).text, "en") <= 0.1


def test_both_engines_hear_alike(load: Load, faster: Transcriber) -> None:
    """The same weights give the same words, in int8 and in fp32, and both are nearly right."""
    plain = load("openai_whisper")
    for name, said, language in (
        ("order_late_en.ogg", ENGLISH, "en"),
        ("return_zh.ogg", MANDARIN, "zh"),
    ):
        ours, theirs = (m.transcribe(sound(name)) for m in (faster, plain))
        assert ours.language == theirs.language == language
        assert error_rate(theirs.text, ours.text, language) <= 0.1
        assert error_rate(said, theirs.text, language) <= 0.15
        assert abs(ours.segments[0].start - theirs.segments[0].start) < 0.5


def test_the_converted_weights_are_whole(real_settings: Settings) -> None:
    """CTranslate2's file gives each of Whisper's 245 tensors, in its shape."""
    state = base(real_settings).state_dict()
    expected = Whisper(BASE).state_dict()
    assert len(state) == 245
    assert {k: v.shape for k, v in state.items()} == {k: v.shape for k, v in expected.items()}
    positions = expected["encoder.positional_embedding"]  # sinusoids: they are known exactly
    assert (state["encoder.positional_embedding"] - positions).abs().max() < 1e-3


def words(text: str) -> list[Word]:
    """Return the words of a text, one a second."""
    return [Word(f" {w}", i, i + 0.5, 0.9) for i, w in enumerate(text.split())]


@pytest.mark.parametrize(
    ("heard", "kept"),
    [
        ("I want I want I want I want I want I want I want it", "I want it"),
        ("where is my box where is my box Where is my box? bye", "where is my box bye"),
        ("no no no it is five five five five", "no no no it is five five five five"),
        ("I said it. I said it. Now you", "I said it. I said it. Now you"),
        ("", ""),
    ],
)
def test_loops_are_cut(heard: str, kept: str) -> None:
    """A phrase that comes again and again stays once; what people do repeat stays."""
    assert [w.text.strip() for w in common.without_loops(words(heard))] == kept.split()


def test_noise_like_guesses_are_not_believed() -> None:
    """Improbable words are dropped where the network also thinks that nobody speaks."""
    spoken = tuple(words("thank you"))
    assert common.believable(Guess("en", 0.9, spoken, -0.3, 0.9))
    assert common.believable(Guess("en", 0.9, spoken, -1.2, 0.2))
    assert not common.believable(Guess("en", 0.9, spoken, -1.2, 0.9))
    assert not common.believable(Guess("en", 0.9, (), -0.1, 0.0))


def test_a_moment_finds_its_place() -> None:
    """At a seam an ending belongs before the pause, a start after it."""
    second = SAMPLE_RATE
    window = Window(
        np.zeros(3 * second, np.float32),
        (Stretch(second, 2 * second), Stretch(10 * second, 12 * second)),
    )
    assert window.place(0.5) == 1.5
    assert window.place(1.0) == 10.0
    assert window.place(1.0, ending=True) == 2.0
    assert window.place(9.0) == 12.0


@pytest.mark.parametrize(
    ("heard", "written"),
    [
        ("訂單號是48506,請問怎麼退貨?", "订单号是48506，请问怎么退货？"),
        ("你好 我的 iPhone 壞了", "你好我的 iPhone 坏了"),
    ],
)
def test_chinese_is_written_simplified(heard: str, written: str) -> None:
    """Script, marks and spaces are those of a Chinese text; Latin words keep their spaces."""
    assert common.written(heard, "zh") == written


@pytest.mark.parametrize(
    ("size", "says"), [("small", "may not be downloaded"), ("enormous", "has no size .enormous")]
)
def test_a_size_that_cannot_be_had_says_why(fake_settings: Settings, size: str, says: str) -> None:
    """Offline nothing is fetched, and a size that Whisper lacks is named."""
    with pytest.raises(ModelUnavailable, match=says):
        roles.load("transcriber", "openai_whisper", replace(fake_settings, whisper_model=size))
