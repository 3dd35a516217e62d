"""What agents correct teaches the desk: kept in the Case, learned from, used if it is better, and
taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmcs import cli
from mmcs.backends.fake import FakeEmbedder
from mmcs.domain import open_domain
from mmcs.pipeline import Pipeline
from mmcs.settings import ASSETS, Settings
from mmcs.store import Store
from mmcs.ticket import Case, Message, Ticket, Triage, Verdict
from mmcs.training.triage_desk import is_held_out, labels_of
from mmcs.triage.checkpoint import Checkpoint, Recipe, load
from mmcs.triage.features import Features, Scale, Table
from mmcs.triage.gather import Encoders, embedded
from mmcs.triage.judge import judge
from mmcs.triage.nets import Shape, build
from mmcs.triage.shelf import current, put, take_back

LABELS = tuple(c.label for c in open_domain(ASSETS / "domains" / "retail").categories)
SURE = Verdict("normal", 0.9)


def triage(label: str) -> Triage:
    return Triage(Verdict(label, 0.4), SURE, Verdict("neutral", 0.9), Verdict("en", 1.0), "a net")


def untaught() -> Checkpoint:
    """Return a net for the shop's categories that has learned nothing."""
    widths = (128, 0, 0)
    shape = Shape("late", widths, {"category": LABELS}, hidden=32)
    scale = Scale(
        tuple(np.zeros(width, np.float32) for width in widths),
        tuple(np.full(width, 0.2, np.float32) for width in widths),
    )
    torch.manual_seed(1)
    shares = tuple(1 / len(LABELS) for _ in LABELS)
    recipe = Recipe(shape, "fake v1", {}, {"category": shares}, 9, "x.jsonl", 3)
    return Checkpoint(build(shape).eval(), scale, recipe)


def test_the_agents_verdict_outlives_the_models() -> None:
    """A question that the agent decided keeps their label when the models judge again; the others
    get the models' new one."""
    corrected = triage("other").corrected_to("category", "returns")
    assert corrected.category == Verdict("returns", 1.0)
    again = triage("delivery").after(corrected)
    assert again.category == Verdict("returns", 1.0)
    assert again.corrected == ("category",)
    assert again.urgency == SURE
    assert triage("delivery").after(None) == triage("delivery")


def test_the_way_keeps_what_the_agent_decided(fake_pipeline: Pipeline) -> None:
    """Drafted again, a ticket stays where the agent put it, and the draft is made for it."""
    ticket = Ticket((Message("customer", "Where is my parcel?"),))
    decided = triage("other").corrected_to("category", "returns")
    *_, case = fake_pipeline.find(ticket, decided=decided)
    assert case.triage is not None
    assert case.triage.category == Verdict("returns", 1.0)
    assert case.triage.urgency.confidence == 0.7  # the fake's


def test_what_counts_as_confirmed() -> None:
    """Of an open ticket, what the agent corrected; of an answered one also what they let stand."""
    corrected = triage("other").corrected_to("urgency", "urgent")
    still_open = Case("1", Ticket(()), triage=corrected)
    assert labels_of(still_open) == {"urgency": "urgent"}
    answered = replace(still_open, ticket=Ticket((), status="answered"))
    assert labels_of(answered) == {"category": "other", "urgency": "urgent", "sentiment": "neutral"}
    assert labels_of(Case("2", Ticket(()))) == {}


def test_the_net_in_use_is_the_last_and_can_be_taken_back(fake_settings: Settings) -> None:
    """The shipped one, then the desk's own, one after the other, and back again; a number is never
    used twice."""
    shipped = current(fake_settings)
    first, second = put(untaught(), fake_settings), put(untaught(), fake_settings)
    assert current(fake_settings) == second != first
    assert take_back(fake_settings) == first
    third = put(untaught(), fake_settings)
    assert third.stem == "0003"
    take_back(fake_settings)
    assert take_back(fake_settings) == shipped


WORDS = {"delivery": "lost", "returns": "refund", "payment": "charged", "account": "login"}


def fill(settings: Settings, count: int, label_of: Callable[[str, str], str] | None = None) -> None:
    """Keep tickets in the desk, each corrected by an agent; ``label_of`` gets its id and text."""
    store = Store(settings)
    for number in range(count):
        label, word = list(WORDS.items())[number % len(WORDS)]
        text = f"It is about {word} again, number {number}"
        case = Case(f"{number:012x}", Ticket((Message("customer", text),)), triage=triage("other"))
        if label_of is not None:
            label = label_of(case.id, text)
        assert case.triage is not None
        store.keep("agent", replace(case, triage=case.triage.corrected_to("category", label)))


@pytest.fixture
def taught(
    fake_settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    """Run ``train triage`` with arguments, and return what it printed."""
    for name, value in fake_settings.for_child().items():
        if name.startswith("MMCS_"):
            monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Any:
        status = cli.main(["train", "triage", *arguments, "--json"])
        printed = capsys.readouterr()
        return json.loads(printed.out) if status == 0 else (status, printed.err)

    return run


def test_corrections_make_a_better_net(fake_settings: Settings, taught: Any) -> None:
    """A net that knows nothing learns from eighty corrected tickets what the others of them are, is
    used from then on, and can be taken back."""
    put(untaught(), fake_settings)
    fill(fake_settings, 80)
    report = taught("--from-desk")
    assert (report["tickets"], report["corrected"]) == (80, 80)
    assert 10 <= report["held_out"] <= 30
    assert report["before"] < 0.4 < report["after"]
    assert report["used"] == str(current(fake_settings))
    assert Path(report["used"]).stem == "0002"
    assert "tickets of the desk" in load(current(fake_settings)).recipe.data
    assert Path(taught("--take-back")["used"]).stem == "0001"


def test_a_net_that_is_not_better_is_not_used(fake_settings: Settings, taught: Any) -> None:
    """Of the tickets held out the net in use is right already; what the others teach is wrong for
    them. It stays."""
    net = untaught()
    file = put(net, fake_settings)

    def label_of(case_id: str, text: str) -> str:
        features = Features(embedded([text], Encoders(FakeEmbedder()))[0])
        own = judge(net, Table.of([features])).best("category")[0]
        others = [label for label in LABELS if label != own]
        return own if is_held_out(case_id) else others[0]

    fill(fake_settings, 80, label_of)
    report = taught("--from-desk")
    assert report["before"] == 1.0 > report["after"]
    assert current(fake_settings) == file


def test_what_is_lacking_is_told(fake_settings: Settings, taught: Any) -> None:
    """Too few tickets, no net to take back, and no or two ways to train are one sentence each."""
    fill(fake_settings, 5)
    status, words = taught("--from-desk")
    assert status == 1 and "5 tickets" in words
    status, words = taught("--take-back")
    assert status == 1 and "no net of its own" in words
    for arguments in ((), ("--from-desk", "--take-back")):
        status, words = taught(*arguments)
        assert status == 2 and "--from-desk" in words
