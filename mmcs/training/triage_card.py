"""A trained net's card and its learning curves, beside its file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from matplotlib.figure import Figure
from torch import nn

from mmcs.training.triage_state import Epoch
from mmcs.triage.checkpoint import Checkpoint, Memory
from mmcs.triage.features import MODALITIES
from mmcs.triage.judge import SCOPE
from mmcs.triage.nets import Late

IMAGES, SOUNDS = "EfficientNet-Lite0 before its classifier", "Whisper base before its decoder"
WIDE, HIGH = 7.0, 3.2  # inches
DOTS = 120  # an inch


def write_card(checkpoint: Checkpoint, weights: Path, licence: str, held_out: int) -> Path:
    """Write what a net was trained on, how well it does, and under which licence its data came."""
    recipe, shape = checkpoint.recipe, checkpoint.recipe.shape
    heads = {head: len(labels) for head, labels in shape.labels.items()}
    learned = [m for m, width in zip(MODALITIES, shape.widths, strict=True) if width]
    models = {"text": recipe.encoders, "image": IMAGES, "audio": SOUNDS}
    frozen = "; ".join(models[modality] for modality in learned)
    questions = ", ".join(f"{head} ({n} labels)" for head, n in heads.items() if head != SCOPE)
    lines = [
        f"# {weights.name}",
        "",
        f"{shape.fusion.capitalize()} fusion of {', '.join(learned)} in PyTorch: {questions}"
        + (", and whether a ticket belongs to none of the categories." if SCOPE in heads else "."),
        "",
        f"- Data: {recipe.data}, {recipe.tickets:,} tickets. A first training without {held_out:,} "
        "of them said how many epochs and which temperatures; this net learned from all.",
        f"- Licence of the data: {licence or 'not stated when it was trained'}.",
        f"- Made on {date.today().isoformat()} by `python -m mmcs train triage`, in "
        f"{recipe.epochs} epochs. Frozen encoders: {frozen}.",
        "- Macro F1 of the first training on the tickets held out, by which the epoch was chosen, "
        "so it flatters: "
        + ", ".join(f"{name} {value:.3f}" for name, value in recipe.figures.items())
        + ".",
        "- Temperatures: "
        + ", ".join(f"{head} {value:.2f}" for head, value in recipe.temperatures.items())
        + ".",
        *_reliabilities(checkpoint.net, learned),
        *_remembered(checkpoint.memory),
        f"- Learning curves: {curves_of(weights).name}.",
    ]
    card = weights.with_suffix(".md")
    card.write_text("\n".join(lines) + "\n", "utf-8")
    return card


def _reliabilities(net: nn.Module, learned: Sequence[str]) -> list[str]:
    """Return how far a late fusion believes each modality; nothing of another net."""
    if not isinstance(net, Late):
        return []
    told = [
        f"{question} "
        + ", ".join(
            f"{modality} {value:.2f}"
            for modality, value in zip(learned, net.reliability(question).tolist(), strict=True)
        )
        for question in net.questions
    ]
    return [f"- Reliability, weighed on the tickets held out: {'; '.join(told)}."]


def _remembered(memory: Memory | None) -> list[str]:
    """Return that the file holds words of its tickets, which may be customers'."""
    if memory is None:
        return []
    return [
        f"- It holds the first words of {len(memory.texts):,} tickets that it learned from, to "
        "show them beside tickets that are alike. If they are customers', keep the file to "
        "yourself."
    ]


def curves_of(weights: Path) -> Path:
    """Return where the learning curves of a net lie."""
    return weights.with_name(f"{weights.stem}-curves.png")


def write_curves(epochs: Sequence[Epoch], title: str, weights: Path) -> Path:
    """Draw the loss and the held-out macro F1 over the epochs."""
    figure = Figure(figsize=(WIDE, HIGH), dpi=DOTS, layout="constrained")
    left, right = figure.subplots(1, 2)
    places = range(1, len(epochs) + 1)
    left.plot(places, [epoch.loss for epoch in epochs], label="trained on (smoothed)")
    left.plot(places, [epoch.held_out_loss for epoch in epochs], label="held out")
    left.set(xlabel="epoch", ylabel="cross-entropy", title=title)
    left.legend()
    right.plot(places, [epoch.macro_f1 for epoch in epochs], color="tab:green")
    right.set(xlabel="epoch", ylabel="macro F1, held out")
    drawn = curves_of(weights)
    figure.savefig(drawn)
    return drawn
