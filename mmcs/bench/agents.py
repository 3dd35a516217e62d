"""Ten agents at one desk, each with a draft every two minutes: how long they wait, and whether any
draft is lost or seen by another."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mmcs.bench import standard
from mmcs.bench.figures import Figure
from mmcs.bench.served import Visitor, Wire, connected, started
from mmcs.settings import Settings

AGENTS = 10
EVERY = 120.0  # seconds between two drafts of one agent
WITH_SOUND, WITH_IMAGE = (2, 7), (4, 9)  # which agents' customers send one
OFFERED = 'data-act="use"'  # a draft on the page
SECOND = 'class="draft" data-pane="1"'  # the one that was not chosen, the articles' or the model's
LOOK = 0.5  # seconds between two looks at the models


@dataclass(frozen=True)
class Agent:
    """What an agent's customer sent. Nobody else has the address; the page shows it as found."""

    message: str
    address: str
    files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What came of one ticket, in seconds from the press."""

    instant: float
    whole: float
    drafted: bool  # the page still has a draft when it is opened anew
    by_model: bool  # the language model had its turn, and drafted
    strangers: int  # other agents' customers whose address was seen


def measure_agents(settings: Settings, folder: Path, number: int = AGENTS) -> list[Figure]:
    """Start the desk and let agents draft.

    Args:
        settings: the desk's; its tickets are kept in ``folder``.
        folder: where files may be written.
        number: of agents; they come as far apart as ten do.

    Raises:
        MMCSError: the desk did not start.
    """
    database = f"sqlite:///{folder / 'agents.db'}"
    with started(replace(settings, database=database)) as url, connected(url) as wire:
        _wait_for_models(wire)
        outcomes = visit(wire, agents(folder, number), EVERY / AGENTS)
    instants = [outcome.instant for outcome in outcomes]
    wholes = [outcome.whole for outcome in outcomes]
    lost = sum(not outcome.drafted for outcome in outcomes)
    strangers = sum(outcome.strangers for outcome in outcomes)
    by_model = sum(outcome.by_model for outcome in outcomes)
    who = f"{number} agents, a draft each {EVERY:g} s"
    return [
        Figure(f"{who}: instant draft, p95", _p95(instants), "s", 20),
        Figure(f"{who}: final draft, p95", _p95(wholes), "s"),
        Figure(f"{who}: drafts that the model wrote", by_model, "drafts"),
        Figure(f"{who}: drafts lost", lost, "drafts", 0),
        Figure(f"{who}: other agents' tickets seen", strangers, "tickets", 0),
    ]


def agents(folder: Path, number: int) -> list[Agent]:
    """Return different tickets, some with the standard sound or screenshot."""
    found = []
    for n in range(number):
        sound, image = standard.write_case(folder, n)
        files = [path for path, whose in ((sound, WITH_SOUND), (image, WITH_IMAGE)) if n in whose]
        address = f"customer-{n}@example.net"
        message = f"{standard.MESSAGES[n % len(standard.MESSAGES)]} Please write to {address}."
        found.append(Agent(message, address, tuple(files)))
    return found


def visit(wire: Wire, everybody: Sequence[Agent], apart: float) -> list[Outcome]:
    """Let each agent draft on a page of their own, one after another by so many seconds."""
    begun = time.monotonic()

    def draft(number: int) -> Outcome:
        time.sleep(max(0.0, begun + number * apart - time.monotonic()))
        agent = everybody[number]
        return _draft(wire, agent, [a.address for a in everybody if a is not agent])

    with ThreadPoolExecutor(len(everybody)) as threads:
        return list(threads.map(draft, range(len(everybody))))


def _draft(wire: Wire, agent: Agent, others: Sequence[str] = ()) -> Outcome:
    """Do as the page does from the press of Draft on; then open it anew."""
    visitor = Visitor(wire)
    for path in agent.files:
        visitor.upload(path)
    begun = time.perf_counter()
    instant = 0.0
    for told in visitor.draft(agent.message):
        if not instant and OFFERED in str(told.get("output")):
            instant = time.perf_counter() - begun
    whole = time.perf_counter() - begun
    instant = instant or whole
    anew = Visitor(wire, visitor.page)
    page = str(anew.call("load", visitor.page))
    seen = "".join((*visitor.seen, *anew.seen))
    return Outcome(
        instant,
        whole,
        drafted=OFFERED in page and agent.address in page,
        by_model=SECOND in page,
        strangers=sum(address in seen for address in others),
    )


def _wait_for_models(wire: Wire) -> None:
    """Return when every model is loaded and has been used once."""
    page = Visitor(wire)
    while page.call("tick", page.page)[1]["active"]:
        time.sleep(LOOK)
    _draft(wire, Agent(standard.MESSAGES[0], ""))


def _p95(seconds: Sequence[float]) -> float:
    return float(np.percentile(seconds, 95))
