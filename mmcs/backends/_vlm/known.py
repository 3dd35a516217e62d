"""The multimodal models that are known by id, and what they take.

Any other id or folder works too, if transformers knows its architecture and its chat template takes
images: what it takes is then read off its configuration. These rows serve whoever has to choose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

BF16 = 2  # bytes a parameter
# Four bits, and a scale of eight bits for each 64 weights, whose own scale is a float for 256 of
# them: the double quantisation of QLoRA (Dettmers et al. 2023, section 3).
NF4 = 0.5 + 1 / 64 + 4 / (64 * 256)  # bytes a parameter

# How a processor is told how many tokens an image may take; see `images`.
ImageRule = Literal["pixels", "tiles", "crops", "fixed"]


@dataclass(frozen=True)
class Known:
    """One model of the hub.

    The parameters were counted on the model built from its published configuration without memory
    (`with torch.device("meta")`), and agree with the sizes of the published weights.
    """

    id: str
    licence: str
    parameters: int
    quantised: int  # of them those of the text decoder's matrices: NF4 where memory asks for it
    images: ImageRule

    @property
    def bf16_bytes(self) -> int:
        """Memory of the weights in bf16."""
        return weight_bytes(self.parameters, self.quantised, BF16, nf4=False)

    @property
    def nf4_bytes(self) -> int:
        """Memory of the weights in NF4; vision tower, embeddings and output stay in bf16."""
        return weight_bytes(self.parameters, self.quantised, BF16, nf4=True)


def weight_bytes(parameters: int, quantised: int, each: int, *, nf4: bool) -> int:
    """Return the memory of the weights, with ``each`` bytes for a parameter that isn't in NF4."""
    if not nf4:
        return parameters * each
    return int(quantised * NF4) + (parameters - quantised) * each


DEFAULT = "Qwen/Qwen3-VL-4B-Instruct"
APACHE = "Apache-2.0"
KNOWN = (
    Known("Qwen/Qwen3-VL-2B-Instruct", APACHE, 2_127_532_032, 1_409_286_144, "pixels"),
    Known(DEFAULT, APACHE, 4_437_815_808, 3_633_315_840, "pixels"),
    Known("Qwen/Qwen3-VL-8B-Instruct", APACHE, 8_767_123_696, 6_945_767_424, "pixels"),
    Known(
        "Qwen/Qwen2.5-VL-3B-Instruct",
        "Qwen Research License (not for business)",
        3_754_622_976,
        2_774_532_096,
        "pixels",
    ),
    Known("Qwen/Qwen2.5-VL-7B-Instruct", APACHE, 8_292_166_656, 6_525_288_448, "pixels"),
    Known("HuggingFaceTB/SmolVLM2-256M-Video-Instruct", APACHE, 256_484_928, 106_168_320, "tiles"),
    Known("HuggingFaceTB/SmolVLM2-500M-Video-Instruct", APACHE, 507_482_304, 314_572_800, "tiles"),
    Known("HuggingFaceTB/SmolVLM2-2.2B-Instruct", APACHE, 2_246_784_880, 1_610_612_736, "tiles"),
    Known("google/gemma-3-4b-it", "Gemma Terms of Use", 4_300_079_472, 3_208_642_560, "fixed"),
)
