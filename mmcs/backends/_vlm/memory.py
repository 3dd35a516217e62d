"""Whether a multimodal model fits, in which precision, and for how many replies at once.

All of it is known before a single weight is read: from the model's configuration, built without
memory, and from the memory that is free.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import psutil
import torch
from torch import nn

from mmcs.backends._vlm import zero_gpu
from mmcs.backends._vlm.known import weight_bytes
from mmcs.errors import ModelUnavailable, UsageError
from mmcs.settings import Settings

GB = 1e9
LEAST_CONTEXT = 8192  # tokens, of one prompt with its images and its reply
TEXT = 2048  # tokens of it without images
MOST_IMAGES = 6  # as many attachments a message has at most
TYPICAL = 2048  # tokens, of a prompt with one image and its reply
MOST_AT_ONCE = 16  # replies
PREFIXES = 4 * 1024  # tokens of constant prefixes that are kept
WHISPER = int(2.0 * GB)  # Whisper turbo in fp16 beside it: 1.6 GB of weights, and its activations
OVERHEAD = int(0.5 * GB)  # libraries' work space, and what is lost between allocations
SPREAD = 0.85  # of the memory of several GPUs that a model can fill
PATCHES_PER_TOKEN = 4  # of an image, in every family here at least roughly

Precision = Literal["bf16", "nf4", "fp32"]
PRECISIONS: tuple[Precision, ...] = ("bf16", "nf4", "fp32")


def conversation(image_tokens: int) -> int:
    """Return the tokens of the longest conversation, with ``image_tokens`` for an image."""
    return max(LEAST_CONTEXT, TEXT + MOST_IMAGES * image_tokens)


@dataclass(frozen=True)
class Sizes:
    """What a model takes."""

    parameters: int
    quantised: int  # of them those that NF4 makes small
    cache: int  # numbers that each token leaves in the cache
    widest: int  # numbers that a token of text has at once while a layer is computed
    widest_patch: int  # the same of a patch of an image

    def weights(self, precision: Precision) -> int:
        """Return the bytes of the weights."""
        each = _each(precision)
        return weight_bytes(self.parameters, self.quantised, each, nf4=precision == "nf4")

    def token(self, precision: Precision) -> int:
        """Return the bytes that each token leaves in the cache."""
        return self.cache * _each(precision)

    def needed(self, precision: Precision, image_tokens: int) -> int:
        """Return the bytes for the weights, one long conversation and the work on one image."""
        longest = conversation(image_tokens)
        cached = (longest + PREFIXES) * self.token(precision)
        image = image_tokens * PATCHES_PER_TOKEN * self.widest_patch
        work = (longest * self.widest + image) * _each(precision)
        return self.weights(precision) + cached + work + OVERHEAD


@dataclass(frozen=True)
class Machine:
    """The memory that is free, in bytes."""

    gpus: tuple[int, ...]  # one number a CUDA device
    ram: int


@dataclass(frozen=True)
class Plan:
    """How a model is loaded."""

    precision: Precision
    device_map: str | dict[str, int | str]  # as accelerate takes it
    max_memory: dict[int, int] | None  # bytes a device, where the model is spread over several
    cache_tokens: int  # of all replies together
    at_once: int  # replies


def _each(precision: Precision) -> int:
    return 4 if precision == "fp32" else 2


def sizes(model: Any) -> Sizes:
    """Return what a model takes that was built without memory, on the device ``meta``."""
    text = model.config.get_text_config()
    inside = decoder_name(model) + "."
    linear = [
        module.weight.numel()
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name.startswith(inside)
    ]
    heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    vision = getattr(model.config, "vision_config", None)
    return Sizes(
        parameters=sum(weight.numel() for weight in model.parameters()),
        quantised=sum(linear),
        cache=2 * text.num_hidden_layers * heads * head,
        widest=4 * text.hidden_size + 3 * _width(text),
        widest_patch=8 * getattr(vision, "hidden_size", 1024) + 3 * _width(vision),
    )


def _width(config: Any) -> int:
    return int(getattr(config, "intermediate_size", None) or 4096)


def decoder_name(model: Any) -> str:
    """Return the name of the part of a model that reads and writes text."""
    decoder = model.get_decoder()
    names: dict[int, str] = {id(module): name for name, module in model.named_modules()}
    return names[id(decoder)]


def outside_decoder(model: Any) -> list[str]:
    """Return the modules that NF4 leaves alone: all matrices that aren't the text decoder's, named
    by the outermost module that holds nothing of it (``model.visual``, ``lm_head``)."""
    decoder = decoder_name(model)
    names = {
        _outermost(name, decoder)
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and not name.startswith(decoder + ".")
    }
    return sorted(names)


def _outermost(name: str, decoder: str) -> str:
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        outer = ".".join(parts[:end])
        if outer != decoder and not decoder.startswith(outer + "."):
            return outer
    return name


def machine() -> Machine:
    """Return the memory that is free now."""
    ram = psutil.virtual_memory().available
    if not torch.cuda.is_available():
        return Machine((), ram)
    if zero_gpu.spaces() is not None:
        return Machine((zero_gpu.free_memory(),), ram)
    devices = range(torch.cuda.device_count())
    return Machine(tuple(torch.cuda.mem_get_info(device)[0] for device in devices), ram)


def plan(needs: Sizes, here: Machine, settings: Settings, name: str) -> Plan:
    """Return how to load a model: in bf16 where that fits, else in NF4, as ``precision`` asks.

    Raises:
        ModelUnavailable: it doesn't fit.
        UsageError: there is no such precision.
    """
    if here.gpus:
        choices: tuple[Precision, ...] = ("bf16", "nf4")
        room = [free for free in here.gpus]
        room[0] -= WHISPER if settings.transcriber in {"auto", "openai_whisper"} else 0
        where = "on the GPU" if len(room) == 1 else f"on {len(room)} GPUs"
    else:
        if settings.model in {"auto", "embedded"}:
            raise ModelUnavailable(
                f"{name} needs a CUDA GPU; a model named by MMCS_MODEL runs without one, slowly."
            )
        choices, room, where = ("fp32", "bf16"), [here.ram], "in memory"
    if settings.precision != "auto":
        if settings.precision not in PRECISIONS:
            names = ", ".join(("auto", *PRECISIONS))
            raise UsageError(f"MMCS_PRECISION is {settings.precision!r}; it may be {names}.")
        choices = tuple(each for each in PRECISIONS if each == settings.precision)
    for precision in choices:
        needed = needs.needed(precision, settings.image_tokens)
        if max(room) >= needed:
            at = room.index(max(room))
            placed: dict[str, int | str] = {"": at if here.gpus else "cpu"}
            return _planned(needs, precision, placed, max(room) - needed, settings)
        # Spread, each device loses a part to layers that don't fill it, and keeps its part of the
        # memory that isn't for weights.
        spread = int(sum(room) * SPREAD)
        if len(room) > 1 and spread >= needed:
            share = needs.weights(precision) / needed
            most = {device: max(0, int(free * share)) for device, free in enumerate(room)}
            spare = _planned(needs, precision, "auto", spread - needed, settings)
            return replace(spare, max_memory=most)
    least = min(choices, key=lambda each: needs.needed(each, settings.image_tokens))
    needed = needs.needed(least, settings.image_tokens)
    kept = " for it" if here.gpus and room[0] != here.gpus[0] else ""
    raise ModelUnavailable(
        f"{name} needs {needed / GB:.1f} GB {where} in {least}, and "
        f"{max(0, sum(room)) / GB:.1f} GB are free{kept}."
    )


def _planned(
    needs: Sizes,
    precision: Precision,
    device_map: str | dict[str, int | str],
    rest: int,
    settings: Settings,
) -> Plan:
    """Return a plan that uses the rest of the memory for more replies at once."""
    # Half of it: while a reply joins the others, a layer of their cache is there twice.
    more = int(rest * 0.5) // max(1, needs.token(precision))
    longest = conversation(settings.image_tokens)
    tokens = min(longest + more, MOST_AT_ONCE * longest)
    at_once = max(1, min(MOST_AT_ONCE, tokens // TYPICAL))
    return Plan(precision, device_map, None, tokens, at_once)
