"""A hub on loopback that answers as Hugging Face does, and records what was made."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

TOKEN = "hf_made_up_for_the_tests"


@dataclass
class FakeHub:
    """One hub with at most one Space, ``anna/desk``."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    hardware: str = "cpu-basic"
    there: bool = False  # whether the Space exists
    refuses: dict[str, int] = field(default_factory=dict)  # status by the end of an address
    created: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)  # method and address of each change

    def answer(self, method: str, path: str, token: str, body: bytes) -> tuple[int, Any]:
        """Return status and JSON."""
        refused = [status for end, status in self.refuses.items() if path.endswith(end)]
        if refused or token != f"Bearer {TOKEN}":
            return (refused or [401])[0], {"error": "No."}
        if method == "POST":
            self.asked.append(path)
            return 200, self._change(path, body)
        if path == "/api/whoami-v2":
            return 200, {"type": "user", "name": "anna"}
        return (200, self._told(path)) if self.there else (404, {"error": "Not found."})

    def _told(self, path: str) -> Any:
        space = "/api/spaces/anna/desk"
        return {
            space: {"id": "anna/desk", "sha": "0" * 40},
            f"{space}/tree/main": [
                {"type": "file", "path": p, "size": len(b), "oid": _git_sum(b)}
                for p, b in self.files.items()
            ],
            f"{space}/runtime": {"stage": "RUNNING", "hardware": {"current": self.hardware}},
            f"{space}/variables": {k: {"value": v} for k, v in self.variables.items()},
        }[path]

    def _change(self, path: str, body: bytes) -> Any:
        said = [json.loads(line) for line in body.splitlines()]
        asked = said[0]
        if path == "/api/repos/create":
            self.there, self.created = True, asked
            self.hardware = asked["hardware"]
            self.variables = {v["key"]: v["value"] for v in asked["variables"]}
            return {"url": f"{self.url}/spaces/anna/desk"}
        if path.endswith("/variables"):
            self.variables[asked["key"]] = asked["value"]
            return {k: {"value": v} for k, v in self.variables.items()}
        if path.endswith("/hardware"):
            self.hardware = asked["flavor"]
            return {"stage": "BUILDING", "hardware": {"requested": self.hardware}}
        if "/preupload/" in path:
            files = [{"path": f["path"], "uploadMode": "regular"} for f in asked["files"]]
            return {"files": [{**f, "shouldIgnore": False} for f in files]}
        if "/commit/" in path:
            for line in said[1:]:
                value = line["value"]
                if line["key"] == "file":
                    self.files[value["path"]] = base64.b64decode(value["content"])
                else:
                    del self.files[value["path"]]
            return {"commitOid": "1" * 40, "commitUrl": f"{self.url}/spaces/anna/desk/commit/1"}
        return {"errors": [], "warnings": []}  # README's front matter


def _git_sum(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@contextmanager
def fake_hub() -> Iterator[FakeHub]:
    """Serve a hub that has no Space yet."""

    class Answering(BaseHTTPRequestHandler):
        hub: ClassVar = FakeHub()

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = self.headers.get("Authorization", "")
            path = self.path.partition("?")[0]
            status, told = self.hub.answer(self.command, path, token, body)
            content = json.dumps(told).encode()
            self.send_response(status)
            if status == 404:
                self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        Answering.hub.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield Answering.hub
        finally:
            server.shutdown()
