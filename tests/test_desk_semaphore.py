"""Turns at what cannot be shared."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from desk_pages import until

from mmcs.desk.semaphore import FairSemaphore, Stopped

GO_ON = threading.Event()  # never set


def test_turns_come_in_the_order_of_asking() -> None:
    """Nobody overtakes, though many wait at once."""
    turns, order = FairSemaphore(lambda: 1), []

    def ask(number: int) -> None:
        with turns.one(GO_ON):
            order.append(number)

    with ThreadPoolExecutor(6) as pool, turns.one(GO_ON):
        for number in range(6):
            pool.submit(ask, number)
            until(lambda n=number: turns.waiting == n + 1)  # type: ignore[misc]  # mypy cannot infer a default's type
    assert order == list(range(6))
    assert not turns.waiting


def test_no_more_than_the_width_at_once() -> None:
    """Three may write at a time, never a fourth; an error gives the turn back."""
    turns = FairSemaphore(lambda: 3)
    together = threading.Barrier(3)
    inside, most, lock = 0, 0, threading.Lock()

    def write(number: int) -> None:
        nonlocal inside, most
        with turns.one(GO_ON):
            with lock:
                inside += 1
                most = max(most, inside)
            together.wait(10)  # three are inside, or it breaks
            with lock:
                inside -= 1
            if number % 2:
                raise ValueError

    with ThreadPoolExecutor(9) as pool:
        done = [pool.submit(write, number) for number in range(9)]
    assert most == 3
    assert [type(one.exception()) for one in done] == [
        ValueError if number % 2 else type(None) for number in range(9)
    ]


def test_whoever_waits_is_told_their_place() -> None:
    """The third in the line hears of two before them, and of each that leaves, whether its turn
    came or it was stopped. Who need not wait hears nothing."""
    turns, stopped = FairSemaphore(lambda: 1), threading.Event()
    told: list[int] = []

    def ask(stop: threading.Event) -> None:
        with turns.one(stop):
            pass

    def last() -> None:
        with turns.one(GO_ON, told.append):
            pass

    with ThreadPoolExecutor(3) as pool:
        with turns.one(GO_ON, told.append):
            assert not told
            leaves = pool.submit(ask, stopped)
            until(lambda: turns.waiting == 1)
            pool.submit(ask, GO_ON)
            until(lambda: turns.waiting == 2)
            pool.submit(last)
            until(lambda: told == [3])
            stopped.set()
            turns.look_again()
            until(lambda: told == [3, 2])
            assert isinstance(leaves.exception(10), Stopped)
        pool.shutdown()
    assert told[:2] == [3, 2] and not turns.waiting


def test_who_is_stopped_already_gets_no_turn() -> None:
    """Not even one that is free."""
    turns, stopped = FairSemaphore(lambda: 1), threading.Event()
    stopped.set()
    with pytest.raises(Stopped), turns.one(stopped):
        pass
    with turns.one(GO_ON):
        assert not turns.waiting
