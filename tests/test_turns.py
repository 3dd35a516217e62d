"""Conversations of several turns, on the models that ship: the latest turn is answered."""

from __future__ import annotations

import pytest

from mmcs.pipeline import Pipeline
from mmcs.ticket import Attachment, Author, Case, Evidence, Message, Segment, Ticket, Transcript
from mmcs.turns import asks_nothing, to_answer

FIRST = "My parcel is late, order 48213. It should have come on Monday. What can I do?"
ANSWER = (
    "Hello,\n\nMost late parcels arrive within 2 days. If it has not arrived by then, please write "
    "to us again.\n\nKind regards"
)
ZH_FIRST = "扫地机器人显示 E12，是什么意思？"


def conversation(*texts: str) -> Ticket:
    """Return a ticket whose turns are the customer's and the agent's by turns."""
    authors: tuple[Author, ...] = ("customer", "agent")
    return Ticket(tuple(Message(authors[n % 2], text) for n, text in enumerate(texts)))


def drafted(pipeline: Pipeline, *texts: str) -> Case:
    """Return the Case of a conversation with its instant draft."""
    *_, case = pipeline.find(conversation(*texts))
    assert case.draft is not None
    return case


def answered(pipeline: Pipeline, *texts: str) -> tuple[str, ...]:
    """Return the turns of a conversation, answered by the instant drafts in between."""
    turns: list[str] = []
    for text in texts[:-1]:
        turns.append(text)
        draft = drafted(pipeline, *turns).draft
        assert draft is not None
        turns.append(draft.text)
    return (*turns, texts[-1])


def articles(case: Case) -> set[str]:
    """Return what a draft cites."""
    assert case.draft is not None
    return {s.ref for claim in case.draft.claims for s in claim.support if s.kind == "passage"}


@pytest.mark.parametrize(
    ("texts", "article", "category"),
    [
        (
            (FIRST, "Thanks. Another thing: how do I change my e-mail address?"),
            "account",
            "account",
        ),
        (
            (
                "I want to return my headphones. How does that work?",
                "Understood, I will do that.",
                "Where do I enter a promo code when I order?",
            ),
            "payment",
            "payment",
        ),
        ((ZH_FIRST, "我想开发票，发票上的公司名称怎么改？"), "invoices", "payment"),
    ],
)
def test_another_topic_gets_its_own_answer(
    real_pipeline: Pipeline, texts: tuple[str, ...], article: str, category: str
) -> None:
    """The second or third question is answered from its own article, and filed as what it is."""
    case = drafted(real_pipeline, *answered(real_pipeline, *texts))
    assert case.passages[0].article.split("/")[1] == article
    assert articles(case) and all(article in ref for ref in articles(case))
    assert case.triage is not None and case.triage.category.label == category


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (
            "How do I return something that I don't like?",
            "And when do I get my money?",
            "5-7 working days",
        ),
        ("我不喜欢这副耳机，怎么退货？", "那要多久？", "天|工作日"),
    ],
)
def test_a_short_question_leans_on_the_turn_before(
    real_pipeline: Pipeline, first: str, second: str, words: str
) -> None:
    """A follow-up is understood with what came before, and no sentence is sent twice."""
    turns = answered(real_pipeline, first, second)
    case = drafted(real_pipeline, *turns)
    assert case.draft is not None and not case.draft.refused
    assert all("return" in ref for ref in articles(case))
    told = [claim for claim in case.draft.claims if not claim.courtesy]
    assert told and not [claim.text for claim in told if claim.text in turns[1]]
    assert any(word in case.draft.text for word in words.split("|"))


@pytest.mark.parametrize(
    ("first", "thanks"),
    [
        ("My Orbit R3 shows E12. What do I do?", "Thanks, that worked!"),
        (ZH_FIRST, "谢谢，已经好了，可以了！"),
    ],
)
def test_who_only_says_thanks_gets_no_article(
    real_pipeline: Pipeline, first: str, thanks: str
) -> None:
    """Nothing is asked, so nothing is found, drafted from articles or written by the model."""
    case = drafted(real_pipeline, *answered(real_pipeline, first, thanks))
    assert case.passages == ()
    assert case.draft is not None and not case.draft.refused
    assert all(claim.courtesy for claim in case.draft.claims)
    assert "No article" not in case.draft.why
    assert not real_pipeline.writes(case)


@pytest.mark.parametrize(
    "text",
    [
        "Thanks, but it still shows E12.",
        "Great. How long does it take?",
        "Thanks, can you send me the label?",
        "谢谢，但是还是不行。",
        "好的，那运费谁付？",
    ],
)
def test_thanks_with_a_question_asks(text: str) -> None:
    """Who thanks and goes on asking is answered."""
    assert not asks_nothing(Case("a", conversation(FIRST, ANSWER, text)))


def test_a_turn_has_its_own_attachments() -> None:
    """What was said in the first turn's voice note is not asked again in the second."""
    note, other = (Attachment("audio", name, name * 8) for name in ("a.wav", "b.wav"))
    messages = (
        Message("customer", "Listen.", (note,)),
        Message("agent", ANSWER),
        Message("customer", "I would like to change the address of another order.", (other,)),
    )
    heard = tuple(
        Transcript("en", text, (Segment(0, 1, text, 0.9),), name)
        for text, name in (("My parcel is late.", "a.wav"), ("It is order 5.", "b.wav"))
    )
    latest = to_answer(Case("a", Ticket(messages), Evidence(transcripts=heard)))
    assert [m.text for m in latest.ticket.messages] == [messages[2].text]
    assert [t.attachment for t in latest.evidence.transcripts] == ["b.wav"]


def test_a_first_turn_is_whole() -> None:
    """Two messages before any answer are one turn."""
    case = Case("a", Ticket((Message("customer", "Hello."), Message("customer", FIRST))))
    assert to_answer(case) is case
