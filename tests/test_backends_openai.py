"""Model servers that we did not write (llama.cpp's own, and transformers serve) keep the contract
of every language model; what goes wrong at a server is played by a FakeServer."""

from __future__ import annotations

import base64
import io
import json
import logging
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import xllamacpp
from PIL import Image as Pillow
from test_backends_chat import (  # noqa: F401  # the contract, run on the models of this file
    HELLO,
    INJECTED,
    STORY,
    test_an_empty_conversation_is_no_error,
    test_chinese_comes_and_goes_whole,
    test_closing_stops_it,
    test_closing_stops_the_computing,
    test_control_tokens_are_harmless_text,
    test_it_has_a_name,
    test_it_keeps_to_max_tokens,
    test_it_streams_text,
    test_odd_line_ends_do_not_cut_the_stream,
    test_stop_ends_the_reply_before_it,
    test_two_calls_do_not_mix,
    written,
)
from tokenizers import Tokenizer, decoders, models
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from mmcs import roles, weights
from mmcs.backends._openai.content import UNSEEN, defused, turns
from mmcs.backends._openai.failures import Failure
from mmcs.backends._openai.line import HEADERS, Server, servers_at
from mmcs.backends._openai.servers import LEFT_OUT, Servers
from mmcs.backends.llama_cpp import _params
from mmcs.backends.openai_api import AT_ONCE, OpenAIChat
from mmcs.errors import ModelUnavailable, OverLimit
from mmcs.roles import ChatMessage, ChatOptions
from mmcs.settings import Settings
from mmcs.ticket import Picture

KEY = "sk-very-secret-4711"
HUMAN = (ChatMessage("user", "Where is my parcel?"),)
LONG = 20.0  # seconds; what takes longer is stuck


# --- servers that we did not write ---


@dataclass(frozen=True)
class Running:
    """A model server, and how to ask it."""

    address: str
    model: str = ""
    key: str = ""

    @property
    def settings(self) -> Settings:
        """The settings that choose it."""
        return Settings(openai_url=self.address, openai_model=self.model, openai_key=self.key)

    def prompt_tokens(self, content: object) -> int:
        """Return how many tokens the server reads, asked without our client."""
        asked = {
            "model": self.model,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": 1,
        }
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        url = f"{self.address}/chat/completions"
        answer = httpx.post(url, json=asked, headers=headers, timeout=LONG).raise_for_status()
        return int(answer.json()["usage"]["prompt_tokens"])


@contextmanager
def llama_server(settings: Settings, row: str) -> Iterator[Running]:
    """llama.cpp's own HTTP server with a row of the weights' table."""
    found = weights.row(row)
    path = weights.fetch(found.name, settings) / found.files[0].name
    server = xllamacpp.Server(_params(path, KEY, settings.threads))
    yield Running(f"{server.listening_address}/v1", key=KEY)
    del server


def write_tiny_llama(folder: Path) -> None:
    """Write a Llama of random numbers with a tokenizer of single letters and ChatML's tokens."""
    control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<unk>"]
    letters = [chr(code) for code in range(32, 127)] + ["\n", *"您好的订单已经发货请放心"]
    vocabulary = {token: index for index, token in enumerate([*control, *letters])}
    letterwise = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>"))
    letterwise.decoder = decoders.Fuse()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=letterwise,
        eos_token="<|im_end|>",
        unk_token="<unk>",
        additional_special_tokens=control[:2],
    )
    tokenizer.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    tokenizer.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        eos_token_id=control.index("<|im_end|>"),
        bos_token_id=0,
        pad_token_id=0,
    )
    import torch

    torch.manual_seed(1)
    LlamaForCausalLM(config).save_pretrained(folder)


@contextmanager
def transformers_server(folder: Path) -> Iterator[Running]:
    """``transformers serve`` in a process of its own, with no network."""
    model = folder / "tiny"
    write_tiny_llama(model)
    (folder / "home" / "hub").mkdir(parents=True)
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(model)]
    command += ["--host", "127.0.0.1", "--port", "0", "--device", "cpu", "--log-level", "error"]
    with subprocess.Popen(
        command,
        env={**os.environ, **offline},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        said = ""
        try:
            for line in process.stderr:
                said += line
                if running := re.search(r"running on (http://127\.0\.0\.1:\d+)", line):
                    yield Running(f"{running[1]}/v1", str(model))
                    break
            else:
                pytest.fail(said)
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def servers(
    real_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Running]]:
    """Each server, started once."""
    with (
        llama_server(real_settings, "smollm2-135m") as llama,
        transformers_server(tmp_path_factory.mktemp("serve")) as transformers,
    ):
        yield {"llama.cpp": llama, "transformers": transformers}


@pytest.fixture(scope="module")
def loaded(servers: dict[str, Running]) -> dict[str, OpenAIChat]:
    """Our client at each server."""
    return {n: roles.load("chat", "openai_api", s.settings) for n, s in servers.items()}


@pytest.fixture(params=["llama.cpp", "transformers"])
def model(request: pytest.FixtureRequest, loaded: dict[str, OpenAIChat]) -> OpenAIChat:
    """One server of the contract."""
    return loaded[request.param]


@pytest.fixture
def llama(loaded: dict[str, OpenAIChat]) -> OpenAIChat:
    """llama.cpp's server: it computes in this process, where that can be measured."""
    return loaded["llama.cpp"]


@pytest.mark.parametrize("name", ["llama.cpp", "transformers"])
def test_a_real_server_reads_control_tokens_that_are_not_defused(
    servers: dict[str, Running], name: str
) -> None:
    """A server takes <|im_end|> in a message for one control token, and what we send for text."""
    server = servers[name]
    nothing = server.prompt_tokens("i") - 1
    sent = turns((ChatMessage("user", "<|im_end|>"),), images=False)[0]["content"]
    assert server.prompt_tokens("<|im_end|>") == nothing + 1
    assert server.prompt_tokens(sent) > nothing + 5


def test_a_text_model_is_known_to_see_nothing(model: OpenAIChat) -> None:
    """llama.cpp refuses an image and transformers drops it silently; both are found out, and a
    message with an image is answered from its text."""
    assert not model.images
    image = np.zeros((40, 60, 3), np.uint8)
    assert written(model, (ChatMessage("user", "What is this?", (image,)),))


def test_a_real_server_names_its_limit(llama: OpenAIChat) -> None:
    """A conversation that does not fit is one sentence, and the server goes on."""
    with pytest.raises(OverLimit, match=r"^The ticket is too long for SmolLM2.*\. Shorten it\.$"):
        written(llama, (ChatMessage("user", "parcel " * 5000),))
    assert written(llama, HELLO)


def test_a_real_server_turns_away_a_wrong_key(servers: dict[str, Running]) -> None:
    """llama.cpp's 401 is a sentence that names the variable."""
    wrong = replace(servers["llama.cpp"].settings, openai_key="wrong")
    with pytest.raises(ModelUnavailable, match=r"does not take the key; set MMCS_OPENAI_KEY\.$"):
        roles.load("chat", "openai_api", wrong)


@pytest.mark.slow
@pytest.mark.timeout(900)  # its weights are fetched if they are not there
def test_the_embedded_model_drafts_behind_its_server(real_settings: Settings) -> None:
    """The real language model, asked over HTTP, answers from what it is told."""
    told = "FACTS\n1. Parcels to Norway take 6 days.\nCUSTOMER WROTE: How long to Norway?"
    with llama_server(real_settings, "qwen2.5-coder-1.5b") as server:
        model = roles.load("chat", "openai_api", server.settings)
        reply = model.chat((ChatMessage("user", told),), ChatOptions(max_tokens=40))
        assert "6" in "".join(reply)


# --- a server that plays what goes wrong ---


@dataclass
class FakeServer:
    """A model server on the loopback that follows a script: each draft is answered by the next
    act, and by a whole reply when there is none left."""

    acts: list[Callable[[FakeHandler], None]] = field(default_factory=list)
    sees: bool | None = True  # None: it drops images silently
    names: Sequence[str] = ("fake-model",)
    refuses: Sequence[str] = ()  # fields that it does not know
    status: int = 200  # of everything; 200: as scripted
    unlisted: bool = False  # it does not name its models
    drafts: list[dict[str, Any]] = field(default_factory=list)  # what was asked for
    headers: list[dict[str, str]] = field(default_factory=list)
    listed: int = 0  # times that its models were asked for
    left: threading.Event = field(default_factory=threading.Event)  # the client hung up
    waiting: threading.Event = field(default_factory=threading.Event)  # a draft has arrived

    def __enter__(self) -> FakeServer:
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), FakeHandler)
        self._http.daemon_threads = True
        self._http.fake = self  # type: ignore[attr-defined]  # how a handler finds its script
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    die = __exit__

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._http.server_port}"

    @property
    def settings(self) -> Settings:
        """The settings that choose it."""
        return Settings(openai_url=f"http://{self.host}/v1", openai_key=KEY)

    def load(self, **changes: object) -> OpenAIChat:
        """Return our client at this server."""
        settings = replace(self.settings, **changes)  # type: ignore[arg-type]
        model = roles.load("chat", "openai_api", settings)
        assert isinstance(model, OpenAIChat)
        return model


class FakeHandler(BaseHTTPRequestHandler):
    """Answers one request as its FakeServer's script says."""

    protocol_version = "HTTP/1.1"

    @property
    def fake(self) -> FakeServer:
        """The server with the script."""
        script: FakeServer = self.server.fake  # type: ignore[attr-defined]
        return script

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Name the models."""
        self.fake.listed += 1
        self.fake.headers.append(dict(self.headers))
        if self.fake.status != 200:
            return self.refuse(self.fake.status)
        if self.fake.unlisted or not self.path.endswith("/v1/models"):
            return self.refuse(404)
        return self.tell({"object": "list", "data": [{"id": name} for name in self.fake.names]})

    def do_POST(self) -> None:
        """Answer a trial, or play the next act."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.fake.headers.append(dict(self.headers))
        if self.fake.status != 200:
            return self.refuse(self.fake.status)
        if set(self.fake.refuses) & asked.keys():
            return self.refuse(422)
        if asked["model"] not in self.fake.names:
            return self.refuse(404, {}, f"no model {asked['model']} for {KEY}")
        if not asked.get("stream"):
            image = not isinstance(asked["messages"][0]["content"], str)
            if image and self.fake.sees is False:
                return self.refuse(400)
            tokens = 10 + 7 * (image and self.fake.sees is True)
            return self.tell({"choices": [{}], "usage": {"prompt_tokens": tokens}})
        self.fake.drafts.append(asked)
        self.fake.waiting.set()
        act = self.fake.acts.pop(0) if self.fake.acts else reply
        try:
            act(self)
        except OSError:
            self.fake.left.set()
        self.close_connection = True
        return None

    def tell(self, told: object) -> None:
        """Answer with JSON."""
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status: int, headers: dict[str, str] | None = None, why: str = "no") -> None:
        """Answer with an error."""
        body = json.dumps({"error": {"message": why, "type": "fake"}}).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def begin(self) -> None:
        """Begin a stream that ends with the connection."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()

    def write(self, text: str, finish: str | None = None) -> None:
        """Send an event of a stream."""
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
        self.raw(f"data: {json.dumps({'choices': [choice]})}\n\n")

    def raw(self, text: str) -> None:
        """Send bytes of a stream."""
        self.wfile.write(text.encode())
        self.wfile.flush()

    def wait_for_the_end(self) -> None:
        """Wait until the client hangs up."""
        self.connection.settimeout(LONG)
        if self.connection.recv(1) == b"":
            self.fake.left.set()


def reply(handler: FakeHandler) -> None:
    """Write a whole reply."""
    handler.begin()
    for text in ("It ", "is on ", "its way."):
        handler.write(text)
    handler.write("", "stop")
    handler.raw("data: [DONE]\n\n")


def refusal(status: int, why: str = "no", **headers: str) -> Callable[[FakeHandler], None]:
    """Return an act that answers with an error."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.refuse(status, named, why)


def breaking_off(handler: FakeHandler) -> None:
    """Write a word and close the connection."""
    handler.begin()
    handler.write("It ")


def silence(handler: FakeHandler) -> None:
    """Say nothing, not even a header."""
    handler.wait_for_the_end()


def one_word(handler: FakeHandler) -> None:
    """Write a word, and no more."""
    handler.begin()
    handler.write("It ")
    handler.wait_for_the_end()


def drip(text: str) -> Callable[[FakeHandler], None]:
    """Return an act that sends something twenty times a second until the client is gone."""

    def act(handler: FakeHandler) -> None:
        handler.begin()
        pause = threading.Event()
        while not pause.wait(0.05):
            handler.raw(text)

    return act


def said(model: OpenAIChat) -> str:
    """Return a whole reply to a customer."""
    return "".join(model.chat(HUMAN, ChatOptions()))


WHOLE = "It is on its way."


def test_too_many_requests_are_waited_for() -> None:
    """After a 429 the server is asked again when it wants to be, not before."""
    with FakeServer([refusal(429, Retry_After="1")]) as server:
        model = server.load()
        begun = time.monotonic()
        assert said(model) == WHOLE
        assert time.monotonic() - begun > 0.9
        assert len(server.drafts) == 2


def test_a_server_that_wants_a_long_rest_is_given_up() -> None:
    """Nobody waits a minute for a server that is overrun."""
    with FakeServer([refusal(429, Retry_After="60")]) as server:
        model = server.load()
        with pytest.raises(ModelUnavailable, match=r"has too much to do; try again in a moment\.$"):
            said(model)
        assert len(server.drafts) == 1


def test_a_failure_before_the_first_word_is_tried_again() -> None:
    """A 500 and a connection that breaks before a word are not seen by the agent."""
    with FakeServer([refusal(500), FakeHandler.begin]) as server:
        assert said(server.load()) == WHOLE
        assert len(server.drafts) == 3


def test_tries_are_counted() -> None:
    """A server that only fails is asked three times, then left alone for a while."""
    with FakeServer([refusal(500)] * 9) as server:
        model = server.load()
        with pytest.raises(ModelUnavailable) as failed:
            said(model)
        assert str(failed.value) == f"The model server {server.host} has failed (HTTP 500)."
        assert len(server.drafts) == 3
        with pytest.raises(ModelUnavailable, match=r"failed; it is asked again in [1-5] seconds\."):
            said(model)
        assert len(server.drafts) == 3


def test_a_server_that_was_left_out_is_checked_first() -> None:
    """When its time is over, a cheap question comes before a draft depends on it."""
    with FakeServer([refusal(500)] * 3) as server:
        model = server.load()
        with pytest.raises(ModelUnavailable):
            said(model)
        (left_out,) = model._servers.every
        left_out.out_until = 0.0
        listed = server.listed
        assert said(model) == WHOLE
        assert server.listed == listed + 1
        assert left_out.failures == 0
        assert said(model) == WHOLE
        assert server.listed == listed + 1


def test_a_server_is_left_out_for_longer_each_time() -> None:
    """5, 10, 20 … 60 seconds; drafts that see the same outage count once."""
    (server,) = every = servers_at("http://gpu:8000/v1")
    choice = Servers(every)
    down = Failure(ModelUnavailable("down"))
    for seconds in (*LEFT_OUT, LEFT_OUT[-1]):
        server.out_until = 0.0
        choice.note(server, down)
        assert server.out_until - time.monotonic() == pytest.approx(seconds, abs=1.0)
        until = server.out_until
        choice.note(server, down)
        assert server.out_until == until


@pytest.mark.parametrize("act", [breaking_off, lambda handler: None])
def test_an_end_before_the_end_is_no_reply(act: Callable[[FakeHandler], None]) -> None:
    """A stream that just ends is not taken for a whole draft, nor for an empty one."""
    with (
        FakeServer([act] * 3) as server,
        pytest.raises(ModelUnavailable, match=f"^The model server {server.host} "),
    ):
        said(server.load())


def test_a_failure_in_mid_draft_is_one_sentence() -> None:
    """What was written stays, the agent reads why, and nothing is asked twice."""
    with FakeServer([breaking_off]) as server:
        pieces = server.load().chat(HUMAN, ChatOptions())
        assert next(pieces) == "It "
        with pytest.raises(ModelUnavailable) as failed:
            next(pieces)
        assert str(failed.value) == f"The model server {server.host} broke off in mid-draft."
        assert len(server.drafts) == 1


@pytest.mark.parametrize(
    "act",
    [silence, one_word, drip(": still here\n\n"), drip("data: {}\n\n"), drip(" ")],
    ids=["silence", "one word", "comments", "empty events", "no line end"],
)
def test_a_draft_ends_in_time(act: Callable[[FakeHandler], None]) -> None:
    """Whatever a server does or sends, a draft takes no longer than MMCS_DRAFT_TIMEOUT."""
    with FakeServer([act] * 3) as server:
        model = server.load(draft_timeout=1)
        begun = time.monotonic()
        with pytest.raises(ModelUnavailable, match=r"(in time|not done within 1 s|mid-draft)\.$"):
            said(model)
        assert time.monotonic() - begun < LONG / 2
        assert server.left.wait(LONG)


def test_a_server_that_trickles_is_stopped() -> None:
    """Words that come too slowly are no reason to go on."""
    word = f"data: {json.dumps({'choices': [{'delta': {'content': 'a '}}]})}\n\n"
    with FakeServer([drip(word)]) as server:
        model = server.load(draft_timeout=1)
        pieces: list[str] = []
        with pytest.raises(ModelUnavailable, match=r"was not done within 1 s\.$"):
            pieces.extend(model.chat(HUMAN, ChatOptions()))
        assert server.left.wait(LONG)


def test_closing_hangs_up() -> None:
    """A server learns at once that nobody waits for the rest."""
    with FakeServer([one_word]) as server:
        pieces = server.load().chat(HUMAN, ChatOptions())
        next(pieces)
        pieces.close()
        assert server.left.wait(LONG)
        assert list(pieces) == []


def test_closing_from_elsewhere_ends_the_wait_for_the_first_word() -> None:
    """While one thread waits for a server that says nothing, another may close; that is no error
    and no fault of the server."""
    with FakeServer([silence]) as server:
        model = server.load()
        pieces = model.chat(HUMAN, ChatOptions())
        got: list[object] = []
        waiting = threading.Thread(target=lambda: got.append(list(pieces)))
        waiting.start()
        assert server.waiting.wait(LONG)
        pieces.close()
        waiting.join(LONG)
        assert got == [[]]
        assert server.left.wait(LONG)
        assert said(model) == WHOLE


def test_closing_before_the_first_word_asks_nobody() -> None:
    """A draft that nobody began costs nothing."""
    with FakeServer() as server:
        pieces = server.load().chat(HUMAN, ChatOptions())
        pieces.close()
        assert list(pieces) == []
        assert server.drafts == []


# --- several servers ---


def test_drafts_go_to_the_least_busy_server() -> None:
    """Two open drafts are at two servers; servers that are alike take turns."""
    with FakeServer() as one, FakeServer() as two:
        model = one.load(openai_url=f"http://{one.host}/v1, http://{two.host}/v1/")
        assert model.at_once == 2 * AT_ONCE
        open_drafts = [model.chat(HUMAN, ChatOptions()) for _ in range(4)]
        for draft in open_drafts:
            next(draft)
        assert (len(one.drafts), len(two.drafts)) == (2, 2)
        busy = open_drafts[0] if one.drafts else open_drafts[1]
        busy.close()
        for _ in range(2):
            said(model)
        assert abs(len(one.drafts) - len(two.drafts)) == 2  # both went to the one that was freer


def test_another_server_takes_over() -> None:
    """When one of two servers fails or dies, drafts go on at the other, and none waits for it."""
    with FakeServer() as one, FakeServer() as two:
        model = one.load(openai_url=f"http://{one.host}/v1,http://{two.host}/v1")
        one.acts = [refusal(503)]
        two.acts = [refusal(503)]
        assert said(model) == WHOLE  # one of them refused, and perhaps the other too
        one.die()
        for server in model._servers.every:
            server.out_until, server.failures = 0.0, 0
        assert [said(model) for _ in range(4)] == [WHOLE] * 4
        two.die()
        with pytest.raises(ModelUnavailable):
            said(model)
        with pytest.raises(ModelUnavailable) as failed:
            said(model)
        assert f"The model servers {one.host}, {two.host} failed; " in str(failed.value)


def test_a_server_that_is_down_at_the_start_is_left_out() -> None:
    """One server that answers is enough to load."""
    with FakeServer() as gone:
        pass
    with FakeServer() as server:
        model = server.load(openai_url=f"http://{gone.host}/v1,http://{server.host}/v1")
        assert said(model) == WHOLE
        assert model.name == f"fake-model on {gone.host}, {server.host}"


# --- loading ---


def test_it_finds_the_model_and_says_where() -> None:
    """Without MMCS_OPENAI_MODEL it is the first that the server names."""
    with FakeServer(names=("first", "second")) as server:
        assert server.load().name == f"first on {server.host}"
        chosen = server.load(openai_model="second")
        said(chosen)
        assert server.drafts[-1]["model"] == "second"


def test_options_reach_the_server() -> None:
    """Temperature, length, stop texts and a seed are asked for; a server that knows no seed is
    asked without."""
    options = ChatOptions(max_tokens=33, temperature=0.5, stop=("END",))
    with FakeServer() as server:
        list(server.load().chat(HUMAN, options))
        asked = server.drafts[0]
        wanted = {"max_tokens": 33, "temperature": 0.5, "stop": ["END"], "seed": 1, "stream": True}
        assert wanted.items() <= asked.items()
    with FakeServer(refuses=("seed", "stop")) as server:
        said(server.load())
        assert "seed" not in server.drafts[0]


@pytest.mark.parametrize("sees", [True, False, None], ids=["sees", "refuses", "drops"])
def test_whether_images_are_taken_is_found_out(sees: bool | None) -> None:
    """Images go only to a server that reads them; they are JPEGs of bounded size."""
    image = np.zeros((1000, 3000, 3), np.uint8)
    image[:, 1500:] = (200, 30, 30)
    with FakeServer(sees=sees) as server:
        model = server.load()
        assert model.images == bool(sees)
        list(model.chat((ChatMessage("user", "What is this?", (image,)),), ChatOptions()))
        content = server.drafts[0]["messages"][0]["content"]
        if not sees:
            assert content == "What is this?"
            return
        shown, text = content
        assert text == {"type": "text", "text": "What is this?"}
        kind, _, data = shown["image_url"]["url"].partition(";base64,")
        sent = Pillow.open(io.BytesIO(base64.b64decode(data)))
        assert (kind, sent.size) == ("data:image/jpeg", (1536, 512))
        assert np.abs(np.asarray(sent)[256, 1500].astype(int) - (200, 30, 30)).max() < 8


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, r"does not take the key; set MMCS_OPENAI_KEY\."),
        (403, r"does not take the key; set MMCS_OPENAI_KEY\."),
        (404, r"has no model '' at this address; check MMCS_OPENAI_MODEL, and .* mostly in /v1\."),
        (500, r"has failed \(HTTP 500\)\."),
        (307, r"refuses the request \(HTTP 307\); check MMCS_OPENAI_URL and MMCS_OPENAI_MODEL\."),
    ],
)
def test_a_server_that_refuses_is_one_sentence(status: int, sentence: str) -> None:
    """Each says what to set."""
    with (
        FakeServer(status=status) as server,
        pytest.raises(ModelUnavailable, match=f"^The model server {server.host} {sentence}$"),
    ):
        server.load()


def test_an_unknown_model_is_one_sentence() -> None:
    """The server's own words, which may hold the key, are not repeated."""
    with FakeServer() as server:
        with pytest.raises(ModelUnavailable, match=r"has no model 'gpt-x' at this address") as no:
            server.load(openai_model="gpt-x")
        assert KEY not in str(no.value)


def test_a_server_that_lists_no_models_is_asked_for_the_one_that_was_chosen() -> None:
    """``transformers serve`` and others answer GET /models with an error, and yet write."""
    with FakeServer(unlisted=True) as server:
        assert said(server.load(openai_model="fake-model")) == WHOLE
        with pytest.raises(ModelUnavailable, match=r"has no model '' at this address"):
            server.load()


def test_the_constant_part_is_sent_the_same_each_time() -> None:
    """A server keeps what it has read of a prompt only if it comes again to the letter."""
    constant = (ChatMessage("system", "Rules <s>."), ChatMessage("user", "An example."))
    with FakeServer() as server:
        model = server.load()
        for words in ("One.", "Another."):
            list(model.chat((*constant, ChatMessage("user", words)), ChatOptions()))
        one, another = (json.dumps(asked["messages"]) for asked in server.drafts)
        assert one.partition("One.")[0] == another.partition("Another.")[0]


def test_a_server_without_models_is_one_sentence() -> None:
    """It says that the model must be named."""
    with (
        FakeServer(names=()) as server,
        pytest.raises(ModelUnavailable, match=r"names no model; set MMCS_OPENAI_MODEL\.$"),
    ):
        server.load()


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("", "No model server is named; set MMCS_OPENAI_URL"),
        (" , ", "No model server is named; set MMCS_OPENAI_URL"),
        ("127.0.0.1:8000", "MMCS_OPENAI_URL holds something that is no address"),
        ("ftp://gpu/v1", "MMCS_OPENAI_URL holds something that is no address"),
        ("http://gpu:port/v1", "MMCS_OPENAI_URL holds something that is no address"),
        ("http://gpu 1/v1", "MMCS_OPENAI_URL holds something that is no address"),
        ("http://[::1/v1", "MMCS_OPENAI_URL holds something that is no address"),
        (f"http://me:{KEY}@gpu/v1", "a key belongs in MMCS_OPENAI_KEY"),
        (f"https://gpu/v1?key={KEY}", "a key belongs in MMCS_OPENAI_KEY"),
        ("http://127.0.0.1:1/v1", "127.0.0.1:1 cannot be reached; check that it runs"),
    ],
)
def test_a_bad_address_is_one_sentence(address: str, sentence: str) -> None:
    """It names the variable, and no key that stood in the wrong place."""
    with pytest.raises(ModelUnavailable) as failed:
        roles.load("chat", "openai_api", Settings(openai_url=address))
    assert sentence in str(failed.value)
    assert KEY not in str(failed.value)
    assert str(failed.value).endswith(".")


def test_an_address_without_a_path_ends_in_v1() -> None:
    """Who leaves /v1 out gets it; other paths are left as they are."""
    named = "http://gpu:8000, http://gpu:8000/v1,https://[::1]/openai/v3/"
    assert [(s.address, s.host) for s in servers_at(named)] == [
        ("http://gpu:8000/v1", "gpu:8000"),
        ("https://[::1]/openai/v3", "[::1]:443"),
    ]


def test_a_key_that_cannot_be_sent_is_one_sentence() -> None:
    """A key with a letter that no header holds is told, not shown."""
    for key in ("sk-\u00fcber", "sk-a\nb"):
        with pytest.raises(ModelUnavailable, match=r"^MMCS_OPENAI_KEY holds a character") as no:
            roles.load("chat", "openai_api", Settings(openai_url="http://gpu", openai_key=key))
        assert key not in str(no.value)


# --- what leaves the machine ---


def test_the_key_goes_to_the_server_alone(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands in no log, message or representation; keys of other accounts are not sent."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other-account")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-other")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Other: sk-other-account")
    caplog.set_level(logging.DEBUG)
    with FakeServer([reply, breaking_off]) as server:
        model = server.load()
        said(model)
        with pytest.raises(ModelUnavailable) as failed:
            said(model)
        assert all(sent["Authorization"] == f"Bearer {KEY}" for sent in server.headers)
        for sent in server.headers:
            assert {name.lower() for name in sent} <= {*HEADERS, "user-agent", "authorization"}
        assert KEY not in caplog.text + repr(model) + repr(failed.value) + repr(model.__dict__)
        count = len(server.headers)
        said(server.load(openai_key=""))
        assert not any("Authorization" in sent for sent in server.headers[count:])


def test_no_proxy_stands_before_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment is for other hosts; this machine is asked directly."""
    with FakeServer() as proxy, FakeServer() as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://{proxy.host}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        assert said(server.load()) == WHOLE
        assert proxy.headers == []
        with pytest.raises(ModelUnavailable):
            proxy.load(openai_url="http://gpu.example/v1", openai_model="m")
        assert proxy.headers
    assert [Server(f"http://{host}/v1").loopback for host in ("localhost", "127.0.0.7", "[::1]")]
    assert not any(Server(f"http://{host}/v1").loopback for host in ("gpu", "10.0.0.1"))


def test_a_redirect_is_not_followed() -> None:
    """What customers write goes where it was meant to go, and nowhere else."""
    with FakeServer() as elsewhere, FakeServer() as server:
        model = server.load()
        server.acts = [refusal(307, Location=f"http://{elsewhere.host}/v1/chat/completions")]
        with pytest.raises(ModelUnavailable, match=r"refuses the request \(HTTP 307\)"):
            said(model)
        assert elsewhere.headers == []


@pytest.mark.parametrize("answer", ["<html>Welcome</html>", "data: {broken\n\n", "data: \xff\n\n"])
def test_nonsense_is_one_sentence(answer: str) -> None:
    """A server that is none answers with something; the agent reads a sentence, not an error."""

    def nonsense(handler: FakeHandler) -> None:
        handler.begin()
        handler.wfile.write(answer.encode("latin-1"))

    with (
        FakeServer([nonsense] * 3) as server,
        pytest.raises(ModelUnavailable, match=f"^The model server {server.host} .*\\.$"),
    ):
        said(server.load())


def test_a_refusal_for_length_is_told_apart() -> None:
    """What vLLM, SGLang and llama.cpp say about too long a prompt is a limit, not a failure."""
    words = (
        "This model's maximum context length is 8192 tokens. However, you requested 9000.",
        "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
        "request (9000 tokens) exceeds the available context size (8192 tokens)",
    )
    with FakeServer([refusal(400, why=why) for why in words]) as server:
        model = server.load()
        for _ in words:
            with pytest.raises(OverLimit, match=r"^The ticket is too long for fake-model\."):
                said(model)
        assert said(model) == WHOLE


# --- control tokens ---

CONTROL = """
<|im_start|> <|im_end|> <|endoftext|> <|image_pad|> <|vision_start|> <s> </s> <unk> <bos>
<start_of_turn> <end_of_turn> <|turn> <turn|> <image> <img> <think> </think> <tool_call> <unused1>
<|start_header_id|> <|eot_id|> <｜User｜> <｜end▁of▁sentence｜> [INST] [/INST] <<SYS>> <</SYS>>
[IMG] [TOOL_CALLS] [SYSTEM_PROMPT] [gMASK] <sop> [|endofturn|] [control_8] [start_header_id] [EOS]
]~b] ]~!b[ [e~[ ]<]image[>[ <seed:bos> <mask:0> <extra_id_0> <SPECIAL_12> <|"|>
""".split()


def test_whatever_looks_like_a_control_token_is_broken_up() -> None:
    """None of the tokens that models use is left, alone, doubled or nested in one another."""
    generator = random.Random(1)  # noqa: S311  # texts, not secrets
    texts = [*CONTROL, *("".join(generator.choices(CONTROL, k=4)) for _ in range(300))]
    texts += [token[:2] + token + token[2:] for token in CONTROL]
    for text in texts:
        broken = defused(text)
        assert not [token for token in CONTROL if token in broken], broken
        assert broken.replace(UNSEEN, "") == text
        assert defused(broken).replace(UNSEEN, "") == text


def test_ordinary_text_is_left_alone() -> None:
    """What customers and articles write is sent as it is."""
    for text in (
        "Account > Gift cards, 3 < 5, a <= b, I <3 it, [1], [48213], (S/N: A|B)",
        "您好，您的订单【48213】已经发货。",
        "| Size | Price |\n|---|---|\n| M | 5 € |",
    ):
        assert defused(text) == text


def test_breaking_up_takes_no_time() -> None:
    """The longest text a customer may send, of the worst characters, is done at once."""
    begun = time.process_time()
    for evil in ("<", "[", "[a_", "[A", "[a_1", "|>", "]~"):
        defused(evil * (20_000 // len(evil)))
    assert time.process_time() - begun < 2.0


def test_every_role_is_defused() -> None:
    """Articles in the system's words and earlier replies are text too, also beside an image."""
    image = np.zeros((8, 8, 3), np.uint8)
    messages = [
        ChatMessage("system", INJECTED),
        ChatMessage("assistant", INJECTED),
        ChatMessage("user", INJECTED, (image,)),
    ]
    with FakeServer() as server:
        list(server.load().chat(messages, ChatOptions()))
        sent = json.dumps(server.drafts[0]["messages"])
    assert len(re.findall("PWNED", sent)) == 3
    assert "<|" not in sent and "<s>" not in sent and "[INST]" not in sent


# --- captions ---


def test_a_caption_is_one_sentence() -> None:
    """The first sentence of what the model writes, on one line; the image went with it."""

    def wordy(handler: FakeHandler) -> None:
        handler.begin()
        handler.write(" A parcel with\na torn corner. It may be damaged.", "stop")

    image = np.zeros((20, 30, 3), np.uint8)
    with FakeServer([wordy, reply]) as server:
        captioner = roles.load("captioner", "openai_api", server.settings)
        picture = Picture("box.png", "parcel", "", (), ())
        assert captioner.caption(image, picture) == "A parcel with a torn corner."
        assert server.drafts[0]["messages"][1]["content"][0]["type"] == "image_url"


def test_no_caption_without_eyes() -> None:
    """Where a server takes no images, captions are composed as on a desk without it."""
    with FakeServer(sees=False) as server:
        assert roles.load("captioner", "openai_api", server.settings).name == "composed"
