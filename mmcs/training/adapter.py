"""A language model in a GGUF file, opened to be trained by corrections, and these as a GGUF adapter
that llama.cpp lays over the same file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from mmcs.backends._low_rank import RANK, LowRank, correct
from mmcs.errors import UsageError

# The matrices with a correction, and their names in GGUF.
MATRICES = {
    "q_proj": "attn_q",
    "k_proj": "attn_k",
    "v_proj": "attn_v",
    "o_proj": "attn_output",
    "gate_proj": "ffn_gate",
    "up_proj": "ffn_up",
    "down_proj": "ffn_down",
}
# Families whose layers have these matrices. Of the second, GGUF has the rows of queries and keys in
# another order: each head's two halves are interleaved, as its rotation was first written.
PLAIN, INTERLEAVED = ("qwen2", "qwen3"), ("llama",)


@dataclass(frozen=True)
class Opened:
    """A language model whose upper layers can be corrected."""

    network: Any  # one of transformers' causal language models
    family: str  # as GGUF names it
    heads: Mapping[str, int]  # of the matrices whose rows are interleaved
    end: int  # the token that ends a reply

    def trained(self) -> list[torch.nn.Parameter]:
        """Return what changes."""
        return [p for p in self.network.parameters() if p.requires_grad]

    def scores(self, ids: Tensor, where: Tensor) -> Tensor:
        """Return the logits of the next token, (true places, vocabulary), where ``where`` says so.

        Args:
            ids: (texts, tokens), padded behind.
            where: of the same shape, true for the tokens after which one is predicted.
        """
        states = self.network.model(input_ids=ids, use_cache=False).last_hidden_state
        scores: Tensor = self.network.lm_head(states[where])
        return scores

    def snapshot(self) -> dict[str, Tensor]:
        """Return the corrections as they are now, by their names in an adapter."""
        return dict(self._named())

    def _named(self) -> Iterator[tuple[str, Tensor]]:
        for name, module in self.network.named_modules():
            if not isinstance(module, LowRank):
                continue
            _, _, layer, _, matrix = name.split(".")  # model.layers.3.self_attn.q_proj
            up = module.up.detach().cpu().clone()
            if matrix in self.heads:
                up = _interleaved(up, self.heads[matrix])
            named = f"blk.{layer}.{MATRICES[matrix]}.weight"
            yield f"{named}.lora_a", module.down.detach().cpu().clone()
            yield f"{named}.lora_b", up


def open_model(path: Path, device: str, kept: float) -> Opened:
    """Load a GGUF model as it is quantised, in single precision, with corrections that do nothing.

    Args:
        path: the file.
        device: where it computes.
        kept: share of the layers, from below, that stay as they are.

    Raises:
        UsageError: it is of a family that cannot be trained here.
    """
    family = _family(path)
    if family not in PLAIN + INTERLEAVED:
        known = ", ".join(PLAIN + INTERLEAVED)
        raise UsageError(f"{path.name} is a {family} model; an adapter can be made for {known}.")
    network = AutoModelForCausalLM.from_pretrained(
        str(path.parent), gguf_file=path.name, dtype=torch.float32, local_files_only=True
    )
    shape = network.config
    heads = {"q_proj": shape.num_attention_heads, "k_proj": shape.num_key_value_heads}
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    layers = network.model.layers
    correct(layers[int(len(layers) * kept) :], MATRICES)
    return Opened(
        network.to(device),
        family,
        heads if family in INTERLEAVED else {},
        int(shape.eos_token_id),
    )


def write_adapter(snapshot: Mapping[str, Tensor], family: str, out: Path) -> None:
    """Write corrections, in half precision, as an adapter for models of a family."""
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_suffix(".part")
    writer = gguf.GGUFWriter(unfinished, family)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(RANK))  # over the rank: 1
    for name, values in snapshot.items():
        writer.add_tensor(name, values.to(torch.float16).numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    unfinished.replace(out)


def _family(path: Path) -> str:
    field = gguf.GGUFReader(path).get_field(gguf.Keys.General.ARCHITECTURE)
    return str(field.contents()) if field is not None else "nameless"


def _interleaved(rows: Tensor, heads: int) -> Tensor:
    """Return the rows of queries or keys in GGUF's order (``permute`` in llama.cpp's
    conversion/llama.py)."""
    halves = rows.reshape(heads, 2, len(rows) // heads // 2, *rows.shape[1:])
    return halves.swapaxes(1, 2).reshape(rows.shape)
