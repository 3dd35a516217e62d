"""Ten agents at one desk, as the bench plays them; here on fakes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from desk_pages import served

from mmcs.backends.fake import FakeChat
from mmcs.bench.agents import Agent, agents, visit
from mmcs.bench.served import connected
from mmcs.settings import Settings


def test_agents_draft_beside_each_other(fake_settings: Settings, tmp_path: Path) -> None:
    """Agents who press at the same time all have a draft and see nobody else's ticket; the instant
    drafts are there before the first model's draft is whole."""
    chat = FakeChat("My parcel is late. " * 8, pause=0.1)
    with served(fake_settings, chat=chat) as url, connected(url) as wire:
        outcomes = visit(wire, agents(tmp_path, 3), 0.0)
    assert [outcome.drafted for outcome in outcomes] == [True] * 3
    assert [outcome.strangers for outcome in outcomes] == [0] * 3
    written = [outcome for outcome in outcomes if outcome.by_model]
    assert len(written) >= 2
    assert max(o.instant for o in outcomes) < min(o.whole for o in written)


def test_what_goes_wrong_is_counted(fake_settings: Settings, tmp_path: Path) -> None:
    """A ticket that answers nothing of its own customer is lost; an address that another agent's
    page shows is seen."""
    (agent,) = agents(tmp_path, 1)
    swapped = [replace(agent, address="somebody@example.net"), Agent("Hello?", agent.address)]
    with served(fake_settings) as url, connected(url) as wire:
        outcomes = visit(wire, swapped, 0.0)
    assert [outcome.drafted for outcome in outcomes] == [False, False]
    assert outcomes[0].strangers == 1
