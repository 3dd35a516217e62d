"""What an agent does to a ticket, and what the page learns on its way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from desk_pages import LATE, WITHIN, desk_of

from mmcs.backends import fake
from mmcs.desk.page import Page, open_page, sample_case
from mmcs.desk.runs import Runs
from mmcs.desk.tickets import Correction, Tickets, unsupported_in
from mmcs.desk.typed import current
from mmcs.domain import open_samples
from mmcs.settings import Settings
from mmcs.ticket import Case, Claim, Draft, Evidence, Message, Segment, Ticket, Transcript


@pytest.fixture
def runs(fake_settings: Settings) -> Runs:
    """A desk on fakes that nobody has used yet."""
    return desk_of(fake_settings)


@pytest.fixture
def tickets(runs: Runs) -> Tickets:
    """Its tickets."""
    return runs.tickets


@pytest.fixture
def page() -> Page:
    """A visitor's first look."""
    return open_page({}, "en-GB,en;q=0.9")


# --- tickets ---


def test_each_visitor_sees_only_their_own(tickets: Tickets, page: Page) -> None:
    """The id of somebody's ticket opens nothing for another owner."""
    tickets.type(page, "message", LATE)
    stranger = replace(open_page({}), case=page.case)
    assert tickets.case(page).ticket.customer_text == LATE
    assert tickets.case(stranger).ticket.messages == ()
    assert tickets.filed(stranger) == ()


def test_a_bad_file_costs_a_sentence_and_nothing_else(
    tickets: Tickets, page: Page, image: str, tmp_path: Path
) -> None:
    """A text called .jpg is named in a Problem; the message and the good photo stay."""
    bad = tmp_path / "holiday.jpg"
    bad.write_text("not a photo")
    tickets.type(page, "message", LATE)
    case = tickets.attach(page, [image, str(bad)])
    assert [a.name for a in current(case.ticket).attachments] == ["box.png"]
    assert current(case.ticket).text == LATE
    assert len(case.problems) == 1 and "holiday.jpg" in case.problems[0].message


def test_a_drawing_with_scripts_is_refused(tickets: Tickets, page: Page, tmp_path: Path) -> None:
    """An SVG, which a browser would run, is never kept."""
    drawing = tmp_path / "drawing.png"
    drawing.write_text('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
    case = tickets.attach(page, [str(drawing)])
    assert case.problems and not case.ticket.attachments


def test_the_same_name_twice_is_told_apart(tickets: Tickets, page: Page, sound: str) -> None:
    """Sources are told by name, so a second note.wav gets a number."""
    tickets.attach(page, [sound])
    names = [a.name for a in tickets.attach(page, [sound]).ticket.attachments]
    assert names == ["note.wav", "note-2.wav"]


def test_a_file_is_taken_out_again(tickets: Tickets, page: Page, sound: str) -> None:
    """Removing the only file leaves the message."""
    tickets.type(page, "message", LATE)
    tickets.attach(page, [sound])
    assert tickets.detach(page, "note.wav").ticket == Ticket((Message("customer", LATE),))


def test_a_sample_tried_twice_is_one_ticket(
    tickets: Tickets, page: Page, fake_settings: Settings
) -> None:
    """Trying samples does not pile up tickets."""
    sample = open_samples(fake_settings.domain_folder)[0]
    opened = page.with_case(sample_case(page.owner, sample.id), sample.id)
    for _ in range(2):
        case = tickets.open_sample(opened, sample)
    assert [message.text for message in case.ticket.messages] == [m.text for m in sample.messages]
    assert len(tickets.filed(page)) == 1


def test_the_reply_outlives_a_new_draft(tickets: Tickets, page: Page) -> None:
    """What the agent types is kept beside the findings, and neither wipes out the other."""
    case = tickets.type(page, "message", LATE).case
    tickets.type(page, "reply", "Dear customer")
    tickets.keep_findings(page, case.timed("triage", 1.0))
    tickets.type(page, "message", LATE + " Please.")
    assert tickets.kept(page).reply == "Dear customer"
    assert tickets.case(page).seconds == {"triage": 1.0}
    assert tickets.case(page).ticket.customer_text.endswith("Please.")


def test_a_correction_made_meanwhile_stays(tickets: Tickets, page: Page, sound: str) -> None:
    """Findings do not overwrite words that the agent changed while the pipeline was at work."""
    case = tickets.attach(page, [sound])
    heard = Transcript("en", "odor 9", (Segment(0, 1, "odor 9", 0.5),), "note.wav")
    found = replace(case, evidence=Evidence((heard,)))
    tickets.keep_findings(page, found)
    tickets.correct(page, Correction("segment", "note.wav", 0, "order 9"))
    kept = tickets.keep_findings(page, found.timed("triage", 1.0))
    assert kept.evidence.transcripts[0].text == "order 9"
    assert kept.seconds == {"triage": 1.0}


def test_what_the_agent_decides_outlives_the_next_draft(
    runs: Runs, tickets: Tickets, page: Page
) -> None:
    """Filed anew by the agent, a ticket stays so when it is drafted again, and when the models'
    verdict comes only after the agent's; without a triage there is nothing to correct."""
    tickets.type(page, "message", LATE)
    assert tickets.file(page, "category", "returns").triage is None
    found = grown(runs, page)
    filed = tickets.file(page, "category", "returns")
    assert filed.triage is not None
    assert (filed.triage.category.label, filed.triage.corrected) == ("returns", ("category",))
    assert tickets.filed(page)[0].category == "returns"
    late = tickets.keep_findings(page, found).triage
    assert late is not None and late.category.label == "returns"
    again = grown(runs, page).triage
    assert again is not None and again.category.label == "returns"
    assert again.urgency.label == "normal"


def test_sending_records_the_reply_in_the_ticket(tickets: Tickets, page: Page) -> None:
    """The reply becomes a turn; what the customer says next is a new one."""
    tickets.type(page, "message", LATE)
    case = tickets.answer(page, "It counts as lost.")
    assert case.ticket.status == "answered"
    assert [m.author for m in case.ticket.messages] == ["customer", "agent"]
    again = tickets.type(page, "message", "Then send another.").case
    assert [m.author for m in again.ticket.messages] == ["customer", "agent", "customer"]
    assert again.ticket.status == "open"


def test_marked_sentences_are_found_in_a_reply() -> None:
    """The agent is warned of a marked sentence that is still there, and of no other."""
    bad, good = Claim("Sent on 17 May.", False), Claim("It is free.", True)
    draft = Draft("", "en", "model", "", (bad, good))
    assert unsupported_in("Hello. Sent on 17 May. It is free.", [draft]) == (bad,)
    assert unsupported_in("Hello. It is free.", [draft]) == ()


def test_a_sample_opened_again_is_as_it_was_left(
    tickets: Tickets, page: Page, fake_settings: Settings
) -> None:
    """The findings, the reply that was sent and the next one that is being typed are there; under
    another id, the same sample is as the customer sent it."""
    sample = open_samples(fake_settings.domain_folder)[0]
    opened = page.with_case(sample_case(page.owner, sample.id), sample.id)
    fresh = tickets.open_sample(opened, sample)
    tickets.keep_findings(opened, fresh.timed("triage", 1.0))
    tickets.answer(opened, "It counts as lost.")
    tickets.type(opened, "reply", "PS")
    left = tickets.case(opened)
    assert tickets.open_sample(opened, sample) == left == tickets.case(opened)
    assert left.ticket.messages[-1].text == "It counts as lost." and left.seconds
    assert tickets.kept(opened).reply == "PS"
    anew = page.with_case(sample=sample.id)
    assert tickets.open_sample(anew, sample).ticket == fresh.ticket
    assert len(tickets.filed(page)) == 2


# --- runs ---


def grown(runs: Runs, page: Page) -> Case:
    """Return the whole Case of the page's ticket, as it is kept."""
    thread = runs.start(page).thread
    assert thread is not None
    thread.join(WITHIN)
    return runs.tickets.case(page)


def test_the_page_is_told_what_comes_next(
    runs: Runs, tickets: Tickets, page: Page, sound: str, image: str
) -> None:
    """The stages are announced in the order in which the pipeline takes them."""
    tickets.type(page, "message", LATE)
    tickets.attach(page, [sound, image])
    steps = [progress.now for progress in runs.found(tickets.case(page))]
    stages = [step.stage for step in steps if step]
    told = list(dict.fromkeys(stages))
    assert told == [
        "transcribe",
        "read",
        "tag",
        "entities",
        "triage",
        "retrieve",
        "instant",
        "draft",
    ]


def test_a_correction_is_drafted_from_and_nothing_is_heard_again(
    runs: Runs, tickets: Tickets, page: Page, sound: str
) -> None:
    """After a correction only the draft is made anew, from the agent's words."""
    tickets.attach(page, [sound])
    before = grown(runs, page)
    tickets.correct(page, Correction("segment", "note.wav", 0, "It is order 99999."))
    case = grown(runs, page)
    assert case.evidence.transcripts[0].text == "It is order 99999."
    assert case.evidence.transcripts[0].segments[0].confidence == 1.0
    assert any(e.kind == "order" and e.value == "99999" for e in case.evidence.entities)
    assert case.seconds["transcribe"] == before.seconds["transcribe"]


def test_a_correction_outlives_a_new_file(
    runs: Runs, tickets: Tickets, page: Page, sound: str, image: str
) -> None:
    """A photo that is added later is read; the corrected transcript stays corrected."""
    tickets.attach(page, [sound])
    grown(runs, page)
    tickets.correct(page, Correction("segment", "note.wav", 0, "It is order 99999."))
    tickets.attach(page, [image])
    case = grown(runs, page)
    assert case.evidence.transcripts[0].text == "It is order 99999."
    assert [line.text for line in case.evidence.images[0].lines] == list(fake.FakeReader.lines)


def test_another_file_of_the_same_name_is_heard_anew(
    runs: Runs, tickets: Tickets, page: Page, sound: str
) -> None:
    """Words corrected in a file that was taken out are not put into the next one."""
    tickets.attach(page, [sound])
    grown(runs, page)
    tickets.correct(page, Correction("segment", "note.wav", 0, "It is order 99999."))
    tickets.detach(page, "note.wav")
    tickets.attach(page, [sound])
    case = grown(runs, page)
    assert case.evidence.transcripts[0].text == fake.FakeTranscriber.text


def test_a_removed_file_carries_nothing_any_more(
    runs: Runs, tickets: Tickets, page: Page, sound: str, image: str
) -> None:
    """What was heard in a file that is no longer part of the ticket supports nothing."""
    tickets.attach(page, [sound, image])
    grown(runs, page)
    tickets.detach(page, "note.wav")
    case = grown(runs, page)
    assert not case.evidence.transcripts and case.evidence.images
