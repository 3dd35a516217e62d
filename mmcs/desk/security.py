"""Headers that keep the page to itself: nothing is fetched from elsewhere, nobody frames it, and
only the scripts that the page was served with run."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import Any

import gradio as gr
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Gradio's own routes that make the server itself fetch an address.
_FETCHING = re.compile(r"/(?:file=|proxy=)\s*(?:https?:|//)|/proxy=", re.IGNORECASE)
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


class SecurityHeaders:
    """Adds the headers to every answer, and the nonce to the scripts of the page."""

    def __init__(self, app: ASGIApp, ancestors: Sequence[str] = ()) -> None:
        self.app = app
        self.ancestors = tuple(ancestors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if _FETCHING.search(scope["path"]):
            refusal = PlainTextResponse("This desk fetches nothing from elsewhere.", 403)
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, _Guard(send, self.ancestors))


class _Guard:
    """The way back of one answer. Only a page of HTML is held until it is whole."""

    def __init__(self, send: Send, ancestors: Sequence[str]) -> None:
        self._send = send
        self._ancestors = ancestors
        self._nonce = secrets.token_urlsafe(16)
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers["Content-Security-Policy"] = content_security_policy(
                self._nonce, self._ancestors
            )
            if not self._ancestors:
                headers["X-Frame-Options"] = "DENY"
            if headers.get("content-type", "").startswith("text/html"):
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


def only_local(*components: gr.components.Component) -> None:
    """Make components take uploaded files alone.

    Gradio fetches a file for whoever sends an address in place of an upload; the desk asks nobody.
    """
    for component in components:
        component.async_move_resource_to_block_cache = _refusing(  # type: ignore[method-assign]
            component.async_move_resource_to_block_cache
        )


def _refusing(move: Any) -> Any:
    async def move_local(path: str | None) -> str | None:
        if path is not None and re.match("[a-z][a-z0-9+.-]*:", path, re.IGNORECASE):
            raise gr.Error("This desk fetches nothing from elsewhere: upload the file.")
        moved: str | None = await move(path)
        return moved

    return move_local
