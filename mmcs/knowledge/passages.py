"""An article's blocks to parts that can stand alone: cut at headings and paragraphs, steps and
tables kept whole, pointers to elsewhere left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mmcs.knowledge.markdown import Block
from mmcs.knowledge.words import word_count
from mmcs.sentences import Unit, split_units

ENOUGH = 60  # words: a passage that has them is closed at the next paragraph
FULL = 160  # words: nothing more is added to a passage that would pass them
WHOLE = 260  # words: steps and tables are kept whole up to here
SHORT_INTRODUCTION = 40  # words: a shorter introduction joins the first section
REMNANT = 25  # words: a shorter rest of a section stays with the passage before it
TINY = 12  # words: neighbouring sections that are shorter make one passage
LINK_WORDS = 15  # a shorter paragraph that is all link only sends elsewhere
STEP = " › "  # between the headings on the way down to a passage

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"“(])|(?<=[。！？；])")
_POINTERS = re.compile(  # headings of sections that only send elsewhere
    r"further reading|see also|related|learn more|more information|resources"
    r"|additional (?:information|resources)|next steps|references|links"
    r"|相关文章|相关阅读|延伸阅读|更多|参考",
    re.IGNORECASE,
)
_BARE_LINK = re.compile(r"https?://\S+")
_ITEM = re.compile(r"\n(?=(?:\d+\.|-) )")  # before an item of the outermost list


@dataclass(frozen=True)
class Part:
    """A passage as it lies in its article, before anyone has searched for it."""

    heading: str
    text: str
    units: tuple[Unit, ...] = ()  # its sentences, steps and rows


@dataclass(frozen=True)
class _Section:
    heading: str
    blocks: tuple[Block, ...]


def parts(page: tuple[Block, ...], title: str) -> Iterator[Part]:
    for section in _joined(_sections(page, title)):
        for text in _packed(_units(section.blocks)):
            yield Part(section.heading, text, split_units(text))


def _sections(page: tuple[Block, ...], title: str) -> Iterator[_Section]:
    """Yield what stands under each heading; the heading is the path from the title down."""
    path: list[tuple[int, str]] = []
    held: list[Block] = []
    for block in page:
        if block.kind != "heading":
            held.append(block)
            continue
        yield _Section(_path(path, title), tuple(held))
        held = []
        path = [(level, text) for level, text in path if level < block.level]
        path.append((block.level, block.text))
    yield _Section(_path(path, title), tuple(held))


def _path(path: list[tuple[int, str]], title: str) -> str:
    return STEP.join(text for _, text in path if text.casefold() != title.casefold())


def _joined(sections: Iterable[_Section]) -> Iterator[_Section]:
    """Yield sections that hold text.

    A short introduction joins the section after it; tiny neighbours under one parent join.
    """
    introduction: tuple[Block, ...] = ()
    tiny: list[_Section] = []
    for section in sections:
        kept = introduction + _telling(section)
        introduction = ()
        words = sum(word_count(block.text) for block in kept)
        if not section.heading and words < SHORT_INTRODUCTION:
            introduction = kept
            continue
        here = _Section(section.heading, kept)
        if tiny and (words > TINY or _parent(here) != _parent(tiny[0])):
            yield _as_one(tiny)
            tiny = []
        if kept and words <= TINY and here.heading:
            tiny.append(here)
        elif kept:
            yield here
    if tiny:
        yield _as_one(tiny)
    if introduction:
        yield _Section("", introduction)


def _parent(section: _Section) -> str:
    return section.heading.rpartition(STEP)[0]


def _as_one(tiny: list[_Section]) -> _Section:
    """Return tiny sections as one, each led by the last step of its heading."""
    if len(tiny) == 1:
        return tiny[0]
    lines = tuple(
        Block(
            "paragraph", f"{s.heading.rpartition(STEP)[2]}: " + " ".join(b.text for b in s.blocks)
        )
        for s in tiny
    )
    return _Section(_parent(tiny[0]), lines)


def _telling(section: _Section) -> tuple[Block, ...]:
    """Return the blocks that say something: no contents, no bare links, no pointers elsewhere."""
    last = section.heading.rpartition(STEP)[2]
    pointing = bool(_POINTERS.match(last))
    kept: list[Block] = []
    for block in section.blocks:
        if not _is_pointer(block, pointing):
            kept.append(block)
        elif kept and kept[-1].text.endswith((":", "：")):
            kept.pop()
    return tuple(kept)


def _is_pointer(block: Block, pointing: bool) -> bool:
    """Tell whether a block is nothing but links to elsewhere on this page, this site or the web."""
    if not block.targets:
        return bool(_BARE_LINK.fullmatch(block.text.strip()))
    length = len(re.sub(r"[\W_]+", " ", block.text))
    if block.linked < 0.7 * length:
        return False
    if block.kind == "paragraph":
        return word_count(block.text) < LINK_WORDS
    nearby = all(t.startswith("#") or "://" not in t for t in block.targets)
    return block.kind == "list" and (pointing or nearby)


def _units(held: tuple[Block, ...]) -> Iterator[str]:
    """Yield what must stay together: a paragraph, or a list or table with the line before it."""
    lead = ""
    for block in held:
        text = f"{lead}\n{block.text}" if lead else block.text
        lead = ""
        if block.kind == "paragraph" and block.text.endswith((":", "：")):
            lead = text
        elif block.kind in {"list", "table"} and word_count(text) > WHOLE:
            yield from _packed(_ITEM.split(text), joint="\n")
        elif block.kind == "paragraph" and word_count(text) > FULL:
            yield from _packed(_SENTENCE_END.split(text), joint=" ")
        elif block.kind == "code" and word_count(text) > WHOLE:
            yield from _packed(text.split("\n"), joint="\n")
        else:
            yield text
    if lead:
        yield lead


def _packed(units: Iterable[str], joint: str = "\n\n") -> Iterator[str]:
    """Yield runs of units of about ENOUGH to FULL words."""
    run: list[str] = []
    words = 0
    waiting = list(units)
    for position, unit in enumerate(waiting):
        more = word_count(unit)
        rest = sum(word_count(u) for u in waiting[position:]) if more < REMNANT else FULL
        if run and (words >= ENOUGH or words + more > FULL) and rest >= REMNANT:
            yield joint.join(run)
            run, words = [], 0
        run.append(unit)
        words += more
    if run:
        yield joint.join(run)
