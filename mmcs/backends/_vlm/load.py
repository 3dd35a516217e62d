"""Loading a multimodal model and what reads for it.

transformers' AutoProcessor insists on a part for videos, and that on torchvision, which isn't
needed here and isn't installed. So the processor is put together from its parts: the tokenizer, the
image processor, and nothing where videos would go.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from transformers import (
    PROCESSOR_MAPPING,
    AutoConfig,
    AutoImageProcessor,
    AutoModelForImageTextToText,
    AutoTokenizer,
    BitsAndBytesConfig,
)
from transformers.models.smolvlm import processing_smolvlm

from mmcs.backends._device import BUILDING
from mmcs.backends._vlm import files, memory, zero_gpu
from mmcs.backends._vlm.memory import Machine, Plan
from mmcs.errors import ModelUnavailable
from mmcs.settings import Settings

# What transformers raises for files that are damaged, incomplete or of a kind it doesn't know.
UNLOADABLE = (
    OSError, ValueError, RuntimeError, ImportError, LookupError, TypeError, AttributeError,
    SafetensorError,
)  # fmt: skip
# A folder is all there is: no code out of it is run, and nobody is asked for what it lacks.
LOCAL = {"trust_remote_code": False, "local_files_only": True}
DTYPES = {"bf16": torch.bfloat16, "nf4": torch.bfloat16, "fp32": torch.float32}


@dataclass(frozen=True)
class Loaded:
    """A model in memory, and what it was planned to take."""

    name: str
    model: Any
    processor: Any
    plan: Plan


def load(settings: Settings, here: Machine | None = None) -> Loaded:
    """Load the model that the settings ask for, if it fits ``here``.

    Raises:
        ModelUnavailable: it can't be had, doesn't fit, or can't be loaded.
    """
    asked = files.model_name(settings)
    name = Path(asked).name
    folder = files.configuration(settings)
    try:
        config = AutoConfig.from_pretrained(folder, **LOCAL)
        with BUILDING, torch.device("meta"):
            hollow = AutoModelForImageTextToText.from_config(config)
        processor = load_processor(folder, config)
        needs = memory.sizes(hollow)
    except UNLOADABLE as unknown:
        raise ModelUnavailable(
            f"{name} is no model that reads images and text, or of a kind that is not known here."
        ) from unknown
    plan = memory.plan(needs, here or memory.machine(), settings, name)
    folder = files.weights(settings)
    # A lent GPU isn't there yet: such a model is moved as if it were, and really at each call.
    lent = zero_gpu.spaces() is not None
    try:
        with BUILDING:
            model, told = AutoModelForImageTextToText.from_pretrained(
                folder,
                dtype=DTYPES[plan.precision],
                device_map={"": "cpu"} if lent else plan.device_map,
                max_memory=plan.max_memory,
                quantization_config=_nf4(hollow) if plan.precision == "nf4" else None,
                use_safetensors=True,
                **LOCAL,
                output_loading_info=True,
            )
    except UNLOADABLE as failed:
        if out_of_memory(failed):
            torch.cuda.empty_cache()
            raise ModelUnavailable(f"There is not enough memory for {name}.") from failed
        raise ModelUnavailable(
            f"{name} cannot be loaded: its files are damaged or incomplete."
        ) from failed
    if told["missing_keys"]:
        raise ModelUnavailable(f"{name} cannot be loaded: some of its weights are missing.")
    if plan.max_memory and {"cpu", "disk"} & set(map(str, model.hf_device_map.values())):
        raise ModelUnavailable(
            f"{name} does not fit on the GPUs, also when it is spread over them."
        )
    if lent and torch.cuda.is_available():
        model.to("cuda")
    return Loaded(name, model.eval(), processor, plan)


def out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that memory is used up, on a GPU or not."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    told = str(error)
    signs = ("DefaultCPUAllocator", "not enough memory", "out of memory", "ALLOC_FAILED")
    return isinstance(error, RuntimeError) and any(sign in told for sign in signs)


def _nf4(hollow: Any) -> BitsAndBytesConfig:
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
        llm_int8_skip_modules=memory.outside_decoder(hollow),  # meant for 4 bits too
    )


def load_processor(folder: Path, config: Any) -> Any:
    """Return a model's own processor for text and images, which needs no torchvision."""
    kind = _still(_processor_class(folder, config))
    parts = []
    for part in kind.get_attributes():
        if part == "tokenizer":
            parts.append(AutoTokenizer.from_pretrained(folder, **LOCAL))
        elif part == "image_processor":
            parts.append(AutoImageProcessor.from_pretrained(folder, **LOCAL))
        else:
            parts.append(None)
    # SmolVLM's wants to see a package that spells the number of a video's frames.
    processing_smolvlm.num2words = processing_smolvlm.num2words or str
    options, _ = kind.get_processor_dict(folder)
    return kind.from_args_and_dict(parts, options)


def _processor_class(folder: Path, config: Any) -> Any:
    """Return the class that the folder names, else the one that belongs to the configuration."""
    for name in ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json"):
        path = folder / name
        told = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        kind = getattr(transformers, told.get("processor_class") or "", None)
        if kind is not None:
            return kind
    return PROCESSOR_MAPPING[type(config)]


def _still(kind: Any) -> Any:
    """Return a processor's class that does without its part for videos."""

    def check(self: Any, name: str, part: Any) -> Any:
        if part is None:
            return type(None)
        return kind.check_argument_for_proper_class(self, name, part)

    return type(kind.__name__, (kind,), {"check_argument_for_proper_class": check})
