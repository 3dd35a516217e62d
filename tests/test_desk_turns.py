"""Turns at the language model."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from mmcs.desk.turns import Turns


def test_turns_come_in_the_order_of_asking() -> None:
    """Nobody overtakes, though many wait at once."""
    turns, order = Turns(lambda: 1), []
    asked = [threading.Event() for _ in range(6)]

    def ask(number: int) -> None:
        asked[number].set()
        with turns.one():
            order.append(number)

    with ThreadPoolExecutor(6) as pool, turns.one():
        assert not turns.free
        for number in range(6):
            pool.submit(ask, number)
            asked[number].wait()
            while turns.waiting <= number:  # until it stands in the line
                threading.Event().wait(0.001)
    assert order == list(range(6))
    assert turns.free


def test_no_more_than_the_width_at_once() -> None:
    """Three may write at a time, never a fourth; an error gives the turn back."""
    turns = Turns(lambda: 3)
    together = threading.Barrier(3)
    inside, most, lock = 0, 0, threading.Lock()

    def write(number: int) -> None:
        nonlocal inside, most
        with turns.one():
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
    assert turns.free
