"""What a press on the page carries, read in one place: whoever can reach the desk can send anything
under the name of an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

import gradio as gr
from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError

from mmcs.attachments import MAX_TEXT
from mmcs.errors import BadInput
from mmcs.store import TextName
from mmcs.ticket import Language, Question
from mmcs.wellformed import well_formed

Words = Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(well_formed)]
# Of any length that a box may hold, and with half characters, which pydantic takes for no text.
Text = Annotated[
    str,
    BeforeValidator(lambda text: well_formed(text) if isinstance(text, str) else text),
    Field(max_length=10 * MAX_TEXT),
]
Place = Annotated[int, Field(ge=0, lt=1_000_000)]  # in a list; the page sends its digits
T = TypeVar("T")


@dataclass(frozen=True)
class Spoken:
    """The language that the page is to speak."""

    language: Language


@dataclass(frozen=True)
class Opened:
    """A ticket, or a sample."""

    id: Words


@dataclass(frozen=True)
class Removed:
    """A file of the ticket."""

    name: Words


@dataclass(frozen=True)
class Edited:
    """The agent's words in place of a model's."""

    edit: Literal["segment", "line"]
    attachment: Words
    number: Place
    text: Words


@dataclass(frozen=True)
class Asked:
    """A question about the triage."""

    question: Question


@dataclass(frozen=True)
class Chosen:
    """The agent's answer to a question of the triage."""

    question: Question
    label: Words


@dataclass(frozen=True)
class Picked:
    """One of two versions of a text."""

    which: TextName


@dataclass(frozen=True)
class Typed:
    """What came into a box of a ticket."""

    box: TextName
    text: Text
    case: Annotated[str, Field(pattern="^[0-9a-f]{12}$")]
    answers: Place  # of the agent, when it was typed
    mark: Annotated[str, Field(max_length=64)]  # what the page calls it
    known: tuple[Text, ...] = Field(default=(), max_length=16)  # texts that it was typed over


def read(kind: type[T], event: gr.EventData) -> T:
    """Return what an event carries.

    Raises:
        BadInput: it carries something else.
    """
    carried: Any = event._data  # its attributes fail where it carries no mapping
    try:
        return TypeAdapter(kind).validate_python(carried)
    except ValidationError as error:
        raise BadInput("The desk does not understand what it was sent: reload the page.") from error
