"""A conversation to what a multimodal model reads: tokens, pixels, and how much of it is constant.

What the messages say is text, never a control token. transformers has a switch for that
(``apply_chat_template(..., sanitize_control_tokens=True)``), which covers the special tokens and
those that the template writes. It leaves open the added tokens that are not special (``<think>``,
``<tool_call>``), fails for processors that ask where a token came from (Idefics 3), and is younger
than some versions that are installed. So the tokens are broken up in the text instead, before the
template and the processor see it, and the result is checked.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import jinja2
import torch

from mmcs.backends._vlm.images import limit, pictures
from mmcs.errors import ModelUnavailable, OverLimit
from mmcs.roles import ChatMessage

UNSEEN = "\u200b"  # a zero-width space
# An added token that is not special and not written like this is text: Gemma's runs of spaces.
IN_BRACKETS = re.compile(r"<[^<>]+>|\[[^\[\]]+\]")
Turns = list[dict[str, Any]]  # messages as chat templates read them


@dataclass(frozen=True)
class Prompt:
    """A conversation as a model reads it."""

    ids: list[int]  # (tokens,)
    constant: int  # tokens at the beginning that hold nothing of the last message, and no image
    inputs: dict[str, torch.Tensor]  # pixels and their grids; types of the tokens, (1, tokens)


class Prompter:
    """Writes prompts for one model. Any thread may ask; one at a time is served, because a
    tokenizer cannot be shared."""

    def __init__(self, processor: Any, name: str, context: int) -> None:
        self.processor = processor
        self.tokenizer = processor.tokenizer
        self.name = name
        self.context = context  # tokens, of prompt and reply together
        added = {
            number: token.content
            for number, token in self.tokenizer.added_tokens_decoder.items()
            if token.special or IN_BRACKETS.fullmatch(token.content)
        }
        self.control = frozenset(added)
        longest_first = sorted(added.values(), key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")
        self._template = _template(processor, name)
        self._lock = threading.Lock()

    def prompt(self, messages: Sequence[ChatMessage], most: int, image_tokens: int) -> Prompt:
        """Return the prompt for a reply of ``most`` tokens, with ``image_tokens`` for an image.

        Raises:
            OverLimit: the conversation does not fit.
            ModelUnavailable: the model's chat template does not take it.
        """
        with self._lock:
            turns = [self._turn(message) for message in messages]
            images = [image for message in messages for image in message.images]
            rendered = self._rendered(turns)
            asked: dict[str, Any] = {}
            if images:
                asked["images"] = pictures(images, self.processor, image_tokens)
                asked["images_kwargs"] = limit(self.processor, image_tokens)
            try:
                read = self.processor(
                    text=[rendered],
                    return_tensors="pt",
                    add_special_tokens=self._adds(rendered),
                    **asked,
                )
            except ValueError as refused:
                raise ModelUnavailable(f"{self.name} cannot take these images.") from refused
            ids: list[int] = read["input_ids"][0].tolist()
            earlier = any(message.images for message in messages[:-1])
            constant = 0 if earlier else self._constant(turns, ids)
        if len(ids) + most > self.context:
            raise OverLimit(
                f"The ticket is too long for {self.name}: {len(ids):,} tokens, and "
                f"{max(0, self.context - most):,} fit. Shorten it."
            )
        left_out = {"input_ids", "attention_mask"}
        inputs = {
            key: value
            for key, value in read.items()
            if key not in left_out and isinstance(value, torch.Tensor)
        }
        return Prompt(ids, constant, inputs)

    def defused(self, text: str) -> str:
        """Return a text in which an unseen space breaks up each control token.

        Raises:
            ModelUnavailable: the tokenizer finds one nevertheless.
        """
        while self._control.search(text):
            text = self._control.sub(lambda found: found[0][0] + UNSEEN + found[0][1:], text)
        if self.control.intersection(self.tokenizer.encode(text, add_special_tokens=False)):
            raise ModelUnavailable(f"{self.name} cannot take this text as text.")
        return text

    def _turn(self, message: ChatMessage) -> dict[str, Any]:
        """Return a message in blocks; some templates take nothing else."""
        shown = [{"type": "image"} for _ in message.images]
        text = {"type": "text", "text": self.defused(message.content)}
        return {"role": message.role, "content": [*shown, text]}

    def _rendered(self, turns: Turns) -> str:
        try:
            rendered: str = self.tokenizer.apply_chat_template(
                turns, chat_template=self._template, tokenize=False, add_generation_prompt=True
            )
        except jinja2.TemplateError as refused:
            raise ModelUnavailable(
                f"The chat template of {self.name} does not take this conversation."
            ) from refused
        return rendered

    def _adds(self, rendered: str) -> bool:
        """Say whether the tokenizer adds its own tokens; most templates write them."""
        begin = self.tokenizer.bos_token
        return not (begin and rendered.startswith(begin))

    def _constant(self, turns: Turns, ids: list[int]) -> int:
        """Return how many tokens are there before anything of the last message is."""
        mark = secrets.token_hex(8)
        last = {"role": turns[-1]["role"], "content": [{"type": "text", "text": mark}]}
        before = self._rendered([*turns[:-1], last]).partition(mark)[0]
        shared = self.tokenizer.encode(before, add_special_tokens=self._adds(before))
        same = takewhile(lambda pair: pair[0] == pair[1], zip(shared, ids[:-1], strict=False))
        return sum(1 for _ in same)


def _template(processor: Any, name: str) -> str:
    template = getattr(processor, "chat_template", None) or processor.tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    if not isinstance(template, str):
        raise ModelUnavailable(f"{name} has no chat template, so it cannot write drafts.")
    return template
