"""Who is answered, and the headers that keep the page to itself: nothing is fetched from elsewhere,
nobody frames it, and only the scripts that the page was served with run."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
from fastapi import FastAPI
from gradio.data_classes import FileData
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mmcs.desk.routes import is_one_of, routes
from mmcs.settings import Settings

NONCE = "mmcs.nonce"  # where an answer's nonce lies on its way through the app
# Whose pages show a Space in a frame.
HUGGING_FACE = ("https://huggingface.co",)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}


def content_security_policy(nonce: str, ancestors: Sequence[str] = ()) -> str:
    """Return the policy of the page.

    Gradio's gr.HTML and its ``js=`` build functions out of strings, hence 'unsafe-eval'; its
    components set style attributes, hence 'unsafe-inline' for styles. Scripts in the markup run
    only with the nonce, so an ``onerror`` or a <script> out of a customer's text does not.

    Args:
        nonce: of this answer.
        ancestors: origins that may show the page in a frame, such as a Space's.
    """
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' 'nonce-{nonce}' 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "media-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self' blob:",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            f"frame-ancestors {' '.join(ancestors) or chr(39) + 'none' + chr(39)}",
        )
    )


class Gate:
    """Stands before everything else: lets through what the desk's own page and scripts ask for, and
    puts the headers on every answer, errors and refusals too."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._routes = routes(settings.sign_in)
        self._names = frozenset(settings.host_names)
        # Whoever reaches a desk on a loopback address by another name was led there by a page that
        # had its own name point to it (DNS rebinding).
        self._any_name = not (self._names or _is_own_machine(settings.host))
        self._ancestors = HUGGING_FACE if settings.space else ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "websocket":  # the page has none
            await send({"type": "websocket.close", "code": 1008})
            return
        nonce = scope[NONCE] = secrets.token_urlsafe(16)
        policy = content_security_policy(nonce, self._ancestors)
        headers = {**_HEADERS, "Content-Security-Policy": policy}
        if not self._ancestors:
            headers["X-Frame-Options"] = "DENY"
        await (self._refusal(scope) or self.app)(scope, receive, _with_headers(send, headers))

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if host and not self._answers_to(host):
            return PlainTextResponse(
                "This desk does not go by that name: open it by its address, or have MMCS_HOSTS "
                "name it.",
                403,
            )
        if self._from_another_site(scope["method"], headers):
            return PlainTextResponse("This desk answers its own page and scripts alone.", 403)
        if not is_one_of(self._routes, scope):
            return PlainTextResponse("There is nothing here.", 404)
        return None

    def _answers_to(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return self._any_name or name in self._names or _is_own_machine(name) or _is_address(name)

    def _from_another_site(self, method: str, headers: Headers) -> bool:
        """Say whether a browser asks for another site's page. Scripts send neither header.

        Sec-Fetch-Site cannot be forged by a page and is right behind a proxy, too; browsers leave
        it out over plain HTTP, where the origin is compared with the name that was asked for.
        https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
        """
        site = headers.get("sec-fetch-site")
        if site in ("cross-site", "same-site"):
            followed_a_link = headers.get("sec-fetch-mode") == "navigate"
            return not (method in ("GET", "HEAD") and followed_a_link)
        origin = headers.get("origin")
        if site is not None or origin is None:
            return False
        try:
            asked_by = urlsplit(origin)
            return asked_by.netloc != headers.get("host") and asked_by.hostname not in self._names
        except ValueError:
            return True


def guard(app: FastAPI, settings: Settings) -> None:
    """Put the gate before an app that begins to be served: before the whole, also before what
    answers for its errors."""
    assert app.middleware_stack is not None  # noqa: S101  # made before anything is served
    app.middleware_stack = Gate(app.middleware_stack, settings)


def _is_own_machine(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    return _is_address(name) and ip_address(name).is_loopback


def _is_address(name: str) -> bool:
    """Say whether a name is an IP address, which nobody can have point elsewhere."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _with_headers(send: Send, given: Mapping[str, str]) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(given)
        await send(message)

    return sent


class Nonces:
    """Puts the nonce into the scripts of the page. It sits inside, where no answer is compressed
    yet, and holds a page of HTML until it is whole."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        page = _Page(send, scope[NONCE]) if scope["type"] == "http" else send
        await self.app(scope, receive, page)


class _Page:
    """The way back of one answer."""

    def __init__(self, send: Send, nonce: str) -> None:
        self._send = send
        self._nonce = nonce
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if Headers(scope=message).get("content-type", "").startswith("text/html"):
                self._start = message
                return
        elif message["type"] == "http.response.body" and self._start is not None:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._send_page(self._start)
            return
        await self._send(message)

    async def _send_page(self, start: Message) -> None:
        """Send the page with the nonce in its scripts. Its JSON holds no "<": Gradio escapes it."""
        body = self._body.replace(b"<script", b'<script nonce="' + self._nonce.encode() + b'"')
        headers = MutableHeaders(scope=start)
        headers["content-length"] = str(len(body))
        headers["cache-control"] = "no-store"
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


def only_uploads() -> None:
    """Make the components of this process take uploaded files alone, from where they lie.

    Gradio fetches a file for whoever sends an address in place of an upload, and makes an empty
    file beside each that it hands on. Before, it has made sure that the path is an upload's. Not
    one component is changed but its class: an update that is drawn makes a new one.
    """
    kinds: Any = (gr.Audio, gr.File, gr.UploadButton)
    for kind in kinds:
        kind.async_move_resource_to_block_cache = _where_it_lies
    for kind in kinds[1:]:
        kind._process_single_file = _path_of


async def _where_it_lies(_: Any, path: str | Path | None) -> str | None:
    if path is not None and re.match("[a-z][a-z0-9+.-]*:", str(path), re.IGNORECASE):
        raise gr.Error("This desk fetches nothing from elsewhere: upload the file.")
    return None if path is None else str(path)


def _path_of(_: Any, file: FileData) -> str:
    return file.path
