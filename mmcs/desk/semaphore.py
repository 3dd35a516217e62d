"""A semaphore that is first come, first served, and whose room may change."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stopped(Exception):
    """What was waited for is not wanted any more."""


class FairSemaphore:
    """Turns for ``width()`` at a time; it is asked anew, since a model may still load."""

    def __init__(self, width: Callable[[], int]) -> None:
        self._width = width
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        self._taken = 0

    @property
    def waiting(self) -> int:
        """How many wait for a turn."""
        with self._changed:
            return len(self._waiting)

    @contextmanager
    def one(
        self, stopped: threading.Event, ahead: Callable[[int], object] = lambda _: None
    ) -> Iterator[None]:
        """Have a turn, after everybody who asked before.

        Args:
            stopped: ends the waiting; whoever sets it calls ``look_again``.
            ahead: is told how many come before, each time that it changes.

        Raises:
            Stopped: ``stopped`` was set before the turn came.
        """
        self._take(stopped, ahead)
        try:
            yield
        finally:
            with self._changed:
                self._taken -= 1
                self._changed.notify_all()

    def look_again(self) -> None:
        """Let those who wait see that they were stopped."""
        with self._changed:
            self._changed.notify_all()

    def _take(self, stopped: threading.Event, ahead: Callable[[int], object]) -> None:
        me, told = object(), 0
        with self._changed:
            self._waiting.append(me)
            try:
                while not stopped.is_set():
                    place = self._waiting.index(me)
                    if place == 0 and self._taken < self._width():
                        self._taken += 1
                        return
                    if place + 1 != told:
                        told = place + 1
                        ahead(told)
                    self._changed.wait()
                raise Stopped
            finally:
                self._waiting.remove(me)
                self._changed.notify_all()
