"""What each modality is worth, and whether explanations are true, on a net whose reasons are known:
it goes by a word, by red in the image, by loudness in the voice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_triage_explain import Counts, Plain, known, understood

from mmcs.evaluate.triage_faithful import faithfulness
from mmcs.evaluate.triage_modalities import Modality, worth_of_modalities
from mmcs.settings import Settings
from mmcs.ticket import Evidence, Message, Ticket
from mmcs.triage.explain import Explainer
from mmcs.triage.features import Table
from mmcs.triage.gather import Encoders, gather
from mmcs.triage.labelled import LabelledTicket
from mmcs.triage.words import Understood

__all__ = ["understood"]  # the fixture: a ticket with everything, called a delivery

WORDLESS = Understood(Ticket((Message("customer", "Hello there"),)), Evidence())


def encoders() -> Encoders:
    return Encoders(Counts(), Plain(), Plain())


def shown_alone(understood: Understood) -> Understood:
    """Return the ticket with its red image alone."""
    message = understood.ticket.messages[0]
    image = replace(message, text="", attachments=message.attachments[1:])
    return Understood(Ticket((image,)), replace(understood.evidence, transcripts=()))


def worth(rows: list[tuple[Understood, str]], settings: Settings) -> dict[str, Modality]:
    table = Table.of([gather(one, encoders(), settings) for one, _ in rows])
    tickets = [LabelledTicket({"category": label}) for _, label in rows]
    understood = [one for one, _ in rows]
    found = worth_of_modalities(known(), table, tickets, understood, encoders(), settings)
    return {one.name: one for one in found}


def test_a_modality_is_worth_what_is_lost_without_it(
    understood: Understood, fake_settings: Settings
) -> None:
    """Of a delivery that all modalities tell, one that the image alone tells, and another matter:
    without images the second is lost; by images alone the third is the commonest label, and
    right."""
    rows = [(understood, "delivery"), (shown_alone(understood), "delivery"), (WORDLESS, "other")]
    found = worth(rows, fake_settings)
    assert set(found) == {
        "words",
        "looks",
        "sound",
        "what was written",
        "what was said",
        "what was shown",
    }
    shown = found["what was shown"]
    assert (shown.kind, shown.tickets) == ("channel", 2)
    assert shown.without == pytest.approx(2 / 3)
    written = found["what was written"]
    assert written.tickets == 2
    assert written.alone == pytest.approx(1 / 3)  # one watched word is not enough
    assert written.without == 1.0  # the third is left with nothing: the commonest label
    assert written.gain.difference == pytest.approx(2 / 3)
    looks = found["looks"]
    assert looks.loss.difference == pytest.approx(0.5)  # of the two with an image and more


def test_a_net_of_words_alone_has_nothing_to_compare(fake_settings: Settings) -> None:
    """Where nothing is left without a modality, it is not judged."""
    assert worth([(WORDLESS, "other")], fake_settings) == {}


def test_true_explanations_name_what_matters(
    understood: Understood, fake_settings: Settings
) -> None:
    """Without the word, the region, the second and the channel that are named first, the chance
    falls by more than without others."""
    explainer = Explainer(known(), encoders(), fake_settings)
    seen: list[int] = []
    found = faithfulness(explainer, [understood] * 12, "category", lambda: seen.append(1))
    assert len(seen) == 12
    by_part = {one.parts: one for one in found}
    assert set(by_part) == {"channels", "words", "regions", "stretches"}
    for one in found:
        assert one.tickets == 12
        assert one.first > one.drawn, one.parts
        assert one.difference.low > 0 or one.parts == "channels"
