"""The way through: each stage adds to the Case, and a failure costs its own part alone."""

import json
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from media_files import corners, encoded, pcm, wav

from mmcs import roles
from mmcs.attachments import MAX_ATTACHMENTS, MAX_TEXT
from mmcs.backends import fake
from mmcs.errors import ModelUnavailable
from mmcs.intake import Request, read_batch, take
from mmcs.models import Models
from mmcs.pipeline import NOTHING_TO_ANSWER, STILL_LOADING, STOPPED, Pipeline
from mmcs.roles import ChatMessage, ChatOptions, Image, Role, Sound, Vectors
from mmcs.settings import Settings
from mmcs.ticket import Case, Picture, Reading, Ticket, Transcript, from_json, to_json
from mmcs.writing import STANDBY

LATE = "My parcel with order 48213 is late. Tracking shows no movement. Is it lost?"


def grown(pipeline: Pipeline, request: Request) -> list[Case]:
    ticket, problems = take(request, pipeline.settings)
    return list(pipeline.run(ticket, problems=problems))


class Modified(Models):
    """Models of which some are given instead of loaded."""

    def __init__(self, settings: Settings, **given: Any) -> None:
        super().__init__(settings)
        self._given = given

    def get(self, role: Role) -> Any:
        """Return the given model; raise it if it is an error."""
        model = self._given.get(role) or super().get(role)
        if isinstance(model, Exception):
            raise model
        return model


def test_each_stage_adds_to_the_case(fake_pipeline: Pipeline, sound: str, image: str) -> None:
    """Transcript, picture, triage, passages and drafts appear in this order, each with seconds."""
    cases = grown(fake_pipeline, Request("", LATE, (sound,), (image,)))

    def first(there: Any) -> int:
        return next(i for i, case in enumerate(cases) if there(case))

    order = [
        first(lambda c: c.evidence.transcripts),
        first(lambda c: c.evidence.images),
        first(lambda c: c.evidence.images and c.evidence.images[0].caption),
        first(lambda c: c.evidence.entities),
        first(lambda c: c.triage),
        first(lambda c: c.passages),
        first(lambda c: c.draft),
        first(lambda c: c.alternatives),
    ]
    assert order == sorted(set(order))
    stages = {"transcribe", "read", "tag", "entities", "triage", "retrieve", "instant", "draft"}
    assert stages <= cases[-1].seconds.keys()
    assert {cases[-1].draft.engine, cases[-1].alternatives[0].engine} == {"article", "fake"}  # type: ignore[union-attr]  # a draft is there


def test_a_case_goes_through_json_unharmed(fake_pipeline: Pipeline, sound: str, image: str) -> None:
    """What ``to_json`` writes is plain JSON, has the contract's keys, and reads back the same."""
    case = grown(fake_pipeline, Request("7", LATE, (sound,), (image,)))[-1]
    shaped = json.loads(json.dumps(to_json(case)))
    assert from_json(Case, shaped) == case
    contract = {"id", "ticket", "evidence", "triage", "passages", "draft", "alternatives"}
    assert shaped.keys() == contract | {"problems", "seconds"}
    attachment = shaped["ticket"]["messages"][0]["attachments"][0]
    assert attachment.keys() == {"kind", "name", "sha256"}


def test_a_bad_file_costs_its_own_part_alone(fake_pipeline: Pipeline, tmp_path: Path) -> None:
    """A text called .jpg is one Problem that names it; the draft is there all the same."""
    bad = tmp_path / "photo.jpg"
    bad.write_text("this is no picture")
    case = grown(fake_pipeline, Request("", LATE, (), (str(bad),)))[-1]
    assert case.draft
    assert len(case.problems) == 1
    assert "photo.jpg" in case.problems[0].message


def test_a_file_that_is_not_there_is_a_problem(fake_pipeline: Pipeline) -> None:
    """A path that leads nowhere is named, and the words are answered."""
    case = grown(fake_pipeline, Request("", LATE, ("/nowhere/a.wav",), ()))[-1]
    assert case.draft
    assert ["a.wav" in p.message for p in case.problems] == [True]


def test_an_empty_ticket_is_told_so(fake_pipeline: Pipeline) -> None:
    """Nothing written and nothing attached is one plain sentence and no draft."""
    (case,) = grown(fake_pipeline, Request("", "   "))
    assert [p.message for p in case.problems] == [NOTHING_TO_ANSWER]
    assert case.draft is None


def test_a_megabyte_of_text_is_kept_and_its_beginning_answered(fake_pipeline: Pipeline) -> None:
    """Text past the limit stays in the ticket, is named as a Problem, and costs no draft."""
    text = LATE + " the" * 300_000
    case = grown(fake_pipeline, Request("", text))[-1]
    assert case.draft
    assert case.ticket.messages[0].text == text
    assert [f"{MAX_TEXT:,}" in p.message for p in case.problems] == [True]


def test_more_attachments_than_the_limit(fake_pipeline: Pipeline, image: str) -> None:
    """The first six are looked at, and the Case says so."""
    case = grown(fake_pipeline, Request("", LATE, (), (image,) * (MAX_ATTACHMENTS + 2)))[-1]
    assert len(case.evidence.images) == MAX_ATTACHMENTS
    assert len({picture.attachment for picture in case.evidence.images}) == MAX_ATTACHMENTS
    assert len(case.problems) == 1


def test_silence_is_a_problem_not_invented_words(fake_pipeline: Pipeline, tmp_path: Path) -> None:
    """A sound in which nobody speaks has an empty transcript and one Problem that names it."""
    silent = tmp_path / "silent.wav"
    silent.write_bytes(wav(b"\0\0" * 16_000))
    case = grown(fake_pipeline, Request("", LATE, (str(silent),)))[-1]
    assert case.evidence.transcripts[0].segments == ()
    assert ["silent.wav" in p.message for p in case.problems] == [True]


@dataclass
class Counting(fake.FakeTranscriber):
    """Counts how often it listens."""

    heard: int = 0

    def transcribe(self, sound: Sound) -> Transcript:
        """Listen once more."""
        self.heard += 1
        return super().transcribe(sound)


class CountingReader(fake.FakeReader):
    """Counts how often it reads."""

    seen = 0

    def read(self, image: Image) -> Reading:
        """Read once more."""
        self.seen += 1
        return super().read(image)


def test_asking_again_costs_only_the_draft(fake_settings: Settings, sound: str, image: str) -> None:
    """The same bytes under another name are not heard or read a second time."""
    listener, reader = Counting(), CountingReader()
    models = Modified(fake_settings, transcriber=listener, reader=reader)
    pipeline = Pipeline(fake_settings, models)
    grown(pipeline, Request("", LATE, (sound,), (image,)))
    other = Path(sound).with_name("renamed.wav")
    other.write_bytes(Path(sound).read_bytes())
    case = grown(pipeline, Request("", "Another question about it", (str(other),), (image,)))[-1]
    assert (listener.heard, reader.seen) == (1, 1)
    assert case.evidence.transcripts[0].attachment == "renamed.wav"


def test_corrected_evidence_is_used_as_it_is(fake_pipeline: Pipeline, sound: str) -> None:
    """What the agent has corrected is not heard again, and its entities are found anew."""
    ticket, _ = take(Request("", "", (sound,)), fake_pipeline.settings)
    case = list(fake_pipeline.run(ticket))[-1]
    heard = case.evidence.transcripts[0]
    corrected = from_json(
        type(case.evidence),
        json.loads(json.dumps(to_json(case.evidence)).replace(heard.text, "Order 51177 is late.")),
    )
    again = list(fake_pipeline.run(ticket, evidence=corrected))[-1]
    assert again.evidence.transcripts[0].text == "Order 51177 is late."
    assert [e.value for e in again.evidence.entities if e.kind == "order"] == ["51177"]
    assert "transcribe" not in again.seconds


@pytest.mark.parametrize("role", ["transcriber", "reader", "tagger", "triager"])
def test_a_model_that_fails_costs_its_own_part(
    role: Role, fake_settings: Settings, sound: str, image: str
) -> None:
    """Whatever model can't be had, the Case has its Problem and still a draft."""
    models = Modified(fake_settings, **{role: ModelUnavailable("It is away.")})
    case = grown(Pipeline(fake_settings, models), Request("", LATE, (sound,), (image,)))[-1]
    assert case.draft
    assert "It is away." in {p.message for p in case.problems}


class Breaking(fake.FakeChat):
    """Writes a few words and then fails."""

    def chat(
        self, messages: Sequence[ChatMessage], options: ChatOptions
    ) -> Generator[str, None, None]:
        """Yield a word and fail."""
        yield "Your "
        raise ModelUnavailable("The model ran out of memory.")


def test_a_model_that_breaks_off_leaves_the_instant_draft(fake_settings: Settings) -> None:
    """The instant draft stays, and the Problem says what happened."""
    models = Modified(fake_settings, chat=Breaking())
    case = grown(Pipeline(fake_settings, models), Request("", LATE))[-1]
    assert case.draft
    assert case.draft.engine == "article"
    assert [p.message for p in case.problems] == ["The model ran out of memory."]


class StandingBy(Modified):
    """Has another model for those that fail."""

    def has_standby(self, role: Role) -> bool:
        """Have one for what a GPU or a server does."""
        return role in {"chat", "captioner", "transcriber"}

    def standby(self, role: Role) -> Any:
        """Return it."""
        if role == "chat":
            return fake.FakeChat("It goes out tomorrow.", name="standby")
        return roles.load(role, "fake", self.settings)


def test_the_embedded_model_goes_on_where_a_larger_one_breaks_off(fake_settings: Settings) -> None:
    """A server that dies in mid-sentence costs its own words alone: the embedded model writes the
    draft, nothing of the broken one is left, and the Case says both."""
    models = StandingBy(fake_settings, chat=Breaking())
    case = grown(Pipeline(fake_settings, models), Request("", LATE))[-1]
    assert [p.message for p in case.problems] == ["The model ran out of memory.", STANDBY]
    drafts = [d for d in (case.draft, *case.alternatives) if d]
    assert {draft.engine for draft in drafts} == {"article", "standby"}
    assert "draft" in case.seconds


def test_a_model_that_cannot_be_had_is_told_by_the_first_case(
    fake_settings: Settings, image: str
) -> None:
    """Also where it turned out while the ticket was on its way: the Case says that the server is
    not there, and who captions and drafts instead does so."""
    away = fake_settings.with_flags(captioner="openai_api", chat="openai_api", model="embedded")
    case = grown(Pipeline(away, Models(away)), Request("", LATE, (), (image,)))[-1]
    told = {(p.stage, "MMCS_OPENAI_URL" in p.message) for p in case.problems}
    assert {("captioner", True), ("chat", True)} <= told
    assert case.evidence.images[0].caption and case.draft


class Exhausted:
    """A transcriber and captioner whose GPU is full."""

    name = "exhausted"

    def transcribe(self, sound: Sound) -> Transcript:
        """Fail."""
        raise ModelUnavailable("The GPU is full.")

    def caption(self, image: Image, picture: Picture) -> str:
        """Fail."""
        raise ModelUnavailable("The GPU is full.")


def test_a_full_gpu_costs_no_evidence(fake_settings: Settings, sound: str, image: str) -> None:
    """Where a GPU's models fail at work, the embedded ones hear and look, and the Case says so."""
    full = Exhausted()
    models = StandingBy(fake_settings, transcriber=full, captioner=full)
    case = grown(Pipeline(fake_settings, models), Request("", LATE, (sound,), (image,)))[-1]
    told = {(p.stage, p.message) for p in case.problems}
    assert told == {("transcribe", "The GPU is full."), ("tag", "The GPU is full.")}
    assert case.evidence.transcripts[0].text and case.evidence.images[0].caption


class Looking(fake.FakeChat):
    """Remembers what it was shown and told."""

    asked: tuple[ChatMessage, ...] = ()

    def chat(
        self, messages: Sequence[ChatMessage], options: ChatOptions
    ) -> Generator[str, None, None]:
        """Yield a sentence."""
        self.asked = tuple(messages)
        yield "It is on its way."


@pytest.mark.parametrize("sees", [False, True])
def test_a_model_that_sees_gets_the_images_themselves(
    sees: bool, fake_settings: Settings, image: str, tmp_path: Path
) -> None:
    """A multimodal model gets each image that can be decoded; another gets none, and a broken file
    costs neither the draft."""
    bad = tmp_path / "photo.jpg"
    bad.write_text("this is no picture")
    chat = Looking(images=sees)
    pipeline = Pipeline(fake_settings, Modified(fake_settings, chat=chat))
    case = grown(pipeline, Request("", LATE, (), (image, str(bad))))[-1]
    assert "draft" in case.seconds
    *constant, fresh = chat.asked
    assert not any(message.images for message in constant)
    assert [shown.ndim for shown in fresh.images] == [3] * sees


def test_a_model_that_reads_fast_gets_more_of_the_articles(fake_settings: Settings) -> None:
    """Ten times the tokens in time are more facts and more of the customer's words."""
    told = []
    for tokens in (150, 1500):
        chat = Looking(fresh_tokens=tokens)
        text = (
            f"{LATE} The tracking page has shown the same line for nine days now. I have asked my "
            "neighbour and the post office. Nobody has seen it. I was at home all week and nobody "
            "rang the bell. Please tell me what happens next and how long that takes."
        )
        grown(Pipeline(fake_settings, Modified(fake_settings, chat=chat)), Request("", text))
        told.append(chat.asked[-1].content)
    slow, fast = told
    assert len(fast) > 1.5 * len(slow)
    assert fast.count("\n") > slow.count("\n")


def test_who_can_tell_is_asked_to_say_that_nothing_answers(fake_settings: Settings) -> None:
    """A larger model has a rule for it, the embedded one doesn't; a model that was trained to draft
    needs no rules and no examples."""
    rules = {}
    for name, chat in {
        "embedded": Looking(),
        "larger": Looking(fresh_tokens=1500),
        "taught": Looking(taught=True),
    }.items():
        grown(Pipeline(fake_settings, Modified(fake_settings, chat=chat)), Request("", LATE))
        rules[name] = [message.content for message in chat.asked[:-1]]
    assert "Our help articles don't say" in rules["larger"][0]
    assert "Our help articles don't say" not in rules["embedded"][0]
    assert len(rules["taught"]) == 1 < len(rules["embedded"])
    assert len(rules["taught"][0]) < 0.2 * len(rules["embedded"][0])


class Improving(fake.FakeChat):
    """Writes something else each time."""

    replies: tuple[str, ...] = ()
    temperatures: tuple[float, ...] = ()

    def chat(
        self, messages: Sequence[ChatMessage], options: ChatOptions
    ) -> Generator[str, None, None]:
        """Yield the next reply."""
        if options.max_tokens == 1:  # the warm-up
            return
        reply = self.replies[min(len(self.temperatures), len(self.replies) - 1)]
        self.temperatures += (options.temperature,)
        yield from reply.split(" ")[:1]
        yield reply.partition(" ")[1] + reply.partition(" ")[2]


@pytest.mark.parametrize(
    ("at_once", "first", "second", "tries"),
    [
        (4, "You get $900 back on Friday.", "", 2),
        (4, "You get $900 back on Friday.", "You get $800 back on Monday.", 2),
        (1, "You get $900 back on Friday.", "", 1),
        (4, "Our help articles don't say it.", "", 1),
        (4, "", "", 1),
    ],
)
def test_an_engine_with_time_writes_another(
    at_once: int, first: str, second: str, tries: int, fake_settings: Settings
) -> None:
    """A draft that fails the check is written once more, by an engine that writes several at a
    time; the first stays where the second fails too. One that passes, or that says that nothing
    answers, is the last."""
    passing = drafted_by(Pipeline(fake_settings, Models(fake_settings)), LATE)
    chat = Improving(at_once=at_once)
    chat.replies = (first or passing, second or passing)
    case = grown(Pipeline(fake_settings, Modified(fake_settings, chat=chat)), Request("", LATE))[-1]
    assert len(chat.temperatures) == tries
    assert case.draft
    written = case.draft if case.draft.engine != "article" else case.alternatives[0]
    helped = tries == 2 and not second
    assert ("The second that was written." in written.why) == helped
    assert (case.draft.engine == "article") == (bool(first) and not helped)
    assert helped or first in written.text
    if tries == 2:
        assert chat.temperatures[0] == 0 < chat.temperatures[1]


def drafted_by(pipeline: Pipeline, text: str) -> str:
    """Return the sentences of the instant draft that stand in articles."""
    draft = grown(pipeline, Request("", text))[-1].draft
    assert draft
    return " ".join(claim.text for claim in draft.claims if claim.support)


def test_a_ticket_does_not_wait_for_a_model_that_loads(fake_settings: Settings) -> None:
    """While the language model loads, the desk drafts from the articles and says so."""
    pipeline = Pipeline(fake_settings, Models(fake_settings), wait_for_chat=False)
    case = grown(pipeline, Request("", LATE))[-1]
    assert case.draft
    assert [p.message for p in case.problems] == [STILL_LOADING]


class Closing(fake.FakeChat):
    """Remembers whether it was stopped."""

    stopped = False

    def chat(
        self, messages: Sequence[ChatMessage], options: ChatOptions
    ) -> Generator[str, None, None]:
        """Yield words without end."""
        try:
            while True:
                yield "word "
        finally:
            self.stopped = True


def test_closing_stops_the_model(fake_settings: Settings) -> None:
    """Closing the way through closes the model's stream."""
    endless = Closing()
    pipeline = Pipeline(fake_settings, Modified(fake_settings, chat=endless))
    ticket, _ = take(Request("", LATE), fake_settings)
    cases = pipeline.run(ticket)
    next(case for case in cases if case.alternatives)
    cases.close()
    assert endless.stopped


def test_find_goes_up_to_the_instant_draft(fake_settings: Settings) -> None:
    """The language model has no part in ``find``; ``write`` adds its draft, and both make the Case
    that ``run`` makes."""
    pipeline = Pipeline(fake_settings, Modified(fake_settings, chat=fake.FakeChat()))
    assert pipeline.knowledge  # the articles are read: nobody waits for them
    ticket, _ = take(Request("", LATE), fake_settings)
    cases = list(pipeline.find(ticket, case_id="7"))
    found = cases[-1]
    assert found.draft and found.draft.engine == "article" and not found.alternatives
    assert "instant" in found.seconds and "draft" not in found.seconds
    written = list(pipeline.write(found))
    whole = list(pipeline.run(ticket, case_id="7"))
    assert len(whole) == len(cases) + len(written)
    assert replace(whole[-1], seconds={}) == replace(written[-1], seconds={})
    assert whole[-1].seconds.keys() == written[-1].seconds.keys()


def test_nothing_is_written_where_no_article_answers(fake_settings: Settings) -> None:
    """A refusal is no draft that a language model could better: it is not asked."""
    pipeline = Pipeline(fake_settings, Modified(fake_settings, chat=Breaking()))
    ticket, _ = take(Request("", "Qwyx zzyzx?"), fake_settings)
    found = list(pipeline.find(ticket))[-1]
    assert found.draft and found.draft.refused
    assert not pipeline.writes(found) and not list(pipeline.write(found))


def test_a_long_ticket_stays_whole_in_both_halves(fake_pipeline: Pipeline) -> None:
    """``write`` keeps to the limits as ``find`` does, says so once, and cuts nothing off."""
    text = LATE + " the" * 300_000
    ticket, _ = take(Request("", text), fake_pipeline.settings)
    found = list(fake_pipeline.find(ticket))[-1]
    written = list(fake_pipeline.write(found))[-1]
    assert written.ticket == found.ticket == ticket
    assert len(written.problems) == 1


def test_without_a_chat_model_the_desk_still_drafts(fake_settings: Settings) -> None:
    """MMCS_CHAT=none is the articles alone, and no Problem."""
    settings = fake_settings.with_flags(chat="none")
    case = grown(Pipeline(settings, Models(settings)), Request("", LATE))[-1]
    assert case.draft
    assert not case.alternatives
    assert not case.problems


def test_an_unknown_backend_lists_the_valid_ones(fake_settings: Settings) -> None:
    """A wrong name is told with the right ones, and the embedded engine is used."""
    with pytest.raises(Exception, match="fake, .*llama_cpp"):
        roles.load("chat", "nonsense", fake_settings)


def test_two_files_of_one_name_stay_apart(fake_settings: Settings, tmp_path: Path) -> None:
    """Sources are told by name, so a second "a.wav" gets a number."""
    paths = []
    for number in (1, 2):
        path = tmp_path / str(number) / "a.wav"
        path.parent.mkdir()
        path.write_bytes(wav(pcm(0.1 * number)))
        paths.append(str(path))
    ticket, _ = take(Request("", "", tuple(paths)), fake_settings)
    assert [a.name for a in ticket.attachments] == ["a.wav", "a-2.wav"]


def test_a_batch_goes_on_after_a_bad_line(tmp_path: Path) -> None:
    """Each line is a request in the same order; a line that is none says why."""
    batch = tmp_path / "many.jsonl"
    lines = [
        '{"id": "1", "text": "a", "audio": ["x.wav"]}',
        "no json",
        '{"id": 3}',
        '{"text": "b"}',
    ]
    batch.write_text("\n".join(lines))
    requests = list(read_batch(batch))
    assert [r.id for r in requests] == ["1", "2", "3", "4"]
    assert requests[0].audio == (str(tmp_path / "x.wav"),)
    assert "Line 2 of many.jsonl" in requests[1].fault


def test_pictures_come_back_in_the_tickets_order(fake_pipeline: Pipeline, tmp_path: Path) -> None:
    """The evidence lists images as the customer sent them."""
    paths = []
    for number in range(3):
        path = tmp_path / f"{number}.png"
        path.write_bytes(encoded(corners(width=64 + number), "PNG"))
        paths.append(str(path))
    case = grown(fake_pipeline, Request("", LATE, (), tuple(paths)))[-1]
    pictures: tuple[Picture, ...] = case.evidence.images
    assert [picture.attachment for picture in pictures] == ["0.png", "1.png", "2.png"]
    assert isinstance(case.ticket, Ticket)


class Waiting(fake.FakeEmbedder):
    """Begins to embed when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = threading.Event()
        self.asked = 0

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the fake's vectors, after the wait."""
        self.asked += len(texts)
        self.let.wait()
        return super().embed(texts)


def test_who_waits_for_the_articles_sees_how_far_they_are_and_can_stop(
    fake_settings: Settings,
) -> None:
    """While articles are read, the same Case comes again and again; closing ends the wait, and
    the reading goes on for the next ticket."""
    embedder = Waiting()
    pipeline = Pipeline(fake_settings, Modified(fake_settings, embedder=embedder))
    before = pipeline.indexing
    growing = pipeline.find(take(Request("", LATE), fake_settings)[0])
    waiting = next(case for case in growing if case.triage)
    assert next(growing) is waiting
    assert next(growing) is waiting
    reading = pipeline.indexing
    assert reading and reading.done < reading.total == 112
    growing.close()
    embedder.let.set()
    found = grown(pipeline, Request("", LATE))[-1]
    assert found.passages
    assert before is pipeline.indexing is None


def test_articles_are_read_once_whoever_asks(fake_settings: Settings) -> None:
    """Threads that need the articles at once, before anybody has read them, get the same ones."""
    embedder = Waiting()
    pipeline = Pipeline(fake_settings, Modified(fake_settings, embedder=embedder))
    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(lambda: pipeline.knowledge) for _ in range(8)]
        embedder.let.set()
        found = {id(one.result()) for one in asking}
    assert len(found) == 1
    assert embedder.asked == len(pipeline.knowledge.index.parts)


def test_a_desk_that_stops_reads_no_further(fake_settings: Settings) -> None:
    """Stopping ends the reading at the next article, and a ticket that waits is told so."""
    embedder = Waiting()
    pipeline = Pipeline(fake_settings, Modified(fake_settings, embedder=embedder))
    growing = pipeline.find(take(Request("", LATE), fake_settings)[0])
    next(case for case in growing if case.triage)
    next(growing)
    pipeline.stop()
    embedder.let.set()
    *_, last = growing
    assert [p.message for p in last.problems] == [STOPPED]
    assert embedder.asked < 112


def test_an_index_that_cannot_be_kept_is_one_problem(
    fake_settings: Settings, tmp_path: Path
) -> None:
    """Without a place for the index the ticket is answered; the agent is told once, and the page
    says it as long as it is so."""
    blocked = tmp_path / "blocked"
    blocked.write_text("a file, not a folder")
    pipeline = Pipeline(replace(fake_settings, cache=blocked), Models(fake_settings))
    first, second = (grown(pipeline, Request("", LATE))[-1] for _ in range(2))
    assert first.passages and first.draft
    assert ["Nothing can be kept" in p.message for p in first.problems] == [True]
    assert not second.problems
    assert ["could not be kept" in note for note in pipeline.article_notes] == [True]


def test_a_folder_that_was_mended_is_read_by_the_next_ticket(
    fake_settings: Settings, tmp_path: Path
) -> None:
    """A folder without articles is a Problem, and a note on the page; once there is one, it is
    found without a new start."""
    settings = replace(fake_settings, knowledge=str(tmp_path / "kb"))
    (tmp_path / "kb").mkdir()
    pipeline = Pipeline(settings, Models(settings))
    case = grown(pipeline, Request("", LATE))[-1]
    assert ["Markdown" in p.message for p in case.problems] == [True]
    assert [note == case.problems[0].message for note in pipeline.article_notes] == [True]
    (tmp_path / "kb" / "late.md").write_text("# Late\n\nA late parcel comes with order 48213.\n")
    assert not grown(pipeline, Request("", LATE))[-1].problems
    assert pipeline.article_notes == ()
