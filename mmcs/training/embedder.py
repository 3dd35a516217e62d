"""Train MiniLM's corrections: a question comes nearer to the passage and the sentence that answer.

    python -m mmcs.training.embedder QUESTIONS.jsonl FOLDER [QUESTIONS.jsonl FOLDER]...

Each step takes some questions, for each the passage that answers, a hard wrong one that the search
brings up, a sentence of the answer and others of the same passage. All passages, and all sentences,
of a step are wrong for the other questions (multiple negatives ranking, Henderson et al. 2017),
but for those of the same article.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer, BertModel

from mmcs import roles
from mmcs.backends._low_rank import add_corrections, save_corrections
from mmcs.backends.minilm import CORRECTIONS
from mmcs.knowledge import Knowledge
from mmcs.settings import from_environment
from mmcs.training.examples import Example, held_out, relevance_examples
from mmcs.weights import fetch

EPOCHS = 2
SCHEDULE = 3  # epochs over which the learning rate falls; a third one gained nothing held out
QUESTIONS = 24  # a step
LEARNING_RATE = 1e-3
WARM_UP = 0.08  # share of the steps
TEMPERATURE = 0.05
TOKENS = {"question": 96, "passage": 176, "unit": 80}
WRONG_UNITS = 2  # of the same passage, a question
BATCH = 12  # texts of like length
SEED = 1


@dataclass(frozen=True)
class Step:
    """The texts of one step and where each question's right ones stand."""

    questions: list[str]
    passages: list[str]
    passage_articles: list[str]
    right_passages: list[int]
    units: list[str]
    unit_articles: list[str]  # empty for a sentence that is no answer
    right_units: list[int]


def train(
    groups: Mapping[str, Sequence[Example]],
    folder: Path,
    out: Path,
    seen: Callable[[str], None],
    epochs: int = EPOCHS,
) -> None:
    """Train on questions with their passages and write the corrections.

    Args:
        groups: the examples of each question.
        folder: MiniLM's own weights.
        out: the safetensors file.
        seen: is told of the loss now and then.
        epochs: how often each question is taken.
    """
    torch.manual_seed(SEED)
    drawn = random.Random(SEED)  # noqa: S311  # no secret
    tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    model: BertModel = AutoModel.from_pretrained(
        str(folder), local_files_only=True, dtype=torch.float32, add_pooling_layer=False
    )
    add_corrections(model)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    asked = [
        name
        for name, examples in groups.items()
        if any(e.answers for e in examples) and not held_out(examples[0].article)
    ]
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=0.01)
    steps = SCHEDULE * (len(asked) // QUESTIONS)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: _rate(i, steps))
    model.train()
    for epoch in range(epochs):
        drawn.shuffle(asked)
        for start in range(0, len(asked) - QUESTIONS + 1, QUESTIONS):
            step = step_of([groups[name] for name in asked[start : start + QUESTIONS]], drawn)
            loss = _loss(step, model, tokenizer)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            schedule.step()
            seen(f"epoch {epoch + 1} of {epochs}, question {start}: loss {loss.item():.3f}")
    save_corrections(model, out)


def _rate(step: int, steps: int) -> float:
    warm = min(1.0, (step + 1) / (WARM_UP * steps))
    return warm * 0.5 * (1 + math.cos(math.pi * step / steps))


def step_of(asked: Sequence[Sequence[Example]], drawn: random.Random) -> Step:
    """Return a step's texts, drawn from the examples of some questions."""
    step = Step([], [], [], [], [], [], [])
    for examples in asked:
        right = drawn.choice([e for e in examples if e.answers])
        articles = {e.article for e in examples if e.answers}
        wrong = [e for e in examples if not e.answers and e.article not in articles]
        step.questions.append(right.question)
        step.right_passages.append(len(step.passages))
        for example in (right, *([drawn.choice(wrong[:2])] if wrong else [])):
            step.passages.append(f"{example.title}. {' '.join(example.units)}")
            step.passage_articles.append(example.article)
        answering = [unit for unit, yes in zip(right.units, right.right, strict=True) if yes]
        others = [unit for unit, yes in zip(right.units, right.right, strict=True) if not yes]
        step.right_units.append(len(step.units))
        step.units.append(f"{right.title}. {drawn.choice(answering)}")
        step.unit_articles.append(right.article)
        for unit in drawn.sample(others, min(WRONG_UNITS, len(others))):
            step.units.append(f"{right.title}. {unit}")
            step.unit_articles.append("")
    return step


def _loss(step: Step, model: BertModel, tokenizer: object) -> Tensor:
    questions = _embedded(step.questions, TOKENS["question"], model, tokenizer)
    passages = _embedded(step.passages, TOKENS["passage"], model, tokenizer)
    units = _embedded(step.units, TOKENS["unit"], model, tokenizer)
    by_passage = ranking_loss(questions, passages, step.right_passages, step.passage_articles)
    return by_passage + ranking_loss(questions, units, step.right_units, step.unit_articles)


def ranking_loss(
    questions: Tensor, texts: Tensor, right: Sequence[int], articles: Sequence[str]
) -> Tensor:
    """Return the cross-entropy of each question's right text among all, others of the same
    article left out."""
    scores = questions @ texts.T / TEMPERATURE
    same = torch.zeros_like(scores, dtype=torch.bool)
    for row, place in enumerate(right):
        for column, article in enumerate(articles):
            same[row, column] = column != place and bool(article) and article == articles[place]
    return functional.cross_entropy(scores.masked_fill(same, -1e4), torch.tensor(list(right)))


def _embedded(texts: Sequence[str], tokens: int, model: BertModel, tokenizer: object) -> Tensor:
    """Return a unit vector a text, (texts, 384), pooled as MiniLM was trained: by the mean."""
    assert callable(tokenizer)  # noqa: S101  # transformers' tokenizers have no common type
    rows = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    vectors: list[Tensor] = [torch.empty(0)] * len(texts)
    for start in range(0, len(rows), BATCH):
        some = rows[start : start + BATCH]
        batch = tokenizer(
            [texts[row] for row in some],
            padding=True,
            truncation=True,
            max_length=tokens,
            return_tensors="pt",
        )
        states = model(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1).to(states.dtype)
        pooled = functional.normalize((states * mask).sum(dim=1) / mask.sum(dim=1), dim=1)
        for row, vector in zip(some, pooled, strict=True):
            vectors[row] = vector
    return torch.stack(vectors)


def main() -> None:
    """Read the command line, gather the examples, train, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", nargs="+", type=Path, metavar="QUESTIONS FOLDER")
    parser.add_argument("--out", type=Path, default=CORRECTIONS)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    given = parser.parse_args()
    settings = replace(from_environment(), offline=True)
    embedder = roles.Remembering(roles.load("embedder", "bilingual", settings), 60_000)
    groups: dict[str, list[Example]] = {}
    for questions, folder in zip(given.pairs[::2], given.pairs[1::2], strict=True):
        knowledge = Knowledge.open(folder, embedder, settings.cache)
        for example in relevance_examples(questions, knowledge):
            groups.setdefault(f"{questions}#{example.group}", []).append(example)
    train(groups, fetch("minilm", settings), given.out, print, given.epochs)


if __name__ == "__main__":
    main()
