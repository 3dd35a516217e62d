"""What the desk serves: headers, files, and what scripts get from /draft."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from desk_pages import LATE, served
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from media_files import corners

from mmcs.attachments import keep
from mmcs.backends import fake
from mmcs.desk.files import Files
from mmcs.desk.security import content_security_policy
from mmcs.errors import UnreadableImage
from mmcs.roles import ROLES
from mmcs.settings import Settings
from mmcs.ticket import Case, from_json

# --- serving ---


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a desk on fakes."""
    folder = tmp_path_factory.mktemp("desk")
    settings = Settings(cache=folder / "cache", home=folder / "home", offline=True)
    with served(settings.with_flags(**dict.fromkeys(ROLES, "fake"))) as url:
        yield url


def test_every_answer_carries_the_policy(desk: str) -> None:
    """Nothing is loaded from elsewhere, nobody frames the page, its own scripts run alone."""
    answer = httpx.get(desk)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    nonce = re.search("'nonce-([^']+)'", policy)
    assert nonce
    scripts = re.findall("<script[^>]*>", answer.text)
    assert scripts and all(f'nonce="{nonce[1]}"' in script for script in scripts)
    assert nonce[1] not in httpx.get(desk).headers["content-security-policy"]


def test_a_space_may_frame_the_page() -> None:
    """Named origins may show the page in a frame."""
    assert "frame-ancestors https://hf.example" in content_security_policy(
        "n", ["https://hf.example"]
    )


@pytest.mark.parametrize(
    "path", ["file=https://example.com/a.png", "file=//example.com/a", "proxy=https://a.hf.space/x"]
)
def test_the_desk_fetches_nothing_for_others(desk: str, path: str) -> None:
    """Gradio's routes that fetch an address for whoever asks are closed."""
    assert httpx.get(f"{desk}gradio_api/{path}").status_code == 404


def test_a_made_up_link_opens_nothing(desk: str) -> None:
    """Only the desk's own links lead to a file."""
    assert httpx.get(f"{desk}attachment/{'0' * 32}/image/{'0' * 64}").status_code == 404


def test_files_are_shown_made_anew(fake_settings: Settings, image: str, sound: str) -> None:
    """The browser gets a JPEG and a WAV that the desk made, never the customer's bytes."""
    files = Files(fake_settings, b"secret")
    photo = files.image(keep(Path(image), "image", fake_settings))
    voice = files.sound(keep(Path(sound), "audio", fake_settings))
    assert photo.path.read_bytes().startswith(b"\xff\xd8\xff")
    assert voice.read_bytes().startswith(b"RIFF")
    assert (photo.width, photo.height) == corners().size


def test_a_drawing_with_scripts_is_never_shown(fake_settings: Settings, tmp_path: Path) -> None:
    """An SVG, which a browser would run, is no image."""
    drawing = tmp_path / "drawing.png"
    drawing.write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    kept = keep(drawing, "image", fake_settings)
    with pytest.raises(UnreadableImage):
        Files(fake_settings, b"secret").image(kept)


def test_scripts_get_the_whole_case(desk: str, sound: str, image: str) -> None:
    """/draft takes text, sounds and images and returns the Case of the contract."""
    client = Client(desk, verbose=False)
    shaped = client.predict(LATE, handle_file(sound), [handle_file(image)], api_name="/draft")
    case = from_json(Case, shaped)
    assert case.ticket.customer_text == LATE
    assert [a.name for a in case.ticket.attachments] == ["note.wav", "box.png"]
    assert case.evidence.transcripts[0].text == fake.FakeTranscriber.text
    assert case.draft and case.draft.claims and case.passages and case.triage


def test_scripts_may_send_text_alone(desk: str) -> None:
    """None stands for no sound and no image."""
    shaped = Client(desk, verbose=False).predict(LATE, None, None, api_name="/draft")
    assert from_json(Case, shaped).draft


def test_scripts_cannot_make_the_desk_fetch(desk: str) -> None:
    """An address in place of an upload is refused."""
    with pytest.raises(AppError):
        Client(desk, verbose=False).predict(
            LATE, None, [handle_file("http://192.0.2.1/a.png")], api_name="/draft"
        )


def test_nothing_but_draft_is_public(desk: str) -> None:
    """The page's own events are no endpoints."""
    api = Client(desk, verbose=False).view_api(return_format="dict", print_info=False)
    assert list(api["named_endpoints"]) == ["/draft"] and not api["unnamed_endpoints"]
