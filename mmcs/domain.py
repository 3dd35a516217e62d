"""A domain: the folder that adapts the desk to a shop. Its words come from domain.yaml, its
articles from knowledge/, its sample tickets from tickets/.

What domain.yaml leaves out is neutral (assets/domains/neutral): no shop's name, codes or phrases.
Categories that it leaves out are the folders that the articles lie in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import TypeAdapter, ValidationError

from mmcs.errors import KnowledgeError
from mmcs.settings import ASSETS, NEUTRAL, Settings
from mmcs.ticket import Author, EntityKind
from mmcs.wellformed import parse_json, well_formed_values

_OTHER_SHAPE = (KeyError, TypeError, AttributeError)  # of JSON than was expected

SUFFIXES = (".md", ".markdown", ".mdx")  # of articles
BEGINNING = 2_000  # characters of an article that are looked at for its title
OTHERS, GENERAL = "general", {"en": "General", "zh": "一般"}
_LANGUAGE = re.compile(r"(?:en|zh)(?:[-_][A-Za-z]{2,4})?")  # a folder's name: en, zh-CN
_TITLE = re.compile(r"^title[ \t]*[:=][ \t]*(.+?)[ \t]*$|^#{1,2}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)

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
    acknowledgement: ByLanguage = field(default_factory=dict)
    ask: Ask = Ask("none")


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
    signature: ByLanguage = field(default_factory=dict)

    @property
    def closing(self) -> ByLanguage:
        """The last lines of a reply: the sign-off, with the signature if there is one."""
        return {
            language: f"{words}\n{self.signature[language]}"
            if self.signature.get(language)
            else words.rstrip(",，")
            for language, words in self.sign_off.items()
        }


@dataclass(frozen=True)
class Domain:
    """Everything that domain.yaml says."""

    name: str
    title: ByLanguage
    languages: tuple[str, ...]
    categories: tuple[Category, ...]  # tickets that belong to none of them go to the last one
    urgency: tuple[Level, ...]
    sentiment: tuple[Level, ...]
    tone: Tone
    entities: Mapping[EntityKind, str] = field(default_factory=dict)  # patterns of its own codes
    threshold: float | None = (
        None  # chance that the best passage answers, under which there is none
    )

    @property
    def courtesies(self) -> tuple[str, ...]:
        """The domain's own words, which claim nothing and need no support."""
        tone = (self.tone.greeting, self.tone.closing, self.tone.no_answer)
        spoken = [*tone, *(c.acknowledgement for c in self.categories)]
        asked = [ask for c in self.categories for ask in (c.ask.en, c.ask.zh) if ask]
        return tuple(text for by_language in spoken for text in by_language.values()) + tuple(asked)

    def category(self, label: str) -> Category:
        """Return the category of that label; the last one if there is none."""
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


def domain_of(settings: Settings) -> Domain:
    """Return the domain of a desk, under the name and with the signature that its settings say.

    Raises:
        UsageError: there is no such domain.
        KnowledgeError: domain.yaml is not as it should be, or there is no folder of articles.
    """
    domain = open_domain(settings.domain_folder, settings.knowledge_folder)
    if settings.name:
        domain = replace(domain, title=dict.fromkeys(domain.languages, settings.name))
    signature = settings.signature or settings.name
    if signature:
        signed = dict.fromkeys(domain.languages, signature)
        domain = replace(domain, tone=replace(domain.tone, signature=signed))
    return domain


def open_domain(folder: Path, articles: Path | None = None) -> Domain:
    """Read a domain's words.

    Args:
        folder: holds domain.yaml.
        articles: whose folders are the categories, if domain.yaml names none; None: knowledge/.

    Raises:
        KnowledgeError: domain.yaml is missing, not YAML, or something in it has the wrong form.
    """
    path = folder / "domain.yaml"
    neutral = _read(ASSETS / "domains" / NEUTRAL / "domain.yaml")
    told = _laid_over(neutral, {"name": folder.name, **_read(path)})
    if "categories" not in told:
        told["categories"] = categories_of(articles or folder / "knowledge")
    try:
        return TypeAdapter(Domain).validate_python(told)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise KnowledgeError(f"{path}: {where}: {first['msg'].lower()}.") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        told = well_formed_values(yaml.safe_load(path.read_text("utf-8")))
    except OSError as error:
        raise KnowledgeError(f"{path} cannot be read.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise KnowledgeError(f"{path} is not a YAML file.") from error
    if not isinstance(told, dict):
        raise KnowledgeError(f"{path} holds no keys; write `title:` and the like.")
    return told


def _laid_over(lower: dict[str, Any], upper: dict[str, Any]) -> dict[str, Any]:
    """Return both; where both have a key, its mappings are laid over one another, and of other
    values the upper one stands."""
    joined = {**lower, **upper}
    for key in lower.keys() & upper.keys():
        if isinstance(lower[key], dict) and isinstance(upper[key], dict):
            joined[key] = _laid_over(lower[key], upper[key])
    return joined


def categories_of(articles: Path) -> tuple[Category, ...]:
    """Return a category for each folder that articles lie in, with the articles' titles as its
    examples, and last the one for whatever lies in no folder.

    A folder around most articles, and one named for a language, say nothing about the subject.
    """
    found: dict[str, list[str]] = {}
    for names, file in _below(articles):
        found.setdefault(names[0] if names else "", []).append(_title(file))
    loose = (*found.pop("", ()), *found.pop(OTHERS, ()))
    folders = [
        Category(label, _in_both(words), _in_both(words), {"en": (words, *titles)})
        for label, titles in sorted(found.items())
        for words in [re.sub(r"[-_]+", " ", label).strip() or label]
    ]
    return (*folders, Category(OTHERS, GENERAL, GENERAL, {"en": loose}))


def _below(articles: Path) -> list[tuple[tuple[str, ...], Path]]:
    """Return each Markdown file with the names of the folders that tell its subject."""
    files = [f for f in sorted(articles.rglob("*")) if f.suffix.lower() in SUFFIXES and f.is_file()]
    paths = [file.relative_to(articles).parts for file in files]
    found = [
        (tuple(n for n in path[:-1] if not _LANGUAGE.fullmatch(n)), file)
        for path, file in zip(paths, files, strict=True)
        if not any(name.startswith(".") for name in path)
    ]
    while _share_a_folder([names for names, _ in found]):
        found = [(names[1:], file) for names, file in found]
    return found


def _share_a_folder(paths: Sequence[tuple[str, ...]]) -> bool:
    inside = [names[0] for names in paths if names]
    return len(set(inside)) == 1 and 2 * len(inside) > len(paths)


def _title(file: Path) -> str:
    """Return an article's title, as far as its beginning tells; else its name."""
    with suppress(OSError), file.open(encoding="utf-8", errors="replace") as text:
        told = _TITLE.search(text.read(BEGINNING))
        if told:
            return next(words for words in told.groups() if words).strip("\"' ")
    return re.sub(r"[-_]+", " ", file.stem)


def _in_both(words: str) -> ByLanguage:
    return {"en": words, "zh": words}


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
