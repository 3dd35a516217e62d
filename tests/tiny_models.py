"""Tiny multimodal models of random numbers, in folders as the hub has them.

They are built of the real configuration and model classes, two layers deep, with tokenizers and
image processors in the families' real form: the files of Qwen3-VL name a processor for videos too,
SmolVLM's want a package that spells numbers, and neither torchvision nor that package is there.

What they write is nonsense, but it depends on every token and pixel: the numbers are large, and
the output is not tied to the input. They write printable ASCII, and no end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)
from transformers import (
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    InternVLConfig,
    InternVLForConditionalGeneration,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
)

SPREAD = 0.25  # standard deviation of the weights: enough for the output to depend on all of them
WORDS = (
    "You help the customers of a shop. Say hello to Anna and ask for her order number. "
    "Write a long story about a parcel that travels around the world. 您好，您的订单已经发货。"
)
QWEN_SPECIAL = (
    "<|endoftext|> <|im_start|> <|im_end|> <|vision_start|> <|vision_end|> <|vision_pad|> "
    "<|image_pad|> <|video_pad|>"
).split()
QWEN_PLAIN = "<tool_call> </tool_call> <think> </think>".split()  # added, but not special
SMOL_SPECIAL = (
    "<|endoftext|> <|im_start|> <|im_end|> <fake_token_around_image> <image> <end_of_utterance> "
    "<global-img>"
).split() + [f"<row_{row}_col_{column}>" for row in range(1, 4) for column in range(1, 4)]
GEMMA_SPECIAL = (
    "<pad> <eos> <bos> <unk> <start_of_turn> <end_of_turn> <start_of_image> <end_of_image> "
    "<image_soft_token>"
).split()
GEMMA_PLAIN = ("  ", "!!", "<table>")  # text all the same, but for the last
INTERN_SPECIAL = (
    "<|endoftext|> <|im_start|> <|im_end|> <img> </img> <IMG_CONTEXT> <video>"
).split()

QWEN_TEMPLATE = """{%- if messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0].content is string %}
        {{- messages[0].content }}
    {%- else %}
        {%- for content in messages[0].content %}
            {%- if 'text' in content %}
                {{- content.text }}
            {%- endif %}
        {%- endfor %}
    {%- endif %}
    {{- '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == "user" or message.role == "assistant" %}
        {{- '<|im_start|>' + message.role + '\\n' }}
        {%- for content in message.content %}
            {%- if content.type == 'image' or 'image' in content %}
                {{- '<|vision_start|><|image_pad|><|vision_end|>' }}
            {%- elif 'text' in content %}
                {{- content.text }}
            {%- endif %}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""
SMOL_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{message['role'] | capitalize}}"
    "{% if message['content'][0]['type'] == 'image' %}{{':'}}{% else %}{{': '}}{% endif %}"
    "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{line['text']}}"
    "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}"
    "<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
GEMMA_TEMPLATE = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{% set first = messages[0]['content'][0]['text'] + '\n\n' %}{% set rest = messages[1:] %}"
    "{% else %}{% set first = '' %}{% set rest = messages %}{% endif %}"
    "{% for message in rest %}{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' "
    "else message['role']) + '\n' + (first if loop.first else '') }}"
    "{% for item in message['content'] %}{% if item['type'] == 'image' %}{{ '<start_of_image>' }}"
    "{% else %}{{ item['text'] | trim }}{% endif %}{% endfor %}{{ '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
INTERN_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% for item in message['content'] %}{% if item['type'] == 'image' %}{{ '<IMG_CONTEXT>\n' }}"
    "{% else %}{{ item['text'] }}{% endif %}{% endfor %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def qwen3_vl(folder: Path, *, tied: bool = False, wide: int = 128) -> Path:
    """Write a model like Qwen3-VL; ``tied`` as the 2B and 4B are, which makes it repeat itself;
    ``wide``: the numbers between the two halves of a layer."""
    ids = qwen_files(folder, patch=16, kind="Qwen3VL")
    text = {
        **_text(len(ids)),
        "intermediate_size": wide,
        "head_dim": 16,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 5e6,
            "mrope_interleaved": True,
            "mrope_section": [4, 2, 2],
        },
        "tie_word_embeddings": tied,
    }
    vision = {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "out_hidden_size": 64,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0],
        "patch_size": 16,
        "initializer_range": SPREAD,
    }
    config = Qwen3VLConfig(
        text_config=text, vision_config=vision, tie_word_embeddings=tied, **qwen_ids(ids)
    )
    return _write(folder, Qwen3VLForConditionalGeneration, config, ids, ["<|im_end|>"])


def qwen2_5_vl(folder: Path) -> Path:
    """Write a model like Qwen2.5-VL."""
    ids = qwen_files(folder, patch=14, kind="Qwen2_5_VL")
    text = {
        **_text(len(ids)),
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1e6,
            "mrope_section": [2, 3, 3],
        },
    }
    vision = {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "out_hidden_size": 64,
        "patch_size": 14,
        "window_size": 56,
        "fullatt_block_indexes": [1],
        "initializer_range": SPREAD,
    }
    config = Qwen2_5_VLConfig(text_config=text, vision_config=vision, **qwen_ids(ids))
    return _write(folder, Qwen2_5_VLForConditionalGeneration, config, ids, ["<|im_end|>"])


def smolvlm(folder: Path) -> Path:
    """Write a model like SmolVLM2: images in tiles of 16 pixels, 4 tokens each."""
    names = {
        "eos_token": "<end_of_utterance>",
        "pad_token": "<|im_end|>",
        "bos_token": "<|im_start|>",
    }
    ids = _tokenizer(folder, "GPT2Tokenizer", SMOL_SPECIAL, (), names)
    images = {
        **_halves(),
        "do_image_splitting": True,
        "do_pad": True,
        "max_image_size": {"longest_edge": 16},
        "size": {"longest_edge": 48},
        "resample": 1,
        "video_sampling": {"fps": 1, "max_frames": 64, "video_size": {"longest_edge": 16}},
        "processor_class": "SmolVLMProcessor",
        "image_processor_type": "SmolVLMImageProcessor",
    }
    _json(folder / "preprocessor_config.json", images)
    own = {"processor_class": "SmolVLMProcessor", "image_seq_len": 4}
    _json(folder / "processor_config.json", own)
    (folder / "chat_template.jinja").write_text(SMOL_TEMPLATE, "utf-8")
    vision = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "patch_size": 4,
        "image_size": 16,
        "initializer_range": SPREAD,
    }
    config = SmolVLMConfig(
        text_config={"model_type": "llama", **_text(len(ids)), "head_dim": 16},
        vision_config=vision,
        scale_factor=2,
        image_token_id=ids["<image>"],
        pad_token_id=ids["<|im_end|>"],
    )
    ends = ["<end_of_utterance>"]
    return _write(folder, SmolVLMForConditionalGeneration, config, ids, ends)


def gemma3(folder: Path) -> Path:
    """Write a model like Gemma 3: a window of 32 tokens in one layer, four tokens an image."""
    names = {
        "bos_token": "<bos>",
        "eos_token": "<eos>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "boi_token": "<start_of_image>",
        "eoi_token": "<end_of_image>",
        "image_token": "<image_soft_token>",
    }
    ids = _tokenizer(folder, "PreTrainedTokenizerFast", GEMMA_SPECIAL, GEMMA_PLAIN, names)
    images = {
        **_halves(),
        "size": {"height": 32, "width": 32},
        "image_seq_length": 4,
        "processor_class": "Gemma3Processor",
        "image_processor_type": "Gemma3ImageProcessor",
    }
    _json(folder / "preprocessor_config.json", images)
    _json(
        folder / "processor_config.json",
        {"processor_class": "Gemma3Processor", "image_seq_length": 4},
    )
    (folder / "chat_template.jinja").write_text(GEMMA_TEMPLATE, "utf-8")
    text = {
        **_text(len(ids)),
        "head_dim": 16,
        "sliding_window": 32,
        "layer_types": ["sliding_attention", "full_attention"],
        "query_pre_attn_scalar": 16,
        "pad_token_id": ids["<pad>"],
        "bos_token_id": ids["<bos>"],
        "eos_token_id": ids["<eos>"],
    }
    vision = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "patch_size": 8,
        "image_size": 32,
        "vision_use_head": False,
    }
    config = Gemma3Config(
        text_config=text,
        vision_config=vision,
        mm_tokens_per_image=4,
        image_token_index=ids["<image_soft_token>"],
        boi_token_index=ids["<start_of_image>"],
        eoi_token_index=ids["<end_of_image>"],
        initializer_range=SPREAD,
        tie_word_embeddings=False,
    )
    return _write(folder, Gemma3ForConditionalGeneration, config, ids, ["<end_of_turn>"])


def internvl(folder: Path) -> Path:
    """Write a model like InternVL 3: images in up to twelve crops of 4 tokens."""
    names = {
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    }
    ids = _tokenizer(folder, "Qwen2Tokenizer", INTERN_SPECIAL, (), names)
    images = {
        **_halves(),
        "size": {"height": 32, "width": 32},
        "crop_to_patches": True,
        "min_patches": 1,
        "max_patches": 12,
        "processor_class": "InternVLProcessor",
        "image_processor_type": "GotOcr2ImageProcessorFast",
    }
    _json(folder / "preprocessor_config.json", images)
    own = {"processor_class": "InternVLProcessor", "image_seq_length": 4}
    _json(folder / "processor_config.json", own)
    (folder / "chat_template.jinja").write_text(INTERN_TEMPLATE, "utf-8")
    vision = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "patch_size": [8, 8],
        "image_size": [32, 32],
        "initializer_range": SPREAD,
    }
    config = InternVLConfig(
        text_config={"model_type": "qwen2", **_text(len(ids))},
        vision_config=vision,
        image_token_id=ids["<IMG_CONTEXT>"],
        image_seq_length=4,
        downsample_ratio=0.5,
        tie_word_embeddings=False,
    )
    return _write(folder, InternVLForConditionalGeneration, config, ids, ["<|im_end|>"])


FAMILIES: dict[str, Callable[[Path], Path]] = {
    "qwen3_vl": qwen3_vl,
    "qwen2_5_vl": qwen2_5_vl,
    "smolvlm": smolvlm,
    "gemma3": gemma3,
    "internvl": internvl,
}


# --- parts ---


def _text(tokens: int) -> dict[str, Any]:
    return {
        "vocab_size": tokens + 16,  # real ones are rounded up too
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
        "initializer_range": SPREAD,
        "tie_word_embeddings": False,
    }


def _halves() -> dict[str, Any]:
    return {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}


def qwen_ids(ids: dict[str, int]) -> dict[str, int]:
    return {
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
    }


def qwen_files(folder: Path, patch: int, kind: str) -> dict[str, int]:
    """Write the files of a Qwen repository but its weights; return the tokens."""
    names = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    ids = _tokenizer(folder, "Qwen2Tokenizer", QWEN_SPECIAL, QWEN_PLAIN, names)
    _json(folder / "chat_template.json", {"chat_template": QWEN_TEMPLATE})
    images = {
        **_halves(),
        "size": {"longest_edge": 16_777_216, "shortest_edge": 4096},
        "patch_size": patch,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "processor_class": f"{kind}Processor",
        "image_processor_type": "Qwen2VLImageProcessorFast",
    }
    _json(folder / "preprocessor_config.json", images)
    del images["image_processor_type"]
    videos = {**images, "video_processor_type": "Qwen3VLVideoProcessor"}
    _json(folder / "video_preprocessor_config.json", videos)
    return ids


def _tokenizer(
    folder: Path, kind: str, special: Sequence[str], plain: Sequence[str], names: dict[str, str]
) -> dict[str, int]:
    """Write a byte-level tokenizer, trained on a few words; return the numbers of all tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=320, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([WORDS, WORDS], trainer)
    tokenizer.add_special_tokens([AddedToken(text, normalized=False) for text in special])
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in plain])
    tokenizer.save(str(folder / "tokenizer.json"))
    ids: dict[str, int] = tokenizer.get_vocab()
    added = {
        str(ids[text]): {
            "content": text,
            "special": text in special,
            "normalized": False,
            "lstrip": False,
            "rstrip": False,
            "single_word": False,
        }
        for text in (*special, *plain)
    }
    told = {
        "tokenizer_class": kind,
        "added_tokens_decoder": added,
        "model_max_length": 4096,
        **names,
    }
    _json(folder / "tokenizer_config.json", told)
    return ids


def _write(folder: Path, kind: Any, config: Any, ids: dict[str, int], ends: Sequence[str]) -> Path:
    """Write a model of random numbers that writes printable ASCII."""
    torch.manual_seed(7)
    model = kind(config)
    printable = {chr(code) for code in range(33, 127)} | {"Ġ"}  # the space, as such tokenizers say
    odd = [number for text, number in ids.items() if not set(text) <= printable or "<" in text]
    head = model.get_output_embeddings().weight
    if head is not model.get_input_embeddings().weight:
        with torch.no_grad():
            head[odd] = 0
            head[len(ids) :] = 0
    for name, weight in model.named_parameters():
        if name.endswith("mm_input_projection_weight"):  # Gemma's begins as zeros
            torch.nn.init.normal_(weight, std=SPREAD)
    model.generation_config.eos_token_id = [ids[text] for text in ends]
    model.generation_config.pad_token_id = None
    model.to(torch.bfloat16).save_pretrained(folder)
    return folder


def _json(path: Path, told: dict[str, Any]) -> None:
    path.write_text(json.dumps(told, indent=2), "utf-8")
