"""The model servers of one desk: which is asked next, and which is left out for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import openai

from mmcs.backends._openai.failures import Failure, failure_of
from mmcs.backends._openai.line import HungUp, Line, Server, greet
from mmcs.errors import MMCSError, ModelUnavailable

LEFT_OUT = (5.0, 10.0, 20.0, 40.0, 60.0)  # seconds, after the first failure in a row, the second, …
BACK_OFF = (0.5, 1.0)  # seconds before a draft asks a server a second time, a third time
PATIENCE = 10.0  # seconds at most that a draft waits for a server that asks for it


@dataclass
class Tries:
    """What one draft has gone through."""

    failed: dict[Server, int] = field(default_factory=dict)  # times
    pause: dict[Server, float] = field(default_factory=dict)  # seconds, before it is asked again
    given_up: set[Server] = field(default_factory=set)

    last: MMCSError | None = None

    def add(self, server: Server, failure: Failure) -> None:
        """Note a failure: whether the server is asked again, and when."""
        self.last = failure.error
        times = self.failed[server] = self.failed.get(server, 0) + 1
        if not failure.again or times > len(BACK_OFF) or (failure.wait or 0.0) > PATIENCE:
            self.given_up.add(server)
        else:
            self.pause[server] = BACK_OFF[times - 1] if failure.wait is None else failure.wait


class Servers:
    """Chooses the least busy server, and leaves out those that failed."""

    def __init__(self, every: Sequence[Server]) -> None:
        self.every = tuple(every)
        self._lock = threading.Lock()
        self._turn = 0

    def take(self, line: Line, tries: Tries) -> Server:
        """Return the server to ask next, counted as running until ``give_back``.

        Raises:
            MMCSError: why no server is left to this draft: its last failure, or everyone's.
            HungUp: the line was cut.
        """
        while True:
            server, pause = self._choose(line, tries)
            if server is None:
                line.wait(pause)
                continue
            try:
                line.wait(pause)
                if server.failures and server not in tries.failed:
                    greet(server, line)  # before a draft depends on it
            except openai.APIError as error:
                self.give_back(server)
                line.wait(0.0)  # if it was cut, nothing is wrong with the server
                self.note(server, failure_of(error, server, line, ""))
            except HungUp:
                self.give_back(server)
                raise
            else:
                return server

    def _choose(self, line: Line, tries: Tries) -> tuple[Server | None, float]:
        """Return a server and how long to wait for it; without one, when to look again."""
        with self._lock:
            now = time.monotonic()
            left = [server for server in self.every if server not in tries.given_up]
            free = [s for s in left if s.out_until <= now or s in tries.failed]
            if free:
                server = min(free, key=lambda s: (tries.failed.get(s, 0), s.running, s.turn))
                self._turn += 1
                server.turn = self._turn
                server.running += 1
                return server, tries.pause.get(server, 0.0)
            busy = [s.out_until - now for s in left if not s.failures]
            if busy and min(busy) < min(PATIENCE, line.left):
                return None, min(busy)
        raise tries.last or ModelUnavailable(self._nobody(now))

    def _nobody(self, now: float) -> str:
        hosts = ", ".join(server.host for server in self.every)
        seconds = max(1, round(min(server.out_until for server in self.every) - now))
        if len(self.every) == 1:
            return f"The model server {hosts} failed; it is asked again in {seconds} seconds."
        return f"The model servers {hosts} failed; they are asked again in {seconds} seconds."

    def give_back(self, server: Server) -> None:
        """Count a server's draft as ended."""
        with self._lock:
            server.running -= 1

    def note(self, server: Server, failure: Failure) -> None:
        """Leave a server out: one that is busy for as long as it asks for, one that failed for the
        longer the more often it did."""
        with self._lock:
            now = time.monotonic()
            if failure.busy:
                wait = BACK_OFF[0] if failure.wait is None else failure.wait
                server.out_until = now + min(wait, LEFT_OUT[-1])
            elif failure.down and (not server.failures or server.out_until <= now):
                # … else it is one outage, seen by several drafts
                server.out_until = now + LEFT_OUT[min(server.failures, len(LEFT_OUT) - 1)]
                server.failures += 1

    def succeed(self, server: Server) -> None:
        """Count a server as well."""
        with self._lock:
            server.failures = 0
            server.out_until = 0.0
