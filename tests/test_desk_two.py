"""Two desks on one database: what either acknowledges stays, and links of one open at the other."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from desk_pages import LATE, served

from mmcs.bench.served import Visitor, connected
from mmcs.desk.files import Files
from mmcs.desk.page import open_page
from mmcs.desk.tickets import Tickets, current
from mmcs.roles import ROLES
from mmcs.settings import Settings
from mmcs.store import Store

if TYPE_CHECKING:
    from postgres import Server

pytest_plugins = ["postgres"]

TIMES = 60


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """A desk on fakes, on an empty database of either kind."""
    desk = Settings(cache=tmp_path / "cache", home=tmp_path / "home", offline=True)
    desk = desk.with_flags(**dict.fromkeys(ROLES, "fake"))
    if request.param == "sqlite":
        return desk
    server: Server = request.getfixturevalue("postgres")
    return replace(desk, database=server.empty_database())


def test_no_acknowledged_write_of_two_desks_is_lost(shared: Settings) -> None:
    """While one desk keeps what is typed in answer and the other what is typed as the message,
    sixty times each on one ticket, each finds its own text right after it was acknowledged."""
    desks = [Tickets(shared, Store(shared), Files(shared, b"secret")) for _ in range(2)]
    page = open_page({})
    desks[0].write(page, LATE)

    def typed(write: Callable[[str], object], read: Callable[[], str]) -> list[str]:
        lost = []
        for number in range(TIMES):
            write(f"{LATE} {number}")
            if read() != f"{LATE} {number}":
                lost.append(f"{number}")
        return lost

    def reply(text: str) -> None:
        desks[0].note_reply(page, text)

    def message(text: str) -> None:
        desks[1].write(page, text)

    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(typed, reply, lambda: desks[0].reply(page))
        other = threads.submit(typed, message, lambda: current(desks[1].case(page).ticket).text)
    assert (one.result(), other.result()) == ([], [])


def test_files_attached_at_two_desks_at_once_are_all_there(shared: Settings, sound: str) -> None:
    """Each keeps a name of its own, by which its sources are told."""
    desks = [Tickets(shared, Store(shared), Files(shared, b"secret")) for _ in range(2)]
    page = open_page({})
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: desks[n % 2].attach(page, [sound]), range(4)))
    names = {a.name for a in desks[0].case(page).ticket.attachments}
    assert names == {"note.wav", "note-2.wav", "note-3.wav", "note-4.wav"}


def test_a_link_of_one_desk_opens_at_the_other(shared: Settings, image: str) -> None:
    """An image that one desk's page shows is shown by the other, also after a restart; a link that
    somebody made up opens at neither."""
    other = replace(shared, cache=shared.cache.with_name("cache of 2"))
    with served(shared) as url, connected(url) as wire:
        anna = Visitor(wire)
        anna.upload(Path(image))
        link = re.findall("attachment/[0-9a-f]+/image/[0-9a-f]+", " ".join(anna.seen))[0]
        assert httpx.get(url + link).status_code == 200
        with served(other) as there:
            assert httpx.get(there + link).status_code == 200
            forged = link.replace(link.split("/")[1], "0" * 32)
            assert httpx.get(there + forged).status_code == 404
    with served(shared) as again:
        assert httpx.get(again + link).status_code == 200
