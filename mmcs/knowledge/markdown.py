"""Markdown, with whatever HTML and shortcodes it holds, to blocks of readable text.

markdown-it-py renders the whole page to HTML and one parser reads it, so that a table, a list or a
heading written in HTML comes out like one written in Markdown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Literal

from markdown_it import MarkdownIt

BlockKind = Literal["heading", "paragraph", "list", "table", "code"]

_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_FENCE = re.compile(r"^\s{0,3}(```+|~~~+)")
_SHORTCODES = re.compile(
    r"\{\{[<%].*?[>%]\}\}"  # Hugo
    r"|\{%.*?%\}"  # Jekyll, Liquid
    r"|\{[#:.][^}\n]*\}|(?<=\))\{[^}\n]*\}"  # anchors and attributes of kramdown
    r"|\[\^[^\]\n]+\]:?"  # footnote marks
    r"|\[![A-Za-z]+\]"  # GitHub alerts
    r"|^:::.*$"  # admonitions
    r"|^(?:import|export) .*\bfrom ['\"].*$"  # MDX
    r"|(?<!\S):[a-z][a-z0-9_+]+:(?!\S)",  # emoji
    re.MULTILINE,
)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\x00-\x08\x0e-\x1f]")
_SILENT = {"script", "style", "svg", "head", "iframe", "noscript", "template", "select", "button"}
_VOID = {"br", "hr", "img", "input", "wbr", "col", "source", "link", "meta", "area", "embed"}
_BREAKS = {
    *("p", "div", "section", "article", "aside", "header", "footer", "main", "nav", "form"),
    *("figure", "figcaption", "blockquote", "details", "summary", "dl", "dt", "dd", "hr", "body"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "address", "fieldset", "center"),
    *("li", "pre"),
}
_HEADING = re.compile(r"h[1-6]")
_ALT = re.compile(
    "\ue000([^\ue001]*)\ue001"
)  # an image's description, held until its line is known
_ALT_WORDS = 6  # a longer description is of a picture, not of a button in a sentence


@dataclass(frozen=True)
class Block:
    """A heading, paragraph, list, table or piece of code, as plain text."""

    kind: BlockKind
    text: str  # items, rows and lines of code are separated by line breaks
    level: int = 0  # of a heading
    targets: tuple[str, ...] = ()  # where its links lead
    linked: int = 0  # characters of its text inside links


def blocks(source: str) -> tuple[Block, ...]:
    """Return the blocks of a page in order; ``source`` is Markdown without its front matter."""
    reader = _PageReader()
    reader.feed(_MARKDOWN.render(_without_shortcodes(source)))
    reader.close()
    reader.end_block()
    return tuple(reader.blocks)


def _without_shortcodes(source: str) -> str:
    """Return the source without marks that only a site generator understands; code stays."""
    kept: list[str] = []
    fence = ""
    for line in _INVISIBLE.sub("", source).splitlines():
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1][:3]
        elif mark and mark[1].startswith(fence):
            fence = ""
        kept.append(line if fence or mark else _SHORTCODES.sub("", line))
    return "\n".join(kept)


@dataclass
class _List:
    """A list that is being read."""

    ordered: bool
    number: int


@dataclass
class _Table:
    """A table that is being read."""

    header: list[str] = field(default_factory=list)
    row: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    heads: int = 0  # <th> cells in the present row


class _PageReader(HTMLParser):
    """Collects blocks from HTML; unclosed and unknown tags are no error."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self._text: list[str] = []
        self._items: list[str] = []  # finished lines of the outermost list
        self._lists: list[_List] = []
        self._marker = ""  # of the list item whose text comes next
        self._table: _Table | None = None
        self._level = 0  # of the heading that is open
        self._code = False
        self._silent = 0  # depth inside tags whose content nobody reads
        self._link = False
        self._targets: list[str] = []
        self._linked = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a block, a list, a row, a link."""
        if tag in _SILENT:
            self._silent += 1
        if self._silent:
            return
        given = dict(attrs)
        if tag in {"a", "br", "img"}:
            self._open_inline(tag, given)
        elif tag in {"ul", "ol"}:
            self._open_list(tag == "ol", given.get("start"))
        elif tag in {"table", "tr", "td", "th"}:
            self._open_cell(tag)
        elif tag in _BREAKS:
            self._open_block(tag)

    def _open_inline(self, tag: str, given: dict[str, str | None]) -> None:
        if tag == "a":
            self._link = True
            self._targets.append(given.get("href") or "")
        elif tag == "br":
            self._text.append("\n" if self._code else " ")
        elif given.get("alt"):
            self._text.append(f"\ue000{given['alt']}\ue001")

    def _open_block(self, tag: str) -> None:
        self._end_line()
        if tag == "li" and self._lists:
            self._mark_item(self._lists[-1])
        self._code = self._code or tag == "pre"
        self._level = int(tag[1]) if _HEADING.fullmatch(tag) else self._level

    def handle_endtag(self, tag: str) -> None:
        """Close what the tag had opened."""
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        if self._silent or tag in _VOID:
            return
        if tag in {"ul", "ol"}:
            self._close_list()
        elif tag in {"table", "tr", "td", "th"}:
            self._close_cell(tag)
        elif tag == "a":
            self._link = False
        elif tag in _BREAKS:
            self._end_line()
            self._code = self._code and tag != "pre"
            self._level = 0

    def handle_data(self, data: str) -> None:
        """Keep text that is shown."""
        if self._silent:
            return
        self._text.append(data)
        if self._link:
            self._linked += len(data.strip())

    def end_block(self) -> None:
        """Close whatever an unfinished page left open."""
        self._end_line()
        while self._lists:
            self._close_list()
        if self._table:
            self._close_cell("table")

    def _add(self, kind: BlockKind, text: str, level: int = 0) -> None:
        if text.strip():
            self.blocks.append(Block(kind, text, level, tuple(self._targets), self._linked))
        self._targets, self._linked = [], 0

    def _taken(self) -> str:
        """Return the text gathered so far, tidied, and start anew."""
        raw, self._text = "".join(self._text), []
        if self._code:
            return _ALT.sub("", raw).strip("\n").rstrip()
        return " ".join(_with_descriptions(raw).split())

    def _end_line(self) -> None:
        """Give the text gathered so far to the cell, item or block that it belongs to."""
        if self._table:
            self._text.append(" ")
            return
        text = self._taken()
        if not text:
            return
        if self._lists:
            self._add_to_item(text)
        elif self._level:
            self._add("heading", text, self._level)
        else:
            self._add("code" if self._code else "paragraph", text)

    def _add_to_item(self, text: str) -> None:
        indent = "  " * (len(self._lists) - 1)
        if self._marker or not self._items:
            self._items.append(f"{indent}{self._marker}{text}")
            self._marker = ""
        elif self._code:
            self._items[-1] += "\n" + text
        else:
            self._items[-1] += " " + text

    def _open_list(self, ordered: bool, start: str | None) -> None:
        self._end_line()
        if self._table:
            return
        number = int(start) if start and start.isdigit() and len(start) < 6 else 1
        self._lists.append(_List(ordered, number))

    def _mark_item(self, present: _List) -> None:
        self._marker = f"{present.number}. " if present.ordered else "- "
        present.number += 1

    def _close_list(self) -> None:
        self._end_line()
        if not self._lists:
            return
        self._lists.pop()
        self._marker = ""
        if not self._lists:
            self._add("list", "\n".join(self._items))
            self._items = []

    def _open_cell(self, tag: str) -> None:
        if tag == "table" and not self._table:
            self._end_line()
            self._table = _Table()
        elif self._table and tag == "th":
            self._table.heads += 1

    def _close_cell(self, tag: str) -> None:
        table = self._table
        if not table:
            return
        if tag in {"td", "th"}:
            table.row.append(self._taken())
        elif tag == "tr":
            self._close_row(table)
        elif tag == "table":
            self._close_row(table)
            self._table = None
            lines = table.lines or [": ".join(cell for cell in table.header if cell)]
            self._add("table", "\n".join(lines))

    def _close_row(self, table: _Table) -> None:
        cells, heads = table.row, table.heads
        table.row, table.heads = [], 0
        if not any(cells):
            return
        if heads == len(cells) and not table.header and not table.lines:
            table.header = cells
            return
        table.lines.append(_row(table.header, cells))


def _row(header: list[str], cells: list[str]) -> str:
    """Return a table's row as a line that can be understood by itself."""
    names = [*header, *[""] * len(cells)]
    told = [f"{name}: {cell}" if name else cell for name, cell in zip(names, cells, strict=False)]
    told = [line for line, cell in zip(told, cells, strict=True) if cell]
    if not cells[0] or len(told) == 1:
        return "; ".join(told)
    return f"{cells[0]} – " + "; ".join(told[1:]) if header else "; ".join(told)


def _with_descriptions(raw: str) -> str:
    """Put an image's description where a sentence would miss it, and nowhere else.

    "Click ![Upload button](…) **Upload**" needs none, "Click ![Upload](…)." does.
    """
    if not _ALT.sub("", raw).strip():
        return ""

    def told(match: re.Match[str]) -> str:
        before = _ALT.sub("", raw[: match.start()]).rstrip()
        if not before or before[-1] in ".!?:;。！？：；":
            return ""  # it stands beside the sentence, not in it
        words = match[1].split()
        near = raw[max(0, match.start() - 40) : match.start()] + raw[match.end() : match.end() + 40]
        known = any(w.lower() in near.lower() for w in words if len(w) > 3)
        return "" if known or len(words) > _ALT_WORDS else match[1]

    return _ALT.sub(told, raw)
