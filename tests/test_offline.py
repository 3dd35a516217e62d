"""After the weights are there, nothing leaves the machine: the real models, from the desk's start
to its end, with all that they ask of the system looked at."""

import json
import subprocess
import sys
from pathlib import Path

import offline_day
import pytest
from desk_pages import free_port
from watched import WATCHERS, watched

from mmcs import weights
from mmcs.settings import PROJECT, SILENCE, Settings

# All that the day is told of this machine. Some libraries call home only where no CI is set, and
# what the tests themselves were silenced with must not be there before the desk sees to it.
TOLD = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
ARTICLE = """# A parcel that does not arrive

Tracking that shows no movement for 10 days means that a parcel is lost. We send it again.
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_leaves_the_machine(real_settings: Settings, tmp_path: Path) -> None:
    """Nobody beyond the loopback is spoken to or looked up, and nothing is written but in the
    desk's own folders, while it starts, hears, reads, drafts, says why, learns and stops."""
    for row in weights.rows():
        if row.embedded and not row.name.startswith("qwen"):
            weights.fetch(row.name, real_settings)
    weights.fetch("smollm2-135m", real_settings)
    environment = environment_of(real_settings, tmp_path)
    command = [sys.executable, offline_day.__file__, str(tmp_path / "temporary")]
    ran, seen = watched(command, environment, tmp_path)
    assert ran.returncode == 0, ran.stderr

    assert seen.spoken_to == set()
    own = [tmp_path / name for name in ("home", "temporary")]
    allowed = (*own, real_settings.cache, Path("/dev"), Path("/proc"))
    assert {file for file in seen.written or () if not any(map(file.is_relative_to, allowed))} == (
        set()
    )
    assert list((tmp_path / "user").iterdir()) == []

    day = json.loads(ran.stdout)
    assert day["case"]["problems"] == []
    assert "tracking" in day["case"]["evidence"]["transcripts"][0]["text"].lower()
    assert day["case"]["evidence"]["images"][0]["lines"]
    assert day["case"]["draft"]["claims"] and "first_token" in day["case"]["seconds"]
    assert day["why"]["words"]
    assert day["trained"]["nets"]


def environment_of(settings: Settings, folder: Path) -> dict[str, str]:
    """Return the variables of a user with an empty home, whose desk has folders of its own."""
    for name in ("user", "temporary", "articles"):
        (folder / name).mkdir()
    (folder / "articles" / "lost.md").write_text(ARTICLE, "utf-8")
    told = settings.for_child(
        offline="0",
        home=str(folder / "home"),
        port=str(free_port()),
        knowledge=str(folder / "articles"),
        domain="retail",  # whose categories the shipped net has learned
    )
    return {
        **{k: v for k, v in told.items() if k in TOLD or k.startswith("MMCS_")},
        "HOME": str(folder / "user"),
        "TMPDIR": str(folder / "temporary"),
        "PYTHONPATH": str(PROJECT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


ASTRAY = """
import pathlib, socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.sendto(b"", ("192.0.2.7", 9))
with socket.socket() as s:
    s.settimeout(0.1)
    s.connect_ex(("192.0.2.8", 443))
try:
    socket.getaddrinfo("telemetry.invalid", 443)
except OSError:
    pass
pathlib.Path(sys.argv[1], "queue").mkdir()
"""


@pytest.mark.parametrize("watcher", WATCHERS)
def test_what_goes_astray_is_seen(watcher: str, tmp_path: Path) -> None:
    """Whoever watches sees, of a child's child too, what is sent, whom it calls, that it looks up a
    name, and what it writes; and sees nothing of a process that does nothing."""
    told = {"PATH": "/usr/bin:/bin", "RES_OPTIONS": "timeout:1 attempts:1"}
    command = [sys.executable, "-c", ASTRAY, str(tmp_path)]
    child = f"import subprocess; subprocess.run({command!r})"
    _, seen = watched([sys.executable, "-c", child], told, tmp_path, [watcher])
    assert {"192.0.2.7 port 9", "192.0.2.8 port 443"} < seen.spoken_to
    assert any(one.endswith(" port 53") for one in seen.spoken_to)
    assert seen.written is None or tmp_path / "queue" in seen.written
    _, seen = watched([sys.executable, "-c", "pass"], told, tmp_path, [watcher])
    assert not seen.spoken_to and not seen.written


@pytest.mark.parametrize("first", ["mmcs", "mmcs.ticket", "mmcs.backends"])
def test_no_entry_can_miss_what_silences_libraries(first: str) -> None:
    """Whatever of the desk is imported first, the variables stand, also where somebody has set them
    otherwise, and no library that reads them is there yet."""
    script = f"import {first}, json, os, sys; print(json.dumps([dict(os.environ), [*sys.modules]]))"
    told = {"PATH": "/usr/bin:/bin", **dict.fromkeys(SILENCE, "0")}
    ran = subprocess.run(
        [sys.executable, "-c", script], env=told, cwd=PROJECT, capture_output=True, check=True
    )
    environment, modules = json.loads(ran.stdout)
    assert SILENCE.items() <= environment.items()
    assert not {"onnxruntime", "gradio", "huggingface_hub", "transformers"} & set(modules)
