"""Order numbers: bare numbers, so a word nearby must say that they are orders."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mmcs.entities.codes import Mode
from mmcs.entities.cues import AFTER, GAP, LISTED, ORDER, OTHER, UNIT, WISHES
from mmcs.entities.forms import Form
from mmcs.entities.spans import Span, matches
from mmcs.entities.spelling import MOST_PIECES, Piece, cuts, spell, until_pause

ANY_ORDER = r"\d{5,12}"  # where the domain has no form of its own
HEARD = (4, 14)  # digits that may follow "order number" and not be of the domain's form

_ABBREVIATION = re.compile(r"\b(?:no|nos|nr|num)\.|\.\s*$|^\s*[.?]\s", re.IGNORECASE)
_STOP = re.compile(r"[.!?。！？;；]|\n\s*\n")
_FOREIGN = re.compile(
    r"[\s:：#=是为]{0,4}(?:is\s|was\s)?(?P<code>[A-Z]{0,5}-?\d[\dA-Z]*(?:-[\dA-Z]+)*)(?![\w-])",
    re.IGNORECASE | re.ASCII,
)
_GROUPED = re.compile(r"[A-Z]|\d{3,}-\d{3,}", re.IGNORECASE)


@dataclass(frozen=True)
class Cue:
    """A word that says that a number is an order, and how surely: a group of ``ORDER``."""

    kind: str
    start: int
    end: int


def find_orders(
    text: str, runs: Sequence[tuple[Piece, ...]], own: Form, mode: Mode
) -> Iterator[Span]:
    """Yield the order numbers of a text.

    Args:
        text: what was written, said or read.
        runs: its digits and letters, in order.
        own: the form of the domain's order numbers.
        mode: where the text comes from; only what is said is joined over its pauses.
    """
    ends = [run[-1].end for run in runs]
    for match in matches(ORDER, text):
        cue = Cue(match.lastgroup or "", match.start(), match.end())
        if cue.kind == "sure":
            yield from _foreign(text, cue.end, own, mode)
        number = bisect_right(ends, cue.end)
        run = [p for p in runs[number] if p.start >= cue.end] if number < len(runs) else []
        if run and _leads(text, cue, run[0].start):
            spans = tuple(_read(text, run, own, cue, mode))
            yield from spans
            if spans:
                yield from _listed(text, spans[-1].end, runs[number + 1 :], own)
    yield from _named_after(text, runs, own)


def _named_after(text: str, runs: Sequence[tuple[Piece, ...]], own: Form) -> Iterator[Span]:
    """Yield the number of "48213 is my order"."""
    for piece in (piece for run in runs for piece in run):
        if own.whole.fullmatch(piece.text) and AFTER.match(text[piece.end : piece.end + 40]):
            before = text[max(0, piece.start - 20) : piece.start]
            if not OTHER.search(before) and _is_whole(text, piece):
                yield _order(piece, piece, piece.text)


def _order(first: Piece, last: Piece, digits: str) -> Span:
    return Span("order", digits.upper(), first.start, last.end)


def _leads(text: str, cue: Cue, start: int) -> bool:
    """Say whether what stands between a cue and a number lets the one speak of the other."""
    between, before = text[cue.end : start], text[max(0, cue.start - 18) : cue.start]
    if len(between) > GAP[cue.kind] or OTHER.search(between) or WISHES.search(before):
        return False
    if _STOP.search(_ABBREVIATION.sub(" ", between)) or between.count("\n") > 1:
        return False
    return cue.kind not in {"number", "sign"} or not OTHER.search(before)


def _read(text: str, run: Sequence[Piece], own: Form, cue: Cue, mode: Mode) -> Iterator[Span]:
    """Yield the order numbers that a run begins with."""
    pieces = [piece for piece in run if piece.is_digits][:MOST_PIECES]
    if not pieces or UNIT.match(text[run[-1].end : run[-1].end + 40]):
        return
    alone = [p for p in pieces if own.whole.fullmatch(p.text) and _is_whole(text, p)]
    if alone:
        yield from (_order(piece, piece, piece.text) for piece in alone)
        return
    if run[0] is not pieces[0]:
        return
    said = next((c for c in cuts(pieces) if own.whole.fullmatch(spell(c))), ())
    if said and (mode == "spoken" or cue.kind == "sure" or len(said) > 3):
        yield _order(said[0], said[-1], spell(said))
        return
    beside = cue.kind == "order" and not text[cue.end : run[0].start].strip(" #:：")
    if cue.kind == "sure" or beside:
        heard = until_pause(pieces)
        digits = spell(heard)
        if HEARD[0] <= len(digits) <= HEARD[1] and not (beside and _is_year(digits)):
            yield _order(heard[0], heard[-1], digits)


def _is_whole(text: str, piece: Piece) -> bool:
    """Say whether a number is no part of a decimal or of a longer code."""
    before, after = text[max(0, piece.start - 2) : piece.start], text[piece.end : piece.end + 2]
    return not (re.search(r"\w[.,-]?$", before, re.ASCII) or re.match(r"[.,-]?\w", after, re.ASCII))


def _is_year(digits: str) -> bool:
    return len(digits) == 4 and digits[:2] in {"19", "20"}


def _listed(text: str, end: int, runs: Sequence[tuple[Piece, ...]], own: Form) -> Iterator[Span]:
    """Yield the numbers that go on a list: "47001, 47002 and 47003"."""
    for run in runs:
        first = run[0]
        if first.start - end > 20 or not LISTED.fullmatch(text, end, first.start):
            return
        after = text[first.end : first.end + 40]
        if not own.whole.fullmatch(first.text) or UNIT.match(after):
            return
        yield _order(first, first, first.text)
        end = first.end


def _foreign(text: str, start: int, own: Form, mode: Mode) -> Iterator[Span]:
    """Yield another shop's number with letters or hyphens, 112-4455667-0912345, or the domain's
    with a digit misread, 4837I."""
    match = _FOREIGN.match(text, start)
    if not match or not _GROUPED.search(match["code"]):
        return
    code = own.mend(match["code"]) if mode == "read" else None
    if code or sum(character.isdigit() for character in match["code"]) >= HEARD[0]:
        yield Span("order", code or match["code"].upper(), *match.span("code"))
