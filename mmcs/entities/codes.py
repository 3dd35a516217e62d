"""Tracking, serial, return and error codes: the domain's own, and everybody's."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Literal

from mmcs.entities.cues import NAMES_CODE, NO_ERROR_AFTER, NO_ERROR_BEFORE, SAYS_KIND
from mmcs.entities.forms import Form
from mmcs.entities.spans import MOST, Span, matches
from mmcs.entities.spelling import Piece, cuts, spell, until_pause
from mmcs.ticket import EntityKind

Mode = Literal["written", "spoken", "read"]

MOST_CODE = 30  # characters of the longest code that is spelled
MOST_HEAD = 5  # letters that a spelled code begins with
LONG_CODE = 5  # characters from which a spelled code needs no word near it that says so

_TOKEN = re.compile(
    r"(?<![\w|])(?=[01]|[\w-]{0,23}[OoIl|])(?=[A-Za-z|-]{0,8}\d)[\w|-]{2,24}(?![\w|])", re.ASCII
)

_FEWEST: Mapping[EntityKind, int] = {"tracking": 6, "serial": 5, "return": 4}  # digits, if foreign
_FOREIGN = re.compile(
    r"(?<![\w-])(?=[A-Z0-9-]{0,28}\d)[A-Z0-9][A-Z0-9-]{3,28}(?![\w-])", re.IGNORECASE | re.ASCII
)
_DICTATED = re.compile(r"\w(?:-\w){2,}")  # 4-0-5-6-2
_LETTER = re.compile(r"[A-Za-z0-9]")
_MIDDLE = re.compile(r"[A-Za-z0-9_./@-]")
_UPS = re.compile(r"\b1Z[0-9A-Z]{16}\b")
_CODE = r"[A-Z]{1,4}-?\d{1,8}(?:-\d{1,6})?"
_ERRORS = re.compile(
    r"\b(?P<hex>0x[0-9a-f]{6,8}|(?:(?<=code )|(?<=error ))0x[0-9a-f]{2,8})\b"
    r"|\b(?P<cause>exit (?:status|code)|http(?: error| status| code)?) (?P<status>\d{1,3})\b"
    r"|\b(?P<name>ERR_[A-Z_]{3,40})\b"
    rf"|\berror (?:code|number|no\.?)(?: is| was| says)?[\s:#]{{1,3}}(?P<code>{_CODE}|\d{{1,8}})\b"
    rf"|\berror[ :#]{{1,3}}(?P<error>{_CODE}|\d{{3,8}})\b(?!\s(?:times|days|hours))"
    r"|\b(?P<before>\d{3,5}) error\b"
    rf"|(?:错误|錯誤|故障)(?:代?[码碼])?[:：是为\s]{{0,3}}(?P<zh>{_CODE}|\d{{2,8}})(?![A-Za-z0-9])",
    re.IGNORECASE | re.ASCII,
)


def find_codes(
    text: str, spelled: Sequence[tuple[Piece, ...]], own: Sequence[Form], mode: Mode
) -> Iterator[Span]:
    """Yield codes in upper case, the domain's own first."""
    for one in own:
        for match in one.bounded.finditer(text):
            if one.kind != "error" or _is_error(text, *match.span()):
                yield Span(one.kind, match.group().upper(), *match.span())
    if mode == "read":
        yield from _misread(text, own)
    begins = ((run, n) for run in spelled for n in range(len(run)) if _begins(text, run, n))
    for run, begin in islice(begins, MOST):
        yield from _spelled(text, run[begin : begin + MOST_CODE], own)
    yield from _named(text, spelled, own)
    for match in matches(_UPS, text):
        yield Span("tracking", match.group(), *match.span())
    yield from _errors(text)


def _begins(text: str, run: Sequence[Piece], number: int) -> bool:
    """Say whether a spelled code may begin with a piece: with letters that are not the middle of
    others, of a longer code or of an address of the web."""
    piece, before = run[number], run[number - 1] if number else None
    if not piece.text.isalpha() or _MIDDLE.match(text[max(0, piece.start - 1) : piece.start]):
        return False
    letter_before = before is not None and before.text.isalpha() and len(before.text) == 1
    return not letter_before or len(piece.text) > 1 or piece.is_apart


def _is_error(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 22) : start], text[end : end + 12]
    return not (NO_ERROR_BEFORE.search(before) or NO_ERROR_AFTER.search(after))


def _misread(text: str, own: Sequence[Form]) -> Iterator[Span]:
    for match in matches(_TOKEN, text):
        for one in own:
            code = one.mend(match.group())
            if code and not match.group().lower().startswith("0x"):
                yield Span(one.kind, code, *match.span())
                break


def _spelled(text: str, pieces: Sequence[Piece], own: Sequence[Form]) -> Iterator[Span]:
    """Yield what letters and digits spell together: "N L X two zero four", "NL 503"."""
    best: Span | None = None
    for cut in _growing(text, pieces):
        for one in own:
            code = one.fit(spell(cut)) or one.mend(spell(cut))
            if code and _is_said(text, cut[0].start, cut[-1].end, one.kind, code):
                best = Span(one.kind, code, cut[0].start, cut[-1].end)
    if best:
        yield best
        return
    heard = until_pause(pieces)  # a digit may be missing
    for one in own:
        if one.begins(spell(heard)) and LONG_CODE <= _digits(spell(heard)) < MOST_CODE:
            yield Span(one.kind, spell(heard), heard[0].start, heard[-1].end)


def _growing(text: str, pieces: Sequence[Piece]) -> Iterator[Sequence[Piece]]:
    """Yield ever more of the pieces: letters, then digits, where nothing goes on with the last."""
    length = 0
    for number, piece in enumerate(pieces):
        length += len(piece.text)
        after_digits = number and pieces[number - 1].is_digits
        if length > MOST_CODE or (piece.text.isalpha() and (after_digits or length > MOST_HEAD)):
            return
        following = pieces[number + 1].gap if number + 1 < len(pieces) else " "
        if piece.is_digits and following not in {"", "-"} and not _LETTER.match(text, piece.end):
            yield pieces[: number + 1]


def _digits(code: str) -> int:
    return sum(character.isdigit() for character in code)


def _is_said(text: str, start: int, end: int, kind: EntityKind, code: str) -> bool:
    """Say whether what spells a code is meant as one: a short one needs a word that says so."""
    if kind == "error" and not _is_error(text, start, end):
        return False
    if len(code.replace("-", "")) >= LONG_CODE:
        return True
    around = text[max(0, start - 60) : start] + " " + text[end : end + 20]
    return bool(SAYS_KIND[kind].search(around))


def _named(text: str, spelled: Sequence[tuple[Piece, ...]], own: Sequence[Form]) -> Iterator[Span]:
    """Yield what follows "tracking number", even if it is not of the domain's form: what was
    heard wrong must be seen."""
    ends = [run[-1].end for run in spelled]
    for kind, cue in NAMES_CODE.items():
        for match in matches(cue, text):
            number = bisect_right(ends, match.end())
            run = spelled[number] if number < len(spelled) else ()
            pieces = [piece for piece in run if piece.start >= match.end()][:MOST_CODE]
            if pieces and pieces[0].start - match.end() <= 1:
                yield from _of_form(text, kind, pieces, own)
            yield from _foreign(text, kind, match.end(), pieces)


def _of_form(
    text: str, kind: EntityKind, pieces: Sequence[Piece], own: Sequence[Form]
) -> Iterator[Span]:
    for one in own:
        for cut in cuts(pieces):
            said = spell(cut)
            code = one.fit(said) or (one.prefix and one.fit(one.prefix + said))
            if code and one.kind == kind and not _LETTER.match(text, cut[-1].end):
                yield Span(kind, code, cut[0].start, cut[-1].end)
                return


def _foreign(text: str, kind: EntityKind, start: int, pieces: Sequence[Piece]) -> Iterator[Span]:
    """Yield a code that is of no form the domain knows: another shop's, or one heard wrong."""
    match = _FOREIGN.match(text, start)
    if match and not _DICTATED.fullmatch(match.group()):
        code, end = match.group().upper(), match.end()
    elif pieces and pieces[0].start - start <= 1:
        heard = until_pause(pieces)
        code, end = spell(heard).strip("-"), heard[-1].end
        start = heard[0].start
    else:
        return
    if _digits(code) >= _FEWEST[kind]:
        yield Span(kind, code, start, end)


def _errors(text: str) -> Iterator[Span]:
    """Yield error codes of no domain: 0x80070005, exit status 1, error code 1603."""
    for match in matches(_ERRORS, text):
        group = match.lastgroup or ""
        start, end = match.span() if group == "status" else match.span(group)
        words = re.sub(r"\s+", " ", text[start:end].upper())
        if group == "status":
            words = f"{'EXIT STATUS' if match['cause'][0] in 'eE' else 'HTTP'} {match['status']}"
        yield Span("error", words.replace("0X", "0x"), start, end)
