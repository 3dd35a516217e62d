"""What the small models learn from, and what they learn."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmcs.backends.fake import FakeEmbedder
from mmcs.errors import KnowledgeError
from mmcs.knowledge.index import open_index
from mmcs.knowledge.relevance import SCRIPTS, load_judges
from mmcs.settings import ASSETS
from mmcs.ticket import to_json
from mmcs.training.examples import mark, read_questions
from mmcs.training.relevance import fit, fit_all, gather

RETAIL = ASSETS / "domains" / "retail" / "knowledge"


def test_every_unit_that_a_question_names_stands_in_the_shops_articles(tmp_path: Path) -> None:
    """The marks hold as long as nobody rewrites an article; then the question must follow."""
    index = open_index(RETAIL, FakeEmbedder(), tmp_path)
    held = {mark(unit.text) for part in index.parts for unit in part.units}
    for name in ("retail_en.jsonl", "retail_zh.jsonl"):
        lines = read_questions(ASSETS / "training" / name)
        missing = [line.id for line in lines if not set(line.units) <= held]
        assert missing == []


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
    asked = list(gather(questions, open_index(RETAIL, FakeEmbedder(), tmp_path), FakeEmbedder()))
    assert any(one.units for one in asked)
    near_miss = replace(asked[0], answerable=False, answers=np.zeros(len(asked[0].answers), bool))
    both = [*asked, near_miss]
    unseen = [replace(one, units=(), right=()) for one in both]
    chinese = [replace(one, script="zh") for one in both]
    fitted = fit_all([*both, *unseen, *chinese], lambda line: None)
    out = tmp_path / "relevance.json"
    out.write_text(json.dumps({script: to_json(judge) for script, judge in fitted.items()}))
    assert load_judges(out) == fitted
    assert all(0 < judge.threshold < 1 for judge in fitted.values())


def test_a_missing_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    """Whoever reads it knows what to do."""
    with pytest.raises(KnowledgeError, match="install MMCS again"):
        load_judges(tmp_path / "none.json")


def test_the_shipped_numbers_can_be_read() -> None:
    """They come with the project."""
    assert set(load_judges()) == set(SCRIPTS)
