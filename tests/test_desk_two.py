"""Two desks on one database: what either acknowledges stays, and links of one open at the other."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from desk_pages import LATE, served

from mmcs.bench.served import Visitor, connected
from mmcs.database import BUSY
from mmcs.desk.files import Files
from mmcs.desk.page import open_page
from mmcs.desk.tickets import Tickets
from mmcs.desk.typed import current
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
    desks[0].type(page, "message", LATE)

    def typed(write: Callable[[str], object], read: Callable[[], str]) -> list[str]:
        lost = []
        for number in range(TIMES):
            write(f"{LATE} {number}")
            if read() != f"{LATE} {number}":
                lost.append(f"{number}")
        return lost

    def reply(text: str) -> None:
        desks[0].type(page, "reply", text)

    def message(text: str) -> None:
        desks[1].type(page, "message", text)

    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(typed, reply, lambda: desks[0].kept(page).reply)
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


def test_a_locked_database_freezes_nobody(tmp_path: Path) -> None:
    """While another program holds it, whoever writes reads a plain sentence, each of many at once;
    pages open meanwhile, and one that looks for changes is not bothered. After it, all works."""
    desk = Settings(cache=tmp_path / "cache", home=tmp_path / "home", offline=True)
    desk = desk.with_flags(**dict.fromkeys(ROLES, "fake"))
    with served(desk) as url, connected(url) as wire:
        agents = [Visitor(wire) for _ in range(12)]
        for agent in agents:
            agent.type("message", LATE)

        def write(agent: Visitor) -> str:
            try:
                agent.type("reply", "Dear customer")
            except httpx.HTTPStatusError as refused:
                return str(refused.response.json()["error"])
            return ""

        with closing(sqlite3.connect(desk.home / "desk.sqlite")) as somebody:
            somebody.isolation_level = None
            somebody.execute("BEGIN IMMEDIATE")
            with ThreadPoolExecutor(12) as threads:
                told = [threads.submit(write, agent) for agent in agents]
                assert LATE in str(agents[0].call("load", agents[0].page))
                agents[1].call("look", agents[1].page)
            assert {one.result() for one in told} == {BUSY}
            somebody.execute("ROLLBACK")
        assert [write(agent) for agent in agents] == [""] * 12
