"""The boundary of a run: a failure that nobody foresaw leaves it as a sentence with an id, and its
trace is in the log under that id.

Nothing else in the desk catches every exception. The log is standard error, by way of Python's
``logging``: under ``--json`` it stays out of standard output, a Space or a service keeps it, and
nothing about customers gathers in a file. It holds types, frames and ids, never the values or the
words of an exception, which may quote a customer or a token.
"""

from __future__ import annotations

import logging
import secrets
import traceback
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager

from mmcs.errors import MMCSError, Unforeseen
from mmcs.ticket import Case

LOG = logging.getLogger("mmcs")
FRAMES = 30  # innermost ones of each exception; a recursion has a thousand
MOST_OF_AN_ID = 64  # characters


def start_log() -> None:
    """Give each line of the log its time; for a process of our own, not for who imports us. What
    libraries log stays as it is."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s mmcs: %(message)s"))
    LOG.addHandler(handler)


@contextmanager
def foreseen(
    ticket: str = "", passing: type[Exception] | tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Let out only errors that are meant for people, and whatever stops a run.

    Args:
        ticket: its id, for the log.
        passing: errors of a library that are worded already.

    Raises:
        MMCSError: whatever was raised of that kind.
        Unforeseen: anything else went wrong; the log has the trace.
    """
    try:
        yield
    except MMCSError:
        raise
    except passing:
        raise
    except Exception as error:
        failure = secrets.token_hex(4)
        shown = ascii(ticket[:MOST_OF_AN_ID])
        LOG.error("%s in ticket %s: %s", failure, shown, _trace(error))
        raise Unforeseen(failure) from error


def contained(
    case: Case, stage: str, growing: Generator[Case, None, object]
) -> Generator[Case, None, Case]:
    """Yield what grows out of a Case, and return the last; if it breaks off, that is the last Case
    with a Problem.

    Args:
        case: what there is before.
        stage: under which the Problem is shown.
        growing: yields ever fuller Cases.
    """
    try:
        with foreseen(case.id), closing(growing):
            for case in growing:
                yield case
    except MMCSError as error:
        case = case.with_problem(stage, str(error))
        yield case
    return case


def _trace(error: BaseException) -> str:
    """Return the types and frames of an error and of those that led to it, the first one first."""
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        chain.insert(0, cause)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "then ".join(
        f"{type(one).__module__}.{type(one).__qualname__}\n"
        + "".join(traceback.format_tb(one.__traceback__, -FRAMES))
        for one in chain
    )
