"""The desk on a Space: who may frame it, who sees the admin part, and whose tickets are whose.

``python app.py`` is started with the variables of a Space; whoever is signed in has a cookie that
Gradio signs with the Space's secret.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from desk_pages import LATE, served
from gradio_client import Client
from itsdangerous import TimestampSigner

from mmcs.bench.served import Visitor, Wire, connected, started
from mmcs.desk.texts import EN, ZH
from mmcs.roles import ROLES
from mmcs.settings import Settings

SECRET = "made-up"
SPACE = {
    "SYSTEM": "spaces",
    "SPACE_ID": "anna/desk",
    "OAUTH_CLIENT_ID": "id",
    "OAUTH_CLIENT_SECRET": SECRET,
    "OAUTH_SCOPES": "openid profile",
    "OPENID_PROVIDER_URL": "http://127.0.0.1:9",
    "MMCS_ADMINS": "carla, dora",
}
# What the admin part says and nothing else does.
MARKS = (EN.admin, EN.admin_machine, ZH.admin, ZH.admin_machine, "Weights:", "sqlite")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a desk on fakes that was started on a Space."""
    folder = tmp_path_factory.mktemp("space")
    settings = Settings(cache=folder / "cache", home=folder / "home", offline=True)
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as environment:
            for name, value in SPACE.items():
                environment.setenv(name, value)
            flags = dict.fromkeys(ROLES, "fake")
            url = stack.enter_context(started(settings.with_flags(**flags)))
        yield url


@pytest.fixture(scope="module")
def wire(desk: str) -> Iterator[Wire]:
    """The events of the desk."""
    with connected(desk) as opened:
        yield opened


def cookie(name: str, secret: str = SECRET, expires_in: int = 3600) -> dict[str, str]:
    """Return the header by which Gradio knows who is signed in; see gradio/oauth.py."""
    login = {
        "access_token": "none",
        "scope": "openid profile",
        "expires_at": int(time.time()) + expires_in,
        "userinfo": {"name": name, "preferred_username": name, "profile": "", "picture": ""},
    }
    signer = TimestampSigner(hashlib.sha256(f"{secret}-v4".encode()).hexdigest())
    session = base64.b64encode(json.dumps({"oauth_info": login}).encode())
    return {"Cookie": f"session={signer.sign(session).decode()}"}


def asked(desk: str, headers: dict[str, str]) -> list[str]:
    """Return what each event that draws the admin part answers."""
    with httpx.Client(base_url=desk, headers=headers, trust_env=False, timeout=60) as client:
        described = client.get("config").json()
        part = next(
            c["id"] for c in described["components"] if c["props"].get("elem_id") == "admin-part"
        )
        events = [e["id"] for e in described["dependencies"] if part in e["outputs"]]
        assert len(events) == 3
        page = {"owner": secrets.token_hex(16), "case": secrets.token_hex(6), "language": "en"}
        told = []
        for event in events:
            call = {
                "fn_index": event,
                "data": [page],
                "event_data": {"language": "zh"},
                "session_hash": secrets.token_hex(6),
            }
            answer = client.post("gradio_api/run/predict", json=call).raise_for_status()
            told.append(json.dumps(answer.json(), ensure_ascii=False))
        return told


@pytest.mark.parametrize("name", ["anna", "carla", "dora"])
def test_the_owner_and_whom_they_name_see_the_admin_part(desk: str, name: str) -> None:
    """Models, articles, tickets and the machine are told to administrators, in their language."""
    *english, chinese = asked(desk, cookie(name))
    for told in english:
        assert EN.admin_models in told and EN.admin_articles in told and "Weights:" in told
        assert EN.admin_tickets.split("{")[0] in told and f"Sign out {name}" in told
    assert ZH.admin_machine in chinese and EN.admin_machine not in chinese


@pytest.mark.parametrize(
    "headers",
    [
        {},
        cookie("bob"),
        cookie("Anna"),
        cookie("anna", secret="guessed"),
        cookie("anna", secret=""),
        cookie("anna", expires_in=-1),
    ],
    ids=["nobody", "somebody", "another spelling", "forged", "no secret", "expired"],
)
def test_nobody_else_is_sent_any_of_it(desk: str, headers: dict[str, str]) -> None:
    """A visitor, signed in or not, gets none of it from any event, from the page or its config."""
    told = asked(desk, headers)
    told += [httpx.get(f"{desk}{path}", headers=headers).text for path in ("", "config")]
    assert not [mark for mark in MARKS for answer in told if mark in answer]


def test_two_visitors_never_see_each_others_tickets(wire: Wire) -> None:
    """Somebody else's ticket cannot be opened, listed or answered, even by its id."""
    anna, bob = Visitor(wire), Visitor(wire)
    anna.type("message", LATE)
    anna.type("reply", "A secret reply")
    bob.page["case"] = anna.page["case"]
    bob.call("load", bob.page)
    bob.type("message", "Bob's own words")
    anna.call("load", anna.page)
    seen_by_anna, seen_by_bob = " ".join(anna.seen), " ".join(bob.seen)
    assert "A secret reply" in seen_by_anna and LATE in seen_by_anna
    assert "A secret reply" not in seen_by_bob and LATE not in seen_by_bob
    assert "Bob's own words" not in seen_by_anna


def test_only_hugging_face_may_frame_a_space(desk: str) -> None:
    """The page of a Space is shown inside huggingface.co, and in no other page."""
    headers = httpx.get(desk).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["frame-ancestors"] == "https://huggingface.co"
    assert policy["default-src"] == "'self'"
    assert "x-frame-options" not in headers  # it could only forbid this one too


def test_a_space_has_no_other_endpoints(desk: str) -> None:
    """Signing in and the admin part add no public endpoint."""
    api = Client(desk, verbose=False).view_api(return_format="dict", print_info=False)
    assert list(api["named_endpoints"]) == ["/draft"] and not api["unnamed_endpoints"]


def test_elsewhere_nothing_of_it_is_attached(fake_settings: Settings) -> None:
    """A desk that is no Space has no sign-in, no admin part, and nobody may frame it."""
    with served(fake_settings) as url:
        described: dict[str, Any] = httpx.get(f"{url}config").json()
        headers = httpx.get(url).headers
        login = httpx.get(f"{url}login/huggingface")
    kinds = {component["type"] for component in described["components"]}
    assert "loginbutton" not in kinds
    assert not [c for c in described["components"] if c["props"].get("elem_id") == "admin-part"]
    assert login.status_code == 404
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
