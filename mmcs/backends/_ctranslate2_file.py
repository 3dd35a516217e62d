"""Reads CTranslate2's ``model.bin`` and turns its Whisper back into openai-whisper's state dict.

The format is written by ``ModelSpec._serialize`` in ctranslate2/specs/model_spec.py, the names by
``WhisperSpec`` and its converter. Both hold the same fp16 numbers: nothing is lost either way.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray

from mmcs.errors import WeightsError

VERSION = 6  # of the format
DTYPES = ("<f4", "<i1", "<i2", "<i4", "<f2")  # by their number in the file

Variables = dict[str, NDArray[np.generic]]
StateDict = dict[str, torch.Tensor]


def read_variables(path: Path) -> Variables:
    """Return every variable of a model file by its name; scalars have no dimensions.

    Raises:
        WeightsError: it is not such a file.
    """
    with path.open("rb") as file:
        (version,) = _numbers(file, "<I")
        if version != VERSION:
            raise WeightsError(f"{path.name} has format {version} of CTranslate2, not {VERSION}.")
        _name(file)  # of the specification, and its revision
        _, count = _numbers(file, "<II")
        return dict(_variable(file) for _ in range(count))


def _variable(file: BinaryIO) -> tuple[str, NDArray[np.generic]]:
    name = _name(file)
    (rank,) = _numbers(file, "<B")
    shape = _numbers(file, f"<{rank}I")
    dtype, size = _numbers(file, "<BI")
    return name, np.frombuffer(file.read(size), DTYPES[dtype]).reshape(shape)


def _name(file: BinaryIO) -> str:
    (length,) = _numbers(file, "<H")
    return file.read(length)[:-1].decode("utf-8")  # less the null at its end


def _numbers(file: BinaryIO, form: str) -> tuple[int, ...]:
    return struct.unpack(form, file.read(struct.calcsize(form)))


def whisper_state_dict(variables: Variables) -> StateDict:
    """Return the state dict of ``whisper.model.Whisper``, in fp16.

    CTranslate2 fuses the query, key and value matrices of self-attention, and the key and value
    matrices of cross-attention; the key has no bias in Whisper, so its share of the fused one is
    zero and is dropped.
    """
    state: StateDict = {}
    for name, value in variables.items():
        if value.dtype != np.float16:
            continue  # settings such as num_heads
        side, _, rest = name.partition("/")
        tensor = torch.from_numpy(value.copy())
        if rest.startswith("layer_") and not rest.startswith("layer_norm"):
            layer, _, inner = rest.removeprefix("layer_").partition("/")
            for key, part in _block(inner, tensor).items():
                state[f"{side}.blocks.{layer}.{key}"] = part
        else:
            state[f"{side}.{_outer(rest, side)}"] = tensor
    return state


def _outer(rest: str, side: str) -> str:
    """Name what stands before and after the blocks."""
    name, _, kind = rest.partition("/")
    if name == "layer_norm":
        return ("ln_post." if side == "encoder" else "ln.") + _NORM[kind]
    names = {"embeddings": "token_embedding.weight", "position_encodings": "positional_embedding"}
    return names.get(name, f"{name}.{kind}")  # else conv1 and conv2


_NORM = {"gamma": "weight", "beta": "bias"}
_ATTENTION = {"self_attention": "attn", "attention": "cross_attn"}


def _block(inner: str, tensor: torch.Tensor) -> StateDict:
    """Name one variable of a block, or the parts that are fused in it."""
    room, layer, kind = inner.split("/")
    if room == "ffn":
        if layer == "layer_norm":
            return {f"mlp_ln.{_NORM[kind]}": tensor}
        return {f"mlp.{'0' if layer == 'linear_0' else '2'}.{kind}": tensor}
    attention = _ATTENTION[room]
    if layer == "layer_norm":
        return {f"{attention}_ln.{_NORM[kind]}": tensor}
    names = _fused(room, layer)
    parts = zip(names, tensor.chunk(len(names)), strict=True)
    return {
        f"{attention}.{name}.{kind}": part.clone()
        for name, part in parts
        if (name, kind) != ("key", "bias")
    }


def _fused(room: str, layer: str) -> tuple[str, ...]:
    """Return what is stacked, in this order, in a linear layer of an attention."""
    if room == "self_attention":
        return ("query", "key", "value") if layer == "linear_0" else ("out",)
    return {"linear_0": ("query",), "linear_1": ("key", "value"), "linear_2": ("out",)}[layer]
