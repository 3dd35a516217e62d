"""A day at the desk, which ``test_offline`` watches: it starts, drafts and is stopped; the command
line says why; a net is trained.

``python tests/offline_day.py FOLDER`` works in FOLDER, with the settings of its environment.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from mmcs.settings import ASSETS, PROJECT

TICKETS = ASSETS / "domains" / "retail" / "tickets"
SOUND = TICKETS / "01-late-parcel" / "voice.ogg"
IMAGE = TICKETS / "03-robot-lost" / "screenshot.png"
ASKED = "Is my parcel lost?"


def draft_at_the_desk() -> dict[str, Any]:
    """Start ``python app.py``, have a ticket drafted, stop it as its owner does, and return the
    Case."""
    from gradio_client import (
        Client,
        handle_file,
    )  # after mmcs, or it asks the hub for agents' names

    desk = subprocess.Popen(
        [sys.executable, str(PROJECT / "app.py")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert desk.stdout
        url = next(line for line in desk.stdout if "http" in line).split()[-1]
        client = Client(url, verbose=False)
        case: dict[str, Any] = client.predict(
            ASKED, handle_file(SOUND), [handle_file(IMAGE)], api_name="/draft"
        )
    finally:
        desk.send_signal(signal.SIGINT)
        desk.wait()
    return case


def on_the_command_line(*arguments: str) -> dict[str, Any]:
    """Return what ``python -m mmcs`` prints."""
    command = [sys.executable, "-m", "mmcs", *arguments, "--json"]
    ran = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    said: dict[str, Any] = json.loads(ran.stdout)
    return said


def write_labelled(folder: Path) -> Path:
    """Write a few labelled tickets, some with a sound or an image."""
    wordings = {
        "delivery": "My parcel number {} has not moved for days, is it lost?",
        "returns": "I want to send lamp {} back and have my money returned.",
    }
    rows = [
        {"text": text.format(number), "labels": {"category": label}}
        for number in range(6)
        for label, text in wordings.items()
    ]
    rows[0] |= {"audio": [str(SOUND)]}
    rows[1] |= {"images": [str(IMAGE)]}
    path = folder / "labelled.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    return path


def main(folder: Path) -> None:
    """Print what came of the day."""
    case = draft_at_the_desk()
    why = on_the_command_line("run", "--text", ASKED, "--explain")
    data, out = str(write_labelled(folder)), str(folder / "triage.safetensors")
    trained = on_the_command_line("train", "triage", "--data", data, "--out", out, "--epochs", "2")
    json.dump({"case": case, "why": why["explanation"], "trained": trained}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
