"""A domain: the folder that adapts the desk to a shop. Its words come from domain.yaml, its
articles from knowledge/, its sample tickets from tickets/."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from pydantic import TypeAdapter, ValidationError

from mmcs.errors import KnowledgeError
from mmcs.ticket import Author, EntityKind
from mmcs.wellformed import parse_json, well_formed_values

_OTHER_SHAPE = (KeyError, TypeError, AttributeError)  # of JSON than was expected

ByLanguage = Mapping[str, str]  # ISO 639-1 -> text
Examples = Mapping[str, tuple[str, ...]]  # ISO 639-1 -> customers' messages


@dataclass(frozen=True)
class Ask:
    """The one detail that a category most often needs, and how to ask for it."""

    kind: EntityKind | Literal["photo", "none"]
    en: str = ""
    zh: str = ""


@dataclass(frozen=True)
class Category:
    """What tickets can be about."""

    label: str
    name: ByLanguage
    description: ByLanguage
    examples: Examples
    acknowledgement: ByLanguage
    ask: Ask


@dataclass(frozen=True)
class Level:
    """A step of urgency or of sentiment."""

    label: str
    name: ByLanguage
    examples: Examples


@dataclass(frozen=True)
class Tone:
    """The words that every draft of the domain shares."""

    greeting: ByLanguage
    sign_off: ByLanguage
    no_answer: ByLanguage


@dataclass(frozen=True)
class Domain:
    """Everything that domain.yaml says."""

    name: str
    title: ByLanguage
    languages: tuple[str, ...]
    entities: Mapping[EntityKind, str]  # regular expressions of the domain's own codes
    categories: tuple[Category, ...]
    urgency: tuple[Level, ...]
    sentiment: tuple[Level, ...]
    tone: Tone
    threshold: float | None = (
        None  # chance that the best passage answers, under which there is none
    )

    @property
    def courtesies(self) -> tuple[str, ...]:
        """The domain's own words, which claim nothing and need no support."""
        tone = (self.tone.greeting, self.tone.sign_off, self.tone.no_answer)
        spoken = [*tone, *(c.acknowledgement for c in self.categories)]
        asked = [ask for c in self.categories for ask in (c.ask.en, c.ask.zh) if ask]
        return tuple(text for by_language in spoken for text in by_language.values()) + tuple(asked)

    def category(self, label: str) -> Category:
        """Return the category of that label; the last one, "other", if there is none."""
        return next((c for c in self.categories if c.label == label), self.categories[-1])


@dataclass(frozen=True)
class SampleMessage:
    """One turn of a sample ticket; its files are full paths."""

    author: Author
    text: str
    audio: tuple[Path, ...] = ()
    images: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Sample:
    """A ticket that shows what the desk does."""

    id: str
    title: ByLanguage
    shows: ByLanguage
    messages: tuple[SampleMessage, ...]


def open_domain(folder: Path) -> Domain:
    """Read a domain's words.

    Raises:
        KnowledgeError: domain.yaml is missing, not YAML, or lacks something.
    """
    path = folder / "domain.yaml"
    try:
        told = well_formed_values(yaml.safe_load(path.read_text("utf-8")))
        return TypeAdapter(Domain).validate_python(told)
    except OSError as error:
        raise KnowledgeError(f"{path} cannot be read.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise KnowledgeError(f"{path}: {where}: {first['msg'].lower()}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise KnowledgeError(f"{path} is not a YAML file.") from error


def open_samples(folder: Path) -> tuple[Sample, ...]:
    """Read a domain's sample tickets, in the order of their folders' names.

    Raises:
        KnowledgeError: a ticket.json that is not in the form of a Sample.
    """
    samples = []
    for path in sorted(folder.glob("tickets/*/ticket.json")):
        try:
            ticket = well_formed_values(parse_json(path.read_bytes()))
            for message in ticket["messages"]:
                for kind in ("audio", "images"):
                    message[kind] = [path.parent / name for name in message.get(kind, [])]
            samples.append(TypeAdapter(Sample).validate_python(ticket))
        except (OSError, ValueError, *_OTHER_SHAPE) as error:  # ValidationError is a ValueError
            raise KnowledgeError(f"{path} is not a sample ticket.") from error
    return tuple(samples)
