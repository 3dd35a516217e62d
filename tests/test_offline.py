"""After the weights are there, nothing leaves the machine: the real models, cut off."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mmcs import weights
from mmcs.settings import ASSETS, Settings

TICKETS = ASSETS / "domains" / "retail" / "tickets"
# Raises the loopback of a new network namespace (SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP), then runs.
LOOPBACK_UP = """
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    flags = struct.unpack("16sh", fcntl.ioctl(s, 0x8913, struct.pack("16sh", b"lo", 0)))[1]
    fcntl.ioctl(s, 0x8914, struct.pack("16sh", b"lo", flags | 1))
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
# Where no namespace can be had: every look-up and connection beyond the loopback is an error.
REFUSE = """
import sys
def refuse(event, arguments):
    if event == "socket.connect":
        host = arguments[1][0] if isinstance(arguments[1], tuple) else "unix"
        if host not in {"127.0.0.1", "::1", "localhost", "unix"}:
            raise ConnectionRefusedError(f"test: {host}")
    elif event == "socket.getaddrinfo" and arguments[0] not in {"127.0.0.1", "::1", "localhost"}:
        raise ConnectionRefusedError(f"test: {arguments[0]}")
sys.addaudithook(refuse)
"""


def alone(command: list[str], folder: Path, environment: dict[str, str]) -> list[str]:
    """Return the command that runs another with no network but the loopback."""
    (folder / "sitecustomize.py").write_text(REFUSE)
    environment["PYTHONPATH"] = str(folder)
    for unshare in (["unshare", "--net"], ["unshare", "--map-root-user", "--net"]):
        up = [*unshare, sys.executable, "-c", LOOPBACK_UP, "-c", "pass"]
        if subprocess.run(up, capture_output=True, check=False).returncode == 0:
            return [*unshare, sys.executable, "-c", LOOPBACK_UP, *command[1:]]
    return command


@pytest.mark.slow
def test_a_ticket_is_drafted_without_a_network(real_settings: Settings, tmp_path: Path) -> None:
    """Speech, image and words are understood and answered by the real models, cut off."""
    for row in weights.rows():
        if row.embedded and not row.name.startswith("qwen"):
            weights.fetch(row.name, real_settings)
    weights.fetch("smollm2-135m", real_settings)
    sound = TICKETS / "01-late-parcel" / "voice.ogg"
    image = TICKETS / "03-robot-lost" / "screenshot.png"
    command = [sys.executable, "-m", "mmcs", "run", "--json", "--audio", str(sound)]
    command += ["--image", str(image), "--text", "Is my parcel lost?"]
    environment = real_settings.for_child(offline="0", home=str(tmp_path / "home"))
    ran = subprocess.run(
        alone(command, tmp_path, environment),
        env=environment,
        cwd=ASSETS.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert ran.returncode == 0, ran.stderr
    case = json.loads(ran.stdout)
    assert case["problems"] == []
    assert "tracking" in case["evidence"]["transcripts"][0]["text"].lower()
    assert case["evidence"]["images"][0]["lines"]
    assert case["draft"]["claims"]
    assert "test: " not in ran.stderr
