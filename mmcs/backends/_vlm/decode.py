"""Writing several replies at once with one model: a step of the loop gives each its next token.

transformers' own `generate` takes a batch whose rows begin and end together, and its continuous
batching takes text only. This loop is small instead: each prompt is read alone, pixels and all, so
that it is read just as if nobody else were there; then its keys and values join those of the other
replies, padded on the left. A reply ends, or is given up, without waiting for the others.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.functional import pad
from transformers import DynamicCache

from mmcs.backends._vlm.prompt import Prompt

KEPT_PREFIXES = 4  # constant prefixes whose keys and values are kept: the languages of a domain
LEAST_PREFIX = 16  # tokens; shorter ones aren't worth a pass of their own
SEED = 1
JOINABLE = {"full_attention", "sliding_attention"}  # layers whose cache is keys and values alone
BY_TOKEN = {"mm_token_type_ids", "token_type_ids"}  # inputs with one number for each token

KeysValues = list[tuple[torch.Tensor, torch.Tensor]]  # a layer: (1, heads, tokens, head size)


@dataclass(eq=False)
class Row:
    """One reply among those being written."""

    temperature: float
    length: int  # tokens whose keys and values the cache holds
    position: int  # of the next token; with images it is less than ``length`` for some models
    token: int = -1  # the newest, not in the cache yet
    chance: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(SEED))


class Decoder:
    """A model, the replies it is writing, and the constant prefixes it remembers."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.rows: list[Row] = []
        self.sound = True  # false where the cache was left half grown
        self._cache = DynamicCache()
        self._text = model.config.get_text_config()
        # Layers of another kind (convolutions, linear attention) keep a state that can neither be
        # shared nor padded: such a model writes one reply at a time and keeps no prefix.
        kinds = set(getattr(self._text, "layer_types", None) or JOINABLE)
        self.joinable = kinds <= JOINABLE
        self._prefixes: OrderedDict[tuple[int, ...], KeysValues] = OrderedDict()

    @property
    def device(self) -> torch.device:
        """Where the model reads tokens; asked each time, because a GPU may be lent for a call."""
        device: torch.device = self.model.get_input_embeddings().weight.device
        return device

    @property
    def longest(self) -> int:
        """Tokens of the longest reply in the cache, prompt included."""
        return max((row.length for row in self.rows), default=0)

    def drop_replies(self) -> None:
        """Give up all replies."""
        self.rows = []
        self._cache = DynamicCache()
        self.sound = True

    def drop_prefixes(self) -> None:
        """Give up the prefixes, and give memory that isn't used back to the device."""
        self._prefixes.clear()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def begin(self, prompt: Prompt, temperature: float, *, prefix: bool = True) -> Row:
        """Read a prompt and return its reply, begun, and from now on among the others."""
        ids = torch.tensor([prompt.ids])
        positions, following = self._positions(ids, prompt)
        cache, done = self._started(prompt, positions, prefix=prefix)
        logits = self._read(cache, ids[:, done:], positions[..., done:], prompt.inputs, done)
        row = Row(temperature, ids.shape[1], following)
        self._pick(logits, [row])
        self._join(row, cache)
        return row

    def step(self) -> None:
        """Give each reply its next token."""
        lengths = torch.tensor([row.length for row in self.rows])
        most = int(lengths.max())
        places = torch.arange(most + 1)
        mask = (places >= (most - lengths)[:, None]).long()  # (rows, most + 1), padded on the left
        tokens = torch.tensor([[row.token] for row in self.rows])
        positions = torch.tensor([[row.position] for row in self.rows])
        if self._has_grid_positions:
            positions = positions.expand(3, -1, -1)
        self.sound = False
        logits = self._forward(self._cache, tokens, positions, mask, {})
        self.sound = True
        for row in self.rows:
            row.length += 1
            row.position += 1
        self._pick(logits, self.rows)

    def end(self, rows: list[Row]) -> None:
        """Take replies out, and the padding that only they needed."""
        keep = [index for index, row in enumerate(self.rows) if row not in rows]
        before = self.longest
        self.rows = [self.rows[index] for index in keep]
        if not self.rows:
            self._cache = DynamicCache()
            return
        cut = before - self.longest
        for layer in self._filled(self._cache):
            layer.keys = layer.keys[keep, :, cut:]
            layer.values = layer.values[keep, :, cut:]

    # --- reading a prompt ---

    def _started(self, prompt: Prompt, positions: torch.Tensor, *, prefix: bool) -> tuple[Any, int]:
        """Return a cache that holds the constant prefix, and how many tokens that are."""
        if not self.joinable:
            return DynamicCache(config=self._text), 0
        if not prefix or prompt.constant < LEAST_PREFIX:
            return DynamicCache(), 0
        constant = prompt.constant
        key = tuple(prompt.ids[:constant])
        if key not in self._prefixes:
            cache = DynamicCache()
            ids = torch.tensor([key])
            types = {key: v for key, v in prompt.inputs.items() if key in BY_TOKEN}
            self._read(cache, ids, positions[..., :constant], types, 0)
            self._prefixes[key] = [(each.keys, each.values) for each in self._filled(cache)]
            while len(self._prefixes) > KEPT_PREFIXES:
                self._prefixes.popitem(last=False)
        self._prefixes.move_to_end(key)
        # A cache grows by concatenation into new tensors, so the kept ones are never written to.
        return DynamicCache(self._prefixes[key]), constant

    def _read(
        self,
        cache: Any,
        ids: torch.Tensor,
        positions: torch.Tensor,
        inputs: dict[str, torch.Tensor],
        done: int,
    ) -> torch.Tensor:
        """Return the scores of the token after ``ids``, (1, vocabulary)."""
        # Types of tokens stay whole: Gemma's mask looks them up by the place in the whole prompt.
        mask = torch.ones(1, done + ids.shape[1], dtype=torch.long)
        return self._forward(cache, ids, positions, mask, inputs)

    def _forward(
        self,
        cache: Any,
        ids: torch.Tensor,
        positions: torch.Tensor,
        mask: torch.Tensor,
        inputs: dict[str, torch.Tensor],
    ) -> torch.Tensor:
        """Return the scores after the last token of each row, (rows, vocabulary), in fp32."""
        written = self.model(
            input_ids=ids.to(self.device),
            attention_mask=mask.to(self.device),
            position_ids=positions.to(self.device),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
            **{key: self._placed(value) for key, value in inputs.items()},
        )
        scores: torch.Tensor = written.logits[:, -1].float()
        return scores

    def _placed(self, value: torch.Tensor) -> torch.Tensor:
        dtype = self.model.dtype if value.is_floating_point() else value.dtype
        return value.to(self.device, dtype)

    @property
    def _has_grid_positions(self) -> bool:
        return hasattr(self.model.base_model, "get_rope_index")

    def _positions(self, ids: torch.Tensor, prompt: Prompt) -> tuple[torch.Tensor, int]:
        """Return the position of each token and that of the first of the reply.

        Qwen's models number time, height and width: (3, 1, tokens), from the whole prompt, so that
        a part which is read later keeps its place. All others count: (1, tokens).
        """
        count = torch.arange(ids.shape[1])[None]
        if not self._has_grid_positions:
            return count, ids.shape[1]
        if "mm_token_type_ids" not in prompt.inputs:
            return count.expand(3, 1, -1), ids.shape[1]
        grids = {k: v for k, v in prompt.inputs.items() if k in BY_TOKEN or k.endswith("_thw")}
        positions, _ = self.model.base_model.get_rope_index(input_ids=ids, **grids)
        return positions, int(positions.max()) + 1

    # --- the rows ---

    def _join(self, row: Row, cache: Any) -> None:
        """Add a reply's keys and values to those of the others, both padded on the left."""
        if not self.rows:
            self._cache = cache
            self.rows = [row]
            return
        self.sound = False
        most = max(self.longest, row.length)
        mine, more = most - self.longest, most - row.length
        for layer, new in zip(self._filled(self._cache), self._filled(cache), strict=True):
            layer.keys = torch.cat([_padded(layer.keys, mine), _padded(new.keys, more)])
            layer.values = torch.cat([_padded(layer.values, mine), _padded(new.values, more)])
            new.keys = new.values = None  # no more than one layer is there twice
        self.rows.append(row)
        self.sound = True

    @staticmethod
    def _filled(cache: Any) -> list[Any]:
        """Return the layers that hold something; some models share those of others."""
        return [layer for layer in cache.layers if layer.is_initialized]

    @staticmethod
    def _pick(logits: torch.Tensor, rows: list[Row]) -> None:
        """Set each reply's next token: the best, or with a temperature one by chance, which falls
        the same way each time and whoever else is there."""
        best = logits.argmax(-1).tolist()
        for row, scores, token in zip(rows, logits, best, strict=True):
            row.token = token
            if row.temperature > 0:
                shares = torch.softmax(scores.cpu() / row.temperature, dim=-1)
                row.token = int(torch.multinomial(shares, 1, generator=row.chance))


def _padded(states: torch.Tensor, tokens: int) -> torch.Tensor:
    return pad(states, (0, 0, tokens, 0)) if tokens else states
