"""What no ticket has any more is removed, with all that was found in it, and nothing else is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest
from desk_pages import LATE, Cast, served
from gradio_client import Client, handle_file

from mmcs import attachments
from mmcs.attachments import UNUSED_FOR, drop, drop_unused, keep, locate
from mmcs.backends import fake
from mmcs.bench.served import Visitor, connected
from mmcs.desk.files import Files
from mmcs.desk.page import Page, open_page
from mmcs.desk.tickets import Tickets
from mmcs.desk.typed import current
from mmcs.kept import Kept as Features
from mmcs.pipeline import Pipeline
from mmcs.settings import Settings
from mmcs.store import Kept, Store
from mmcs.ticket import Attachment


def left(settings: Settings) -> list[str]:
    """Return what is kept of customers' files and of what was found in them."""
    roots = (settings.home / "attachments", settings.cache / "findings", settings.cache / "shown")
    return [str(path) for root in roots for path in root.rglob("*") if path.is_file()]


@pytest.fixture
def desk(fake_settings: Settings) -> Tickets:
    """A desk without a page."""
    return another(fake_settings)


def another(settings: Settings, store: Store | None = None) -> Tickets:
    """Return one more desk with the same home and database."""
    return Tickets(settings, store or Store(settings), Files(settings, b"secret"))


def only(case_files: tuple[Attachment, ...]) -> Attachment:
    """Return the one attachment that there is."""
    (attachment,) = case_files
    return attachment


def test_a_removed_file_is_gone_with_all_that_was_found_in_it(
    fake_settings: Settings, sound: str, image: str
) -> None:
    """After Remove on the page nothing is left of a voice note and a photo: not the files, the
    transcript, the text in the image, the previews, or what triage made of them."""
    with served(fake_settings) as url, connected(url) as wire:
        visitor = Visitor(wire)
        visitor.upload(Path(sound))
        visitor.upload(Path(image))
        list(visitor.draft(LATE))
        hashes = [Path(path).name for path in left(fake_settings) if "attachments" in path]
        assert len(hashes) == 2 and len(left(fake_settings)) >= 6
        features = Features(fake_settings.cache / "features")
        features.put_vectors("model", [(name, np.zeros(3, np.float32)) for name in hashes])
        features.put_vectors("model", [("another", np.zeros(3, np.float32))])
        for name in ("note.wav", "box.png"):
            asked = {
                "fn_index": wire.events["remove"],
                "data": [visitor.page],
                "event_data": {"name": name},
                "session_hash": visitor.session,
            }
            wire.client.post("gradio_api/run/predict", json=asked).raise_for_status()
    assert not left(fake_settings)
    assert list(features.vectors("model", [*hashes, "another"])) == ["another"]


def test_a_file_of_two_tickets_stays_until_both_are_without_it(
    desk: Tickets, fake_settings: Settings, image: str
) -> None:
    """The same bytes are kept once for two owners; the second removal removes them."""
    anna, bob = open_page({}), open_page({})
    for page in (anna, bob):
        case = desk.attach(page, [image])
    photo = only(case.ticket.attachments)
    desk.detach(anna, "box.png")
    assert locate(photo, fake_settings).exists() and len(left(fake_settings)) == 2
    desk.detach(bob, "box.png")
    assert not left(fake_settings)


def test_a_refused_file_leaves_nothing(
    desk: Tickets, fake_settings: Settings, tmp_path: Path
) -> None:
    """A file that cannot be decoded is not kept."""
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    assert desk.attach(open_page({}), [str(bad)]).problems
    assert not left(fake_settings)


def test_what_a_script_asked_about_leaves_nothing(
    fake_settings: Settings, sound: str, image: str
) -> None:
    """When /draft has answered, nothing of the files is kept: no ticket has them."""
    with served(fake_settings) as url:
        client = Client(url, verbose=False)
        case = client.predict(LATE, handle_file(sound), [handle_file(image)], api_name="/draft")
    assert case["evidence"]["transcripts"] and not left(fake_settings)


def test_what_is_found_in_a_file_after_its_removal_is_not_kept(
    desk: Tickets, fake_settings: Settings, sound: str
) -> None:
    """An agent who removes a voice note while it is transcribed leaves no transcript behind."""
    page = open_page({})

    class Removing(fake.FakeTranscriber):
        def transcribe(self, heard: object) -> object:  # type: ignore[override]
            desk.detach(page, "note.wav")
            return super().transcribe(heard)  # type: ignore[arg-type]

    ticket = desk.attach(page, [sound]).ticket
    pipeline = Pipeline(fake_settings, Cast(fake_settings, transcriber=Removing()))
    list(pipeline.find(ticket))
    assert not left(fake_settings)


def test_a_second_desk_loses_nothing_to_a_removal(fake_settings: Settings, image: str) -> None:
    """Wherever between the steps of a removal another desk attaches the same bytes to a ticket of
    its own, that ticket has its file."""
    other, store = another(fake_settings), Store(fake_settings)

    class Meanwhile:
        """Asks the database, and has the other desk attach when the file is moved aside."""

        def __init__(self, page: Page, first: bool) -> None:
            self.page, self.first, self.asked = page, first, 0

        def __call__(self, sha256: str) -> bool:
            self.asked += 1
            if self.asked == 2 and self.first:
                other.attach(self.page, [image])
            had = store.has(sha256)
            if self.asked == 2 and not self.first:
                other.attach(self.page, [image])
            return had

    for first in (True, False):
        page = open_page({})
        photo = keep(Path(image), "image", fake_settings)
        drop(photo.sha256, fake_settings, Meanwhile(page, first))
        assert locate(photo, fake_settings).read_bytes() == Path(image).read_bytes()
        other.detach(page, "box.png")
        assert not left(fake_settings)


def test_a_ticket_that_is_written_after_a_removal_has_its_file(
    fake_settings: Settings, image: str
) -> None:
    """A desk that has kept a file, and is overtaken by a removal before it writes its ticket, keeps
    the file anew."""

    class Overtaken(Store):
        def change(
            self, owner: str, case_id: str, change: Callable[[Kept], Kept], writer: str = ""
        ) -> Kept:
            photo = keep(Path(image), "image", fake_settings)
            drop(photo.sha256, fake_settings, self.has)
            assert not left(fake_settings)
            return super().change(owner, case_id, change, writer)

    page, desk = open_page({}), another(fake_settings, Overtaken(fake_settings))
    photo = only(current(desk.attach(page, [image]).ticket).attachments)
    assert locate(photo, fake_settings).read_bytes() == Path(image).read_bytes()


def test_a_start_removes_what_no_ticket_has_had_for_a_day(
    desk: Tickets, fake_settings: Settings, image: str, sound: str, tmp_path: Path
) -> None:
    """What a crash or the command line has left is removed a day later; a ticket's file, one that
    was moved aside too, and what is newer stay."""
    photo = only(desk.attach(open_page({}), [image]).ticket.attachments)
    note = keep(Path(sound), "audio", fake_settings)
    new = tmp_path / "new.wav"
    new.write_bytes(Path(sound).read_bytes() + b"\0\0")
    fresh = keep(new, "audio", fake_settings)
    place = locate(photo, fake_settings)
    aside = place.with_name(f"{place.name}.0.part")
    place.rename(aside)
    half = fake_settings.cache / "findings" / "ab" / ".half.part"
    half.parent.mkdir(parents=True)
    half.touch()
    long_ago = time.time() - UNUSED_FOR - 60
    for path in (aside, locate(note, fake_settings), half):
        os.utime(path, (long_ago, long_ago))
    store = Store(fake_settings)
    drop_unused(fake_settings, store.attachments(), store.has)
    assert locate(photo, fake_settings).exists() and locate(fresh, fake_settings).exists()
    assert not aside.exists() and not half.exists()
    assert not attachments.is_kept(note, fake_settings)


def test_a_link_to_a_removed_file_leads_nowhere(fake_settings: Settings, image: str) -> None:
    """The page's own link to a photo opens it, and nothing once the photo is removed."""
    with served(fake_settings) as url, connected(url) as wire:
        visitor = Visitor(wire)
        visitor.upload(Path(image))
        store = Store(fake_settings)
        case = store.kept(visitor.page["owner"], visitor.page["case"]).case
        link = Files(fake_settings, store.secret("links")).link(only(case.ticket.attachments))
        assert httpx.get(f"{url}{link}").status_code == 200
        another(fake_settings, store).detach(open_page(visitor.page), "box.png")
        assert httpx.get(f"{url}{link}").status_code in (404, 415)
