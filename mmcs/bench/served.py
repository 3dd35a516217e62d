"""The real desk, started and spoken to as its page does: the same events, over the same wire."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from mmcs.errors import MMCSError
from mmcs.settings import Settings

APP = Path(__file__).resolve().parents[2] / "app.py"
SERVED_WITHIN = 120.0  # seconds; the budget is 6


@contextmanager
def started(settings: Settings) -> Iterator[str]:
    """Run ``python app.py`` and yield its address as soon as the page is served.

    Raises:
        MMCSError: it ended, or took too long.
    """
    port = _free_port()
    desk = subprocess.Popen(  # noqa: S603  # our own app
        [sys.executable, str(APP)],
        env=settings.for_child(port=str(port)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + SERVED_WITHIN
    try:
        while not _serves(port):
            if desk.poll() is not None or time.monotonic() > until:
                raise MMCSError("The desk did not start; try `python app.py`.")
        yield f"http://127.0.0.1:{port}/"
    finally:
        desk.terminate()
        desk.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _serves(port: int) -> bool:
    """Ask for the page; wait a little where nobody listens yet."""
    transport = httpx.HTTPTransport(retries=2)
    try:
        with httpx.Client(transport=transport, trust_env=False, timeout=5) as client:
            return client.get(f"http://127.0.0.1:{port}/").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


@dataclass(frozen=True)
class Wire:
    """The events of a served desk, by the names of their actions."""

    client: httpx.Client
    events: Mapping[str, int]


@contextmanager
def connected(url: str) -> Iterator[Wire]:
    """Read from the desk's own description which events it has."""
    with httpx.Client(base_url=url, timeout=None, trust_env=False) as client:  # noqa: S113  # a turn may be long in coming
        described = client.get("config").raise_for_status().json()["dependencies"]
        events = {event["api_name"]: event["id"] for event in described}
        yield Wire(client, events)


@dataclass
class Visitor:
    """An open page of one agent, with one ticket. ``seen`` is everything that came to it."""

    wire: Wire
    page: dict[str, str] = field(
        default_factory=lambda: {
            "owner": secrets.token_hex(16),
            "case": secrets.token_hex(6),
            "language": "en",
        }
    )
    session: str = field(default_factory=lambda: secrets.token_hex(6))
    seen: list[str] = field(default_factory=list)

    def call(self, event: str, *given: Any) -> Any:
        """Send a light event and return its values."""
        return self._post("gradio_api/run/predict", event, given)["data"]

    def type(self, box: str, text: str) -> None:
        """Type into a box of a ticket that is not answered yet."""
        typed = {"box": box, "text": text, "case": self.page["case"], "answers": "0", "mark": "1"}
        self._post("gradio_api/run/predict", "type", (self.page,), typed)

    def upload(self, path: Path) -> None:
        """Attach a file."""
        files = {"files": (path.name, path.read_bytes())}
        kept = self.wire.client.post("gradio_api/upload", files=files).raise_for_status().json()
        name = {"path": kept[0], "orig_name": path.name, "meta": {"_type": "gradio.FileData"}}
        self.call("attach", self.page, [name])

    def follow(self, event: str, *given: Any) -> Iterator[dict[str, Any]]:
        """Send an event into its lane and yield what comes of it, up to its end or failure."""
        joined = self._post("gradio_api/queue/join", event, given)["event_id"]
        asked = {"session_hash": self.session}
        with self.wire.client.stream("GET", "gradio_api/queue/data", params=asked) as told:
            for line in told.iter_lines():
                if not line.startswith("data: "):
                    continue
                message: dict[str, Any] = json.loads(line[6:])
                self._see(message)
                if message.get("event_id") == joined:
                    yield message

    def draft(self, message: str) -> Iterator[dict[str, Any]]:
        """Press Draft, and yield what the page shows of the run up to its end."""
        self.call("begin", self.page, message)
        yield from self.follow("follow", self.page, message, "")

    def _post(self, address: str, event: str, given: tuple[Any, ...], about: Any = None) -> Any:
        asked = {
            "fn_index": self.wire.events[event],
            "data": list(given),
            "event_data": about,
            "session_hash": self.session,
        }
        told = self.wire.client.post(address, json=asked).raise_for_status().json()
        self._see(told)
        return told

    def _see(self, told: Any) -> None:
        self.seen.append(json.dumps(told, ensure_ascii=False))
