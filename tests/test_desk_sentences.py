"""What the stages say in English is said on a Chinese page in Chinese."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from messages import Said, sentences

from mmcs import media
from mmcs.desk import render
from mmcs.desk.files import Files
from mmcs.desk.render import View
from mmcs.desk.texts import translated
from mmcs.desk.texts.zh_sentences import PARTS, SENTENCES
from mmcs.domain import open_domain
from mmcs.draft import choose
from mmcs.errors import BadInput
from mmcs.models import ModelState
from mmcs.pipeline import Pipeline
from mmcs.settings import Settings
from mmcs.ticket import Case, Claim, Draft, Message, Problem, Support, Ticket

ENGLISH = re.compile(r"\b(the|is|are|it|its|not|cannot|in|of|and|or|to|this|has|no|there)\b", re.I)
HOLE = re.compile(r"\{\w+\}")
QUESTIONS = (
    "My parcel with order 48213 is late, is it lost?",
    "Do you sell live elephants on the moon?",
    "ok",
)


def assert_chinese(sentence: str) -> None:
    """Fail unless a sentence is known in Chinese, and nothing of the English is left in it."""
    shown = translated(sentence, "zh")
    assert shown != sentence, f"mmcs/desk/texts/zh_sentences.py has no Chinese for: {sentence}"
    assert not ENGLISH.search(shown), f"still half English: {shown}"


@pytest.mark.parametrize("said", sentences(), ids=lambda said: said.where)
def test_every_sentence_that_can_become_a_problem_is_known(said: Said) -> None:
    """What the source gives to an error or a Problem has its Chinese in zh_sentences.py."""
    text = said.text
    if not text[0].isupper() and not text[0].isdigit():  # a reason inside a sentence
        text = f"Small model cannot be fetched: {text}."
    assert_chinese(text)


def test_the_sentences_are_found_in_the_source() -> None:
    """The search finds what is raised, what is returned, and what a constant holds."""
    found = {said.text for said in sentences()}
    assert (
        "There is nothing to answer yet: type a message, or add a voice note or a photo." in found
    )
    assert "This ticket is no longer there." in found
    assert "17 was left out: it is empty." in found
    assert len(found) > 60


@pytest.mark.parametrize("pair", [*SENTENCES, *(p for pairs in PARTS.values() for p in pairs)])
def test_both_sides_have_the_same_holes(pair: tuple[str, str]) -> None:
    """No name or number of the English is lost, and none is asked for that is not there."""
    english, chinese = (sorted(HOLE.findall(text)) for text in pair)
    assert english == chinese


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("{0} is empty.png is empty, 0 bytes long: send it again.", "{0} is empty.png 是空文件"),
        ("The chat is switched off.", "语言模型已关闭。"),
        (
            "The weights of Whisper base (148 MB) are not in /cache and cannot be fetched: the "
            "model hub does not answer; a.bin from the hub failed its SHA-256. Run `python -m mmcs "
            "weights` on a machine with network access, or set MMCS_CACHE to a folder that holds "
            "them.",
            "Whisper base 的权重（148 MB）不在 /cache 里，也无法下载：模型库没有响应；"
            "模型库的 a.bin 没有通过 SHA-256 校验。",
        ),
        (
            "Not chosen: 2 of its 5 sentences rest on nothing. Written by tiny from 3 parts of the "
            "articles.",
            "未采用：5 句中有 2 句没有依据。由 tiny 根据文章中的 3 处内容撰写。",
        ),
        (
            "Not chosen: no article answers this. No article in the customer's language answers "
            "this; orders/late may.",
            "未采用：没有文章能回答。顾客所用语言的文章都不能回答；orders/late 或许可以。",
        ),
    ],
)
def test_names_and_numbers_stay(english: str, chinese: str) -> None:
    """The holes are filled with what stood in the English, and parts of sentences are known too."""
    assert translated(english, "zh").startswith(chinese)


@pytest.mark.parametrize("sentence", ["", "Nobody has translated this; not yet.", "{name} {0}"])
def test_an_unknown_sentence_is_shown_as_it_is(sentence: str) -> None:
    """English is better than nothing; and an English page says everything as the stages do."""
    assert translated(sentence, "zh") == sentence
    known = "This ticket is no longer there."
    assert translated(known, "en") == known


@pytest.mark.parametrize(("kind", "name"), [("audio", "a.wav"), ("image", "b.png")])
def test_a_damaged_file_is_told_in_chinese(kind: str, name: str, tmp_path: Path) -> None:
    """Also what kind of file it should be, and in which formats."""
    path = tmp_path / name
    path.write_bytes(b"nothing that decodes")
    read = media.read_sound if kind == "audio" else media.read_image
    with pytest.raises(BadInput) as caught:
        read(path, name)
    assert_chinese(str(caught.value))


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_drafts_reason_is_told_in_chinese(fake_pipeline: Pipeline, question: str) -> None:
    """Every reason that the drafts give while they grow is known."""
    for case in fake_pipeline.run(Ticket((Message("customer", question),))):
        for draft in (case.draft, *case.alternatives):
            if draft is not None:
                assert_chinese(draft.why)


def drafted(*claims: Claim, refused: bool = False) -> Draft:
    """Return a draft of some claims."""
    return Draft("Text.", "en", "tiny", "Being written.", claims, refused)


GOOD = Claim("A refund takes 5 days.", True, (Support("passage", "refunds", "A refund"),))
ECHO = Claim("Your parcel is late.", True, (Support("text", "text", "My parcel is late"),))
BAD = Claim("We will call you.", False)


@pytest.mark.parametrize(
    ("instant", "written"),
    [
        (drafted(GOOD), drafted(GOOD)),
        (drafted(refused=True), drafted(GOOD)),
        (drafted(GOOD), drafted()),
        (drafted(GOOD), drafted(GOOD, BAD)),
        (drafted(GOOD), drafted(ECHO)),
        (drafted(GOOD), replace(drafted(GOOD), language="zh")),
    ],
)
def test_why_a_draft_was_chosen_is_told_in_chinese(instant: Draft, written: Draft) -> None:
    """Each outcome of the choice is known, for the draft that is shown and for the other."""
    for draft in choose(instant, written):
        assert_chinese(draft.why)


def test_a_chinese_page_says_it_in_chinese(fake_settings: Settings) -> None:
    """A Problem, a draft's reason and a failed model are drawn in the page's language."""
    domain, files = open_domain(fake_settings.domain_folder), Files(fake_settings, b"secret")
    case = Case(
        "1" * 12,
        Ticket((Message("customer", "?"),)),
        draft=replace(drafted(GOOD), why="No article answers this."),
        problems=(Problem("ticket", "Nobody is heard speaking in <b>.wav."),),
    )
    off = ModelState("chat", "llama_cpp", "failed", message="The chat is switched off.")
    chinese, english = View("zh", domain, files), View("en", domain, files)
    assert "&lt;b&gt;.wav 里没有听到有人说话。" in render.problems(case, chinese)
    assert "Nobody is heard speaking" in render.problems(case, english)
    assert "没有文章能回答。" in render.drafts(case, chinese)
    assert "No article answers this." in render.drafts(case, english)
    assert "语言模型已关闭。" in render.header(chinese, [off], [])
