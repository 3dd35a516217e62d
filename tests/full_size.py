"""Qwen3-VL in its real sizes, of random numbers: as fast and as large as the trained models."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tiny_models import qwen_files, qwen_ids
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

VOCABULARY = (
    151_936  # tokens, as published; the tokenizer's own are far fewer, the rest are fillers
)


@dataclass(frozen=True)
class Size:
    """What differs between the sizes, from their published configurations."""

    hidden: int
    intermediate: int
    tied: bool
    depth: int  # layers of the vision tower
    vision: int  # its width
    vision_intermediate: int
    deepstack: tuple[int, ...]


SIZES = {
    "4B": Size(2560, 9728, True, 24, 1024, 4096, (5, 11, 17)),
    "8B": Size(4096, 12_288, False, 27, 1152, 4304, (8, 16, 24)),
}


def configuration(size: Size, ids: dict[str, int]) -> Qwen3VLConfig:
    """Return the configuration of a size; ``ids`` are the tokenizer's."""
    text: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": size.hidden,
        "intermediate_size": size.intermediate,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "max_position_embeddings": 262_144,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 5e6,
            "mrope_interleaved": True,
            "mrope_section": [24, 20, 20],
        },
        "tie_word_embeddings": size.tied,
    }
    vision: dict[str, Any] = {
        "depth": size.depth,
        "hidden_size": size.vision,
        "intermediate_size": size.vision_intermediate,
        "num_heads": 16,
        "out_hidden_size": size.hidden,
        "num_position_embeddings": 2304,
        "deepstack_visual_indexes": list(size.deepstack),
        "patch_size": 16,
    }
    named = qwen_ids(ids)
    return Qwen3VLConfig(
        text_config=text, vision_config=vision, tie_word_embeddings=size.tied, **named
    )


def full_size_qwen3_vl(folder: Path, name: str) -> Path:
    """Write a model of a size, made on the GPU if there is one: 9 GB for 4B, 18 GB for 8B."""
    ids = qwen_files(folder, patch=16, kind="Qwen3VL")
    _fill(folder / "tokenizer.json", ids)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(7)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            model = Qwen3VLForConditionalGeneration(configuration(SIZES[name], ids))
    finally:
        torch.set_default_dtype(before)
    model.generation_config.eos_token_id = [ids["<|im_end|>"]]
    model.generation_config.pad_token_id = None
    model.save_pretrained(folder)
    del model
    if device == "cuda":
        torch.cuda.empty_cache()
    return folder


def _fill(path: Path, ids: dict[str, int]) -> None:
    """Give each number that the model may write a word of its own."""
    told = json.loads(path.read_text("utf-8"))
    taken = set(ids.values())
    fillers = (number for number in range(VOCABULARY) if number not in taken)
    told["model"]["vocab"] |= {f"w{number}": number for number in fillers}
    path.write_text(json.dumps(told), "utf-8")
