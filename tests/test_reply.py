"""The agent's own words before sending: facts, deeds and promises that nothing supports are named,
the rest is not."""

from __future__ import annotations

from dataclasses import replace

import gradio as gr
import pytest
from checkers import CheckerOf
from desk_pages import WINDOW, desk_of

from mmcs.desk.actions import Actions
from mmcs.desk.files import Files
from mmcs.desk.late import LatePipeline
from mmcs.desk.layout import lay_out
from mmcs.desk.page import open_page
from mmcs.draft import check_reply
from mmcs.models import Models
from mmcs.pipeline import Pipeline
from mmcs.sentences import as_read
from mmcs.settings import Settings
from mmcs.ticket import Case, Message, Passage, Ticket

ARTICLE = (
    "We refund your order to the original payment method. A refund takes 5-7 working days. "
    "The label costs $6.50."
)
ZH_ARTICLE = "退款会在五个工作日内原路退回。退货运费为十元。"
ASKED = "I paid $89 for order 48213 and the lamp came broken."
NAMED = (
    "We will refund you $999.",
    "I have refunded you.",
    "We will send you a new lamp.",
    "We will get back to you within 24 hours.",
    "You paid 89 euros.",
    "The lamp has a lifetime warranty.",
    "Your parcel arrives on Friday.",
    "Your code is RX-77.",
    "我们会退给您999元。",
    "我已经为您退款了。",
    "退款需要十个工作日。",
    # Digits of another form
    "The label costs ４７ euros.",
    "You still owe ٣١ dollars.",
    "It will be ②⑤ days.",
    "The fee is 8\u200b2 pounds.",
    "The fee is <b>8</b>2 pounds.",
    "The fee is &#55;1 francs.",
    "邮费是叁拾柒欧元。",
    "邮费三百二欧。",
    "大概要四百多美元。",
    "The carrier was informed and the parcel is retur\u043ded.",
    # Half, a decade, a couple
    "Half of the fee is returned.",
    "运费退一半。",
    "The spare parts last a decade.",
    "The mechanic needs a couple of hours.",
    # Deeds without an auxiliary, by somebody else, or as a state
    "Voucher added.",
    "Screen swapped, laptop ready.",
    "Your application went through.",
    "We got your deposit refund back to your card.",
    "I had the technician replace your screen.",
    "The repair is finished.",
    "Your laptop is ready for collection.",
    "We are sending a technician.",
    "补发安排好了。",
    "赔款已经转到您账户。",
    "您的电脑修好了。",
    "工程师检查过了。",
    "We have not only cancelled your order but waived the fee.",
    # Promises
    "I promise that the lamp will last.",
    "I guarantee that this never happens again.",
    "You can count on a new lamp.",
    "You'll get a replacement lamp.",
    "You won't have to pay anything.",
    "Let me give you a voucher.",
    "We will be glad to replace your lamp.",
    "The postage is on us.",
    "您一分钱也不用出。",
    "肯定给您补一张优惠券。",
    "这次我们请客。",
)
UNSURE = {  # promises, and what may be no deed: an article may say them in other words
    "We will send you a new lamp.",
    "Voucher added.",
    "Screen swapped, laptop ready.",
    "Your application went through.",
    "The repair is finished.",
    "Your laptop is ready for collection.",
    "补发安排好了。",
    "您的电脑修好了。",
    "I promise that the lamp will last.",
    "I guarantee that this never happens again.",
    "You can count on a new lamp.",
    "You'll get a replacement lamp.",
    "Let me give you a voucher.",
    "We will be glad to replace your lamp.",
    "肯定给您补一张优惠券。",
}
HARMLESS = (
    "Hello Tom,",
    "Thank you for all your patience.",
    "I'll look into it and get back to you.",
    "I have checked your order 48213 and forwarded it to our team.",
    "You paid $89.",
    "The label costs $6.50.",
    "A refund takes five to seven working days.",
    "Could you send us 2 photos?",
    "I can see that the lamp is broken.",
    "It is a lovely lamp, and I understand that this is annoying.",
    "Please keep the box and feel free to write again.",
    "All the best, Anna",
    "您好，我们会尽快核实并回复您。",
    "非常抱歉给您带来不便。",
    "退款会在5个工作日内原路退回。",
    "We have not charged anything yet.",
    "I haven't changed your order.",
    "Your parcel is not on its way yet.",
    "Nothing was taken from your account.",
    "我们还没有给您退款。",
    "Let me know if that works.",
    "Let me ask our team.",
    "We will be in touch.",
    "I'll get back to you about your refund.",
    "I promise to keep you updated.",
    "I'd be happy to help.",
    "You can count on us.",
    "I had our team look at your order.",
    "Photo attached.",
    "Understood.",
    "Best regards",
    "You paid ＄８９.",
    "The label costs <b>$6.50</b>.",
    "好的，收到了。",
)
EQUAL = (  # what an article says, and what an agent makes of it
    ("Claims are answered within 3 days.", "Claims are answered within 72 hours."),
    ("We open at 08:30 and close at 17:00.", "We open at 8:30 am and close at 5 pm."),
    ("A return takes up to 12 days.", "A return takes twelve days at most."),
    ("The guarantee runs for 18 months.", "The guarantee runs for one and a half years."),
    ("Spare parts are kept for 10 years.", "Spare parts are kept for a decade."),
    ("We keep 50% of the deposit.", "We keep half of the deposit."),
    ("租金每天25欧元。", "租金一天25欧元。"),
    ("租金每天25欧元。", "租金每天贰拾伍欧元。"),
)


@pytest.fixture
def case() -> Case:
    """A ticket with an English and a Chinese article, and no draft."""
    passages = (
        Passage("en/refunds", "", ARTICLE, 1.0),
        Passage("zh/refunds", "", ZH_ARTICLE, 1.0, language="zh"),
    )
    return Case("a", Ticket((Message("customer", ASKED),)), passages=passages)


@pytest.mark.parametrize(("held", "told"), EQUAL)
def test_the_same_in_other_words_is_not_named(case: Case, held: str, told: str) -> None:
    """A number, a duration or a time of day that an article holds may be told in another form."""
    known = replace(case, passages=(Passage("article", "", held, 1.0),))
    assert check_reply(known, told, None, ()) == ()


@pytest.mark.parametrize("text", NAMED)
def test_what_may_be_wrong_is_named(case: Case, text: str, real_checker: CheckerOf) -> None:
    """A number, day or code that stands nowhere, a deed and a promise are named, wherever in the
    reply they stand."""
    reply = f"Hello Tom,\n\nThanks for waiting. {text} Kind regards"
    named = [claim.text for claim in check_reply(case, reply, real_checker(case, ()), ())]
    assert named == [as_read(text)]


@pytest.mark.parametrize("text", HARMLESS)
def test_an_agents_own_words_need_no_source(case: Case, text: str, real_checker: CheckerOf) -> None:
    """Courtesy, what the articles or the customer say, and looking after the message are not
    named."""
    assert check_reply(case, text, real_checker(case, ()), ()) == ()


def test_a_promise_of_the_articles_is_not_named(case: Case, real_checker: CheckerOf) -> None:
    """What an article promises everybody, an agent may promise."""
    promise = "We will refund your order to the original payment method."
    assert check_reply(case, promise, real_checker(case, ()), ()) == ()


def test_what_an_agent_told_before_is_not_named_again(case: Case, real_checker: CheckerOf) -> None:
    """A deed that stands in an earlier answer of the ticket is supported by it."""
    turns = (*case.ticket.messages, Message("agent", "I have refunded your order."))
    told = Case("a", Ticket((*turns, Message("customer", "When?"))), passages=case.passages)
    assert check_reply(told, "We refunded your order.", real_checker(told, ()), ()) == ()
    assert check_reply(told, "We cancelled your order.", real_checker(told, ()), ()) != ()


def test_while_models_load_only_what_is_sure_is_named(case: Case) -> None:
    """Without the embedder facts and deeds are still named; a promise, which an article may make
    in other words, and what may be no deed, are not."""
    named = {text for text in NAMED if check_reply(case, text, None, ())}
    assert named == set(NAMED) - UNSURE
    assert not [text for text in HARMLESS if check_reply(case, text, None, ())]


def test_a_desk_that_just_started_names_nothing(fake_settings: Settings, case: Case) -> None:
    """Before the stages are there, nothing is named and nothing is waited for."""
    assert LatePipeline(fake_settings).doubts(case, "I have refunded you $999.") == ()


def test_a_reply_without_a_draft_is_checked(fake_settings: Settings) -> None:
    """A freely typed reply to a ticket that was never drafted is checked too."""
    pipeline = Pipeline(fake_settings, Models(fake_settings))
    empty = Case("a", Ticket((Message("customer", ASKED),)))
    (named,) = pipeline.doubts(empty, "Hello,\n\nWe will refund you $999.\n\nKind regards")
    assert named.text == "We will refund you $999." and named.unsupported == ("$999",)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_send_names_all_that_nothing_supports_and_sends_when_told_to(
    fake_settings: Settings, language: str
) -> None:
    """Send asks first and names each doubtful sentence of a reply that was typed without a draft;
    Send anyway records it; a harmless reply is recorded at once."""
    with gr.Blocks():
        do = Actions(desk_of(fake_settings), Files(fake_settings, b"secret"), lay_out())
    page = open_page({"language": language})
    kept = page.to_json()
    do.tickets.type(page, "message", ASKED)
    reply = "Hello,\n\nWe will refund you $999. Thanks for waiting. I have refunded you."
    warned = do.send(kept, reply, WINDOW)[do.parts.warning].value
    assert "We will refund you $999." in warned and "I have refunded you." in warned
    assert "Thanks for waiting." not in warned
    assert do.tickets.case(page).ticket.messages[-1].author == "customer"
    do.send_anyway(kept, reply, WINDOW)
    assert do.tickets.case(page).ticket.messages[-1].text == reply
    do.tickets.type(page, "message", "Thank you!")
    do.send(kept, "You're welcome.", WINDOW)
    assert do.tickets.case(page).ticket.messages[-1].text == "You're welcome."
