"""``python -m mmcs train reader``: a cross-encoder that reads a passage beside a claim or question.

The file holds what was trained, in half precision, by the names that ``reader_net`` tells, and for
each head the calibration of its logits, (2,) in single precision: a and b of
p = 1 / (1 + exp(-(a z + b))) in calibration.says, calibration.answers and, for the mean logit of a
unit's tokens, calibration.units.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from tqdm import tqdm
from transformers import AutoTokenizer

from mmcs import roles
from mmcs.backends._device import device
from mmcs.backends._reader_net import TASKS, ReaderNet, reader_net
from mmcs.errors import ModelUnavailable
from mmcs.knowledge import Knowledge
from mmcs.settings import ASSETS, Settings
from mmcs.training.reader_batch import batch_of, loss_of
from mmcs.training.reader_data import Folders, HeldOut, Pair, read, units_of
from mmcs.training.reader_state import (
    Look,
    Options,
    State,
    batches,
    read_state,
    state_file,
    training_key,
    write_card,
    write_state,
)

WEIGHT_DECAY = 0.01
WARM_UP, DECAY = 0.03, 0.2  # shares of the steps in which the learning rate rises, and falls
LEAST_RATE = 0.02  # share of the learning rate that the last step has
HEAD_RATE = 4  # times faster, as the heads begin from nothing
MOST_GRADIENT = 1.0  # norm to which a step's gradient is clipped
SMOOTHED = 0.98  # share of the loss so far in the loss that is told


# --- what it makes of what was held out ---


@dataclass(frozen=True)
class Judged:
    """What the net makes of a pair."""

    logit: float
    units: tuple[tuple[float, bool], ...]  # mean logit of each unit's tokens, whether it answers


def judge(net: ReaderNet, tokenizer: Any, pairs: Sequence[Pair], size: int) -> list[Judged]:
    """Return what a net makes of each pair; of units where the answer is marked."""
    judged: dict[int, Judged] = {}
    rows = sorted(range(len(pairs)), key=lambda row: pairs[row].length)
    where = net.head.weight.device.type
    net.eval()
    for at in range(0, len(rows), size):
        some = rows[at : at + size]
        batch = batch_of([pairs[row] for row in some], tokenizer)
        with torch.inference_mode():
            on_device = batch.to(where)
            logits, tokens = (t.cpu() for t in net(on_device.ids, on_device.mask))
        for place, row in enumerate(some):
            units: list[tuple[float, bool]] = []
            for begin, end, answers in units_of(pairs[row]) if pairs[row].spans else ():
                starts = batch.starts[place]
                its = batch.passage[place] & (starts >= begin) & (starts < end)
                if bool(its.any()):
                    units.append((float(tokens[place, its].mean()), answers))
            judged[row] = Judged(float(logits[place, batch.tasks[place]]), tuple(units))
    net.train()
    return [judged[row] for row in range(len(pairs))]


def figures(held_out: HeldOut, judged: Sequence[Judged]) -> dict[str, float]:
    """Return the AUROC of each held-out set and of the units, and for customers' questions the
    share whose first passage answers (rank_first) and the AUROC of the best passage, of questions
    with an answer against others (refuse)."""
    logits = iter([one.logit for one in judged])
    found = {
        name: _auroc([pair.true for pair in pairs], [next(logits) for _ in pairs])
        for name, pairs in held_out.sets.items()
    }
    best: list[tuple[bool, float]] = []
    first: list[bool] = []
    for group in held_out.questions:
        scores = [next(logits) for _ in group]
        answerable = any(pair.true for pair in group)
        best.append((answerable, max(scores)))
        if answerable:
            first.append(group[int(np.argmax(scores))].true)
    if first:
        found["rank_first"] = round(float(np.mean(first)), 4)
    if len({answerable for answerable, _ in best}) == 2:
        found["refuse"] = _auroc([yes for yes, _ in best], [score for _, score in best])
    units = [unit for one in judged for unit in one.units]
    found["units"] = _auroc([yes for _, yes in units], [logit for logit, _ in units])
    return found


def _auroc(true: Sequence[bool], scores: Sequence[float]) -> float:
    return round(float(roc_auc_score(true, scores)), 4)


def calibration(held_out: HeldOut, judged: Sequence[Judged]) -> dict[str, Tensor]:
    """Return a and b of p = 1 / (1 + exp(-(a z + b))), (2,), for each head by its name in the file
    (Platt 1999)."""
    seen: dict[str, list[tuple[float, bool]]] = {task: [] for task in TASKS}
    for pair, one in zip(held_out.pairs, judged, strict=True):
        seen[pair.task].append((one.logit, pair.true))
    seen["units"] = [unit for one in judged for unit in one.units]
    return {f"calibration.{name}": _platt(pairs) for name, pairs in seen.items()}


def _platt(seen: Sequence[tuple[float, bool]]) -> Tensor:
    logits = np.array([[logit] for logit, _ in seen])
    curve = LogisticRegression().fit(logits, [true for _, true in seen])
    return torch.tensor([float(curve.coef_[0, 0]), float(curve.intercept_[0])])


# --- training ---


@dataclass(frozen=True)
class Asked:
    """What the command line asks for."""

    data: Path  # the folder of public sets
    out: Path = ASSETS / "weights" / "reader.safetensors"
    questions: tuple[tuple[Path, Path], ...] = ()  # customers', each with its folder of articles
    own: Path = ASSETS / "training"  # the folder of passages.jsonl and claims.jsonl
    options: Options = field(default_factory=Options)

    @property
    def command(self) -> str:
        """The command that makes the same, without folders above."""
        named = [f"--questions {file.name} {folder.name}" for file, folder in self.questions]
        words = ["python -m mmcs train reader --data", self.data.name, *named]
        return " ".join((*words, f"--out {self.out.name} --pairs {self.options.pairs}"))


@dataclass(frozen=True)
class ReaderReport:
    """What came of a training."""

    pairs: int  # learned from at the best look
    figures: Mapping[str, float]  # of that look
    minutes: float  # since it was begun, or gone on with
    file: str

    def lines(self) -> list[str]:
        """Return it for people."""
        told = ", ".join(f"{name} {value:.3f}" for name, value in self.figures.items())
        return [
            f"Learned from {self.pairs:,} pairs in {self.minutes:.0f} minutes; {self.file}.",
            f"AUROC on what was held out, by which the step was chosen: {told}.",
        ]


class Course:
    """A training as it goes; each look at what is held out is kept beside ``out``."""

    def __init__(self, net: ReaderNet, tokenizer: Any, held_out: HeldOut, asked: Asked) -> None:
        """Begin at the first step."""
        self._net, self._tokenizer, self._held_out = net, tokenizer, held_out
        self._out, self._options = asked.out, asked.options
        self._trained = net.trained()
        heads = [*net.head.parameters(), *net.unit.parameters()]
        known = {id(p) for p in heads}
        corrections = [p for p in self._trained.values() if id(p) not in known]
        groups = [{"params": corrections}, {"params": heads}]
        self._optimizer = torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY)

    def follow(
        self, steps: Sequence[Sequence[Pair]], key: str, stepped: Callable[[int, float], object]
    ) -> State:
        """Learn step by step, from where an earlier training of this key was left.

        Raises:
            BadInput: the state that lies there is of another training.
        """
        state = read_state(self._out, key, self._trained, self._optimizer)
        state = state or State(0, 0.0, (), {})
        bar = tqdm(total=len(steps), initial=state.step, unit=" steps", desc="train reader")
        with bar:
            while state.step < len(steps) and not self._tired(state):
                loss = self._learn(steps[state.step], rate(state.step, len(steps)))
                smooth = SMOOTHED * state.loss + (1 - SMOOTHED) * loss if state.step else loss
                state = replace(state, step=state.step + 1, loss=smooth)
                stepped(state.step, loss)
                if state.step % self._options.every == 0 or state.step == len(steps):
                    state = self._looked(state, sum(map(len, steps[: state.step])))
                    write_state(self._out, key, state, self._trained, self._optimizer)
                held_out = f"{state.looks[-1].score:.3f}" if state.looks else "-"
                bar.set_postfix(loss=f"{state.loss:.3f}", held_out=held_out, refresh=False)
                bar.update()
        return state

    def finish(self, state: State) -> dict[str, Tensor]:
        """Return to the best look, and return what was trained with its calibration."""
        with torch.no_grad():
            for name, parameter in self._trained.items():
                parameter.copy_(state.best[name])
        judged = self._judged()
        halves = {name: t.to(torch.float16).contiguous() for name, t in state.best.items()}
        return {**halves, **calibration(self._held_out, judged)}

    def _learn(self, pairs: Sequence[Pair], share: float) -> float:
        for group, times in zip(self._optimizer.param_groups, (1, HEAD_RATE), strict=True):
            group["lr"] = self._options.learning_rate * share * times
        batch = batch_of(pairs, self._tokenizer).to(self._net.head.weight.device.type)
        loss = loss_of(self._net, batch)
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(list(self._trained.values()), MOST_GRADIENT)
        self._optimizer.step()
        return float(loss.detach())

    def _looked(self, state: State, pairs: int) -> State:
        found = figures(self._held_out, self._judged())
        looks = (*state.looks, Look(state.step, pairs, round(state.loss, 4), found))
        state = replace(state, looks=looks)
        if state.best_look == len(looks) - 1:
            best = {name: p.detach().cpu().clone() for name, p in self._trained.items()}
            state = replace(state, best=best)
        return state

    def _judged(self) -> list[Judged]:
        return judge(self._net, self._tokenizer, self._held_out.pairs, self._options.batch)

    def _tired(self, state: State) -> bool:
        """Whether the last looks have brought nothing better."""
        worse = len(state.looks) - 1 - state.best_look if state.looks else 0
        return worse >= self._options.patience


def rate(step: int, steps: int) -> float:
    """Return the share of the learning rate that a step has: it rises, stays, and falls."""
    rising = (step + 1) / (WARM_UP * steps)
    falling = max(LEAST_RATE, (steps - step) / (DECAY * steps))
    return min(1.0, rising, falling)


def train(
    asked: Asked,
    base: Path,
    settings: Settings,
    stepped: Callable[[int, float], object] = lambda step, loss: None,
) -> ReaderReport:
    """Train, calibrate and write the reader, with its learning curve and its card.

    Args:
        asked: what is learned from, and where the file goes.
        base: the folder of all-mpnet-base-v2.
        settings: the machine, and the embedder that finds passages for customers' questions.
        stepped: is told the number of each step and its loss. What it raises ends the training,
            which the same call goes on with.

    Raises:
        BadInput: a public set cannot be used, or the state beside ``out`` is of another training.
        UsageError: a file of our own cannot be used.
        KnowledgeError: a folder of articles cannot be used.
        ModelUnavailable: the base model or the embedder cannot be had.
    """
    begun = time.monotonic()
    options = asked.options
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    data = read(Folders(asked.data, asked.own, _knowledge(asked, settings)), options.seed)
    steps = batches(data, options)
    torch.manual_seed(options.seed)
    torch.set_num_threads(settings.threads)
    net, tokenizer = built(base)
    course = Course(net.to(device(settings)).train(), tokenizer, data.held_out, asked)
    state = course.follow(steps, training_key(steps, data, options), stepped)
    save_file(course.finish(state), asked.out)
    numbers = sum(p.numel() for p in net.trained().values())
    write_card(asked.out, data, state, numbers, asked.command)
    state_file(asked.out).unlink(missing_ok=True)
    best = state.looks[state.best_look]
    minutes = (time.monotonic() - begun) / 60
    return ReaderReport(best.pairs, best.figures, minutes, str(asked.out))


def built(base: Path) -> tuple[ReaderNet, Any]:
    """Return a net that knows nothing yet, and its tokenizer.

    Raises:
        ModelUnavailable: the base model cannot be loaded.
    """
    try:
        return reader_net(base), AutoTokenizer.from_pretrained(str(base), local_files_only=True)
    except (OSError, ValueError, SafetensorError) as broken:
        raise ModelUnavailable(f"The base model in {base} could not be loaded.") from broken


def _knowledge(asked: Asked, settings: Settings) -> tuple[tuple[Path, Knowledge], ...]:
    """Return each file of questions with the search over its articles."""
    if not asked.questions:
        return ()
    embedder = roles.Remembering(roles.load("embedder", "bilingual", settings), 60_000)
    return tuple(
        (file, Knowledge.open(folder, embedder, settings.cache)) for file, folder in asked.questions
    )
