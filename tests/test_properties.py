"""What holds for everything that may enter, and not for the examples alone that somebody thought
of. Hypothesis makes the values, the same ones each time."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from desk_pages import desk_of
from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis.strategies import SearchStrategy
from media_files import corners, encoded

from mmcs.attachments import MAX_NAME, keep, safe_name
from mmcs.desk import build
from mmcs.desk.files import Files
from mmcs.desk.page import open_page
from mmcs.errors import BadInput
from mmcs.intake import read_batch, take, unused_name
from mmcs.models import Models
from mmcs.pipeline import Pipeline
from mmcs.roles import ROLES
from mmcs.settings import Settings
from mmcs.store import Store
from mmcs.ticket import Case, from_json, to_json
from mmcs.wellformed import well_formed

few = settings(max_examples=60, derandomize=True, deadline=None, database=None)
many = settings(few, max_examples=300)

TEXTS: SearchStrategy[str] = some.text(some.characters(), max_size=40)  # with halves of characters
PLAIN: SearchStrategy[Any] = some.none() | some.booleans() | some.integers() | some.floats() | TEXTS
VALUES = some.recursive(
    PLAIN, lambda inner: some.lists(inner, max_size=4) | some.dictionaries(TEXTS, inner, max_size=4)
)
KEYS = some.sampled_from(["id", "text", "audio", "images", "fault", "ID"])
LINES: SearchStrategy[str] = (
    some.dictionaries(KEYS, VALUES, max_size=5).map(json.dumps)
    | some.dictionaries(KEYS, TEXTS | some.lists(TEXTS, max_size=3)).map(json.dumps)
    | VALUES.map(json.dumps)
    | some.text(some.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"))
)
NAMES = some.text(some.characters(exclude_characters="/\0"), min_size=1, max_size=90).filter(
    lambda name: name not in {".", ".."} and on_disk(name)
)


def on_disk(name: str) -> bool:
    try:
        return len(os.fsencode(name)) <= 255
    except UnicodeEncodeError:  # half a character that stands for no byte
        return False


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all the examples of this module."""
    return tmp_path_factory.mktemp("properties")


@pytest.fixture(scope="module")
def on_fakes(folder: Path) -> Settings:
    """Every role played by its fake."""
    plain = Settings(cache=folder / "cache", home=folder / "home", offline=True)
    return plain.with_flags(**dict.fromkeys(ROLES, "fake"))


@pytest.fixture(scope="module")
def pipeline(on_fakes: Settings) -> Pipeline:
    """One desk for all the examples."""
    return Pipeline(on_fakes, Models(on_fakes))


@pytest.fixture(scope="module")
def blocks(on_fakes: Settings) -> gr.Blocks:
    """The page's events, not served."""
    return build(desk_of(on_fakes), Store(on_fakes), Files(on_fakes, b"secret"))


def assert_told(case: Case) -> None:
    """Fail unless a Case is one of the contract, and each Problem of it was foreseen."""
    assert from_json(Case, json.loads(json.dumps(to_json(case)))) == case
    assert case.draft or case.problems
    for problem in case.problems:
        assert problem.message.endswith(".") and "foresaw" not in problem.message


@few
@given(some.lists(LINES, max_size=4))
def test_every_line_gets_its_case(pipeline: Pipeline, folder: Path, lines: list[str]) -> None:
    """As many Cases as lines that are not blank, in their order, each with the draft or a sentence
    that says why there is none."""
    path = folder / "batch.jsonl"
    path.write_text("\n".join(lines), "utf-8")
    requests = list(read_batch(path))
    assert len(requests) == sum(bool(line.lstrip("\ufeff").strip()) for line in lines)
    for request in requests:
        ticket, problems = take(request, pipeline.settings)
        *_, case = pipeline.run(ticket, case_id=request.id, problems=problems)
        assert case.id == request.id
        assert_told(case)


@many
@given(some.binary(max_size=200))
def test_any_bytes_are_a_batch_or_are_refused(folder: Path, content: bytes) -> None:
    """What is no text is refused in a sentence; of anything else each line is a ticket or has a
    fault."""
    path = folder / "bytes.jsonl"
    path.write_bytes(content)
    try:
        requests = list(read_batch(path))
    except BadInput as error:
        assert "bytes.jsonl" in str(error)
    else:
        assert all(request.fault.endswith(".") for request in requests if request.fault)


@many
@given(some.text())
def test_a_name_can_be_shown(name: str) -> None:
    """Whatever a file is called, its shown name is short, printable, never empty, has no folders,
    and stays as it is when it is made safe again."""
    shown = safe_name(name)
    assert 0 < len(shown) <= MAX_NAME and shown.isprintable() and shown.encode()
    assert "/" not in shown and "\\" not in shown and shown not in {".", ".."}
    assert safe_name(shown) == shown
    again = unused_name(shown, {shown})
    assert again != shown and again.isprintable()


@few
@given(NAMES)
def test_a_file_of_any_name_is_kept(on_fakes: Settings, folder: Path, name: str) -> None:
    """Every name that a disk takes is a file that can be sent."""
    path = folder / "files" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(encoded(corners(), "PNG"))
    kept = keep(path, "image", on_fakes)
    path.unlink()
    assert kept.name == safe_name(name)


@many
@given(some.text() | some.text(some.sampled_from("a\ud83d\ude00\U0001f600")))
def test_a_well_formed_text_stays_as_it_is(text: str) -> None:
    """Only halves of characters change, and the result can be encoded."""
    once = well_formed(text)
    once.encode()
    assert well_formed(once) == once
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    assert once == text


def answered(blocks: gr.Blocks, name: str, data: Any, carried: Any = None) -> Any:
    """Send values to an event, as the page or a script would; return what comes back, or the
    sentence."""
    (number,) = [key for key, fn in blocks.fns.items() if fn.api_name == name]
    event = gr.EventData(None, json.loads(json.dumps(carried)))
    asked = gr.Request(headers={}, session_hash="properties")
    try:
        answer = asyncio.run(blocks.process_api(number, data, request=asked, event_data=event))
    except gr.Error as error:
        assert error.message.endswith(".") and not error.print_exception
        assert not any(told in error.message for told in ("foresaw", "没有预料到"))
        return error.message
    return answer["data"]


@few
@given(some.lists(VALUES, max_size=4) | some.tuples(TEXTS, some.none(), some.none()).map(list))
def test_draft_answers_any_arguments(blocks: gr.Blocks, data: list[Any]) -> None:
    """A Case of the contract, or a sentence."""
    answer = answered(blocks, "draft", json.loads(json.dumps(data)))
    if not isinstance(answer, str):
        assert_told(from_json(Case, answer[0].root))


EVENTS = ["speak", "open", "try_sample", "remove", "edit", "file", "ask", "type"]
NAMED = some.sampled_from(
    "language id name edit attachment number text question label box case answers mark".split()
)


@pytest.mark.parametrize("name", EVENTS)
@settings(few, max_examples=25)
@given(some.dictionaries(NAMED, VALUES, max_size=5) | VALUES)
def test_an_event_may_carry_anything(blocks: gr.Blocks, name: str, carried: Any) -> None:
    """The page is drawn, or a sentence says to reload it."""
    answered(blocks, name, [open_page({}).to_json()], carried)


@settings(few, max_examples=15)
@given(VALUES, VALUES)
def test_a_page_may_remember_anything(blocks: gr.Blocks, remembered: Any, reply: Any) -> None:
    """What the browser keeps and what is typed may be anything."""
    data = json.loads(json.dumps([remembered, reply]))
    typed = {"box": "message", "text": "Hi", "case": "0" * 12, "answers": 0, "mark": 1}
    answered(blocks, "type", data[:1], typed)
    answered(blocks, "send", data)
    answered(blocks, "load", data[:1])
