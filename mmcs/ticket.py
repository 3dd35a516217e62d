"""Every noun of the desk, as frozen dataclasses, and their JSON form.

Facts never change: a stage returns a fuller Case by ``dataclasses.replace``. The JSON is the
contract of ``python -m mmcs run --json`` and of the desk's ``/draft`` endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter

Author = Literal["customer", "agent", "note"]
AttachmentKind = Literal["audio", "image"]
ImageKind = Literal["screenshot", "document", "product", "parcel", "other"]
Question = Literal["category", "urgency", "sentiment"]  # that an agent may decide
SupportKind = Literal["passage", "transcript", "image", "text"]
EntityKind = Literal[
    "order", "tracking", "serial", "return", "error", "amount", "date", "email", "phone"
]
Language = Literal["en", "zh"]  # languages the desk drafts in; evidence may have any ISO 639-1 code

T = TypeVar("T")


@dataclass(frozen=True)
class Attachment:
    """An audio or image file of a Message, kept by its content hash; ``name`` is safe to show."""

    kind: AttachmentKind
    name: str
    sha256: str


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    author: Author
    text: str
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True)
class Ticket:
    """A conversation with one customer."""

    messages: tuple[Message, ...]
    subject: str = ""
    status: Literal["open", "answered", "closed"] = "open"

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """All attachments, in the order in which they came."""
        return tuple(a for message in self.messages for a in message.attachments)

    @property
    def customer_text(self) -> str:
        """What the customer wrote, oldest first, a blank line between turns."""
        written = (m.text.strip() for m in self.messages if m.author == "customer")
        return "\n\n".join(text for text in written if text)


@dataclass(frozen=True)
class Segment:
    """A stretch of speech."""

    start: float  # seconds
    end: float  # seconds
    text: str
    confidence: float  # 0-1, the mean probability of its tokens


@dataclass(frozen=True)
class Transcript:
    """What was said in one audio attachment."""

    language: str  # ISO 639-1
    text: str
    segments: tuple[Segment, ...]
    attachment: str = ""  # the attachment's name
    language_confidence: float = 1.0  # 0-1


@dataclass(frozen=True)
class Line:
    """A line of text read off an image."""

    text: str
    confidence: float  # 0-1
    box: tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels of the upright original

    def enlarged(self, times: float) -> Line:
        """Return the line on an image whose sides are so many times larger."""
        x0, y0, x1, y1 = self.box
        return replace(self, box=(x0 * times, y0 * times, x1 * times, y1 * times))


@dataclass(frozen=True)
class Reading:
    """All lines read off one image, in reading order."""

    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        """The lines, one below the other."""
        return "\n".join(line.text for line in self.lines)

    def enlarged(self, times: float) -> Reading:
        """Return the reading on an image whose sides are so many times larger."""
        return Reading(tuple(line.enlarged(times) for line in self.lines))


@dataclass(frozen=True)
class Tag:
    """A thing that an image shows."""

    label: str
    score: float  # 0-1


@dataclass(frozen=True)
class Picture:
    """What one image attachment says and shows."""

    attachment: str
    kind: ImageKind
    caption: str
    tags: tuple[Tag, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Entity:
    """An order number, amount, date and the like, with every place it was found in.

    A source is ``text`` (written), ``a.wav@3.2`` (spoken at 3.2 s) or ``b.png#4`` (line 4,
    counted from 0).
    """

    kind: EntityKind
    value: str  # normalised: digits of an order, ISO date, E.164 phone, "249.00 USD"
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Conflict:
    """The same kind of entity with different values in different sources."""

    kind: EntityKind
    values: tuple[str, ...]
    sources: tuple[str, ...]  # one for each value, in the same order


@dataclass(frozen=True)
class Evidence:
    """What the models understood of a Ticket's attachments; the agent may edit it."""

    transcripts: tuple[Transcript, ...] = ()
    images: tuple[Picture, ...] = ()
    entities: tuple[Entity, ...] = ()
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """A label and how sure the model is of it."""

    label: str
    confidence: float  # 0-1


@dataclass(frozen=True)
class Triage:
    """What a ticket is about and how much it presses."""

    category: Verdict
    urgency: Verdict
    sentiment: Verdict
    language: Verdict  # ISO 639-1
    engine: str = ""  # the model that decided
    corrected: tuple[str, ...] = ()  # the questions that the agent decided instead

    def corrected_to(self, question: Question, label: str) -> Triage:
        """Return this triage with the agent's verdict on one question."""
        corrected = tuple(dict.fromkeys((*self.corrected, question)))
        decided: dict[str, Any] = {question: Verdict(label, 1.0)}
        return replace(self, corrected=corrected, **decided)

    def after(self, before: Triage | None) -> Triage:
        """Return this triage with what the agent decided in one before it."""
        decided = before.corrected if before else ()
        kept: dict[str, Any] = {question: getattr(before, question) for question in decided}
        return replace(self, corrected=decided, **kept)


@dataclass(frozen=True)
class Passage:
    """A part of an Article that may help, with its score."""

    article: str  # the article's path in the knowledge folder, without .md
    title: str
    text: str
    score: float  # 0-1, fused
    heading: str = ""
    language: str = "en"
    unit_scores: tuple[float, ...] = ()  # 0-1: that a sentence, step or row is part of the answer


@dataclass(frozen=True)
class Support:
    """The piece of evidence or passage that carries a Claim, with the very words."""

    kind: SupportKind
    ref: str  # article id, "a.wav@3.2", "b.png#4", "text", or "reply": an agent's earlier one
    quote: str


@dataclass(frozen=True)
class Claim:
    """One sentence of a Draft. A courtesy ("Hello,") claims nothing and needs no support."""

    text: str
    supported: bool
    support: tuple[Support, ...] = ()
    courtesy: bool = False
    unsupported: tuple[str, ...] = ()  # the very numbers, dates, promises that nothing carries


@dataclass(frozen=True)
class Draft:
    """A reply for the agent to edit. ``text`` is exactly what would be sent."""

    text: str
    language: Language
    engine: str  # "article" or the model's name
    why: str
    claims: tuple[Claim, ...]
    refused: bool = False
    doubtful: bool = False  # the articles are on the topic, but may not answer the question

    @property
    def share_supported(self) -> float:
        """The share of its claims, courtesies left out, that something supports; 1.0 if none."""
        claims = [claim for claim in self.claims if not claim.courtesy]
        return sum(claim.supported for claim in claims) / len(claims) if claims else 1.0


@dataclass(frozen=True)
class Problem:
    """Something that an agent must know."""

    stage: str
    message: str


@dataclass(frozen=True)
class Case:
    """A Ticket and everything found so far."""

    id: str
    ticket: Ticket
    evidence: Evidence = Evidence()
    triage: Triage | None = None
    passages: tuple[Passage, ...] = ()
    draft: Draft | None = None
    alternatives: tuple[Draft, ...] = ()
    problems: tuple[Problem, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    def timed(self, stage: str, seconds: float) -> Case:
        """Return this Case with the seconds that a stage took."""
        return replace(self, seconds={**self.seconds, stage: round(seconds, 3)})

    def with_problem(self, stage: str, message: str) -> Case:
        """Return this Case with one more Problem, unless it says so already."""
        problem = Problem(stage, message)
        if problem in self.problems:
            return self
        return replace(self, problems=(*self.problems, problem))


_ADAPTERS: dict[object, TypeAdapter[Any]] = {}  # building one takes milliseconds


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def to_json(noun: object) -> dict[str, Any]:
    """Return a noun as plain JSON values, in the contract's shape."""
    shaped: dict[str, Any] = _adapter(type(noun)).dump_python(noun, mode="json")
    return shaped


def from_json(kind: type[T], shaped: Mapping[str, Any]) -> T:
    """Return the noun that ``to_json`` wrote.

    Raises:
        pydantic.ValidationError: the values do not have the noun's shape.
    """
    noun: T = _adapter(kind).validate_python(shaped)
    return noun
