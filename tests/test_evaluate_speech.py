"""The measuring of speech: what counts as an error, which labels are read, what is reported."""

import json
import shutil
from pathlib import Path

import pytest

from mmcs.errors import UsageError
from mmcs.evaluate.speech import LabelledSound, evaluate, labelled_sounds
from mmcs.evaluate.spoken import tokens
from mmcs.settings import Settings
from mmcs.ticket import to_json

MEDIA = Path(__file__).parent / "media"


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("Error E twelve, isn't it?", "error e-12 isnt it", "en"),
        ("four eight two one three", "48213.", "en"),
        ("N L X two zero four", "NLX204", "en"),
        ("three hundred and twenty-nine dollars", "$329", "en"),
        ("Um, on the third of May", "On the 3rd of May", "en"),
        ("订单号是四八五零六。", "訂單號是48506", "zh"),
        ("两千三百四十九元", "2349元", "zh"),
    ],
)
def test_spellings_of_the_same_words_are_alike(one: str, other: str, language: str) -> None:
    """However it is written, what sounds the same counts the same."""
    assert tokens(one, language) == tokens(other, language)


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("48213", "48231", "en"),
        ("fifteen", "fifty", "en"),
        ("四十", "十四", "zh"),
        ("买", "卖", "zh"),
    ],
)
def test_other_words_stay_others(one: str, other: str, language: str) -> None:
    """Folding hides no error."""
    assert tokens(one, language) != tokens(other, language)


def test_a_report_counts_words_characters_and_languages(
    fake_settings: Settings, tmp_path: Path
) -> None:
    """The fake hears "My order four eight two one three is late." in everything."""
    english = shutil.copy(MEDIA / "order_late_en.ogg", tmp_path / "a.ogg")
    shutil.copy(english, tmp_path / "b.ogg")
    labels = [
        {"file": "a.ogg", "lang": "en", "transcript": "My order 48213 is very late"},
        {"file": "b.ogg", "lang": "zh", "transcript": "你好"},
        {"file": "b.ogg", "lang": "en", "transcript": ""},
    ]
    (tmp_path / "manifest.json").write_text(json.dumps(labels))
    report = evaluate(tmp_path, fake_settings)
    assert report.word_error_rate == round(1 / 10, 4)  # "very" is missing
    assert report.character_error_rate is not None
    assert report.character_error_rate > 1
    assert report.language_accuracy == 0.5
    assert report.invented == 9
    assert 0 <= report.real_time_factor < 1
    assert report.scores[0].duration == pytest.approx(6.98, abs=0.1)
    assert any("10.0%" in line for line in report.lines())
    assert json.loads(json.dumps(to_json(report)))["scores"][0]["errors"] == 1


def test_sounds_with_a_text_beside_them_are_read(tmp_path: Path) -> None:
    """A folder of sounds and texts needs no manifest; a sound without a text is left out."""
    for name in ("a.wav", "b.ogg", "c.wav"):
        (tmp_path / name).touch()
    (tmp_path / "a.txt").write_text("Hello.\n")
    (tmp_path / "b.txt").write_text("你好\n", "utf-8")
    assert labelled_sounds(tmp_path) == (
        LabelledSound(tmp_path / "a.wav", "en", "Hello."),
        LabelledSound(tmp_path / "b.ogg", "zh", "你好"),
    )


def test_tickets_with_one_voice_note_are_read(tmp_path: Path) -> None:
    """A ticket's transcript belongs to its only voice note."""
    for name, audio in (("one", ["v.ogg"]), ("two", ["v.ogg", "w.ogg"]), ("none", [])):
        folder = tmp_path / name
        folder.mkdir()
        messages = [{"author": "customer", "text": "", "audio": audio}]
        (folder / "ticket.json").write_text(json.dumps({"messages": messages}))
        (folder / "expected.json").write_text(json.dumps({"transcript": "Hello"}))
    assert labelled_sounds(tmp_path) == (LabelledSound(tmp_path / "one/v.ogg", "en", "Hello"),)


def test_labels_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    """Nothing to judge, or labels of another form, is a wrong use and says so."""
    with pytest.raises(UsageError, match="no manifest.json"):
        labelled_sounds(tmp_path)
    (tmp_path / "manifest.json").write_text('[{"sound": "a.wav"}]')
    with pytest.raises(UsageError, match="expected form"):
        labelled_sounds(tmp_path)
