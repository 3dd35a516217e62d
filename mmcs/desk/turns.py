"""Whose turn it is at the language model: first come, first served, and as many at a time as it
writes for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Turns:
    """Turns for ``width()`` tickets at a time; it is asked anew, since a model may still load."""

    def __init__(self, width: Callable[[], int]) -> None:
        self._width = width
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        self._taken = 0

    @property
    def free(self) -> bool:
        """Whether a turn could be had at once."""
        with self._changed:
            return not self._waiting and self._taken < self._width()

    @property
    def waiting(self) -> int:
        """How many wait for a turn."""
        with self._changed:
            return len(self._waiting)

    @contextmanager
    def one(self) -> Iterator[None]:
        """Have a turn, after everybody who asked before."""
        me = object()
        with self._changed:
            self._waiting.append(me)
            self._changed.wait_for(lambda: self._waiting[0] is me and self._taken < self._width())
            self._waiting.popleft()
            self._taken += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._taken -= 1
                self._changed.notify_all()
