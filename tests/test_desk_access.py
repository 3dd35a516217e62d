"""Who the desk answers, and what it answers to everybody else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import gradio.oauth
import httpx
import pytest
from desk_pages import served
from gradio.routes import App
from playwright.sync_api import sync_playwright

from mmcs.desk.routes import PAGE, SCRIPTS, SIGN_IN
from mmcs.roles import ROLES
from mmcs.settings import Settings

# What the Gradio that is pinned has besides. Each was looked at and is not needed. Before
# a route is added here or in ``mmcs.desk.routes``, read what it does: gradio/routes.py.
CLOSED = """
    GET /config/
    GET /gradio_api/app_id /gradio_api/app_id/
    GET /gradio_api/call/v2/{api_name}/{event_id} /gradio_api/call/{api_name}/{event_id}
    POST /gradio_api/call/v2/{api_name} /gradio_api/call/v2/{api_name}/
    POST /gradio_api/call/{api_name} /gradio_api/call/{api_name}/
    POST /gradio_api/api/{api_name} /gradio_api/api/{api_name}/ /gradio_api/run/{api_name}/
    GET /gradio_api/custom_component/{id}/{environment}/{type}/{file_name}
    POST /gradio_api/component_server /gradio_api/component_server/
    GET /gradio_api/deep_link
    GET /gradio_api/dev/reload
    GET /gradio_api/file/{path:path} /gradio_api/file={path_or_url:path}
    HEAD /gradio_api/file={path_or_url:path} /gradio_api/proxy={url_path:path}
    GET /gradio_api/proxy={url_path:path}
    GET /gradio_api/info/ /gradio_api/openapi.json /openapi.json
    HEAD /openapi.json
    POST /login /login/
    GET /gradio_api/login_check /gradio_api/login_check/ /gradio_api/token /gradio_api/token/
    GET /gradio_api/user /gradio_api/user/
    GET /gradio_api/queue/status
    GET /gradio_api/runs /gradio_api/runs/
    GET /gradio_api/run-history/buckets /gradio_api/run-history/records
    GET /gradio_api/run-history/records/{endpoint}/{record_id}/assets/{asset_id}
    POST /gradio_api/run-history/connect
    POST /gradio_api/process_recording
    POST /gradio_api/reset /gradio_api/reset/
    GET /gradio_api/stream/{session_hash}/{run}/{component_id}/playlist-file
    GET /gradio_api/stream/{session_hash}/{run}/{component_id}/playlist.m3u8
    GET /gradio_api/stream/{session_hash}/{run}/{component_id}/{segment_id}.{ext}
    POST /gradio_api/stream/{event_id} /gradio_api/stream/{event_id}/close
    GET /gradio_api/theme.css
    GET /gradio_api/upload_progress
    GET /gradio_api/vibe-code /gradio_api/vibe-code/
    POST /gradio_api/vibe-code /gradio_api/vibe-code/
    POST /gradio_api/vibe-edit /gradio_api/vibe-edit/
    POST /gradio_api/undo-vibe-edit /gradio_api/undo-vibe-edit/
    POST /gradio_api/vibe-starter-queries /gradio_api/vibe-starter-queries/
    GET /monitoring /monitoring/summary /monitoring/{key}
    GET /pwa_icon /pwa_icon/{size}
    GET /robots.txt
    GET /svelte/{path:path}
"""
HEADERS = ("content-security-policy", "x-content-type-options", "referrer-policy")


def closed() -> list[str]:
    """Return the method and path of every route that is closed."""
    lines = (line.split() for line in CLOSED.strip().splitlines())
    return [f"{method} {path}" for method, *paths in lines for path in paths]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Every role played by its fake."""
    folder = tmp_path_factory.mktemp("desk")
    bare = Settings(cache=folder / "cache", home=folder / "home", offline=True)
    return bare.with_flags(**dict.fromkeys(ROLES, "fake"))


@pytest.fixture(scope="module")
def desk(settings: Settings) -> Iterator[str]:
    """The address of a desk on fakes."""
    with served(settings) as url:
        yield url


# --- routes ---


def found_in(routes: Sequence[Any]) -> set[str]:
    """Return the method and path of every route, also of routers inside routers."""
    found: set[str] = set()
    for route in routes:
        inside = getattr(route, "original_router", None)
        if inside is not None:
            found |= found_in(inside.routes)
        else:
            methods = getattr(route, "methods", None) or {"ANY"}
            found |= {f"{method} {route.path}" for method in methods}
    return found


def test_every_route_of_gradio_was_decided_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each route that Gradio mounts, with the sign-in of a Space, is needed or known and closed."""
    monkeypatch.setenv("SYSTEM", "spaces")
    monkeypatch.setenv("SPACE_ID", "anna/desk")
    for name in ("CLIENT_ID", "CLIENT_SECRET", "SCOPES"):
        monkeypatch.setattr(gradio.oauth, f"OAUTH_{name}", "made up")
    monkeypatch.setattr(gradio.oauth, "OPENID_PROVIDER_URL", "http://127.0.0.1")
    with gr.Blocks() as blocks:
        gr.LoginButton()
    mounted = found_in(App.create_app(blocks).routes) - {"HEAD /"}  # answers what GET does
    needed = {f"{method} {path}" for path, method in {**PAGE, **SCRIPTS, **SIGN_IN}.items()}
    assert mounted - needed == set(closed())
    assert needed - mounted == {"GET /attachment/{key}/{kind}/{sha256}"}  # the desk's own


@pytest.mark.parametrize("route", closed())
def test_a_route_that_nobody_needs_does_not_answer(desk: str, route: str) -> None:
    """Whoever asks for one of Gradio's other routes is told that there is nothing."""
    method, path = route.split()
    answer = httpx.request(method, f"{desk}{path[1:]}".replace("{", "").replace("}", ""))
    assert answer.status_code == 404
    assert all(name in answer.headers for name in HEADERS)


@pytest.mark.parametrize("path", ["process_recording", "/process_recording", "process%5Frecording"])
def test_no_program_runs_on_what_is_sent(
    desk: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gradio's route for screen recordings, which starts ffmpeg on a playlist too, starts none."""
    ffmpeg, ran = tmp_path / "ffmpeg", tmp_path / "ran"
    ffmpeg.write_text(f"#!/bin/sh\ntouch {ran}\n")
    ffmpeg.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    playlist = {"video": ("a.mp4", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n")}
    cut = {"remove_segment_start": "0", "remove_segment_end": "1"}
    answer = httpx.post(f"{desk}gradio_api/{path}", files=playlist, data=cut)
    assert not ran.exists()
    assert answer.status_code == 404


def test_the_sign_in_answers_on_a_space_alone(desk: str) -> None:
    """Elsewhere nobody can sign in or out."""
    for path in SIGN_IN:
        assert httpx.get(f"{desk}{path[1:]}").status_code == 404


# --- origins and names ---

PORT = "{port}"  # the desk's own, in what follows
SAME = [
    {},
    {"Origin": "http://127.0.0.1:{port}"},
    {"Origin": "http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "http://localhost:{port}", "Host": "localhost:{port}"},
    {"Origin": "https://desk.example", "Host": "desk.example"},
    {
        "Origin": "https://desk.example",
        "Host": "127.0.0.1:{port}",
    },  # a proxy with a name of its own
    {
        "Origin": "https://other.example",
        "Sec-Fetch-Site": "same-origin",
    },  # the same, without MMCS_HOSTS
]
FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://[::1"},
    {"Origin": "http://127.0.0.1:{port}.evil.example"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://localhost:1", "Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},  # a form
    {"Host": "evil.example:{port}", "Origin": "http://evil.example:{port}"},  # DNS rebinding
    {"Host": "evil.example:{port}", "Sec-Fetch-Site": "same-origin"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "desk.example.evil.example"},
    {"Host": "[::1"},
]
WRITES = (
    "gradio_api/upload",
    "gradio_api/run/predict",
    "gradio_api/queue/join",
    "gradio_api/cancel",
)


@pytest.fixture(scope="module")
def named(settings: Settings) -> Iterator[str]:
    """The address of a desk that has a name."""
    with served(replace(settings, hosts="desk.example, Other.Example")) as url:
        yield url


def written(url: str, headers: dict[str, str], path: str = "gradio_api/upload") -> httpx.Response:
    """Send a file to a desk, with headers in which its port is filled in."""
    port = str(httpx.URL(url).port)
    filled = {name: value.replace(PORT, port) for name, value in headers.items()}
    return httpx.post(f"{url}{path}", headers=filled, files={"files": ("a.txt", b"words")})


@pytest.mark.parametrize("headers", SAME, ids=str)
def test_the_page_and_scripts_may_write(named: str, headers: dict[str, str]) -> None:
    """A request of the desk's own page, by any name it has, or of no page at all is answered."""
    assert written(named, headers).status_code == 200


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_another_sites_page_may_not_write(named: str, headers: dict[str, str], path: str) -> None:
    """A request that another site's page makes a browser send is refused."""
    answer = written(named, headers, path)
    assert answer.status_code == 403
    assert all(name in answer.headers for name in HEADERS)


def test_another_sites_page_may_not_listen(desk: str) -> None:
    """Nor may it read what the desk tells a page, or be told that it may."""
    for path in ("gradio_api/queue/data?session_hash=a", "config", "gradio_api/heartbeat/a"):
        answer = httpx.get(f"{desk}{path}", headers={"Origin": "https://evil.example"})
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


def test_another_site_may_link_to_the_desk(desk: str) -> None:
    """Following a link opens the page."""
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert httpx.get(desk, headers=link).status_code == 200


def test_a_preflight_of_another_site_is_refused(desk: str) -> None:
    """A browser that asks whether another site's page may write is told no."""
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = httpx.options(f"{desk}gradio_api/queue/join", headers=asked)
    assert answer.status_code == 403


def test_a_desk_for_others_goes_by_any_name(settings: Settings) -> None:
    """One that is bound to more than this machine is reached by names that it cannot know, until
    it is told its own; addresses it answers to always."""
    with served(replace(settings, host="0.0.0.0")) as url:
        assert written(url, {"Host": "desk.example"}).status_code == 200
    with served(replace(settings, host="0.0.0.0", hosts="desk.example")) as url:
        assert written(url, {"Host": "desk.example"}).status_code == 200
        assert written(url, {"Host": "10.1.2.3:7860"}).status_code == 200
        assert written(url, {"Host": "[::1]:7860"}).status_code == 200
        assert written(url, {"Host": "evil.example"}).status_code == 403


def test_a_failure_carries_the_headers(desk: str) -> None:
    """What crashes in Gradio itself is answered with the same headers as the page."""
    asked = {"data": [], "fn_index": 99_999, "session_hash": "a"}
    answer = httpx.post(f"{desk}gradio_api/run/predict", json=asked)
    assert answer.status_code == 500
    assert all(name in answer.headers for name in HEADERS)


def test_there_is_no_web_socket(desk: str) -> None:
    """Whoever asks for one is refused."""
    asked = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    assert httpx.get(f"{desk}gradio_api/queue/join", headers=asked).status_code in (403, 404)


# --- the page's own recorder ---


@pytest.mark.browser
def test_a_recording_reaches_the_ticket(desk: str) -> None:
    """With only the needed routes open, a press on Record and one on Stop attach a voice note."""
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=[
                "--no-sandbox",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
            ],
        )
        page = browser.new_context(permissions=["microphone"]).new_page()
        page.goto(desk)
        page.click("#record .record-button")
        page.click("#record .stop-button")
        page.wait_for_selector("#files [data-act=remove]")
        notices = page.locator(".toast-body").all_inner_texts()
        browser.close()
    assert notices == []
