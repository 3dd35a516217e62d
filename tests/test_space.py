"""The Hugging Face Space: space.yaml is the one truth, README follows it, deploying begins dry."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from desk_pages import free_port
from fake_hub import TOKEN, FakeHub, fake_hub
from huggingface_hub import constants

from mmcs.cli import main
from mmcs.errors import SpaceError, UsageError
from mmcs.settings import PROJECT, Settings, from_environment, on_a_space
from mmcs.space import check, deploy, write
from mmcs.space.card import split
from mmcs.space.files import project_files
from mmcs.space.reference import RULES
from mmcs.store import Store
from mmcs.ticket import Case, Message, Ticket

SPACE = "anna/desk"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project with this one's space.yaml, README and requirements."""
    root = tmp_path / "project"
    for name in ("tests/test_a.py", ".ci/run", "mmcs/a.py", "app.py", ".venv/lib/b.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"# {name}\n")
    (root / ".gitignore").write_text(".venv/\n")
    for name in ("space.yaml", "README.md", "requirements.txt"):
        shutil.copy(PROJECT / name, root / name)
    return root


def change(root: Path, **keys: object) -> None:
    """Set keys of space.yaml; None takes one out."""
    said = yaml.safe_load((root / "space.yaml").read_text("utf-8")) | keys
    said = {key: value for key, value in said.items() if value is not None}
    (root / "space.yaml").write_text(yaml.safe_dump(said, allow_unicode=True), "utf-8")


# --- README's front matter ---


def test_this_project_agrees_with_its_space(capsys: pytest.CaptureFixture[str]) -> None:
    """`space check` finds nothing in the repository itself."""
    assert main(["space", "check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"differences": []}


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("before", ["", "---\ntitle: Old\n---\n", "---\ntitle: Old\n---\n\n"])
def test_the_body_of_the_readme_stays_to_the_letter(project: Path, before: str, ends: str) -> None:
    """Only the front matter changes, whatever was there, and writing twice changes nothing."""
    body = "# Title\n\nText with trailing spaces  \n\n---\n\na: b\n---\nno last line end"
    body = body.replace("\n", ends)
    (project / "README.md").write_bytes((before.replace("\n", ends) + body).encode())
    assert write(project).changed
    written = (project / "README.md").read_bytes()
    assert written.endswith(b"---\n\n" + body.encode())
    assert split(written.decode()) == (split(written.decode())[0], body)
    assert not write(project).changed
    assert (project / "README.md").read_bytes() == written
    assert check(project).differences == ()


def test_only_what_the_reference_knows_goes_into_the_readme(project: Path) -> None:
    """Hardware, variables and what is left out are for deploying, not for README."""
    change(project, title="Another desk", hardware="l4x1", variables={"A": "b"})
    write(project)
    front_matter, _ = split((project / "README.md").read_text("utf-8"))
    assert front_matter["title"] == "Another desk"
    assert front_matter.keys() <= RULES.keys()


# --- what check finds ---


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"colour": "green"}, "colour, which is no key"),
        ({"colorFrom": "teal"}, "colorFrom: 'teal'; it must be one of red"),
        ({"emoji": "ok"}, "one emoji"),
        ({"sdk": "streamlit"}, "one of gradio, docker, static"),
        ({"suggested_hardware": "h1000"}, "cpu-basic"),
        ({"python_version": 3.1}, "in quotes"),
        ({"python_version": "2.7"}, "python_version"),
        ({"short_description": "x" * 61}, "at most 60 characters"),
        ({"hf_oauth": "yes"}, "true or false"),
        ({"hf_oauth_scopes": ["everything"]}, "scopes"),
        ({"models": ["a b"]}, "owner/name"),
        ({"title": None}, "names no title"),
        ({"sdk_version": "6.30.0"}, "requirements.txt asks for gradio==6.31.0"),
    ],
)
def test_what_a_space_may_not_say_is_told(
    project: Path, keys: dict[str, object], words: str
) -> None:
    """Each unknown key and each value that the reference does not allow is one line."""
    change(project, **keys)
    write(project)
    found = [line for line in check(project).differences if words in line]
    assert len(found) == 1


def test_a_readme_of_its_own_mind_is_told(project: Path) -> None:
    """A changed value, a missing key and a key of README's own are a line each."""
    path = project / "README.md"
    front_matter, body = split(path.read_text("utf-8"))
    theirs = {**front_matter, "title": "Mine", "mood": "good"}
    del theirs["emoji"]
    path.write_text(f"---\n{yaml.safe_dump(theirs, allow_unicode=True)}---\n{body}", "utf-8")
    found = check(project).differences
    assert len([line for line in found if "title: 'Mine'" in line]) == 1
    assert len([line for line in found if "has no emoji" in line]) == 1
    assert len([line for line in found if "mood, which is no key" in line]) == 1


def test_a_pin_that_the_builder_of_a_space_cannot_install_is_told(project: Path) -> None:
    """The builder adds gradio's extras, whose own pins must go with ours."""
    path = project / "requirements.txt"
    lines = [line for line in path.read_text("utf-8").splitlines() if "pydantic" not in line]
    path.write_text("\n".join([*lines, "pydantic==2.14.3"]), "utf-8")
    assert [line for line in check(project).differences if "pydantic==2.14.3" in line]


def test_the_command_line_tells_a_difference_by_its_status(
    monkeypatch: pytest.MonkeyPatch, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A difference is status 1 and a line on stdout; wrong usage is status 2."""
    monkeypatch.setattr("mmcs.cli.PROJECT", project)
    change(project, colorTo="gold")
    assert main(["space", "check"]) == 1
    assert "gold" in capsys.readouterr().out
    assert main(["space", "deploy"]) == 2
    assert main(["space", "check", SPACE]) == 2
    assert main(["space", "deploy", "desk"]) == 2


# --- which files ---


def test_tests_and_ignored_files_are_left_out(project: Path) -> None:
    """Without git, all that .gitignore names and space.yaml leaves out stays here."""
    found = [file.path for file in project_files(project, ["tests", ".ci"])]
    assert found == [
        ".gitignore",
        "README.md",
        "app.py",
        "mmcs/a.py",
        "requirements.txt",
        "space.yaml",
    ]


def test_git_tells_which_files_there_are(project: Path) -> None:
    """With git, a Space gets the tracked files that are there, and no others."""
    git = ["git", "-C", str(project)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "app.py", "README.md", "mmcs/a.py"], check=True)
    (project / "mmcs" / "a.py").unlink()
    (project / "secret.txt").write_text("mine")
    assert [file.path for file in project_files(project, [])] == ["README.md", "app.py"]


# --- deploying ---


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    """A hub without a Space."""
    with fake_hub() as served:
        yield served


@pytest.fixture(autouse=True)
def login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The hub library's own login is a made-up token, never the user's."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))


def test_nothing_is_done_without_go(project: Path, hub: FakeHub) -> None:
    """A dry run tells files, sizes, hardware and variables, and changes nothing."""
    plan = deploy(project, SPACE, hub.url)
    told = "\n".join(plan.lines())
    assert plan.new and not plan.done and hub.asked == [] and not hub.there
    assert plan.size == sum((project / file.path).stat().st_size for file in plan.files)
    assert "app.py" in told and "tests/" not in told and "--go" in told
    assert "Hardware: cpu-basic (free)" in told and "Variable: MMCS_CHAT_MODEL=base" in told
    assert TOKEN not in told


def test_go_makes_the_space(project: Path, hub: FakeHub) -> None:
    """A new Space is private, of the right SDK, with hardware, variables and exactly our files."""
    change(project, hardware="l4x1")
    assert deploy(project, SPACE, hub.url, go=True).done
    assert hub.created["sdk"] == "gradio" and hub.created["visibility"] == "private"
    assert hub.hardware == "l4x1" and hub.variables == {"MMCS_CHAT_MODEL": "base"}
    assert hub.files.keys() == {file.path for file in project_files(project, ["tests", ".ci"])}
    assert hub.files["app.py"] == (project / "app.py").read_bytes()


def test_an_update_sends_only_what_differs(project: Path, hub: FakeHub) -> None:
    """Changed files are sent, gone ones deleted, and nothing is asked for that is so already."""
    deploy(project, SPACE, hub.url, go=True)
    hub.asked.clear()
    assert deploy(project, SPACE, hub.url, go=True).uploads == ()
    assert hub.asked == []
    hub.files |= {"old.py": b"", ".gitattributes": b""}
    (project / "app.py").write_text("# another\n")
    change(project, hardware="t4-small", variables={"MMCS_CHAT_MODEL": "small"})
    plan = deploy(project, SPACE, hub.url)
    assert plan.uploads == ("app.py", "space.yaml") and plan.deletes == ("old.py",)
    assert plan.changed_variables == ("MMCS_CHAT_MODEL",) and plan.old_hardware == "cpu-basic"
    assert {"Goes away: old.py", "Hardware was cpu-basic."} < set(plan.lines())
    deploy(project, SPACE, hub.url, go=True)
    assert "old.py" not in hub.files and ".gitattributes" in hub.files
    assert hub.files["app.py"] == b"# another\n"
    assert hub.hardware == "t4-small" and hub.variables == {"MMCS_CHAT_MODEL": "small"}


def test_nothing_is_deployed_that_differs_from_space_yaml(project: Path, hub: FakeHub) -> None:
    """README has to follow space.yaml before anything goes out."""
    change(project, title="Another desk")
    with pytest.raises(UsageError, match="space write"):
        deploy(project, SPACE, hub.url, go=True)
    assert hub.asked == []


@pytest.mark.parametrize(
    ("refuses", "words"),
    [
        ({"/whoami-v2": 401}, "does not accept your login"),
        ({"/create": 403}, "may not write to anna"),
        ({"/create": 402}, "subscription"),
        ({"/create": 500}, "status 500"),
        ({"/validate-yaml": 400}, "does not accept the Space"),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(
    project: Path, hub: FakeHub, refuses: dict[str, int], words: str
) -> None:
    """A refusal says what its owner can do, without the token."""
    hub.refuses = refuses
    with pytest.raises(SpaceError, match=words) as told:
        deploy(project, SPACE, hub.url, go=True)
    assert "\n" not in str(told.value) and TOKEN not in str(told.value)


def test_no_login_and_no_network_are_told(
    project: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dry run goes on without comparing; with --go either is an error."""
    nobody = f"http://127.0.0.1:{free_port()}"
    assert "cannot be reached" in deploy(project, SPACE, nobody).compared
    with pytest.raises(SpaceError, match="cannot be reached"):
        deploy(project, SPACE, nobody, go=True)
    monkeypatch.delenv("HF_TOKEN")
    assert "not logged in" in deploy(project, SPACE, hub.url).compared
    with pytest.raises(SpaceError, match="hf auth login"):
        deploy(project, SPACE, hub.url, go=True)


# --- the settings of a Space ---

AT_HOME = {"SYSTEM": "spaces", "SPACE_ID": SPACE, "CPU_CORES": "2"}
OAUTH = {"OAUTH_CLIENT_ID": "id", "OAUTH_CLIENT_SECRET": "made-up"}


def test_a_space_serves_everybody_and_keeps_tickets_in_its_storage(tmp_path: Path) -> None:
    """Host, cores and the home of tickets follow the Space's own variables."""
    plain = Settings(threads=16)
    settings = on_a_space(plain, AT_HOME, tmp_path)
    assert settings.host == "0.0.0.0" and settings.threads == 2 and settings.space == SPACE
    assert settings.home == tmp_path / "mmcs" and settings.cache == plain.cache
    assert on_a_space(plain, AT_HOME, tmp_path / "none").home == plain.home
    assert on_a_space(plain, {"SPACE_ID": SPACE}, tmp_path) == plain


def test_what_is_set_by_hand_stands_over_the_space() -> None:
    """MMCS_HOST and MMCS_THREADS are obeyed on a Space too."""
    settings = from_environment({**AT_HOME, "MMCS_HOST": "127.0.0.1", "MMCS_THREADS": "7"})
    assert settings.host == "127.0.0.1" and settings.threads == 7


def test_only_a_space_itself_offers_to_sign_in() -> None:
    """Sign-in needs the Space's own secret; no variable of ours can pretend to be a Space."""
    assert from_environment({**AT_HOME, **OAUTH}).sign_in
    assert not from_environment(AT_HOME).sign_in
    assert not from_environment({**AT_HOME, **OAUTH, "OAUTH_CLIENT_SECRET": ""}).sign_in
    claimed = from_environment({**OAUTH, "MMCS_SPACE": SPACE, "MMCS_SIGN_IN": "1"})
    assert not claimed.sign_in and claimed.space == "" and not claimed.administrators


def test_tickets_of_a_space_need_no_shared_memory(fake_settings: Settings) -> None:
    """The database works without the file that WAL's readers share, and counts every owner's."""
    settings = replace(fake_settings, space=SPACE)
    store = Store(settings)
    for owner in ("a", "b"):
        store.keep(owner, Case("1", Ticket((Message("customer", "Hello"),))))
    assert store.count() == 2
    assert not list(settings.home.glob("*-shm"))
