"""The check on the models that ship: what is false of a source is never called supported, in
English and Chinese, in several trades."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from checkers import CheckerOf

from mmcs.domain import open_domain
from mmcs.draft import instant_draft
from mmcs.draft.deeds import find_deeds
from mmcs.draft.facts import find_facts
from mmcs.labelled import read_labelled
from mmcs.sentences import script
from mmcs.settings import ASSETS
from mmcs.ticket import Case, Message, Passage, Ticket

DATA = Path(__file__).parent / "data" / "check.jsonl"
LEAST_TRUE = 0.9  # share of the true claims that are called supported


@dataclass(frozen=True)
class Told:
    """What an article, a customer and an agent have told, and claims that rest on it or don't."""

    id: str
    trade: str
    article: str
    customer: str
    agent: str  # an earlier answer; empty: none
    claims: tuple[tuple[str, bool, str], ...]  # text, whether it is supported, kind

    @property
    def case(self) -> Case:
        """The ticket with its article."""
        asked = Message("customer", self.customer)
        turns = (asked, Message("agent", self.agent), asked) if self.agent else (asked,)
        passage = Passage("article", "", self.article, 1.0, language=script(self.article))
        return Case(self.id, Ticket(turns), passages=(passage,))


TOLD = read_labelled(DATA, Told, "claim")


def supported(told: Told, claim: str, real_checker: CheckerOf) -> bool:
    return all(one.supported for one in real_checker(told.case, ()).check(claim))


@pytest.mark.parametrize(
    ("told", "claim", "kind"),
    [(t, text, kind) for t in TOLD for text, true, kind in t.claims if not true],
    ids=lambda value: value.id if isinstance(value, Told) else str(value).replace(" ", "-"),
)
def test_what_is_false_is_never_supported(
    told: Told, claim: str, kind: str, real_checker: CheckerOf
) -> None:
    """A deed that nobody told, another currency, unit or number, or a word that leaves no
    exception is marked, however much else of the sentence is true."""
    assert not supported(told, claim, real_checker), kind


def test_most_of_what_is_true_is_supported(real_checker: CheckerOf) -> None:
    """Other words for the same number, day or currency, and policies, are not marked."""
    true = [(told, text) for told in TOLD for text, true, _ in told.claims if true]
    marked = [text for told, text in true if not supported(told, text, real_checker)]
    assert len(marked) <= (1 - LEAST_TRUE) * len(true), marked


def test_the_claims_are_many_and_of_both_languages() -> None:
    """The data holds at least 120 claims, a third of them true, in English and Chinese."""
    claims = [(text, true) for told in TOLD for text, true, _ in told.claims]
    assert len(claims) >= 120
    assert sum(true for _, true in claims) >= len(claims) / 3
    assert sum(script(text) == "zh" for text, _ in claims) >= 40


@pytest.mark.parametrize(
    "text",
    [
        "We refunded your order to the original payment method.",
        "I've made the change to your booking.",
        "Your refund went out on Monday.",
        "The amount was refunded.",
        "It's been cancelled.",
        "A replacement has been sent.",
        "DHL delivered your parcel.",
        "Your account is now unlocked.",
        "Your refund is being processed.",
        "I can confirm that your refund was sent.",
        "Because we refunded you last week, nothing is owed.",
        "We checked your order and sent a new one.",
        "Refund issued.",
        "I have not charged you.",
        "退款已发出。",
        "我们刚刚把新的包裹寄出了。",
        "您的包裹正在运输中。",
        "我帮您查过了，订单已取消。",
        "您的预约改好了。",
    ],
)
def test_a_deed_is_told_by_its_grammar(text: str) -> None:
    """Past, perfect, passive and what is under way say that something was done."""
    assert find_deeds(text)


@pytest.mark.parametrize(
    "text",
    [
        "Orders placed before 2 pm are shipped the same day.",
        "If your parcel was damaged, or was opened, send us a photo.",
        "Once we have received the parcel, we refund the amount.",
        "Refunds are sent to the card that was used for the payment.",
        "The fee is waived if the item is faulty.",
        "Please make sure that the cable was connected.",
        "“Shipped” means that the parcel has left our warehouse.",
        "Keep the box it was delivered in.",
        "We will refund you once the item has arrived.",
        "It may have been delivered to a neighbour.",
        "Have we refunded you?",
        "我们收到退货后，会在五个工作日内退款。",
        "已拆封的耗材不能退货。",
        "如果超过30天，就不能退货了。",
        "请确认您已登录。",
        "为了保护您的账户，请更改密码。",
    ],
)
def test_a_policy_is_no_deed(text: str) -> None:
    """The present, what may be, and what is said of a kind of thing tell no deed."""
    assert not find_deeds(text)


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("two hundred dollars", "200", "USD"),
        ("$200", "200", "USD"),
        ("89 euros", "89", "EUR"),
        ("eighty-nine pounds sterling", "89", "GBP"),
        ("二百块", "200", "CNY"),
        ("within twenty-five days", "25", "day"),
        ("forty days", "40", "day"),
        ("a week", "7", "day"),
        ("two weeks", "14", "day"),
        ("一周", "7", "day"),
        ("half a year", "6", "month"),
        ("半年", "6", "month"),
        ("两个月", "2", "month"),
        ("two and a half years", "30", "month"),
        ("a month", "1", "month"),
        ("90 minutes", "5400", "second"),
        ("an hour and a half", "5400", "second"),
        ("between five and seven working days", "5-7", "working day"),
        ("二十五天", "25", "day"),
        ("百分之二十", "20", "%"),
        ("half past, at 2 pm", "14:00", "clock"),
        ("下午两点", "14:00", "clock"),
        ("a dozen eggs", "12", ""),
    ],
)
def test_numbers_have_one_form(text: str, value: str, unit: str) -> None:
    """Numbers in words and in digits, and durations in any unit, are one fact."""
    assert [(fact.value, fact.unit) for fact in find_facts(text)] == [(value, unit)]


@pytest.mark.parametrize("text", ["one of us", "一定", "十分感谢", "24/7 help", "the third step"])
def test_what_only_sounds_like_a_number_is_none(text: str) -> None:
    """A pronoun, an idiom and an ordinal are no hard facts, and a rate names no day."""
    assert not {fact.unit for fact in find_facts(text)} - {""}
    assert "1" not in {fact.value for fact in find_facts(text)}


def test_a_deed_in_an_article_is_not_drafted(real_checker: CheckerOf) -> None:
    """An article that tells what was done for one customer lends the instant draft its policy, not
    the deed."""
    domain = open_domain(ASSETS / "domains" / "retail")
    text = "I have refunded you $123 for your order. A refund takes 5-7 working days to arrive."
    asked = Case(
        "a",
        Ticket((Message("customer", "When does my refund arrive?"),)),
        passages=(Passage("refunds", "", text, 0.9),),
    )
    draft = instant_draft(asked, domain, real_checker(asked, domain.courtesies))
    assert "5-7 working days" in draft.text
    assert "$123" not in draft.text
