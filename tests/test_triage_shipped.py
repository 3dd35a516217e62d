"""The shipped net, on the real embedded models: it files what is plain, sees what a picture alone
shows, and its explanations name what decides."""

from __future__ import annotations

import numpy as np
import pytest

from mmcs import roles
from mmcs.domain import open_samples
from mmcs.evaluate.triage_faithful import faithfulness
from mmcs.intake import Request, take
from mmcs.pipeline import Pipeline
from mmcs.roles import Explaining
from mmcs.settings import Settings
from mmcs.ticket import Evidence, Message, Ticket
from mmcs.training.triage import encoders_for
from mmcs.triage.checkpoint import SHIPPED, load
from mmcs.triage.explain import Explainer
from mmcs.triage.words import Understood

# What customers might write, and where an agent would file it. None of it was trained on.
PLAIN = {
    "The courier says my box went to a neighbour, yet nobody here has it.": "delivery",
    "Which card types can I use, and why was my Visa declined twice today?": "payment",
    "I forgot my password and the reset mail never arrives.": "account",
    "The robot keeps turning in circles and beeps three times.": "technical",
    "Please add a second filter to the order that I placed an hour ago.": "order",
    "I would like to send the speaker back, it doesn't fit on my shelf.": "returns",
    "Do you have any jobs for students over the summer?": "other",
    "密码忘了，重置邮件一直收不到": "account",
    "扫地机器人一直原地转圈，还响三声": "technical",
    "音箱想退货，怎么寄回去？": "returns",
}


def ticket(text: str) -> Ticket:
    return Ticket((Message("customer", text),))


@pytest.fixture(scope="module")
def triager(real_settings: Settings) -> roles.Triager:
    """The net that a fresh desk uses."""
    loaded: roles.Triager = roles.load("triager", "fusion", real_settings)
    return loaded


def test_plain_matters_are_filed_rightly(triager: roles.Triager) -> None:
    """Nine of ten at least, in English and Chinese, decided by the net."""
    found = [triager.triage(ticket(text), Evidence()) for text in PLAIN]
    assert {one.engine for one in found} == {"late fusion"}
    right = sum(
        one.category.label == label for one, label in zip(found, PLAIN.values(), strict=True)
    )
    assert right >= len(PLAIN) - 1


def test_danger_is_urgent_and_praise_is_not(triager: roles.Triager) -> None:
    """Whatever the words are like."""
    fire = triager.triage(
        ticket("There are flames coming out of the charger right now"), Evidence()
    )
    assert fire.urgency.label == "urgent"
    thanks = triager.triage(
        ticket("Lovely service, thank you, the kettle is wonderful"), Evidence()
    )
    assert (thanks.urgency.label, thanks.sentiment.label) == ("low", "positive")


def test_a_crushed_box_is_seen(real_pipeline: Pipeline) -> None:
    """The sample with a crushed box: what is shown speaks for the category that the desk says, and
    the parts sum to its chance."""
    sample = next(
        s for s in open_samples(real_pipeline.settings.domain_folder) if s.id.startswith("02")
    )
    first = sample.messages[0]
    request = Request("", "see photo", (), tuple(map(str, first.images)))
    sent, problems = take(request, real_pipeline.settings)
    assert not problems
    *_, case = real_pipeline.find(sent)
    assert case.triage is not None and case.triage.engine == "late fusion"
    why = real_pipeline.explain(case, "category")
    assert why.label == case.triage.category.label
    assert why.chance == pytest.approx(case.triage.category.confidence, abs=1e-3)
    shares = {share.channel: share.value for share in why.channels}
    assert set(shares) == {"written", "shown"}
    assert shares["shown"] > 0
    assert why.nothing + sum(shares.values()) == pytest.approx(why.chance)
    assert len(why.regions) >= 12 and len(why.neighbours) == 3


def test_what_an_explanation_names_first_matters_most(
    triager: roles.Triager, real_settings: Settings
) -> None:
    """Over a set of tickets the chance falls farther without the fifth of the words that were named
    first than without as many drawn at random."""
    assert isinstance(triager, Explaining)
    explainer = Explainer(load(SHIPPED), encoders_for(("text",), real_settings), real_settings)
    tickets = [Understood(ticket(text), Evidence()) for text in PLAIN if text.isascii()]
    (words,) = faithfulness(explainer, tickets, "category", lambda: None)
    assert words.parts == "words"
    assert words.first > words.drawn + 0.05
    assert np.isfinite(words.difference.low)


def test_its_card_stands_beside_it() -> None:
    """The shipped file has its card, with licence and figures, and its learning curves."""
    card = SHIPPED.with_suffix(".md").read_text("utf-8")
    recipe = load(SHIPPED).recipe
    assert f"{recipe.tickets:,} tickets" in card and "our own" in card
    assert all(f"{name} {value:.3f}" in card for name, value in recipe.figures.items())
    assert SHIPPED.with_name("triage-curves.png").is_file()
