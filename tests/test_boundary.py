"""What nobody foresaw costs its own part: one sentence with an id, its trace in the log, and the
rest of the ticket and of the batch goes on."""

from __future__ import annotations

import logging
import re
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mmcs.backends import fake
from mmcs.backends.fake import FakeChat
from mmcs.boundary import foreseen
from mmcs.errors import ModelUnavailable, Unforeseen
from mmcs.explanation import Explanation
from mmcs.intake import Request, take
from mmcs.models import Models
from mmcs.pipeline import Pipeline
from mmcs.roles import (
    ROLES,
    ChatMessage,
    ChatOptions,
    Embedder,
    Image,
    Read,
    Role,
    Sound,
    Vectors,
)
from mmcs.settings import Settings
from mmcs.ticket import Case, Evidence, Picture, Reading, Tag, Ticket, Transcript, Triage

LATE = "My parcel with order 48213 is late. Tracking shows no movement. Is it lost?"
SAID = "Parcels without any movement count as lost after some days."  # in no article
SECRET = "the customer's card is 4111 1111"
STAGES: dict[Role, set[str]] = {
    "transcriber": {"transcribe"},
    "reader": {"read"},
    "tagger": {"tag"},
    "captioner": {"tag"},
    "embedder": {"retrieve", "instant"},
    "triager": {"triage"},
    "ranker": {"retrieve"},
    "verifier": {"draft"},
    "chat": {"draft"},
}


class Broken:
    """Plays every role, and each with a bug that quotes the customer."""

    name = "broken"
    images = False
    at_once = 1
    fresh_tokens = 150
    taught = False

    def transcribe(self, sound: Sound) -> Transcript:
        """Fail."""
        raise KeyError(SECRET)

    def read(self, image: Image) -> Reading:
        """Fail."""
        raise RecursionError(SECRET)

    def tag(self, image: Image) -> tuple[Tag, ...]:
        """Fail."""
        raise MemoryError(SECRET)

    def caption(self, image: Image, picture: Picture) -> str:
        """Fail."""
        raise OSError(28, SECRET)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Fail."""
        raise TypeError(SECRET)

    embed_across = embed

    def triage(self, ticket: Ticket, evidence: Evidence) -> Triage:
        """Fail."""
        raise StopIteration(SECRET)

    def rank(self, question: str, passages: Sequence[str]) -> tuple[Read, ...]:
        """Fail."""
        raise LookupError(SECRET)

    def verify(self, claims: Sequence[str], sources: Sequence[str]) -> NDArray[np.float64]:
        """Fail."""
        raise FloatingPointError(SECRET)

    def explain(self, ticket: Ticket, evidence: Evidence, question: str) -> Explanation:
        """Fail."""
        raise ZeroDivisionError(SECRET)

    def chat(
        self, messages: Sequence[ChatMessage], options: ChatOptions
    ) -> Generator[str, None, None]:
        """Yield a word and fail."""
        yield "Your "
        raise UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, SECRET)


class Given(Models):
    """Models of which some are given instead of loaded."""

    def __init__(self, settings: Settings, **given: Any) -> None:
        super().__init__(settings)
        self._given = given

    def get(self, role: Role) -> Any:
        """Return the given model."""
        return self._given.get(role) or super().get(role)


def last_case(pipeline: Pipeline, request: Request) -> Case:
    ticket, problems = take(request, pipeline.settings)
    return list(pipeline.run(ticket, case_id="7", problems=problems))[-1]


@pytest.mark.parametrize("role", ROLES)
def test_a_bug_costs_its_own_part(
    role: Role,
    fake_settings: Settings,
    sound: str,
    image: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever breaks in a model, the Case has a Problem with an id, the log has that id with the
    trace and the ticket, and neither quotes the customer; all other parts are there."""
    pipeline = Pipeline(
        fake_settings, Given(fake_settings, **{"chat": FakeChat(SAID), role: Broken()})
    )
    case = last_case(pipeline, Request("", LATE, (sound,), (image,)))
    assert {problem.stage for problem in case.problems} == STAGES[role]
    for problem in case.problems:
        (found,) = re.findall(r"\b[0-9a-f]{8}\b", problem.message)
        (told,) = [r.getMessage() for r in caplog.records if found in r.getMessage()]
        assert "'7'" in told and "test_boundary.py" in told
        assert SECRET not in problem.message + told
    done = {"transcribe", "read", "tag", "entities", "triage", "retrieve", "instant"}
    assert done - STAGES[role] <= case.seconds.keys()
    assert (case.draft is None) == (role == "embedder")
    assert bool(case.evidence.transcripts) == (role != "transcriber")
    assert bool(case.triage) == (role != "triager")


def test_a_bug_where_it_is_asked_why_is_a_sentence(fake_settings: Settings) -> None:
    """Whoever filed a ticket and breaks when it is to say why costs that answer alone."""
    pipeline = Pipeline(fake_settings, Given(fake_settings, triager=Broken()))
    with pytest.raises(Unforeseen, match=r"nobody foresaw.* [0-9a-f]{8},"):
        pipeline.explain(Case("7", Ticket(())), "category")


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_whoever_stops_a_run_is_obeyed(stop: type[BaseException]) -> None:
    """Ctrl-C, an exit and a closed generator are no failures: they pass."""
    with pytest.raises(stop), foreseen():
        raise stop


def test_what_is_meant_for_people_passes_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    """An error that somebody has worded keeps its words, and the log stays empty."""
    with pytest.raises(ModelUnavailable, match="It is away."), foreseen():
        raise ModelUnavailable("It is away.")
    assert not caplog.records


def test_the_log_names_the_whole_chain_of_errors(caplog: pytest.LogCaptureFixture) -> None:
    """The cause behind an error is told too, by its type and frames alone."""
    caplog.set_level(logging.ERROR)
    with pytest.raises(Unforeseen), foreseen("8\nforged line"):
        try:
            int(SECRET)
        except ValueError as error:
            raise KeyError(SECRET) from error
    (record,) = caplog.records
    told = record.getMessage()
    assert "ValueError" in told and "KeyError" in told and "in test_the_log" in told
    assert SECRET not in told and "\nforged" not in told


def test_a_model_whose_loading_breaks_gives_way(
    fake_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug while a model loads counts as a model that can't be had: its state says failed, and the
    tickets go on without it."""

    def broken(settings: Settings) -> Embedder:
        raise ZeroDivisionError(SECRET)

    monkeypatch.setattr(fake, "reader", broken)
    models = Models(replace(fake_settings, cache=fake_settings.cache / "other"))
    models.settle("reader")
    assert models.state("reader").phase == "ready"  # the embedded one stepped in
    assert [(p.stage, SECRET in p.message) for p in models.problems] == [("reader", False)]
