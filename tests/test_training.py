"""What the small models learn from, and what they learn."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mmcs.backends.fake import FakeEmbedder
from mmcs.errors import KnowledgeError
from mmcs.knowledge import Knowledge
from mmcs.knowledge.index import open_index
from mmcs.knowledge.questions import Question, mark, read_questions
from mmcs.knowledge.relevance import load_numbers
from mmcs.settings import ASSETS
from mmcs.training.embedder import ranking_loss, step_of
from mmcs.training.examples import Example
from mmcs.training.fusion import Names, examples
from mmcs.training.fusion import fit as fit_fusion
from mmcs.training.relevance import blended, fit, fit_all, gather, write

RETAIL = ASSETS / "domains" / "retail" / "knowledge"


def test_every_unit_that_a_question_names_stands_in_the_shops_articles(tmp_path: Path) -> None:
    """The marks hold as long as nobody rewrites an article; then the question must follow."""
    index = open_index(RETAIL, FakeEmbedder(), tmp_path)
    held = {mark(unit.text) for part in index.parts for unit in part.units}
    for name in ("retail_en.jsonl", "retail_zh.jsonl"):
        lines = read_questions(ASSETS / "training" / name)
        missing = [line.id for line in lines if not set(line.units) <= held]
        assert missing == []


def test_a_fit_learns_what_finds(tmp_path: Path) -> None:
    """On questions that quote their article the fit ranks it first, refuses what is foreign, gives
    no likeness a negative weight, and comes out the same twice."""
    subjects = "kettle parcel invoice router vacuum speaker battery password refund voucher".split()
    for subject in subjects:
        (tmp_path / f"{subject}.md").write_text(f"# The {subject}\n\nMend the {subject}.", "utf-8")
    questions = [
        Question(f"{n}{s}", f"{lead} {s}", (s,), True)
        for n, lead in enumerate(("mend my", "what about the", "trouble with"))
        for s in subjects
    ]
    foreign = "bicycle opera mountain holiday garden novel".split()
    questions += [Question(f"x{s}", f"tickets for a {s}", (), False) for s in foreign]
    index = open_index(tmp_path, FakeEmbedder(), tmp_path / "cache")
    given = list(examples(questions, index, FakeEmbedder()))
    names = Names(("meaning", "words", "letters", "language"), ("letters",))
    found = fit_fusion(given, names)
    assert found.recall_at_1 > 0.9
    assert found.refusal_auc > 0.9
    assert all(weight >= 0 for weight in found.formula.weights.values())
    assert fit_fusion(given, names) == found


def test_a_regression_learns_what_tells_two_kinds_apart() -> None:
    """Rows with a large first feature get a high chance, the others a low one."""
    drawn = np.random.default_rng(1)
    rows = drawn.normal(size=(400, 5))
    fitted = fit(rows, rows[:, 0] > 0, 1.0)
    chances = fitted.chances(np.array([[2.0, 0, 0, 0, 0], [-2.0, 0, 0, 0, 0]]))
    assert chances[0] > 0.9
    assert chances[1] < 0.1


def test_what_is_fitted_can_be_read_again(tmp_path: Path) -> None:
    """The numbers of both scripts survive the file, and a threshold between 0 and 1."""
    questions = tmp_path / "questions.jsonl"
    lines = (ASSETS / "training" / "retail_en.jsonl").read_text("utf-8").splitlines()[:12]
    questions.write_text("\n".join(lines), "utf-8")
    asked = list(gather(questions, Knowledge.open(RETAIL, FakeEmbedder(), tmp_path)))
    assert any(one.units for one in asked)
    near_miss = replace(asked[0], answerable=False)
    both = [*asked, near_miss]
    unseen = [replace(one, units=(), right=(), unseen=True) for one in both]
    chinese = [replace(one, script="zh", unseen=True) for one in both]
    blend = blended([([n - 1.5, 0.5, 0.5], n > 1, f"q{n % 2}") for n in range(4)])
    fitted = fit_all([*both, *unseen, *chinese], blend, lambda line: None)
    out = tmp_path / "relevance.json"
    write(fitted, out)
    assert load_numbers(out) == fitted
    assert all(0 < one.threshold < 1 for one in (fitted.en, fitted.zh, fitted.blend))


def test_a_missing_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    """Whoever reads it knows what to do."""
    with pytest.raises(KnowledgeError, match="install MMCS again"):
        load_numbers(tmp_path / "none.json")


def test_the_shipped_numbers_can_be_read() -> None:
    """They come with the project."""
    numbers = load_numbers()
    assert all(0 < one.threshold < 1 for one in (numbers.en, numbers.zh, numbers.blend))


def test_a_question_comes_nearer_to_what_answers_it() -> None:
    """Right texts that are likest give a small loss, wrong ones a large loss, and another text of
    the same article is not counted as wrong."""
    near, far = torch.eye(3)[:1], torch.eye(3)[1:2]
    texts = torch.cat((near, far))
    good = float(ranking_loss(near, texts, [0], ["a", "b"]))
    bad = float(ranking_loss(far, texts, [0], ["a", "b"]))
    assert good < 0.01 < 1 < bad
    assert float(ranking_loss(far, texts, [0], ["a", "a"])) < 0.01


def test_a_step_of_training_holds_each_questions_answer() -> None:
    """Every question has its right passage and its right unit where the step says they are."""
    examples = [
        [
            Example(f"q{n}", f"g{n}", f"a{n}", "Title", ("no", f"yes {n}"), True, (False, True)),
            Example(f"q{n}", f"g{n}", "other", "Other", ("no",), False, (False,)),
        ]
        for n in range(4)
    ]
    step = step_of(examples, random.Random(1))  # noqa: S311  # no secret
    for n, (passage, unit) in enumerate(zip(step.right_passages, step.right_units, strict=True)):
        assert step.questions[n] == f"q{n}"
        assert step.passages[passage].endswith(f"yes {n}")
        assert step.units[unit] == f"Title. yes {n}"
        assert step.passage_articles[passage] == f"a{n}"
