"""What went wrong at a model server, in a sentence that holds nothing of the server's own words:
they may name the key, and are written for programmers."""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

import openai

from mmcs.backends._openai.line import Line, Server
from mmcs.errors import MMCSError, ModelUnavailable, OverLimit

TOO_LONG = re.compile(r"context|too long|longer than", re.IGNORECASE)  # in what a server refuses


@dataclass(frozen=True)
class Failure:
    """What an error means, and what follows from it."""

    error: MMCSError
    again: bool = False  # the same server may be asked again
    wait: float | None = None  # seconds until then, if it said so
    busy: bool = False  # it has too much to do, and is well
    down: bool = True  # it is left out for some time


def failure_of(
    error: openai.APIError, server: Server, line: Line, model: str, begun: bool = False
) -> Failure:
    """Return what it means that a server wrote nothing, or, if it had begun, not all."""
    where = f"The model server {server.host}"
    if not line.left:
        late = f"{where} was not done within {line.seconds:g} s."
        return Failure(ModelUnavailable(late), down=not begun)
    if begun:
        return Failure(ModelUnavailable(f"{where} broke off in mid-draft."))
    if isinstance(error, openai.APIStatusError):
        return _refusal(error, where, model)
    if isinstance(error, openai.APITimeoutError):
        return Failure(ModelUnavailable(f"{where} does not answer in time."))
    if isinstance(error, openai.APIConnectionError):
        away = (
            f"{where} cannot be reached; check that it runs and that MMCS_OPENAI_URL is its "
            "address."
        )
        return Failure(ModelUnavailable(away), again=True)
    odd = f"{where} gives no answer that can be used; check MMCS_OPENAI_URL."
    return Failure(ModelUnavailable(odd))


def _refusal(error: openai.APIStatusError, where: str, model: str) -> Failure:
    status = error.status_code
    wait = _retry_after(error.response.headers)
    if status == 429 or (status == 503 and wait is not None):
        busy = ModelUnavailable(f"{where} has too much to do; try again in a moment.")
        return Failure(busy, again=True, wait=wait, busy=True)
    if status >= 500:
        return Failure(ModelUnavailable(f"{where} has failed (HTTP {status})."), again=True)
    if status in {401, 403}:
        return Failure(ModelUnavailable(f"{where} does not take the key; set MMCS_OPENAI_KEY."))
    if status == 404:
        unknown = (
            f"{where} has no model {model!r} at this address; check MMCS_OPENAI_MODEL, and that "
            "MMCS_OPENAI_URL ends as the server wants it, mostly in /v1."
        )
        return Failure(ModelUnavailable(unknown))
    if status in {400, 413, 422} and TOO_LONG.search(error.message):
        return Failure(OverLimit(f"The ticket is too long for {model}. Shorten it."), down=False)
    refused = (
        f"{where} refuses the request (HTTP {status}); check MMCS_OPENAI_URL and MMCS_OPENAI_MODEL."
    )
    return Failure(ModelUnavailable(refused), down=False)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server wants to be left alone, given as such or as a date."""
    told = headers.get("retry-after", "")
    if told.strip().isdecimal():
        return float(told[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(told).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
