"""A folder of Markdown to articles, and each article to passages that can stand alone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import yaml

from mmcs.domain import SUFFIXES
from mmcs.errors import KnowledgeError
from mmcs.knowledge.markdown import Block, blocks
from mmcs.knowledge.orders import is_order
from mmcs.knowledge.passages import Part, parts
from mmcs.knowledge.words import language_of, word_count
from mmcs.wellformed import well_formed

MAX_BYTES = 2_000_000  # of one article; a longer file is not an article
HUB_LINKS = 5  # links to other articles that make a page a hub …
MOST_OF_AN_ORDER = 60  # characters that are shown
HUB_WORDS = 25  # … if there are fewer words than this to each

_FRONT_MATTER = re.compile(
    r"\A\ufeff?(---|\+\+\+)[ \t]*\r?\n(.*?)\r?\n\1[ \t]*(?:\r?\n|\Z)", re.DOTALL
)
_PLAIN = (str, int, float, date)  # what a field may be; a list can hold itself many times over
_FIELD = re.compile(r"^(title|lang|language|id|category)[ \t]*[:=][ \t]*(.+?)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Article:
    """One page of the knowledge folder."""

    id: str  # its path in the folder, without the suffix
    title: str
    language: str  # ISO 639-1
    sha256: str  # of the file
    parts: tuple[Part, ...]  # empty: a hub of links, or a page without text
    aliases: tuple[str, ...] = ()  # what links call it besides its file name
    targets: tuple[str, ...] = ()  # where its links lead
    category: str = ""  # what the front matter says it is about
    orders: tuple[str, ...] = ()  # sentences to the drafting machine; their parts are left out

    @property
    def problems(self) -> Iterator[str]:
        """Sentences about what was left out of it."""
        for order in self.orders:
            yield (
                f"A part of {self.id} was left out: “{order}” speaks to whoever drafts the reply. "
                "Edit the article."
            )


@dataclass(frozen=True)
class Source:
    """A Markdown file that can be read."""

    id: str
    content: bytes

    @property
    def sha256(self) -> str:
        """The sum by which a changed article is known."""
        return hashlib.sha256(self.content).hexdigest()


def sources(folder: Path) -> Iterator[Source | str]:
    """Yield every Markdown file below a folder, or a sentence about why it was left out.

    Raises:
        KnowledgeError: the folder cannot be read or holds no Markdown.
    """
    if not folder.is_dir():
        raise KnowledgeError(f"There is no folder {folder}; name a folder of Markdown articles.")
    try:
        files = [f for f in folder.rglob("*") if f.suffix.lower() in SUFFIXES and f.is_file()]
    except OSError as error:  # it vanishes while it is read
        raise KnowledgeError(f"The folder {folder} cannot be read.") from error
    visible = [f for f in files if not any(p.startswith(".") for p in f.relative_to(folder).parts)]
    if not visible:
        raise KnowledgeError(f"The folder {folder} holds no Markdown file (.md).")
    for file in sorted(visible):
        yield _source(file, folder)


def _source(file: Path, folder: Path) -> Source | str:
    name = well_formed(file.relative_to(folder).as_posix())
    try:
        if not file.resolve().is_relative_to(folder.resolve()):
            return f"{name} was left out: it is a link to a file outside the folder."
        if file.stat().st_size > MAX_BYTES:
            return f"{name} was left out: it is longer than {MAX_BYTES // 1_000_000} MB."
        content = file.read_bytes()
        content.decode("utf-8")
    except UnicodeDecodeError:
        return f"{name} was left out: it is not UTF-8 text."
    except OSError:
        return f"{name} was left out: it cannot be read."
    if not content.strip():
        return f"{name} was left out: it is empty."
    return Source(name.removesuffix(file.suffix), content)


def article(source: Source) -> Article:
    """Return the article that a file holds, cut into parts."""
    text = source.content.decode("utf-8")
    fields, body = _front_matter(text)
    page = blocks(body)
    title = fields.get("title") or _first_heading(page) or _from_name(source.id)
    language = fields.get("lang") or fields.get("language") or _language(title, page)
    found = tuple(parts(page, title))
    orders = {part: [u.text for u in part.units if is_order(u.text)] for part in found}
    return Article(
        id=source.id,
        title=title,
        language=language.lower().replace("_", "-").split("-")[0],
        sha256=source.sha256,
        parts=tuple(part for part in found if not orders[part]),
        orders=tuple(shortened(told[0]) for told in orders.values() if told),
        aliases=tuple(v for v in (fields.get("id", ""),) if len(v) > 5),
        targets=tuple(target for block in page for target in block.targets),
        category=fields.get("category", ""),
    )


def without_hubs(articles: Iterable[Article]) -> tuple[Article, ...]:
    """Return the articles; pages that mostly lead to other articles keep no parts."""
    found = tuple(articles)
    names = {a.id.rsplit("/", 1)[-1].lower() for a in found}
    names |= {alias for a in found for alias in a.aliases}
    return tuple(replace(a, parts=()) if _is_hub(a, names) else a for a in found)


def shortened(text: str) -> str:
    """Return the beginning of a sentence, to its last whole word if it is long."""
    if len(text) <= MOST_OF_AN_ORDER:
        return text
    return text[:MOST_OF_AN_ORDER].rsplit(" ", 1)[0] + "…"


def _is_hub(page: Article, names: set[str]) -> bool:
    inner = sum(_leads_inside(target, names) for target in page.targets)
    words = sum(word_count(part.text) for part in page.parts)
    return inner >= HUB_LINKS and words < HUB_WORDS * inner


def _leads_inside(target: str, names: set[str]) -> bool:
    last = target.split("#")[0].split("?")[0].rstrip("/").rsplit("/", 1)[-1].lower()
    stem = re.sub(r"\.(md|markdown|mdx|html)$", "", last)
    return stem in names or stem.split("-")[0] in names


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    """Return the front matter's fields as text, and the rest of the page.

    What is not YAML ("title: Error: no port") is read line by line.
    """
    found = _FRONT_MATTER.match(text)
    if not found:
        return {}, text
    fields = {key: value.strip("'\"") for key, value in _FIELD.findall(found[2])}
    if found[1] == "---":
        try:
            loaded = yaml.safe_load(found[2])
        except (yaml.YAMLError, ValueError, RecursionError):  # ValueError: a date that is none
            loaded = {}
        if isinstance(loaded, str):
            return {}, text  # a paragraph between two rules
        if isinstance(loaded, dict):
            known = ("title", "lang", "language", "id", "category")
            named = {k: loaded[k] for k in known if isinstance(loaded.get(k), _PLAIN)}
            fields |= {k: well_formed(str(value)).strip() for k, value in named.items()}
    return fields, text[found.end() :]


def _first_heading(page: tuple[Block, ...]) -> str:
    return next((block.text for block in page if block.kind == "heading"), "")


def _from_name(article_id: str) -> str:
    return re.sub(r"[-_]+", " ", article_id.rsplit("/", 1)[-1]).strip()


def _language(title: str, page: tuple[Block, ...]) -> str:
    return language_of(title + " ".join(block.text for block in page))
