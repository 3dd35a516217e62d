"""The benchmark of the multimodal model, and the table that it writes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import torch
from full_size import SIZES, configuration, full_size_qwen3_vl
from tiny_models import qwen3_vl, qwen_files
from transformers import Qwen3VLForConditionalGeneration

from mmcs.backends._vlm.known import KNOWN
from mmcs.bench import gpu
from mmcs.bench.figures import Benchmark, Figure
from mmcs.settings import PROJECT, Settings


def test_every_figure_is_measured(tmp_path: Path, fake_settings: Settings) -> None:
    """A tiny model on the CPU has every row, none is nought, and 32 drafts are all written."""
    settings = replace(fake_settings, model=str(qwen3_vl(tmp_path)), image_tokens=64)
    found = gpu.measure(settings, precisions=("fp32",))
    told = {figure.what: figure.measured for figure in found.figures}
    assert len(told) == 9
    assert all(measured > 0 for measured in told.values()), told
    first = told["fp32: first token, 1280x960 image, p50"]
    assert first <= told["fp32: the same, nothing read before, p50"] * 3
    assert "without a GPU" in found.machine or torch.cuda.is_available()


def test_the_table_takes_the_place_of_the_last_one(tmp_path: Path) -> None:
    """README keeps everything else, and one table, with the device and the day."""
    copy = tmp_path / "README.md"
    before = (PROJECT / "README.md").read_text("utf-8")
    copy.write_text(before, "utf-8")
    for speed in (12.5, 61.0):
        figure = Figure("bf16: decoding, 1 draft", speed, "tokens/s", 60.0, at_most=False)
        gpu.write_table(copy, [Benchmark("Qwen3-VL, one card", (figure,))], date(2026, 11, 22))
    after = copy.read_text("utf-8")
    assert "22 November 2026" in after and "one card" in after
    assert "61 tokens/s" in after and "12.5 tokens/s" not in after
    start, end = before.index("<!-- gpu -->"), before.index("<!-- /gpu -->")
    assert after.startswith(before[:start]) and after.endswith(before[end:])


@pytest.mark.parametrize("size", SIZES)
def test_the_full_sizes_are_the_published_ones(size: str, tmp_path: Path) -> None:
    """What is measured in the place of a model has as many weights as that model."""
    ids = qwen_files(tmp_path, patch=16, kind="Qwen3VL")
    with torch.device("meta"):
        model = Qwen3VLForConditionalGeneration(configuration(SIZES[size], ids))
    (known,) = [known for known in KNOWN if known.id.endswith(f"Qwen3-VL-{size}-Instruct")]
    assert sum(weight.numel() for weight in model.parameters()) == known.parameters


@pytest.mark.gpu
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not torch.cuda.is_available(), reason="There is no CUDA GPU.")
def test_full_size_models_on_a_gpu(tmp_path: Path, fake_settings: Settings) -> None:
    """Qwen3-VL-4B and 8B of random weights load and write in both precisions; what was measured
    stands in README."""
    measured = []
    for size in SIZES:
        folder = full_size_qwen3_vl(tmp_path / size, size)
        settings = replace(fake_settings, model=str(folder), transcriber="auto")
        measured.append(gpu.measure(settings))
    gpu.write_table(PROJECT / "README.md", measured, date.today())
    for benchmark in measured:
        assert all(figure.measured > 0 for figure in benchmark.figures)
