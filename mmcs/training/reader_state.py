"""How a training of the reader goes: the order of its batches, where it stands, its learning curve
and its card.

Nothing is drawn by lot once the batches are in order, so that a training that was killed goes on
from its state as if nothing had happened.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from statistics import mean

import torch
from torch import Tensor

from mmcs import private
from mmcs.backends._reader_net import TASKS
from mmcs.errors import BadInput
from mmcs.training.reader_data import (
    FOR_MEASURING,
    HANDS_HELD_OUT,
    HELD_OUT,
    LEARNED,
    OWN_TIMES,
    Data,
    Pair,
)

MIXED = 24  # batches among which pairs of like length are put together
JITTER = 60  # characters by which a length is blurred, so that batches differ
OWN_LICENCE = "our own, as the project"


@dataclass(frozen=True)
class Options:
    """How long and how a net learns."""

    pairs: int = 60_000  # more than there are go through them again
    batch: int = 32  # pairs
    every: int = 200  # steps between two looks at what is held out; the state is saved then
    patience: int = 5  # looks in a row that may bring nothing better
    learning_rate: float = 5e-4
    seed: int = 7


@dataclass(frozen=True)
class Look:
    """What a look at the held-out pairs found."""

    step: int
    pairs: int  # learned from so far
    loss: float  # on what it learned from, smoothed
    figures: Mapping[str, float]  # AUROC by set; see ``reader.figures``

    @property
    def score(self) -> float:
        """The mean of the figures, by which the best step is chosen."""
        return mean(self.figures.values())


@dataclass(frozen=True)
class State:
    """Where a training stands."""

    step: int
    loss: float  # smoothed
    looks: tuple[Look, ...]
    best: Mapping[str, Tensor]  # what was trained, at the look of the best score

    @property
    def best_look(self) -> int:
        """Which look was the best."""
        return max(range(len(self.looks)), key=lambda place: self.looks[place].score)


def batches(data: Data, options: Options) -> list[list[Pair]]:
    """Return the batches of a training in the order that the seed gives. Both tasks are spread
    evenly, and the pairs of a batch are of like length."""
    drawn = random.Random(options.seed)  # noqa: S311  # no secret
    kinds = [kind for kind in map(data.of, TASKS) if kind]
    flow: list[Pair] = []
    while len(flow) < options.pairs:
        placed = [
            ((place + 0.5) / len(kind), pair)
            for kind in kinds
            for place, pair in enumerate(drawn.sample(kind, len(kind)))
        ]
        flow += [pair for _, pair in sorted(placed, key=lambda one: one[0])]
    made: list[list[Pair]] = []
    pool = MIXED * options.batch
    for begin in range(0, options.pairs, pool):
        some = flow[begin : min(begin + pool, options.pairs)]
        some.sort(key=lambda pair: pair.length + drawn.random() * JITTER)
        cut = [some[at : at + options.batch] for at in range(0, len(some), options.batch)]
        drawn.shuffle(cut)
        made += cut
    return made


def training_key(steps: Sequence[Sequence[Pair]], data: Data, options: Options) -> str:
    """Return the hash of everything that decides how a training goes."""
    digest = hashlib.sha256(json.dumps(asdict(options)).encode())
    for group in (*steps, data.held_out.pairs):
        for pair in group:
            digest.update(repr(pair).encode())
    return digest.hexdigest()


# --- files beside the weights ---


def state_file(out: Path) -> Path:
    """Return where the state of a training lies while it goes."""
    return out.with_name(f"{out.name}.state.pt")


def curve_file(out: Path) -> Path:
    """Return where the learning curve lies."""
    return out.with_name(f"{out.stem}-curve.jsonl")


def write_state(
    out: Path,
    key: str,
    state: State,
    trained: Mapping[str, Tensor],
    optimizer: torch.optim.Optimizer,
) -> None:
    """Write where a training stands, and its learning curve; a kill leaves the state before, or
    this one.

    Raises:
        OSError: they cannot be written.
    """
    lines = [
        json.dumps({"step": one.step, "pairs": one.pairs, "loss": one.loss, **one.figures})
        for one in state.looks
    ]
    curve_file(out).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    told = {
        "key": key,
        "step": state.step,
        "loss": state.loss,
        "looks": [asdict(look) for look in state.looks],
        "best": dict(state.best),
        "net": dict(trained),
        "optimizer": optimizer.state_dict(),
    }
    with private.written(state_file(out)) as draft:
        torch.save(told, draft)


def read_state(
    out: Path, key: str, trained: Mapping[str, Tensor], optimizer: torch.optim.Optimizer
) -> State | None:
    """Put the state of a training into what is trained and the optimiser and return it; None if
    there is none.

    Raises:
        BadInput: it cannot be read, or is of a training on other data or with other options.
    """
    path = state_file(out)
    if not path.exists():
        return None
    try:
        told = torch.load(path, map_location="cpu", weights_only=True)
        shapes = {name: value.shape for name, value in told["net"].items()}
        ours = told["key"] == key and shapes == {name: t.shape for name, t in trained.items()}
    except (
        OSError,
        EOFError,
        RuntimeError,
        pickle.UnpicklingError,
        KeyError,
        TypeError,
        AttributeError,
    ) as broken:
        raise BadInput(
            f"{path.name} cannot be read; delete it, and the training begins anew."
        ) from broken
    if not ours:
        raise BadInput(
            f"{path.name} is of a training on other data or with other options; go on with those, "
            "delete it, or name another --out."
        )
    with torch.no_grad():
        for name, value in trained.items():
            value.copy_(told["net"][name])
    optimizer.load_state_dict(told["optimizer"])
    looks = tuple(Look(**look) for look in told["looks"])
    return State(told["step"], told["loss"], looks, told["best"])


def write_card(out: Path, data: Data, state: State, numbers: int, command: str) -> Path:
    """Write what the reader was trained on, how well it does, and under which licences its data
    came.

    Args:
        out: the weights, beside which the card lies.
        data: what was learned from and held out.
        state: where the training ended.
        numbers: how many were trained.
        command: that made it.
    """
    best, last = state.looks[state.best_look], state.looks[-1]
    taken = sum(map(len, data.learned.values()))
    licences = {source.file: source.licence for source in LEARNED}
    lines = [
        f"# {out.name}",
        "",
        "all-mpnet-base-v2 as a cross-encoder with three heads: the source says the claim, the",
        "passage answers the question, and, a token, whether it is of a sentence that answers. The",
        f"file holds corrections of low rank (LoRA), norms and heads, {numbers / 1e6:.1f} million",
        "numbers in half precision. The base model is fetched, not shipped.",
        "",
        "- Base: sentence-transformers/all-mpnet-base-v2, Apache-2.0.",
        f"- Made on {date.today().isoformat()} by `{command}`.",
        f"- Learned from {best.pairs:,} pairs, in an order given by the seed, of {taken:,} in the "
        f"last table, where those of our own passages stand {OWN_TIMES} times; it went on to "
        f"{last.pairs:,}, and the best look is kept. Held out: the hands "
        f"{', '.join(sorted(HANDS_HELD_OUT))}, one article in ten, and "
        f"{', '.join(source.file for source in HELD_OUT)}.",
        f"- Never read: {', '.join(sorted({'/'.join(one) for one in FOR_MEASURING}))}.",
        "- AUROC on what was held out, by which the step was chosen, so it flatters (rank_first: "
        "share of the questions whose first passage answers; refuse: the best passage of questions "
        "that can be answered against that of others; units: of the sentences of a passage):",
        *_curve_table(state),
        "- Calibration: p = 1 / (1 + exp(-(a z + b))) for a logit z, fitted on the same pairs; for "
        "units z is the mean over the tokens of a unit, in passages that answer.",
        f"- Learning curve: {curve_file(out).name}.",
        "- English alone. Licence of the corrections: as the project; of the data:",
        "",
        "| learned from | pairs | licence |",
        "|---|---|---|",
        *(
            f"| {name} | {len(pairs):,} | {licences.get(name, OWN_LICENCE)} |"
            for name, pairs in data.learned.items()
        ),
    ]
    card = out.with_suffix(".md")
    card.write_text("\n".join(lines) + "\n", "utf-8")
    return card


def _curve_table(state: State) -> list[str]:
    """Return the figures by the number of pairs; the best look is marked."""
    names = list(state.looks[-1].figures)
    best = state.best_look
    rows = [
        f"| {look.pairs:,}{' (kept)' if place == best else ''} | "
        + " | ".join(f"{look.figures[name]:.3f}" for name in names)
        + " |"
        for place, look in enumerate(state.looks)
    ]
    return ["", f"| pairs | {' | '.join(names)} |", f"|---|{'---|' * len(names)}", *rows, ""]
