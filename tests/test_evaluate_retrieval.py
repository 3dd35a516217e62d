"""The report on how articles are found: its figures are checked by hand on a tiny folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmcs.errors import KnowledgeError, UsageError
from mmcs.evaluate.retrieval import evaluate
from mmcs.settings import Settings
from mmcs.ticket import to_json

ARTICLES = {
    "kettle": "# The kettle\n\nDescale the kettle every two months with citric acid.",
    "parcel": "# The parcel\n\nA late parcel is replaced after five working days.",
    "invoice": "# The invoice\n\nDownload the invoice under orders as a PDF.",
}
QUESTIONS = (
    {"id": "1", "text": "descale the kettle", "articles": ["kettle"], "answerable": True},
    {"id": "2", "text": "late parcel replaced", "articles": ["parcel"], "answerable": True},
    {"id": "3", "text": "late parcel replaced", "articles": ["invoice"], "answerable": True},
    {"id": "4", "text": "do you sell bicycles", "articles": [], "answerable": False},
)


@pytest.fixture
def knowledge(tmp_path: Path) -> Path:
    """Three articles."""
    folder = tmp_path / "articles"
    folder.mkdir()
    for name, text in ARTICLES.items():
        (folder / f"{name}.md").write_text(text, "utf-8")
    return folder


def written(folder: Path, *questions: object) -> Path:
    """Write questions and return their file."""
    file = folder / "questions.jsonl"
    file.write_text("".join(json.dumps(q) + "\n" for q in questions), "utf-8")
    return file


def test_the_figures_are_right(knowledge: Path, tmp_path: Path, fake_settings: Settings) -> None:
    """Two first places and one later one give the recall and the mean reciprocal rank they must."""
    report = evaluate(written(tmp_path, *QUESTIONS), fake_settings, knowledge)
    assert (report.questions, report.answerable, report.articles) == (4, 3, 3)
    ranks = [score.rank for score in report.scores]
    assert ranks[:2] == [1, 1] and ranks[2] in {2, 3} and ranks[3] is None
    for ranking in (report.search, report.fused, report.bm25):
        assert ranking.recall_at_1 == pytest.approx(2 / 3, abs=1e-3)
        assert ranking.recall_at_5 == 1.0
    assert report.search.mrr == pytest.approx((2 + 1 / (ranks[2] or 1)) / 3, abs=1e-3)


def test_refusals_are_counted_by_the_threshold(
    knowledge: Path, tmp_path: Path, fake_settings: Settings
) -> None:
    """Precision, recall and the share answered follow from the listed scores."""
    report = evaluate(written(tmp_path, *QUESTIONS), fake_settings, knowledge)
    refused = [score.id for score in report.scores if score.refused]
    assert report.refusal.recall == float("4" in refused)
    assert report.refusal.answered == pytest.approx(
        sum(name not in refused for name in "123") / 3, abs=1e-3
    )
    if refused:
        assert report.refusal.precision == pytest.approx(("4" in refused) / len(refused), abs=1e-3)


def test_a_tie_is_no_success(knowledge: Path, tmp_path: Path, fake_settings: Settings) -> None:
    """A question that shares no word with any article is not found by luck of the order."""
    strange = {"id": "1", "text": "zzz", "articles": ["invoice"], "answerable": True}
    assert evaluate(written(tmp_path, strange), fake_settings, knowledge).bm25.recall_at_1 == 0.0


def test_a_folder_with_questions_will_do(
    knowledge: Path, tmp_path: Path, fake_settings: Settings
) -> None:
    """The data may be a folder that holds questions.jsonl."""
    written(tmp_path, *QUESTIONS)
    assert evaluate(tmp_path, fake_settings, knowledge).questions == 4


def test_the_report_reads_well_and_goes_to_json(
    knowledge: Path, tmp_path: Path, fake_settings: Settings
) -> None:
    """People read lines, programs read JSON."""
    report = evaluate(written(tmp_path, *QUESTIONS), fake_settings, knowledge)
    text = "\n".join(report.lines())
    assert "recall@1" in text and "BM25" in text and "refusal" in text
    assert to_json(report)["fused"]["recall_at_5"] == 1.0


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "holds no question"),
        ("not json\n", "Line 1 of questions.jsonl is no question"),
        ('{"id": "1"}\n', "Line 1 of questions.jsonl is no question"),
        (
            '{"id": "7", "text": "x", "articles": ["gone"], "answerable": true}\n',
            "Question 7 names gone, which is no article here",
        ),
        (
            '{"id": "7", "text": "x", "articles": [], "answerable": false}\n',
            "None of the questions names an article",
        ),
    ],
)
def test_bad_questions_are_told_plainly(
    knowledge: Path, tmp_path: Path, fake_settings: Settings, content: str, sentence: str
) -> None:
    """Each fault of the data is one sentence that names it."""
    file = tmp_path / "questions.jsonl"
    file.write_text(content, "utf-8")
    with pytest.raises(UsageError, match=sentence):
        evaluate(file, fake_settings, knowledge)


def test_missing_data_and_articles_are_told_plainly(
    knowledge: Path, tmp_path: Path, fake_settings: Settings
) -> None:
    """A path with nothing at it is named."""
    with pytest.raises(UsageError, match="no labelled questions"):
        evaluate(tmp_path / "nothing.jsonl", fake_settings, knowledge)
    with pytest.raises(KnowledgeError, match="There is no folder"):
        evaluate(written(tmp_path, *QUESTIONS), fake_settings, tmp_path / "gone")
