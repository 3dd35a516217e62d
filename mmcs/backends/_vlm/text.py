"""Tokens to text, piece by piece: whole characters, no control tokens, up to a stop text."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

UNFINISHED = "\ufffd"  # what a decoder writes for the first bytes of a character


class Unfolding:
    """A reply as its tokens come.

    All tokens are decoded each time, because what a token says may depend on the one before; 220
    tokens take some microseconds. What may still change stays back: the beginning of a character,
    and what could become a stop text.
    """

    def __init__(self, tokenizer: Any, control: Collection[int], stop: Sequence[str]) -> None:
        self._tokenizer = tokenizer
        self._control = control
        self._stop = [text for text in stop if text]
        self._tokens: list[int] = []
        self.text = ""  # what may be shown
        self.stopped = False  # a stop text has come

    def __len__(self) -> int:
        return len(self._tokens)

    def add(self, token: int) -> None:
        """Take the next token."""
        self._tokens.append(token)
        self._show(last=False)

    def finish(self) -> None:
        """Show what was kept back."""
        if not self.stopped:
            self._show(last=True)

    def _show(self, *, last: bool) -> None:
        plain = [token for token in self._tokens if token not in self._control]
        decoded: str = self._tokenizer.decode(
            plain, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        whole = decoded.rstrip(UNFINISHED).replace(UNFINISHED, "")
        ends = [at for at in (whole.find(stop) for stop in self._stop) if at >= 0]
        if ends:
            self.stopped = True
            whole = whole[: min(ends)]
        elif not last:
            whole = whole[: len(whole) - self._possible_stop(whole)]
        if whole.startswith(self.text):  # a decoder that takes something back is not followed
            self.text = whole

    def _possible_stop(self, text: str) -> int:
        """Return how many characters at the end of a text begin a stop text."""
        lengths = (
            length
            for stop in self._stop
            for length in range(min(len(stop) - 1, len(text)), 0, -1)
            if text.endswith(stop[:length])
        )
        return max(lengths, default=0)
