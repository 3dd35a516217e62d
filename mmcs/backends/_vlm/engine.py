"""One model for several agents: requests wait in a queue, and those that fit are written together.

One thread owns the model. Between two steps it ends what is finished or given up, and lets in who
has waited longest, if there is room: so nobody waits for the end of another's reply, only for the
reading of another's prompt.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

import torch

from mmcs.backends._vlm.decode import Decoder, Row
from mmcs.backends._vlm.load import Loaded, out_of_memory
from mmcs.backends._vlm.memory import conversation
from mmcs.backends._vlm.prompt import Prompt, Prompter
from mmcs.backends._vlm.text import Unfolding
from mmcs.errors import MMCSError, ModelUnavailable
from mmcs.roles import ChatMessage, ChatOptions

MOST_WAITING = 64  # requests; past it an agent is told at once
GRACE = 5.0  # seconds after its time-out in which a request should have been answered


@dataclass(eq=False)
class Request:
    """One reply that somebody waits for."""

    messages: tuple[ChatMessage, ...]
    options: ChatOptions
    prompt: Prompt
    deadline: float  # of time.monotonic
    unfolding: Unfolding
    answers: SimpleQueue[str | MMCSError | None] = field(default_factory=SimpleQueue)
    sent: str = ""
    closed: bool = False  # nobody waits for it any more
    again: bool = False  # this is its second try, at less cost
    row: Row | None = None

    def show(self, text: str) -> bool:
        """Send what is new in the text so far; return whether it goes on as it began."""
        if self.sent.startswith(text):
            return True
        if not text.startswith(self.sent):
            return False
        self.answers.put(text[len(self.sent) :])
        self.sent = text
        return True


class Engine:
    """A loaded model, and the requests for it."""

    def __init__(self, loaded: Loaded, image_tokens: int, timeout: float) -> None:
        self.name = loaded.name
        self.at_once = loaded.plan.at_once
        self.image_tokens = image_tokens
        self.timeout = timeout  # seconds for one reply, waiting included
        self.loaded = loaded
        self.decoder = Decoder(loaded.model)
        if not self.decoder.joinable:
            self.at_once = 1
        text = loaded.model.config.get_text_config()
        context = min(conversation(image_tokens), getattr(text, "max_position_embeddings", 1 << 30))
        self.prompter = Prompter(loaded.processor, loaded.name, context)
        self._ends = _end_tokens(loaded)
        self._waiting: deque[Request] = deque()
        self._retrying: deque[Request] = deque()  # they go first, and each alone
        self._writing: list[Request] = []
        self._changed = threading.Condition()
        self._worker: threading.Thread | None = None

    # --- for any thread ---

    def write(
        self, messages: Sequence[ChatMessage], options: ChatOptions
    ) -> Generator[str, None, None]:
        """Yield a reply piece by piece; closing it stops its row within a token.

        Raises:
            OverLimit: the conversation does not fit.
            ModelUnavailable: too many wait, the time is over, or memory is used up.
        """
        request = self._request(messages, options)
        self._enter(request)
        try:
            yield from self._answers(request)
        finally:
            request.closed = True

    def write_here(
        self, messages: Sequence[ChatMessage], options: ChatOptions
    ) -> Generator[str, None, None]:
        """Yield a reply like ``write``, computed by the thread that asks; nobody else may."""
        request = self._request(messages, options)
        self._waiting.append(request)
        try:
            while self._waiting or self._retrying or self._writing:
                self._turn()
                while not request.answers.empty():
                    answer = request.answers.get()
                    if isinstance(answer, MMCSError):
                        raise answer
                    if answer is not None:
                        yield answer
        finally:
            request.closed = True
            self._turn()

    def _request(self, messages: Sequence[ChatMessage], options: ChatOptions) -> Request:
        try:
            prompt = self.prompter.prompt(messages, options.max_tokens, self.image_tokens)
        except (RuntimeError, MemoryError) as failed:
            if not out_of_memory(failed):
                raise
            raise self._no_memory() from failed
        deadline = time.monotonic() + self.timeout
        return Request(tuple(messages), options, prompt, deadline, self._unfolding(options))

    def _unfolding(self, options: ChatOptions) -> Unfolding:
        return Unfolding(self.prompter.tokenizer, self.prompter.control, options.stop)

    def _enter(self, request: Request) -> None:
        with self._changed:
            if len(self._waiting) >= MOST_WAITING:
                raise ModelUnavailable(
                    f"{MOST_WAITING} drafts wait for {self.name} already; try again in a minute."
                )
            self._waiting.append(request)
            if self._worker is None or not self._worker.is_alive():
                self._worker = threading.Thread(target=self._work, name="mmcs-vlm", daemon=True)
                self._worker.start()
            self._changed.notify()

    def _answers(self, request: Request) -> Generator[str, None, None]:
        while True:
            left = request.deadline - time.monotonic() + GRACE
            try:
                answer = request.answers.get(timeout=max(0.0, left))
            except Empty as late:  # a step takes for ever
                raise self._too_late() from late
            if answer is None:
                return
            if isinstance(answer, MMCSError):
                raise answer
            yield answer

    def _too_late(self) -> ModelUnavailable:
        return ModelUnavailable(
            f"{self.name} did not finish the draft within {self.timeout:g} seconds."
        )

    # --- for the thread that owns the model ---

    def _work(self) -> None:
        try:
            while True:
                with self._changed:
                    while not (self._waiting or self._retrying or self._writing):
                        self._changed.wait()
                self._turn()
        finally:  # a bug: it crashes this thread, and nobody waits for a dead one
            with self._changed:
                for request in (*self._writing, *self._retrying, *self._waiting):
                    request.answers.put(ModelUnavailable(f"{self.name} stopped working."))
                self._writing, self._worker = [], None
                self._waiting.clear()
                self._retrying.clear()
                self.decoder.drop_replies()
                self.decoder.drop_prefixes()

    @torch.inference_mode()
    def _turn(self) -> None:
        """Let one request in, if there is one and room for it; then give each its next token."""
        self._settle()
        newcomer = self._next()
        if newcomer is not None:
            self._begin(newcomer)
            self._settle()
        if self._writing:
            self._step()
            self._settle()

    def _step(self) -> None:
        try:
            self.decoder.step()
        except (RuntimeError, MemoryError) as failed:
            self._recover(failed, self._writing)
        else:
            for request in self._writing:
                self._take(request)

    def _next(self) -> Request | None:
        """Return who is let in now; who has waited longest goes first."""
        alone = bool(self._retrying) or any(request.again for request in self._writing)
        with self._changed:
            queue = self._retrying or self._waiting
            while queue and queue[0].closed:
                queue.popleft()
            if not queue or (self._writing and (alone or not self._fits(queue[0]))):
                return None
            return queue.popleft()

    def _fits(self, newcomer: Request) -> bool:
        """Say whether one more reply fits beside the others, all as long as the longest."""
        rows = [*self._writing, newcomer]
        longest = max(len(each.prompt.ids) + each.options.max_tokens for each in rows)
        return len(rows) <= self.at_once and len(rows) * longest <= self.loaded.plan.cache_tokens

    def _begin(self, request: Request) -> None:
        if time.monotonic() > request.deadline:
            request.answers.put(self._too_late())
            return
        self._writing.append(request)
        try:
            if request.again:
                self._lighten(request)
            request.row = self.decoder.begin(
                request.prompt, request.options.temperature, prefix=not request.again
            )
        except MMCSError as refused:
            self._finish(request, refused)
        except (RuntimeError, MemoryError) as failed:
            self._recover(failed, [request])
        else:
            self._take(request)

    def _lighten(self, request: Request) -> None:
        """Let a second try cost less: its images at half the tokens, unless its text has begun."""
        request.row, request.unfolding = None, self._unfolding(request.options)
        tokens = self.image_tokens if request.sent else self.image_tokens // 2
        most = request.options.max_tokens
        request.prompt = self.prompter.prompt(request.messages, most, tokens)

    def _take(self, request: Request) -> None:
        """Add a reply's newest token to its text, and see whether it is at its end."""
        if request.row is None:
            return
        unfolding = request.unfolding
        token = request.row.token
        ended = token in self._ends
        if not ended:
            unfolding.add(token)
            ended = unfolding.stopped or len(unfolding) >= request.options.max_tokens
        if ended:
            unfolding.finish()
        if not request.show(unfolding.text):
            self._finish(request, self._no_memory())  # a second try that went another way
        elif ended:
            self._finish(request, None)
        elif time.monotonic() > request.deadline:
            self._finish(request, self._too_late())

    def _finish(self, request: Request, answer: MMCSError | None) -> None:
        request.answers.put(answer)
        request.closed = True

    def _settle(self) -> None:
        """Take out the replies that are at their end or given up."""
        done = [request for request in self._writing if request.closed]
        if done:
            self._writing = [request for request in self._writing if not request.closed]
            self.decoder.end([request.row for request in done if request.row is not None])

    def _recover(self, failed: BaseException, hit: Sequence[Request]) -> None:
        """Free what can be freed, and let those who were hit try once more, each alone."""
        if not out_of_memory(failed):
            raise failed
        if not self.decoder.sound:  # the cache is half grown: all replies begin again
            hit = self._writing
            self.decoder.drop_replies()
        self.decoder.drop_prefixes()
        self._writing = [request for request in self._writing if request not in hit]
        for request in hit:
            if request.again:
                request.answers.put(self._no_memory())
            elif not request.closed:
                request.again = True
                self._retrying.append(request)

    def _no_memory(self) -> ModelUnavailable:
        return ModelUnavailable(f"There is not enough memory for {self.name} to write this draft.")


def _end_tokens(loaded: Loaded) -> frozenset[int]:
    """Return the tokens that end a reply."""
    ends = loaded.model.generation_config.eos_token_id
    named = ends if isinstance(ends, list) else [ends]
    return frozenset(
        token for token in (*named, loaded.processor.tokenizer.eos_token_id) if token is not None
    )
