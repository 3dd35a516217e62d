"""Order numbers: bare numbers, so a word nearby must say that they are orders."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from mmcs.entities.codes import Mode
from mmcs.entities.cues import AFTER, GAP, LISTED, ORDER, OTHER, UNIT, WISHES
from mmcs.entities.forms import Form
from mmcs.entities.spans import Span, matches
from mmcs.entities.spelling import MOST_PIECES, Piece, cuts, spell, until_pause

ANY_ORDER = r"\d{5,12}"  # where the domain has no form of its own
HEARD = (4, 14)  # digits that may follow "order number" and not be of the domain's form

_ABBREVIATION = re.compile(r"\b(?:no|nos|nr|num)\.|\.\s*$|^\s*[.?]\s", re.IGNORECASE)
_PLACE = re.compile(r"\b(?:from|near|in|at|over|about|around|than|every)\s*$", re.IGNORECASE)
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
        if cue.kind in {"sure", "order"}:
            yield from _foreign(text, cue, own, mode)
        number = bisect_right(ends, cue.end)
        run = _after(runs[number], cue.end) if number < len(runs) else ()
        if run and _leads(text, cue, run[0].start):
            spans = tuple(_read(text, run, own, cue, mode))
            yield from spans
            if spans:
                yield from _listed(text, spans[-1].end, runs[number + 1 :], own)
    yield from _named_after(text, runs, own)


def _after(run: Sequence[Piece], start: int) -> Sequence[Piece]:
    """Return the pieces from a position on, short words before the number left out."""
    pieces = [piece for piece in run if piece.start >= start]
    words = 0
    while words + 1 < len(pieces) and len(pieces[words].text) > 1 and pieces[words + 1].gap:
        if not pieces[words].text.isalpha():
            break
        words += 1
    return pieces[words:]


def _named_after(text: str, runs: Sequence[tuple[Piece, ...]], own: Form) -> Iterator[Span]:
    """Yield the number of "48213 is my order"."""
    for run in runs:
        for cut in (*cuts(run), *((piece,) for piece in run)):
            after = text[cut[-1].end : cut[-1].end + 40]
            if own.whole.fullmatch(spell(cut)) and AFTER.match(after):
                before = text[max(0, cut[0].start - 20) : cut[0].start]
                if not OTHER.search(before) and _is_whole(text, cut[0].start, cut[-1].end):
                    yield _order(cut)


def _order(pieces: Sequence[Piece]) -> Span:
    return Span("order", spell(pieces), pieces[0].start, pieces[-1].end)


def _leads(text: str, cue: Cue, start: int) -> bool:
    """Say whether what stands between a cue and a number lets the one speak of the other."""
    between, before = text[cue.end : start], text[max(0, cue.start - 18) : cue.start]
    if len(between) > GAP[cue.kind] or OTHER.search(between) or WISHES.search(before):
        return False
    if cue.kind != "sure" and _PLACE.search(between):
        return False
    if _STOP.search(_ABBREVIATION.sub(" ", between)) or between.count("\n") > 2:
        return False
    return cue.kind not in {"number", "sign"} or not OTHER.search(before)


def _read(text: str, run: Sequence[Piece], own: Form, cue: Cue, mode: Mode) -> Iterator[Span]:
    """Yield the order numbers that a run begins with."""
    pieces = list(takewhile(lambda piece: piece.is_digits, run))[:MOST_PIECES]
    alone = [(p,) for p in pieces if own.whole.fullmatch(p.text)]
    alone = [one for one in alone if _is_whole(text, one[0].start, one[0].end)]
    if alone:
        yield from (_order(one) for one in alone if not _counts(text, one))
        return
    if not pieces:
        return
    said = next((c for c in cuts(pieces) if own.whole.fullmatch(spell(c))), ())
    if said and (mode == "spoken" or cue.kind == "sure" or len(said) > 3):
        if not _counts(text, said):
            yield _order(said)
        return
    heard = until_pause(pieces)
    beside = cue.kind == "order" and not text[cue.end : run[0].start].strip(" #:：")
    fits = HEARD[0] <= len(spell(heard)) <= HEARD[1] and not _counts(text, heard)
    fits = fits and _is_whole(text, heard[0].start, heard[-1].end)
    if fits and (cue.kind == "sure" or (beside and not _is_year(spell(heard)))):
        yield _order(heard)


def _counts(text: str, pieces: Sequence[Piece]) -> bool:
    """Say whether a number counts or measures what follows it."""
    return bool(UNIT.match(text[pieces[-1].end : pieces[-1].end + 40]))


def _is_whole(text: str, start: int, end: int) -> bool:
    """Say whether a number is no part of a decimal or of a longer code."""
    before, after = text[max(0, start - 2) : start], text[end : end + 3]
    return not (
        re.search(r"\w[.,-]?\Z", before, re.ASCII) or re.match(r"[.,]?\w|-\w{2}", after, re.ASCII)
    )


def _is_year(digits: str) -> bool:
    return len(digits) == 4 and digits[:2] in {"19", "20"}


def _listed(text: str, end: int, runs: Sequence[tuple[Piece, ...]], own: Form) -> Iterator[Span]:
    """Yield the numbers that go on a list: "47001, 47002 and 47003"."""
    for run in runs:
        first = run[0]
        if first.start - end > 20 or not LISTED.fullmatch(text, end, first.start):
            return
        if not own.whole.fullmatch(first.text) or _counts(text, (first,)):
            return
        yield _order((first,))
        end = first.end


def _foreign(text: str, cue: Cue, own: Form, mode: Mode) -> Iterator[Span]:
    """Yield another shop's number with letters or hyphens, 112-4455667-0912345, or the domain's
    with a digit misread, 4837I."""
    match = _FOREIGN.match(text, cue.end)
    if not match or not _GROUPED.search(match["code"]):
        return
    code = own.mend(match["code"]) if mode == "read" else None
    digits = sum(character.isdigit() for character in match["code"])
    if code or (cue.kind == "sure" and digits >= HEARD[0]):
        yield Span("order", code or match["code"].upper(), *match.span("code"))
