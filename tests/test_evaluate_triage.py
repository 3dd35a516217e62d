"""The report on triage: its figures are worked out by hand on a few tickets, and the two commands
go from labelled lines to a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media_files import corners, encoded, pcm, wav
from PIL import Image

from mmcs.cli import main
from mmcs.evaluate.triage_figures import Called, outside_auroc, question_figures
from mmcs.settings import Settings

WORDS = {"kettle": "leaks boils rattles", "parcel": "late lost torn", "invoice": "wrong high due"}
FUSIONS = ("early", "intermediate", "late")


@pytest.fixture(autouse=True)
def on_fakes(fake_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line finds the fakes in its environment, as a user would set them."""
    for name, value in fake_settings.for_child().items():
        if name.startswith("MMCS_"):
            monkeypatch.setenv(name, value)


def called(*rows: tuple[str, str, float]) -> Called:
    """Return tickets as (true, called, confidence)."""
    true, said, confidence = zip(*rows, strict=True)
    return Called(true, said, np.array(confidence))


ROWS = (("a", "a", 0.97), ("a", "b", 0.65), ("b", "b", 0.95), ("b", "b", 0.61), ("c", "b", 0.35))


def test_precision_and_recall_are_those_of_the_counts() -> None:
    """Of four called b two are; a label that is never called has precision and F1 of 0; macro is
    the mean over labels, and rows of the confusion are true."""
    found = question_figures(called(*ROWS))
    a, b, c = found.labels
    assert found.accuracy == pytest.approx(3 / 5)
    assert (a.precision, a.recall, a.f1) == pytest.approx((1.0, 0.5, 2 / 3))
    assert (b.precision, b.recall, b.f1) == pytest.approx((0.5, 1.0, 2 / 3))
    assert (c.tickets, c.precision, c.recall, c.f1) == (1, 0.0, 0.0, 0.0)
    assert found.f1 == pytest.approx(4 / 9)
    assert found.confusion == ((1, 1, 0), (0, 2, 0), (0, 1, 0))


def test_calibration_is_the_distance_to_accuracy() -> None:
    """In fifteen bins: two tickets at 0.96 all right, two at 0.63 half right, one at 0.35 wrong."""
    found = question_figures(called(*ROWS))
    assert [one.tickets for one in found.bins] == [1, 2, 2]
    expected = (0.35 + 2 * abs(0.63 - 0.5) + 2 * abs(0.96 - 1)) / 5
    assert found.calibration_error == pytest.approx(expected)


def test_the_surest_are_decided_first() -> None:
    """The two surest of five are right; of all five, two are wrong."""
    risks = {one.coverage: one.risk for one in question_figures(called(*ROWS)).risks}
    assert risks[0.4] == 0.0
    assert risks[0.6] == pytest.approx(1 / 3)
    assert risks[1.0] == pytest.approx(2 / 5)


def test_foreign_tickets_are_ordered() -> None:
    """Three of the four pairs of a foreign ticket and another are in order; without a foreign one
    there is nothing to order."""
    outside = np.array([True, False, True, False])
    assert outside_auroc(np.array([0.9, 0.2, 0.4, 0.5]), outside) == pytest.approx(0.75)
    assert outside_auroc(np.ones(2), np.zeros(2, bool)) is None


def line(subject: str, number: int, **more: Any) -> dict[str, Any]:
    """Return one labelled ticket; each third subject is foreign where it says so."""
    fault = WORDS[subject].split()[number % 3]
    text = f"my {subject} is {fault} for the {number} time"
    mood = ("calm", "cross")[number % 2]
    text += " which is fine" if mood == "calm" else " and I hate it"
    return {"text": text, "labels": {"category": subject, "mood": mood}, **more}


def written(path: Path, count: int) -> Path:
    lines = [line(subject, number) for number in range(count) for subject in WORDS]
    lines += [{"text": f"sing opera {n} zebra", "labels": {"category": None}} for n in range(count)]
    path.write_text("\n".join(json.dumps(one) for one in lines), "utf-8")
    return path


def asked_of(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    """Run one command and return what it printed as JSON."""
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_from_labelled_lines_to_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Trained on 20 tickets a category, each net files unseen ones of the same words, and beats the
    majority; its card, curves and the page with pictures inside are there."""
    train, test = written(tmp_path / "train.jsonl", 20), written(tmp_path / "test.jsonl", 7)
    out = tmp_path / "net.safetensors"
    made = asked_of(
        capsys, "train", "triage", "--data", train, "--fusion", "all", "--out", out, "--epochs", 25
    )
    assert [net["fusion"] for net in made["nets"]] == list(FUSIONS)
    for stem in ("net", *(f"net-{fusion}" for fusion in FUSIONS)):
        assert "train.jsonl" in (tmp_path / f"{stem}.md").read_text("utf-8")
        with Image.open(tmp_path / f"{stem}-curves.png") as curves:
            assert curves.width > 400
    assert not list(tmp_path.glob("cache/training/states/*"))
    page = tmp_path / "page.html"
    nets = [("--weights", tmp_path / f"net-{fusion}.safetensors") for fusion in FUSIONS]
    named = [argument for pair in nets for argument in pair]
    report = asked_of(capsys, "eval", "triage", "--data", test, *named, "--page", page)
    for net in report["nets"]:
        assert net["questions"]["category"]["accuracy"] > 0.9
        assert net["questions"]["category"]["tickets"] == 21
        assert net["questions"]["mood"]["accuracy"] > 0.8
        assert net["outside_auroc"] > 0.9
        assert {tuple(one["modalities"]) for one in net["subsets"]} == {("text",)}
        assert net["true_words"] == {}
        assert net["seconds"] < 0.05
    rules = {rule["name"]: rule for rule in report["rules"]}
    assert rules["majority"]["accuracy"]["category"] == pytest.approx(1 / 3)
    assert rules["MiniLM and logistic regression"]["accuracy"]["category"] > 0.9
    against = {one["what"]: one for one in report["differences"]}
    assert len(against) == 8  # two questions against two nets and two rules
    text = page.read_text("utf-8")
    assert text.count('src="data:image/png;base64,') == 12  # 3 nets, 2 questions, 2 pictures
    assert "http" not in text


def test_files_and_true_words_are_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A voice note that the recogniser hears wrongly is filed better by what was truly said."""
    lines = [line(subject, number) for number in range(12) for subject in WORDS]
    train = tmp_path / "train.jsonl"
    train.write_text("\n".join(json.dumps(one) for one in lines), "utf-8")
    out = tmp_path / "net.safetensors"
    asked_of(capsys, "train", "triage", "--data", train, "--label", "category", "--out", out)
    (tmp_path / "a.wav").write_bytes(wav(pcm(0.5)))
    (tmp_path / "b.png").write_bytes(encoded(corners(), "PNG"))
    spoken = [
        {
            "audio": ["a.wav"],
            "images": ["b.png"],
            "labels": {"category": subject},
            "transcripts": [line(subject, number)["text"]],
            "readings": [""],
        }
        for number in range(2)
        for subject in WORDS
    ]
    test = tmp_path / "test.jsonl"
    test.write_text("\n".join(json.dumps(one) for one in spoken), "utf-8")
    monkeypatch.setenv("MMCS_CACHE", str(tmp_path / "cache"))
    found = read_report(test, out, capsys)
    assert found["true_words"]["category"] == 1.0
    assert found["heard_words"]["category"] == pytest.approx(1 / 3)  # the fake hears one sentence


def read_report(test: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    report = asked_of(capsys, "eval", "triage", "--data", test, "--weights", out)
    net, rules = report["nets"][0], {rule["name"] for rule in report["rules"]}
    assert rules == {"majority", "MiniLM and logistic regression"}
    return net


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["eval", "triage", "--data", "{test}", "--weights", "none.st"], 1, "none.st"),
        (["train", "triage", "--data", "/nowhere"], 1, "/nowhere"),
        (["train", "triage", "--data", "{test}", "--fusion", "mixed"], 2, "early"),
        (["train", "triage", "--data", "{test}", "--label", "colour"], 2, "category, mood"),
    ],
)
def test_what_goes_wrong_is_one_line(
    arguments: list[str],
    status: int,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing on stdout, and one line that says what there is."""
    test = written(tmp_path / "test.jsonl", 2)
    assert main([one.format(test=test) for one in arguments]) == status
    out, err = capsys.readouterr()
    lines = [told for told in err.splitlines() if told.startswith("mmcs: ")]
    assert out == ""
    assert len(lines) == 1
    assert words in lines[0]
