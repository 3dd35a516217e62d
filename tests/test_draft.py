"""Drafts: every sentence is tied to what carries it, or marked."""

from dataclasses import replace
from itertools import pairwise

import pytest
from checkers import CheckerOf

from mmcs.backends.fake import FakeChat
from mmcs.domain import Domain, open_domain
from mmcs.draft import choose, instant_draft, model_draft
from mmcs.draft.facts import find_facts
from mmcs.draft.repair import repair
from mmcs.sentences import split_units
from mmcs.settings import ASSETS
from mmcs.ticket import (
    Case,
    Claim,
    Conflict,
    Draft,
    Evidence,
    Line,
    Message,
    Passage,
    Picture,
    Segment,
    Support,
    Ticket,
    Transcript,
    Triage,
    Verdict,
)

RETURNS = Passage(
    article="en/returns/refunds",
    title="When do I get my money back?",
    text=(
        "A refund takes 5-7 working days after the parcel arrives at the warehouse. "
        "It goes to the original payment method. The label costs $6.50 unless the item is faulty. "
        "Opened consumables are not refundable."
    ),
    score=0.8,
)
STEPS = Passage(
    article="en/troubleshooting/orbit-r3/e12",
    title="Orbit R3 shows E12",
    text="E12 means that a wheel is stuck.\n\n1. Switch the robot off.\n2. Pull out the hair.\n",
    score=0.7,
)


@pytest.fixture(scope="module")
def domain() -> Domain:
    return open_domain(ASSETS / "domains" / "retail")


def case(text: str = "When do I get my refund for order 48213?", *passages: Passage) -> Case:
    heard = Transcript("en", "I paid $89.", (Segment(0, 2, "I paid $89.", 0.9),), "note.ogg")
    seen = Picture("box.jpg", "parcel", "", (), (Line("NLX204417093", 0.9, (0, 0, 1, 1)),))
    return Case(
        "c1",
        Ticket((Message("customer", text),)),
        Evidence(transcripts=(heard,), images=(seen,)),
        Triage(
            Verdict("returns", 0.9),
            Verdict("normal", 0.9),
            Verdict("neutral", 0.9),
            Verdict("en", 1),
        ),
        passages or (RETURNS,),
    )


def claims(text: str, real_checker: CheckerOf, of: Case | None = None) -> tuple[Claim, ...]:
    return real_checker(of or case(), ("Kind regards,",)).check(text)


def only(text: str, real_checker: CheckerOf, of: Case | None = None) -> Claim:
    (claim,) = claims(text, real_checker, of)
    return claim


def test_a_sentence_of_an_article_is_supported_by_its_very_words(real_checker: CheckerOf) -> None:
    """What stands in a passage is supported, and the quote is the passage's sentence."""
    claim = only("It goes to the original payment method.", real_checker)
    assert claim.supported
    assert claim.support[0].ref == "en/returns/refunds"
    assert claim.support[0].quote == "It goes to the original payment method."


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("A refund takes 3-5 working days after the parcel arrives at the warehouse.", "3-5"),
        ("A refund takes 5-7 days after the parcel arrives at the warehouse.", "5-7 days"),
        ("The label costs $9.50 unless the item is faulty.", "$9.50"),
        ("The label costs 6.50 euro, $65, unless the item is faulty.", "$65"),
        ("A refund takes 5-7 working days after Friday, when the parcel arrives.", "Friday"),
        ("It goes to the original payment method, see refunds.example.", "refunds.example"),
        ("It goes to the original payment method with code RX-7.", "RX-7"),
    ],
)
def test_a_hard_fact_that_nothing_carries_is_named(
    text: str, wrong: str, real_checker: CheckerOf
) -> None:
    """A changed number, unit, amount, day, link or code marks the sentence and is shown."""
    claim = only(text, real_checker)
    assert not claim.supported
    assert any(wrong in words for words in claim.unsupported)


@pytest.mark.parametrize(
    "text",
    [
        "I have refunded your order.",
        "Your refund has been processed.",
        "We have already sent a replacement.",
        "我已经为您办理了退款。",
    ],
)
def test_what_the_shop_is_said_to_have_done_is_never_supported(
    text: str, real_checker: CheckerOf
) -> None:
    """No article can know what was done for this customer."""
    assert not only(text, real_checker).supported


def test_a_promise_needs_an_article(real_checker: CheckerOf) -> None:
    """The customer's own words carry no promise of the shop."""
    wish = case("You will receive a full refund tomorrow.")
    assert not only("You will receive a full refund tomorrow.", real_checker, wish).supported


def test_what_to_do_needs_an_article(real_checker: CheckerOf) -> None:
    """What the customer has done is no reason to tell them to do it."""
    told = case("I moved the dock behind the sofa on Sunday.", STEPS)
    claims = real_checker(told, ()).check(
        "Please move the dock behind the sofa on Sunday. Pull out the hair."
    )
    assert [claim.supported for claim in claims] == [False, True]


def test_a_denial_does_not_support_its_opposite(real_checker: CheckerOf) -> None:
    """ "not refundable" carries no "refundable"."""
    assert not only("Opened consumables are refundable.", real_checker).supported
    assert only("Opened consumables are not refundable.", real_checker).supported


def test_the_customers_own_numbers_are_supported_by_where_they_were_given(
    real_checker: CheckerOf,
) -> None:
    """An amount that was said and a code that was read are carried by the voice and the image."""
    said = only("You paid $89.", real_checker)
    assert said.supported
    assert said.support[0].ref == "note.ogg@0.0"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("The invoice shows the correct amount of $419.", ("$419",)),
        ("You paid $419, and the invoice says $391.90.", ()),
        ("Was the amount that you paid $419?", ()),
    ],
)
def test_one_side_of_a_conflict_is_not_the_truth(
    text: str, wrong: tuple[str, ...], real_checker: CheckerOf
) -> None:
    """Where two sources disagree, a sentence names both values, asks, or is marked."""
    two = case("You charged $419 but the invoice says $391.90.", RETURNS)
    conflict = Conflict("amount", ("419.00 USD", "391.90 USD"), ("text", "bill.png#3"))
    contested = replace(two, evidence=replace(two.evidence, conflicts=(conflict,)))
    (claim,) = real_checker(contested, ()).check(text)
    assert claim.unsupported == wrong


def test_courtesies_and_questions_claim_nothing(real_checker: CheckerOf) -> None:
    """Greetings, regrets, questions and the domain's own words need no support."""
    found = claims(
        "Hello,\n\nI'm sorry about that. Could you send a photo?\n\nKind regards,", real_checker
    )
    assert [claim.courtesy for claim in found] == [True] * 4


def test_a_long_thank_you_is_no_courtesy(real_checker: CheckerOf) -> None:
    """A claim can't hide behind a greeting."""
    claim = only(
        "Thank you for writing, the warehouse found the parcel and the courier drives it over to "
        "your sister.",
        real_checker,
    )
    assert not claim.courtesy
    assert not claim.supported


def test_the_claims_are_the_whole_draft(real_checker: CheckerOf) -> None:
    """Every word of a draft stands in exactly one claim, in order."""
    text = "Hello,\n\nA refund takes 5 days. Really.\n\n1. Open it.\n2. Close it.\n\nKind regards,"
    assert "".join(c.text for c in claims(text, real_checker)).replace(" ", "") == "".join(
        text.split()
    )


def test_the_instant_draft_invents_nothing(domain: Domain, real_checker: CheckerOf) -> None:
    """Each of its sentences is a courtesy of the domain or stands in a passage."""
    draft = drafted(case(), domain, real_checker)
    assert draft.engine == "article"
    assert draft.share_supported == 1.0
    assert "5-7 working days" in draft.text
    assert draft.text.startswith("Hello,")


def test_steps_stay_whole(domain: Domain, real_checker: CheckerOf) -> None:
    """A list is taken whole or not at all."""
    draft = drafted(
        case("My Orbit R3 shows E12, a wheel is stuck, switch off?", STEPS), domain, real_checker
    )
    assert "1. Switch the robot off.\n2. Pull out the hair." in draft.text


def test_without_a_passage_the_draft_says_so(domain: Domain, real_checker: CheckerOf) -> None:
    """An honest refusal names no fact, and asks for what is missing."""
    empty = case()
    nothing = Case(empty.id, empty.ticket, Evidence(), empty.triage)
    draft = drafted(nothing, domain, real_checker)
    assert draft.refused
    assert domain.tone.no_answer["en"] in draft.text
    assert domain.category("returns").ask.en in draft.text
    assert not find_facts(domain.tone.no_answer["en"])


def test_the_models_draft_grows_and_is_checked(domain: Domain, real_checker: CheckerOf) -> None:
    """Its text grows piece by piece; the last one has the sign-off and its claims."""
    of = case()
    chat = FakeChat("It goes to the original payment method. It arrives on Friday.")
    drafts = list(model_draft(of, domain, chat, real_checker(of, domain.courtesies)))
    assert len(drafts) > 5
    assert all(len(a.text) <= len(b.text) for a, b in pairwise(drafts))
    assert [c.supported for c in drafts[-1].claims if not c.courtesy] == [True, False]
    assert drafts[-1].text.endswith(domain.tone.closing["en"])


@pytest.mark.parametrize(
    ("supported", "engine"), [((True, True), "model"), ((True, False), "article"), ((), "article")]
)
def test_the_models_draft_must_earn_its_place(supported: tuple[bool, ...], engine: str) -> None:
    """One unsupported sentence, or nothing said at all, and the instant draft stays first."""
    instant = Draft("A", "en", "article", "", (Claim("A", True),))
    written = Draft("B", "en", "model", "", tuple(Claim("B", s) for s in supported))
    shown, other = choose(instant, written)
    assert shown.engine == engine
    assert {shown.engine, other.engine} == {"article", "model"}


@pytest.mark.parametrize(
    ("text", "supported"),
    [
        ("Our help articles don't say whether the courier calls first.", True),
        ("Our help articles don’t say who pays.", True),
        ("帮助文章里没有说明由谁付费。", True),
        ("Our help articles don't say that you get $500.", False),
        ("Our help articles don't say it, but we will refund you.", False),
        ("Our help articles don't say it, but your refund has been sent.", False),
    ],
)
def test_saying_that_no_article_answers_claims_nothing(
    text: str, supported: bool, real_checker: CheckerOf
) -> None:
    """An admission needs no source; one that brings a number, a promise or a deed with it does."""
    claim = only(text, real_checker)
    assert claim.supported is supported
    assert claim.courtesy is supported


def test_a_model_that_finds_no_answer_makes_the_drafts_doubtful() -> None:
    """The instant draft stays first, but the agent is told to read the articles before."""
    instant = Draft("A", "en", "article", "", (Claim("A", True),))
    admission = Claim("Our help articles don't say who pays.", True, courtesy=True)
    quote = Claim("The label costs $6.50.", True)
    shown, other = choose(instant, Draft("B", "en", "model", "", (admission, quote)))
    assert shown.engine == "article" and shown.doubtful and other.doubtful
    assert "it says that the articles don't answer" in other.why
    shown, _ = choose(instant, Draft("B", "en", "model", "", (quote,)))
    assert not shown.doubtful


def test_an_echo_of_the_customer_is_no_answer() -> None:
    """A draft that repeats what the customer said does not take the first place."""
    said = Support("transcript", "a.wav@1.0", "It just says in transit.")
    instant = Draft("A", "en", "article", "", (Claim("A", True),))
    written = Draft("B", "en", "model", "", (Claim("It just says in transit.", True, (said,)),))
    assert choose(instant, written)[0].engine == "article"


def test_units_keep_steps_and_rows_apart() -> None:
    """Sentences, steps and table rows are told apart; headings are no units."""
    units = split_units("One. Two.\n\n## Head\n1. Do it. Now.\n2. Stop.\n\nA | B")
    assert [(u.text, u.kind) for u in units] == [
        ("One.", "sentence"),
        ("Two.", "sentence"),
        ("1. Do it. Now.", "step"),
        ("2. Stop.", "step"),
        ("A | B", "row"),
    ]


def drafted(of: Case, domain: Domain, real_checker: CheckerOf) -> Draft:
    return instant_draft(of, domain, real_checker(of, domain.courtesies))


def test_number_words_and_digits_are_one_fact() -> None:
    """five working days = 5 working days; 三十天 = 30 天."""
    assert {f.value for f in find_facts("within five working days")} == {"5"}
    assert {(f.value, f.unit) for f in find_facts("三十天内")} == {("30", "day")}


def test_a_sentence_that_nothing_supports_gives_way_to_the_articles_own(
    real_checker: CheckerOf,
) -> None:
    """What the model got wrong is said in the article's words, what stands there already goes, and
    what has no sentence like it stays, to be marked."""
    of = case()
    checker = real_checker(of, ("Kind regards,",))
    wrong = "A refund takes 2-3 working days after the parcel arrives at the warehouse."
    text = f"{wrong} Our moon base opens tomorrow.\n\nKind regards,"
    tried = repair(text, checker.check(text), checker)
    assert tried.mended == 1
    right = "A refund takes 5-7 working days after the parcel arrives at the warehouse."
    assert tried.text == f"{right} Our moon base opens tomorrow.\n\nKind regards,"
    assert [c.supported for c in checker.check(tried.text)] == [True, False, True]
    twice = f"{right} {wrong}\n\nKind regards,"
    assert repair(twice, checker.check(twice), checker).text == f"{right}\n\nKind regards,"


def test_politeness_changes_no_wording(real_checker: CheckerOf) -> None:
    """A sentence of an article stays supported when it is asked for politely."""
    assert only("Please note that it goes to the original payment method.", real_checker).supported


def test_a_part_of_a_denial_is_not_supported_by_it(real_checker: CheckerOf) -> None:
    """The words may stand in the article, what they say does not."""
    assert not only("Opened consumables are refundable.", real_checker).supported


def test_a_heading_supports_itself_alone(real_checker: CheckerOf) -> None:
    """A question in a heading doesn't answer itself."""
    text = "Orders ship within one day."
    asked = Passage("en/orders/cancel", "Cancel", text, 0.9, heading="Can I cancel my order")
    found = claims(
        "I can cancel my order.\n\nCan I cancel my order", real_checker, case("Hello", asked)
    )
    assert not found[0].supported and found[1].supported


def test_a_shorter_draft_does_not_take_the_place_of_a_fuller_one() -> None:
    """A supported draft that leaves out most of what the articles say comes second, and says so."""
    quotes = [Support("passage", "a", f"Sentence {n}.") for n in range(4)]
    instant = Draft("A", "en", "article", "", tuple(Claim(q.quote, True, (q,)) for q in quotes))
    short = Draft("B", "en", "model", "", (Claim("Sentence 0.", True, (quotes[0],)),))
    full = replace(short, claims=instant.claims[:3])
    shown, other = choose(instant, short)
    assert shown is instant and "leaves out 3 of" in other.why
    assert choose(instant, full)[0].engine == "model"


def test_a_faint_answer_says_that_it_may_be_none(domain: Domain, real_checker: CheckerOf) -> None:
    """Where the best passage is not likely to answer, the draft is doubtful; a refusal is not."""
    for score, doubtful in ((0.9, False), (0.3, True)):
        of = case("When do I get my refund?", replace(RETURNS, score=score))
        checker = real_checker(of, domain.courtesies)
        assert instant_draft(of, domain, checker).doubtful is doubtful
        *_, written = model_draft(of, domain, FakeChat("It takes 5-7 working days."), checker)
        assert written.doubtful is doubtful
    of = replace(case("Elephants?"), passages=())
    assert not instant_draft(of, domain, real_checker(of, ())).doubtful


def test_faint_passages_of_other_articles_are_left_out(
    domain: Domain, real_checker: CheckerOf
) -> None:
    """Beside a faint best passage another article's faint one is not drawn on, a likely one is."""
    for score, articles in ((0.15, 1), (0.4, 2)):
        of = case("E12, and my refund?", replace(RETURNS, score=0.45), replace(STEPS, score=score))
        draft = instant_draft(of, domain, real_checker(of, domain.courtesies))
        cited = {s.ref for c in draft.claims for s in c.support}
        assert len(cited) == articles


def test_a_customers_wish_is_no_duration_of_the_articles(real_checker: CheckerOf) -> None:
    """The number of days in a statement of the articles must be theirs, whatever was asked for."""
    hurried = case("I need the refund within 2 working days.")
    claim = claims(
        "A refund takes 2 working days after the parcel arrives at the warehouse.",
        real_checker,
        hurried,
    )
    assert not claim[0].supported
    told = claims("You need the refund within 2 working days.", real_checker, hurried)
    assert told[0].supported


def test_a_detail_is_asked_for_where_it_is_needed(domain: Domain, real_checker: CheckerOf) -> None:
    """Who asks a general question is not asked for an order number; where the articles call for it,
    or a colleague has to look into it, the draft asks."""
    ask = domain.category("returns").ask.en
    needing = replace(RETURNS, text="Write to us with your order number and a photo of the label.")
    for passage, asked in ((RETURNS, False), (needing, True)):
        of = case("What does the return label cost?", passage)
        draft = instant_draft(of, domain, real_checker(of, domain.courtesies))
        assert (ask in draft.text) is asked
