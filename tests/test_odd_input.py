"""What a batch, a file, a folder or a terminal may hold, each kind of it: every line gets its Case,
a sentence says what is wrong, and nothing of it is a failure that nobody foresaw."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media_files import corners, encoded

from mmcs.attachments import keep, locate
from mmcs.cli import main
from mmcs.desk.files import Files
from mmcs.domain import open_domain, open_samples
from mmcs.errors import KnowledgeError
from mmcs.intake import Request, take
from mmcs.kept import Kept
from mmcs.labelled import read_labelled
from mmcs.models import Models
from mmcs.pipeline import Pipeline
from mmcs.settings import PROJECT, Settings
from mmcs.ticket import Case, Verdict

LATE = "My parcel with order 48213 is late. Tracking shows no movement. Is it lost?"
GOOD = {"id": "good", "text": LATE}
HALF = "\ud83d"  # of an emoji


@pytest.fixture
def on_fakes(fake_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The command line finds the fakes in its environment, as a user would set them."""
    for name, value in fake_settings.for_child().items():
        if name.startswith("MMCS_"):
            monkeypatch.setenv(name, value)
    return fake_settings


def last_case(pipeline: Pipeline, request: Request) -> Case:
    ticket, problems = take(request, pipeline.settings)
    return list(pipeline.run(ticket, problems=problems))[-1]


def unforeseen(case: Case) -> list[str]:
    return [p.message for p in case.problems if "foresaw" in p.message]


# --- the lines of a batch ---

Told = list[dict[str, Any]]


def batch(capsys: pytest.CaptureFixture[str], path: Path, content: str | bytes) -> Told:
    """Run a batch of this content, and return its Cases as a program would read them."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    assert main(["run", "--batch", str(path), "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    told = [json.loads(line, parse_constant=pytest.fail) for line in lines]
    assert not [p for case in told for p in case["problems"] if "foresaw" in p["message"]]
    return told


ODD = (
    "[" * 100_000,
    '{"a":' * 100_000,
    '{"id": "x", "text": ' + "[" * 5_000 + "]" * 5_000 + "}",
    '{"id": "x", "text": ' + "9" * 5_000 + "}",
    '{"id": "x", "text": NaN}',
    '{"id": "x", "audio": ["a.wav"], "audio": ["b.wav"]}',
    "17",
    "null",
    '"text"',
    "[]",
    "{",
    "\x01\x02",
    '{"id": ["x"], "text": "a"}',
    '{"id": true, "text": "a"}',
    '{"id": "x", "text": ["a"]}',
    '{"id": "x", "audio": "a.wav"}',
    '{"id": "x", "audio": [1]}',
    '{"id": "x", "images": {"a": "b"}}',
    '{"id": "x", "images": [null]}',
    '{"id": "x", "images": ["missing.png", "", ".", "a\\u0000b", "\\ud83d.png"]}',
    json.dumps({"id": "x", "images": ["n" * 5_000 + ".png"]}),
    '{"id": "x", "fault": "made up"}',
    "{}",
    '{"id": "x", "text": "\0"',
)


def test_an_odd_line_gets_its_case_and_the_next_is_answered(
    on_fakes: Settings, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Whatever stands in a line costs that line alone, and its Case says why in a sentence."""
    good = json.dumps(GOOD)
    told = batch(capsys, tmp_path / "b.jsonl", "\n".join(f"{odd}\n{good}" for odd in ODD))
    assert len(told) == 2 * len(ODD)
    for place, (odd, answered) in enumerate(zip(told[::2], told[1::2], strict=True)):
        assert odd["id"] in {str(2 * place + 1), "x"}
        assert odd["draft"] is None and odd["problems"], ODD[place][:40]
        assert all(p["message"].endswith(".") for p in odd["problems"])
        assert "made up" not in str(odd["problems"])
        assert answered["id"] == "good" and answered["draft"]


def test_what_is_meant_is_understood(
    on_fakes: Settings, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A number is an id, null is as good as nothing, a line without an id is called by its number,
    and ten megabytes of text are answered as far as the limit."""
    lines: list[dict[str, Any]] = [
        {"id": 7, "text": LATE},
        {"id": "null", "text": LATE, "audio": None, "images": None},
        {"text": LATE},
        {"id": "long", "text": LATE + " late" * 2_000_000},
    ]
    told = batch(capsys, tmp_path / "b.jsonl", "\n".join(map(json.dumps, lines)))
    assert [case["id"] for case in told] == ["7", "null", "3", "long"]
    assert all(case["draft"] for case in told)
    assert [len(case["problems"]) for case in told] == [0, 0, 0, 1]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_batch_is_read_in_each_unicode_encoding(
    encoding: str, on_fakes: Settings, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Windows writes a mark before the first character, two bytes a character, and CRLF."""
    rows = [GOOD, {"id": "包裹", "text": LATE}]
    content = "".join(json.dumps(row, ensure_ascii=False) + "\r\n" for row in rows)
    told = batch(capsys, tmp_path / "b.jsonl", content.encode(encoding))
    assert [case["id"] for case in told] == ["good", "包裹"]
    assert all(case["draft"] for case in told)


def test_files_that_were_joined_keep_their_marks(
    on_fakes: Settings, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A byte order mark in the middle, blank lines and an end without a newline are no faults."""
    one = json.dumps(GOOD).encode("utf-8-sig")
    told = batch(capsys, tmp_path / "b.jsonl", one + b"\n\n  \r\n" + one)
    assert [case["id"] for case in told] == ["good", "good"]


@pytest.mark.parametrize("content", [b"", b"\n \n", encoded(corners(), "PNG"), None])
def test_what_holds_no_ticket_is_one_line(
    content: bytes | None, on_fakes: Settings, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """An empty file, blank lines, a picture and a folder are refused by name, with status 1."""
    path = tmp_path / "odd.jsonl"
    path.mkdir() if content is None else path.write_bytes(content)
    assert main(["run", "--batch", str(path), "--json"]) == 1
    out, err = capsys.readouterr()
    (line,) = [line for line in err.splitlines() if line.startswith("mmcs: ")]
    assert out == "" and "odd.jsonl" in line


# --- halves of characters ---


def test_half_a_character_costs_that_character(
    on_fakes: Settings, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """An emoji that a script cut in two is U+FFFD, in text and id; two halves are the emoji."""
    rows = [
        {"id": f"a{HALF}", "text": f"{LATE} {HALF}"},
        {"id": "b", "text": LATE + HALF + "\ude00"},
    ]
    told = batch(capsys, tmp_path / "b.jsonl", "\n".join(map(json.dumps, rows)))
    assert [case["id"] for case in told] == ["a\ufffd", "b"]
    texts = [case["ticket"]["messages"][0]["text"] for case in told]
    assert texts == [f"{LATE} \ufffd", f"{LATE}\U0001f600"]
    assert all(case["draft"] for case in told)


def test_half_a_character_on_the_command_line(
    on_fakes: Settings, capsys: pytest.CaptureFixture[str], image: str
) -> None:
    """Bytes of another encoding in arguments and names of files are taken as they are."""
    odd = Path(os.fsdecode(os.fsencode(image) + b"\xff.png"))
    Path(image).rename(odd)
    assert main(["run", "--text", f"{LATE} \udcff", "--image", str(odd), "--json"]) == 0
    case = json.loads(capsys.readouterr().out)
    assert [i["attachment"] for i in case["evidence"]["images"]] == ["box.png.png"]
    assert case["draft"] and not case["problems"]


def test_half_a_character_on_the_real_models(real_pipeline: Pipeline) -> None:
    """What would break a tokenizer reaches none, in English and in Chinese."""
    for text in (f"{LATE} {HALF}", f"我的包裹{HALF}还没到，订单 48213。"):
        case = last_case(real_pipeline, Request("", text))
        assert case.draft and case.triage and not case.problems


def test_articles_may_hold_anything(fake_settings: Settings, tmp_path: Path) -> None:
    """Half a character in a title or a file's name, a date that is none, a number of thousands of
    digits, lists in lists: such an article is found all the same, and so are the others."""
    folder = tmp_path / "articles"
    folder.mkdir()
    odd = {
        "half": 'title: "Late parcels \\ud83d"',
        "pair": 'title: "Late parcels \\ud83d\\ude00"',
        "date": "title: Late parcels\ndate: 2024-13-45",
        "number": f"title: Late parcels\nid: {'9' * 5000}",
        "deep": f"title: {'[' * 3000}",
        "bomb": "a: &a [x, x]\nb: &b [*a, *a]\ntitle: *b",
    }
    for number, (name, matter) in enumerate(odd.items()):
        text = f"---\n{matter}\n---\n\nA parcel is late after {number + 3} working days.\n"
        (folder / f"{name}.md").write_text(text)
    (folder / os.fsdecode(b"name-\xff.md")).write_text(
        "# Lost\n\nA parcel is lost after a month.\n"
    )
    pipeline = Pipeline(replace(fake_settings, knowledge=str(folder)), Models(fake_settings))
    case = last_case(pipeline, Request("", LATE))
    assert case.draft and not case.problems
    found = {article.id: article.title for article in pipeline.knowledge.index.articles}
    assert found.keys() == {*odd, "name-\ufffd"}
    assert found["half"] == "Late parcels \ufffd" and found["pair"] == "Late parcels \U0001f600"
    json.dumps(found, ensure_ascii=False).encode()


def test_a_domain_may_hold_anything(tmp_path: Path) -> None:
    """Half a character in a domain's words or samples is U+FFFD; what is no YAML is refused by its
    path, however it is broken."""
    shipped = PROJECT / "assets" / "domains" / "retail"
    folder = tmp_path / "domain"
    shutil.copytree(shipped, folder, ignore=shutil.ignore_patterns("knowledge", "make"))
    path = folder / "domain.yaml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("name: retail", 'name: "retail \\ud83d"'), "utf-8")
    assert open_domain(folder).name == "retail \ufffd"
    sample = next(iter(sorted(folder.glob("tickets/*/ticket.json"))))
    sample.write_text(sample.read_text("utf-8").replace('"text": "', '"text": "\\ud83d ', 1))
    assert open_samples(folder)[0].messages[0].text.startswith("\ufffd ")
    for broken in ("[" * 3000, "a: 2024-13-45", "9" * 5000, "a: &a [*a]", "? {a: b}\n: c"):
        path.write_text(broken)
        with pytest.raises(KnowledgeError, match=r"domain\.yaml"):
            open_domain(folder)
    for broken in ("[" * 100_000, "[]", '{"messages": 5}', '{"messages": [5]}', "\ufeff"):
        sample.write_text(broken)
        with pytest.raises(KnowledgeError, match=r"ticket\.json"):
            open_samples(folder)


def test_labelled_lines_that_are_nested_too_deep_are_refused(tmp_path: Path) -> None:
    """A line of examples that no parser can take is named, and not a crash."""
    path = tmp_path / "a.jsonl"
    path.write_text("[" * 100_000)
    with pytest.raises(Exception, match=r"Line 1 of a\.jsonl is no verdict"):
        read_labelled(path, Verdict, "verdict")


# --- files ---


def test_the_same_bytes_as_image_and_as_sound(fake_pipeline: Pipeline, image: str) -> None:
    """One file sent as a photo and as a voice note is read, and refused as a sound, whichever came
    first: what was decoded as one is never handed out as the other."""
    last_case(fake_pipeline, Request("", LATE, (), (image,)))
    case = last_case(fake_pipeline, Request("", LATE, (image,), (image,)))
    assert ["is damaged or not a sound" in p.message for p in case.problems] == [True]
    assert case.draft and not case.evidence.transcripts and len(case.evidence.images) == 1


NAMES = (
    *(".x.png", "...png", " ", " .png", "a b.png", "a\nb.png", "-.png", "~", "%s{0}.png", "x."),
    *("a'\"<b>.png", "con.png", "\u202egnp.exe", "图片.png", "e\u0301.png", "\ufffd", "\udcff.png"),
    *("a" * 251 + ".png", "图" * 84 + ".md", ".png" * 60, "x.tar.gz.png"),
)


def test_any_name_will_do(fake_pipeline: Pipeline, tmp_path: Path) -> None:
    """A file is known by what is in it: under any name that a disk takes it is read, twice in one
    ticket too, and its name can be shown and sent."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in NAMES:
        path = folder / name
        path.write_bytes(encoded(corners(), "PNG"))
        case = last_case(fake_pipeline, Request("", LATE, (), (str(path), str(path))))
        assert case.draft and not case.problems, name
        shown = [picture.attachment for picture in case.evidence.images]
        assert len(set(shown)) == 2, name
        assert all(0 < len(each) <= 90 and each.isprintable() and each.encode() for each in shown)
    for name in (".", ".."):
        case = last_case(fake_pipeline, Request("", LATE, (), (f"{folder}/{name}",)))
        assert case.draft and ["is not a file" in p.message for p in case.problems] == [True]


def test_a_file_that_vanishes_is_a_problem(fake_pipeline: Pipeline, image: str) -> None:
    """An attachment that is gone when it is to be decoded is named, and the words are answered."""
    ticket, _ = take(Request("", LATE, (), (image,)), fake_pipeline.settings)
    locate(ticket.attachments[0], fake_pipeline.settings).unlink()
    case = list(fake_pipeline.run(ticket))[-1]
    assert case.draft and ["box.png" in p.message for p in case.problems] == [True]


def test_articles_that_vanish_are_a_problem(fake_settings: Settings, tmp_path: Path) -> None:
    """A folder of articles that is gone when the first ticket comes is named; what was heard and
    read stays."""
    folder = tmp_path / "articles"
    folder.mkdir()
    pipeline = Pipeline(replace(fake_settings, knowledge=str(folder)), Models(fake_settings))
    folder.rmdir()
    case = last_case(pipeline, Request("", LATE))
    assert case.triage and not unforeseen(case)
    assert {p.stage for p in case.problems if str(folder) in p.message} == {"retrieve"}


# --- a cache and a home that cannot be written ---


def test_a_cache_that_cannot_be_written_costs_time_alone(
    fake_settings: Settings, sound: str, image: str, tmp_path: Path
) -> None:
    """Everything is found as ever, and the Case says once that nothing can be kept."""
    blocked = tmp_path / "cache"
    blocked.write_text("a file where a folder should be")
    settings = replace(fake_settings, cache=blocked)
    case = last_case(Pipeline(settings, Models(settings)), Request("", LATE, (sound,), (image,)))
    assert case.draft and case.evidence.transcripts and case.evidence.images[0].lines
    assert [(p.stage, str(blocked) in p.message) for p in case.problems] == [("cache", True)]
    blocked.unlink()
    case = last_case(Pipeline(settings, Models(settings)), Request("", LATE, (sound,), (image,)))
    assert not case.problems


def test_a_desk_whose_cache_cannot_be_written_takes_files(
    fake_settings: Settings, image: str, sound: str, tmp_path: Path
) -> None:
    """A file that the page has no room to show is accepted, for it can be understood."""
    blocked = tmp_path / "cache"
    blocked.write_text("")
    settings = replace(fake_settings, cache=blocked)
    files = Files(settings, b"secret")
    files.make(keep(Path(image), "image", settings))
    files.make(keep(Path(sound), "audio", settings))
    assert files.size(keep(Path(image), "image", settings)) is None


def test_vectors_that_cannot_be_kept_are_made_anew(tmp_path: Path) -> None:
    """A folder that cannot be made, and a database that is damaged, are no failures."""
    (tmp_path / "blocked").write_text("")
    kept = Kept(tmp_path / "blocked" / "features")
    kept.put_vectors("model", [("key", np.zeros(3, np.float32))])
    assert kept.get("model", ["key"]) == {}
    (tmp_path / "features.sqlite").write_bytes(b"no database" * 100)
    damaged = Kept(tmp_path)
    damaged.put_vectors("model", [("key", np.zeros(3, np.float32))])
    assert damaged.get("model", ["key"]) == {}


def test_a_home_that_cannot_be_written_costs_the_files_alone(
    on_fakes: Settings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    image: str,
    tmp_path: Path,
) -> None:
    """A file that can't be kept is named in its Case; its words and all later tickets are
    answered."""
    blocked = tmp_path / "home"
    blocked.write_text("")
    monkeypatch.setenv("MMCS_HOME", str(blocked))
    rows = [{"id": "1", "text": LATE, "images": [image]}, {"id": "2", "text": LATE}]
    told = batch(capsys, tmp_path / "b.jsonl", "\n".join(map(json.dumps, rows)))
    assert [bool(case["draft"]) for case in told] == [True, True]
    assert [["box.png" in p["message"] for p in case["problems"]] for case in told] == [[True], []]


# --- in a process of its own ---


def started(settings: Settings, arguments: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start ``python -m mmcs`` on fakes."""
    environment = {**settings.for_child(), **options.pop("env", {})}
    return subprocess.Popen(
        [sys.executable, "-m", "mmcs", *arguments],
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        env=environment,
        cwd=PROJECT,
        **options,
    )


def many(tmp_path: Path, count: int, **more: Any) -> Path:
    path = tmp_path / "many.jsonl"
    rows = [{"id": str(number), "text": LATE, **more} for number in range(count)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_a_full_disk_costs_what_would_be_written(
    fake_settings: Settings, image: str, tmp_path: Path
) -> None:
    """Where no file may grow, as on a full disk, each ticket has its Case and its Problems, and no
    half of a file is left."""
    arguments = ["run", "--batch", str(many(tmp_path, 2, images=[image])), "--json"]
    script = 'ulimit -f 0; exec "$@"'
    with subprocess.Popen(
        ["bash", "-c", script, "bash", sys.executable, "-m", "mmcs", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=fake_settings.for_child(),
        cwd=PROJECT,
    ) as run:
        out, err = run.communicate(timeout=120)
    told = [json.loads(line) for line in out.splitlines()]
    assert run.returncode == 0, err.decode()
    assert all(case["draft"] for case in told) and len(told) == 2
    assert all("box.png" in case["problems"][0]["message"] for case in told)
    assert not [p for case in told for p in case["problems"] if "foresaw" in p["message"]]
    assert not [p for p in tmp_path.rglob("*.part")]
    assert b"Traceback" not in err


@pytest.mark.parametrize("encoding", ["ascii", "gbk", "latin-1", "utf-8"])
@pytest.mark.parametrize("as_json", [True, False])
def test_any_terminal_can_show_a_case(
    encoding: str, as_json: bool, on_fakes: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an encoding lacks is an escape: in JSON one that JSON has, for people one that can be
    read."""
    terminal = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", terminal)
    text = "Mon colis n’est pas arrivé 😀 48213. Is it lost?"
    assert main(["run", "--text", text, *(["--json"] if as_json else [])]) == 0
    assert isinstance(terminal.buffer, io.BytesIO)
    shown = terminal.buffer.getvalue().decode(encoding)
    if as_json:
        assert json.loads(shown)["ticket"]["messages"][0]["text"] == text
    else:
        assert "Hello," in shown


def test_a_system_without_a_locale_can_show_a_case(fake_settings: Settings) -> None:
    """LANG=C, where Python is told not to mend it, is a terminal like others."""
    plain = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with started(fake_settings, ["run", "--text", f"{LATE} 包裹", "--json"], env=plain) as run:
        out, err = run.communicate(timeout=120)
    assert run.returncode == 0, err.decode()
    assert json.loads(out.decode("ascii"))["draft"]


def test_a_reader_that_has_enough_ends_a_batch_quietly(
    fake_settings: Settings, tmp_path: Path
) -> None:
    """``| head -1`` takes the first Case; the batch stops without a word, as other tools do."""
    with started(fake_settings, ["run", "--batch", str(many(tmp_path, 200)), "--json"]) as run:
        assert run.stdout and run.stderr
        assert json.loads(run.stdout.readline())["id"] == "0"
        run.stdout.close()
        told = run.stderr.read().decode()
        assert run.wait(120) == 0
    assert "Traceback" not in told and "Broken" not in told


def test_a_full_disk_behind_standard_output_is_one_line(fake_settings: Settings) -> None:
    """What can't be printed is said in one line, with status 1."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with (
        full.open("wb") as out,
        started(fake_settings, ["run", "--text", LATE, "--json"], stdout=out) as run,
    ):
        _, err = run.communicate(timeout=120)
    lines = [line for line in err.decode().splitlines() if line.startswith("mmcs: ")]
    assert run.returncode == 1 and len(lines) == 1 and "Standard output" in lines[0]
    assert b"Traceback" not in err


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_in_the_middle_keeps_what_was_printed(
    stop: signal.Signals, fake_settings: Settings, image: str, tmp_path: Path
) -> None:
    """Ctrl-C and a polite kill end a batch after whole lines, with one line that says so, status 1
    and no half of a file."""
    path = many(tmp_path, 500, images=[image])
    with started(fake_settings, ["run", "--batch", str(path), "--json"]) as run:
        assert run.stdout
        first = run.stdout.readline()
        run.send_signal(stop)
        out, err = run.communicate(timeout=120)
    told = [json.loads(line) for line in (first + out).splitlines()]
    assert 1 <= len(told) < 500
    assert run.returncode == 1
    assert [line for line in err.decode().splitlines() if line.startswith("mmcs: ")] == [
        "mmcs: stopped."
    ]
    assert b"Traceback" not in err and not [p for p in tmp_path.rglob("*.part")]
