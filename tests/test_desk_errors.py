"""Whatever is sent to the desk, and whatever goes wrong in it, is answered with a sentence."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import gradio as gr
import httpx
import pytest
from desk_pages import LATE, served

from mmcs.desk.page import open_page
from mmcs.desk.sentences import NOT_UNDERSTOOD, Desk
from mmcs.desk.texts import EN, translated
from mmcs.errors import StoreError
from mmcs.roles import ROLES
from mmcs.settings import Settings
from mmcs.ticket import Case, from_json

SECRET = "the customer's card is 4111 1111"
PAGE = open_page({}).to_json()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a desk on fakes."""
    folder = tmp_path_factory.mktemp("desk")
    settings = Settings(cache=folder / "cache", home=folder / "home", offline=True)
    with served(settings.with_flags(**dict.fromkeys(ROLES, "fake"))) as url:
        yield url


@pytest.fixture(scope="module")
def events(desk: str) -> dict[str, Any]:
    """The page's events by the name of the action."""
    dependencies = httpx.get(f"{desk}config").json()["dependencies"]
    return {each["api_name"]: each for each in dependencies}


def sent(desk: str, event: dict[str, Any], data: Any, carried: Any = None) -> tuple[int, Any]:
    """Send an event that does not queue; return status and answer."""
    body = {
        "data": data,
        "event_data": carried,
        "fn_index": event["id"],
        "session_hash": "tests",
        "trigger_id": event["targets"][0][0],
    }
    answer = httpx.post(
        f"{desk}gradio_api/run/{event['api_name']}",
        content=json.dumps(body),
        headers={"content-type": "application/json"},
        timeout=60,
    )
    return answer.status_code, answer.json()


def drafted(desk: str, data: Any) -> Any:
    """Ask /draft through the queue, as gradio_client does; return what came last."""
    event = {e["api_name"]: e for e in httpx.get(f"{desk}config").json()["dependencies"]}["draft"]
    body = {"data": data, "fn_index": event["id"], "session_hash": "scripts"}
    joined = httpx.post(
        f"{desk}gradio_api/queue/join",
        content=json.dumps(body),
        headers={"content-type": "application/json"},
        timeout=60,
    )
    if joined.status_code != 200:
        return joined.json()
    with httpx.stream(
        "GET", f"{desk}gradio_api/queue/data", params={"session_hash": "scripts"}, timeout=60
    ) as told:
        for line in told.iter_lines():
            said = json.loads(line.removeprefix("data: ")) if line.startswith("data:") else {}
            if said.get("msg") == "process_completed":
                return said["output"]
    return None


def assert_sentence(answer: Any) -> None:
    """Fail unless an answer is one plain sentence for people."""
    said = answer["error"]
    assert isinstance(said, str) and re.fullmatch(r"[A-Z].*\.", said), answer
    assert not re.search("Error|Exception|pydantic|dict|tuple|NoneType", said), said


# --- events of the page ---

CARRYING = {
    "speak": {"language": "zh"},
    "open": {"id": "0" * 12},
    "try_sample": {"id": "late-parcel"},
    "remove": {"name": "a.png"},
    "edit": {"edit": "segment", "attachment": "a.wav", "number": "0", "text": "late"},
    "file": {"question": "urgency", "label": "high"},
    "ask": {"question": "category"},
    "type": {"box": "reply", "text": "Hi", "case": "0" * 12, "answers": "0", "mark": "1"},
}
WRONG: dict[str, tuple[Any, ...]] = {
    "language": ([], {}, None, 3, "fr", "\ud83d"),
    "id": ([], {}, None, 3, "n" * 30_000),
    "name": ([], {}, None, 3),
    "box": ([], None, "note", "__init__"),
    "case": ([], None, "²" * 12, "0" * 11, "0" * 13),
    "answers": ("²", "-1", "1e3", [], None, "9" * 5000, "0x1"),
    "mark": ([], None, "n" * 100),
    "question": ([], {}, None, "language", "__class__"),
    "label": ([], {}, None, 5),
    "edit": ([], None, "__init__"),
    "attachment": ([], None),
    "number": ("²", [], None, "9" * 400, -1, 0.5),
    "text": ([], None, "n" * 300_000),
}


@pytest.mark.parametrize("name", CARRYING)
def test_a_malformed_event_gets_a_sentence(name: str, desk: str, events: dict[str, Any]) -> None:
    """Values of another type, missing ones and no mapping at all: the page is told to reload."""
    whole = CARRYING[name]
    assert sent(desk, events[name], [PAGE], whole)[0] == 200
    odd: list[Any] = [None, 7, "text", [], list(whole), True, {}, [whole]]
    odd += [{**whole, key: value} for key in whole for value in WRONG[key]]
    odd += [{k: v for k, v in whole.items() if k != key} for key in whole]
    for carried in odd:
        status, answer = sent(desk, events[name], [PAGE], carried)
        assert status == 500, carried
        assert_sentence(answer)


def test_a_page_that_remembers_nonsense_is_a_new_one(desk: str, events: dict[str, Any]) -> None:
    """What a browser should not have kept, and half a character in what is typed, break nothing."""
    odd: list[Any] = [None, 7, [], "x", {"owner": []}, {"language": {}}, {"case": "²" * 12}]
    for remembered in odd:
        assert sent(desk, events["tick"], [remembered])[0] == 200
        assert sent(desk, events["type"], [remembered], CARRYING["type"])[0] == 200
    page = open_page({}).to_json()
    typed = {**CARRYING["type"], "box": "message", "text": f"{LATE} \ud83d", "case": page["case"]}
    assert sent(desk, events["type"], [page], typed)[0] == 200
    status, answer = sent(desk, events["load"], [page])
    assert status == 200 and f"{LATE} \ufffd" in json.dumps(answer, ensure_ascii=False)


@pytest.mark.parametrize("data", [[], None, 5, {}, [PAGE, LATE, LATE]])
def test_the_wrong_number_of_values_gets_an_answer(
    data: Any, desk: str, events: dict[str, Any]
) -> None:
    """Too few or too many values, or none, are no bare error."""
    status, answer = sent(desk, events["send"], data)
    if status == 500:
        assert_sentence(answer)
    assert answer != {"error": None}


@pytest.mark.parametrize("text", ["", "   ", None])
def test_an_empty_send_gets_a_sentence(text: Any, desk: str, events: dict[str, Any]) -> None:
    """Nothing typed is said so, on a ticket and on none."""
    for page in (PAGE, open_page({}).to_json()):
        status, answer = sent(desk, events["send"], [page, text])
        assert status == 500 and answer["error"] == EN.nothing_to_send


# --- /draft ---


@pytest.mark.parametrize(
    "data",
    [
        [5, None, None],
        [["a"], None, None],
        [{"text": "a"}, None, None],
        [LATE, 3, None],
        [LATE, "a.wav", None],
        [LATE, [["a.wav"]], None],
        [LATE, [{"path": [], "meta": {"_type": "gradio.FileData"}}], None],
        [LATE, None, [{"path": "/nowhere/a.png", "meta": {"_type": "gradio.FileData"}}]],
        [LATE, None, [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}]],
        [LATE, None, [{"path": "x\0", "meta": {"_type": "gradio.FileData"}}]],
        [LATE, None, [None]],
        [LATE, None, [{}]],
        [LATE],
        [],
    ],
    ids=str,
)
def test_wrong_arguments_get_a_sentence(data: Any, desk: str) -> None:
    """A number for a text, lists in lists, a file that is not there or was never uploaded, too few
    arguments: the script is told what to send."""
    assert_sentence(drafted(desk, data))


@pytest.mark.parametrize("data", [None, 5, "x", {"a": 1}])
def test_what_is_no_list_of_arguments_is_refused(data: Any, desk: str) -> None:
    """The answer says what is wrong with the request."""
    answer = drafted(desk, data)
    assert answer and answer != {"error": None}


def test_odd_texts_are_drafted(desk: str) -> None:
    """Nothing at all is a Case that says so; half a character costs that character; a text past
    the limit is answered as far as it goes."""
    cases = [
        from_json(Case, drafted(desk, [text, None, None])["data"][0])
        for text in (None, "", f"{LATE} \ud83d", LATE + " late" * 100_000)
    ]
    assert [bool(case.draft) for case in cases] == [False, False, True, True]
    assert [len(case.problems) for case in cases] == [1, 1, 0, 1]
    assert cases[2].ticket.customer_text == f"{LATE} \ufffd"


# --- what nobody foresaw ---


def broken(page: object) -> None:
    raise KeyError(SECRET)


async def breaking_off(page: object) -> AsyncIterator[str]:
    yield "a"
    raise RecursionError(SECRET)


def refused(page: object) -> None:
    raise StoreError("This ticket is no longer there.")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_bug_of_an_action_is_a_sentence_with_an_id(
    language: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """On the page, in its language, also from a generator; the log has the id and the trace, and
    nothing prints the exception's words."""
    with Desk() as blocks:
        page, shown = gr.JSON(), gr.Textbox()
        for action in (broken, breaking_off, refused):
            gr.Button().click(action, [page], [shown] if action is breaking_off else None)

    async def run(number: int) -> str:
        iterator = None
        with pytest.raises(gr.Error) as told:
            for _ in range(3):
                answer = await blocks.process_api(
                    number, [{"language": language}], iterator=iterator
                )
                iterator = answer["iterator"]
        assert not told.value.print_exception
        return str(told.value.message)

    for number in (0, 1):
        said = asyncio.run(run(number))
        (found,) = re.findall(r"\b[0-9a-f]{8}\b", said)
        (record,) = [r.getMessage() for r in caplog.records if found in r.getMessage()]
        assert "test_desk_errors.py" in record and SECRET not in record + said
        assert ("nobody foresaw" in said) == (language == "en")
    assert asyncio.run(run(2)) == translated("This ticket is no longer there.", language)
    assert SECRET not in "".join(capfd.readouterr())


@pytest.mark.parametrize("path", ["queue/join", "run/draft"])
@pytest.mark.parametrize(
    "body",
    [
        '{"data": "%s \\ud800", "fn_index": 1, "session_hash": "z"}',
        '{"data": {"text": "%s", "n": 1e999}, "fn_index": 1, "session_hash": "z"}',
        '["%s", NaN]',
        '{"data": 5, "card": "%s"}',
    ],
)
def test_a_body_that_is_not_taken_is_quoted_nowhere(
    desk: str, path: str, body: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A request that no event can read gets the sentence; its words are in no answer and no log."""
    answer = httpx.post(
        f"{desk}gradio_api/{path}",
        content=body % SECRET,
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 422
    assert answer.json()["detail"] == NOT_UNDERSTOOD
    assert SECRET not in answer.text + "".join(capfd.readouterr())
