"""The routes that the page, scripts and a Space need. Gradio has ninety more, and none of them
answers: one runs the system's ffmpeg on whatever it is sent, some fetch addresses, some write code.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

PAGE = {  # path: method
    "/": "GET",  # with HEAD, which the start and a Space's probes ask for
    "/assets/{path:path}": "GET",
    "/static/{path:path}": "GET",
    "/theme.css": "GET",
    "/favicon.ico": "GET",
    "/manifest.json": "GET",
    "/attachment/{key}/{kind}/{sha256}": "GET",  # the desk's own, in ``files``
    "/gradio_api/upload": "POST",
    "/gradio_api/run/{api_name}": "POST",  # events that do not queue
    "/gradio_api/queue/join": "POST",
    "/gradio_api/queue/data": "GET",
    "/gradio_api/cancel": "POST",
    "/gradio_api/heartbeat/{session_hash}": "GET",
    "/gradio_api/startup-events": "GET",  # asked for by the start itself
}
SCRIPTS = {  # what gradio_client asks besides
    "/config": "GET",
    "/gradio_api/info": "GET",
}
SIGN_IN = {
    "/login/huggingface": "GET",
    "/login/callback": "GET",
    "/logout": "GET",
}


def routes(sign_in: bool) -> tuple[Route, ...]:
    """Return the routes that answer; those of the sign-in only where visitors can sign in."""
    needed = {**PAGE, **SCRIPTS, **(SIGN_IN if sign_in else {})}
    return tuple(Route(path, _answered_elsewhere, methods=[m]) for path, m in needed.items())


def is_one_of(routes: Sequence[Route], scope: Scope) -> bool:
    """Say whether a request goes to one of these routes, by its path and its method."""
    return any(route.matches(scope)[0] is Match.FULL for route in routes)


async def _answered_elsewhere(_: Request) -> Response:
    """Stand for the function behind a route, which is Gradio's or that of ``files``."""
    return Response(status_code=404)
