"""The line to one model server: what is asked over it, and how it is cut."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2  # the transport of the official client
import openai

from mmcs.errors import ModelUnavailable

CHECK = 5.0  # seconds until a server must have named its models
CONNECT = 3.0  # seconds until a server must have taken a connection
# What else a request would tell, about this machine and its other accounts, is taken out of it.
HEADERS = {"host", "accept", "accept-encoding", "connection", "content-type", "content-length"}


class HungUp(Exception):
    """The line was cut by whoever asked: nobody waits for an answer any more."""


@dataclass(frozen=True)
class Access:
    """What opens a server."""

    key: str = field(default="", repr=False)
    tls: ssl.SSLContext = field(default_factory=httpx2.create_ssl_context, repr=False)


@dataclass(eq=False)
class Server:
    """One address, and how it has fared. Times are of ``time.monotonic``."""

    address: str  # as in MMCS_OPENAI_URL, without a slash at its end
    running: int = 0  # drafts that it writes now
    turn: int = 0  # the choice that fell on it last
    failures: int = 0  # in a row
    out_until: float = 0.0

    @property
    def host(self) -> str:
        """Host and port, for messages."""
        parts = urlsplit(self.address)
        name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{name}:{parts.port or {'http': 80, 'https': 443}[parts.scheme]}"

    @property
    def loopback(self) -> bool:
        """Whether it is this very machine; then no proxy stands between."""
        name = urlsplit(self.address).hostname or ""
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return name == "localhost" or name.endswith(".localhost")


def servers_at(addresses: str) -> tuple[Server, ...]:
    """Return the servers that MMCS_OPENAI_URL names.

    Raises:
        ModelUnavailable: it names none, or something that is no address.
    """
    asked = [address.strip().rstrip("/") for address in addresses.split(",") if address.strip()]
    if not asked:
        raise ModelUnavailable(
            "No model server is named; set MMCS_OPENAI_URL to its address, such as "
            "http://127.0.0.1:8000/v1."
        )
    return tuple(Server(address) for address in dict.fromkeys(map(_checked, asked)))


def _checked(address: str) -> str:
    try:
        parts = urlsplit(address)
        plain = bool(parts.port != 0 and parts.hostname and address.isprintable())
    except ValueError:  # a port that is no number, or half a bracket
        plain = False
    if not plain or parts.scheme not in {"http", "https"} or " " in address:
        raise ModelUnavailable(
            "MMCS_OPENAI_URL holds something that is no address; write one like "
            "http://127.0.0.1:8000/v1, or several with commas between."
        )
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ModelUnavailable(
            "MMCS_OPENAI_URL may hold no password or question mark; a key belongs in "
            "MMCS_OPENAI_KEY."
        )
    return address if parts.path else f"{address}/v1"


class Line:
    """The one connection of one draft: it ends in time, and can be cut at any moment, also by
    another thread while this one waits for the first byte.

    Each draft has a connection of its own, so that hanging up is understood by every server, and
    no kept connection turns out to be closed just when it is used again.
    """

    def __init__(self, seconds: float, access: Access) -> None:
        self.hung_up = False
        self.seconds = seconds
        self._access = access
        self._ends = time.monotonic() + seconds
        self._cut = threading.Event()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Line:
        self._ends = time.monotonic() + self.seconds
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return max(0.0, self._ends - time.monotonic())

    def hang_up(self) -> None:
        """Cut the line; whoever waits on it gets HungUp."""
        self.hung_up = True
        self._end()

    def wait(self, seconds: float) -> None:
        """Let some time go by, but no more than is left.

        Raises:
            HungUp: the line was cut.
        """
        self._cut.wait(min(seconds, self.left))
        if self.hung_up:
            raise HungUp

    def client(self, server: Server, silence: float | None = None) -> openai.OpenAI:
        """Return a client that speaks to a server over this line alone.

        Args:
            server: whom to ask.
            silence: seconds of it that are borne, before the first byte and between two; by
                default half of the line's, so that another server still has the other half.

        Raises:
            HungUp: the line was cut.
        """
        if self.hung_up:
            raise HungUp
        left = max(0.001, self.left)
        wire = openai.DefaultHttpxClient(
            verify=self._access.tls,
            trust_env=not server.loopback,
            follow_redirects=False,  # what customers write goes where it was meant to go
            event_hooks={"request": [self._prepare]},
        )
        return openai.OpenAI(
            api_key="none",  # the real one is put in by _prepare, past every log
            base_url=server.address,
            http_client=wire,
            max_retries=0,
            timeout=openai.Timeout(
                min(silence or self.seconds / 2, left), connect=min(CONNECT, left)
            ),
        )

    def _prepare(self, request: httpx2.Request) -> None:
        for name in set(request.headers) - HEADERS:
            del request.headers[name]
        request.headers["User-Agent"] = "mmcs"
        request.headers["Connection"] = "close"
        if self._access.key:
            request.headers["Authorization"] = f"Bearer {self._access.key}"
        request.extensions = {**request.extensions, "trace": self._trace}

    def _trace(self, event: str, told: dict[str, Any]) -> None:
        """Keep hold of the socket, as soon as there is one."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            with self._lock:
                self._socket = told["return_value"].get_extra_info("socket")
            if self._cut.is_set():
                self._end()

    def _end(self) -> None:
        """Shut the socket down: only that wakes a thread that reads from it."""
        self._cut.set()
        with self._lock:
            if self._socket is not None:
                with suppress(OSError):  # it is closed already
                    # The plain socket's method: that of a TLS socket takes the reader's state.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


# --- what is asked ---


def named_models(server: Server, line: Line) -> tuple[str, ...]:
    """Return the ids of a server's models.

    Raises:
        openai.APIError: it does not answer, or with something else.
    """
    with line.client(server, CHECK) as client:
        match _json(client, client.get, "/models"):
            case {"data": [*models]}:
                return tuple(str(m["id"]) for m in models if isinstance(m, dict) and "id" in m)
        raise _no_answer(client)


def greet(server: Server, line: Line) -> None:
    """Ask for something cheap, to see whether a server that failed is back.

    Raises:
        openai.APIError: it is not.
    """
    try:
        named_models(server, line)
    except openai.APIStatusError as error:
        if error.status_code in {502, 503, 504}:  # nobody behind a gateway, or still loading
            raise
        # Else it is there: not every server can name its models.


def read_tokens(server: Server, line: Line, asked: Mapping[str, object]) -> int:
    """Have a reply written in one piece and return how many tokens of prompt the server counted;
    0 if it doesn't say.

    Raises:
        openai.APIError: it did not write one.
    """
    with line.client(server) as client:
        match _json(client, client.post, "/chat/completions", body=asked):
            case {"choices": [_, *_], "usage": {"prompt_tokens": int(count)}}:
                return count
            case {"choices": [_, *_]}:
                return 0
        raise _no_answer(client)


def written(server: Server, line: Line, asked: Mapping[str, object]) -> Generator[str, None, None]:
    """Yield a reply piece by piece; closing the generator closes the connection.

    Raises:
        openai.APIError: it was not written, or broke off.
    """
    with line.client(server) as client:
        stream = client.post(
            "/chat/completions",
            body={**asked, "stream": True},
            cast_to=object,
            stream=True,
            stream_cls=openai.Stream[object],
        )
        try:
            for event in stream:
                text, last = _read(event)
                if text:
                    yield text
                if last:
                    return
        except ValueError as garbage:  # no JSON, or no UTF-8
            raise _no_answer(client) from garbage
        finally:
            stream.close()
        raise openai.APIConnectionError(request=stream.response.request)  # ended before its end


def _read(event: object) -> tuple[str, bool]:
    """Return the text in an event of a stream, and whether it is the last."""
    match event:
        case {"choices": [{"delta": {"content": str(text)}} as choice, *_]}:
            return text, choice.get("finish_reason") is not None
        case {"choices": [{"finish_reason": str()}, *_]}:
            return "", True
    return "", False


def _json(client: openai.OpenAI, ask: Callable[..., object], path: str, **more: object) -> object:
    try:
        return ask(path, cast_to=object, **more)
    except ValueError as garbage:  # it says that it sends JSON, and does not
        raise _no_answer(client) from garbage


def _no_answer(client: openai.OpenAI) -> openai.APIError:
    return openai.APIError("no answer", httpx2.Request("GET", client.base_url), body=None)
