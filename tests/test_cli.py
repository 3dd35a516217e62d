"""The command line keeps its contract: JSON alone on stdout, one line on stderr, three statuses."""

import json
from pathlib import Path

import pytest
from media_files import corners, encoded, pcm, wav

from mmcs.cli import main
from mmcs.settings import Settings, from_environment

LATE = "My parcel with order 48213 is late. Tracking shows no movement. Is it lost?"


@pytest.fixture(autouse=True)
def on_fakes(fake_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line finds the fakes in its environment, as a user would set them."""
    for name, value in fake_settings.for_child().items():
        if name.startswith("MMCS_"):
            monkeypatch.setenv(name, value)


def test_run_prints_one_case_and_nothing_else(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """--json is one JSON object on stdout; stages are told on stderr; status 0."""
    sound, image = tmp_path / "a.wav", tmp_path / "b.png"
    sound.write_bytes(wav(pcm(0.5)))
    image.write_bytes(encoded(corners(), "PNG"))
    status = main(["run", "--text", LATE, "--audio", str(sound), "--image", str(image), "--json"])
    out, err = capsys.readouterr()
    case = json.loads(out)
    assert status == 0
    assert case["draft"]["engine"] in {"article", "fake"}
    assert case["evidence"]["transcripts"][0]["attachment"] == "a.wav"
    assert case["evidence"]["images"][0]["attachment"] == "b.png"
    assert "transcribe" in err


def test_run_without_json_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """The draft and, for each sentence, what it rests on."""
    assert main(["run", "--text", LATE]) == 0
    out = capsys.readouterr().out
    assert "Hello," in out
    assert "✓" in out


def test_a_batch_keeps_the_order_and_goes_on(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Each line gives a Case with its id; a ticket that fails gives a Case with Problems."""
    batch = tmp_path / "many.jsonl"
    rows = [
        {"id": "one", "text": LATE},
        {"id": "two", "images": ["missing.png"]},
        {"id": "three", "text": "Where is my invoice?"},
    ]
    batch.write_text("\n".join(json.dumps(row) for row in rows) + "\nnot json\n")
    assert main(["run", "--batch", str(batch), "--json"]) == 0
    cases = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [case["id"] for case in cases] == ["one", "two", "three", "4"]
    assert [bool(case["problems"]) for case in cases] == [False, True, False, True]
    assert "missing.png" in cases[1]["problems"][0]["message"]


def test_another_folder_of_articles(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """--knowledge takes any folder of Markdown; an article's id is its path without .md."""
    folder = tmp_path / "kb" / "moon"
    folder.mkdir(parents=True)
    (folder / "cheese.md").write_text(
        "# Moon cheese\n\nMoon cheese ripens for 40 days in a crater before it is sold.\n"
    )
    arguments = [
        "run",
        "--text",
        "How long does moon cheese ripen in a crater before it is sold?",
        "--json",
    ]
    assert main([*arguments, "--knowledge", str(folder.parent)]) == 0
    case = json.loads(capsys.readouterr().out)
    assert case["passages"][0]["article"] == "moon/cheese"
    assert "40 days" in case["draft"]["text"]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["run"], 2, "--text"),
        (["run", "--text", "a", "--batch", "b"], 2, "--batch"),
        (["run", "--text", "a", "--domain", "nowhere"], 2, "retail"),
        (["run", "--text", ""], 1, "nothing to answer"),
        (["run", "--audio", "/nowhere/a.wav"], 1, "a.wav"),
        (["run", "--batch", "/nowhere/b.jsonl", "--json"], 1, "b.jsonl"),
        (["run", "--text", "a", "--knowledge", "/nowhere"], 1, "/nowhere"),
        (["eval", "retrieval", "--data", "/nowhere"], 1, "/nowhere"),
    ],
)
def test_what_goes_wrong_is_one_line(
    arguments: list[str], status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing on stdout, one plain line on stderr, and the status of the contract."""
    assert main(arguments) == status
    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if line.startswith("mmcs: ")]
    assert out == ""
    assert len(lines) == 1
    assert words in lines[0]
    assert "Traceback" not in err


def test_wrong_usage_is_status_2() -> None:
    """What argparse refuses has the contract's status too."""
    with pytest.raises(SystemExit) as left:
        main(["eval", "nonsense", "--data", "x"])
    assert left.value.code == 2


def test_claims_are_measured(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`eval claims --json` prints the report as JSON alone; status 0."""
    file = tmp_path / "claims.jsonl"
    said = "Refunds take 5 working days."
    file.write_text(json.dumps({"id": "1", "source": said, "claim": said, "supported": True}))
    assert main(["eval", "claims", "--data", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["languages"]["all"]["accuracy"] == 1.0


def test_doctor_says_which_engine_plays_each_role(capsys: pytest.CaptureFixture[str]) -> None:
    """The doctor's JSON names an engine and a reason for each role, without loading any."""
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {c["role"]: c["backend"] for c in found["engines"]}["chat"] == "fake"
    assert all(c["why"] for c in found["engines"])
    assert found["hub"] and found["server"] == "none chosen"
    assert found["database"].endswith("desk.sqlite can be opened")


def test_doctor_names_what_cannot_be_reached(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is down and a database that is not there are told in a sentence, without the
    password; the examination goes on."""
    monkeypatch.setenv("MMCS_CHAT", "openai_api")
    monkeypatch.setenv("MMCS_OPENAI_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("MMCS_DATABASE", "nonsense://desk:geheim@127.0.0.1/desk")
    assert main(["doctor"]) == 0
    told = capsys.readouterr().out
    assert "127.0.0.1:9" in told
    assert "nonsense://desk:***@127.0.0.1/desk cannot be opened" in told
    assert "geheim" not in told


def test_weights_check_tells_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty cache is status 1, and each model's state is told."""
    assert main(["weights", "--check", "--json"]) == 1
    states = json.loads(capsys.readouterr().out)
    assert {state["state"] for state in states} == {"missing"}


@pytest.mark.parametrize(
    ("variables", "words"),
    [({"MMCS_THREADS": "none"}, "MMCS_THREADS"), ({"MMCS_OFFLINE": "perhaps"}, "MMCS_OFFLINE")],
)
def test_a_setting_that_means_nothing_is_named(variables: dict[str, str], words: str) -> None:
    """A wrong value is told with the variable's name."""
    with pytest.raises(Exception, match=words):
        from_environment(variables)
