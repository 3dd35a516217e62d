"""Tracking, serial, return and error codes: the domain's own forms, and everybody's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

from mmcs.entities.cues import NAMES_CODE, NO_ERROR_AFTER, NO_ERROR_BEFORE, SAYS_KIND
from mmcs.entities.spans import Span
from mmcs.entities.spelling import Piece
from mmcs.ticket import EntityKind

Mode = Literal["written", "spoken", "read"]

OWN: tuple[EntityKind, ...] = ("tracking", "serial", "return", "error")
MOST_CODE = 30  # characters of the longest code that is spelled
LONG_CODE = 5  # characters from which a spelled code needs no word before it that says so

# What a reader of images takes for what, in codes only.
_TO_DIGIT = str.maketrans({"O": "0", "I": "1", "L": "1", "|": "1"})
_TO_LETTER = str.maketrans({"0": "O", "1": "I"})
_TOKEN = re.compile(r"(?<![\w|])(?=[A-Za-z|-]{0,8}\d)[\w|-]{2,24}(?![\w|])", re.ASCII)

_FEWEST: Mapping[EntityKind, int] = {"tracking": 6, "serial": 5, "return": 4}  # digits, if foreign
_FOREIGN = re.compile(
    r"(?<![\w-])(?=[A-Z0-9-]{0,28}\d)[A-Z0-9][A-Z0-9-]{3,28}(?![\w-])", re.IGNORECASE | re.ASCII
)
_UPS = re.compile(r"\b1Z[0-9A-Z]{16}\b")
_CODE = r"[A-Z]{1,4}-?\d{1,8}(?:-\d{1,6})?"
_ERRORS = re.compile(
    r"\b(?P<hex>0x[0-9a-f]{4,8})\b"
    r"|\b(?P<cause>exit (?:status|code)|http(?: error| status| code)?) (?P<status>\d{1,3})\b"
    r"|\b(?P<name>ERR_[A-Z_]{3,40})\b"
    rf"|\berror (?:code|number|no\.?) (?:is |was |says )?[:#]?\s?(?P<code>{_CODE}|\d{{1,8}})\b"
    rf"|\berror[ :#]{{1,3}}(?P<error>{_CODE}|\d{{3,8}})\b(?!\s(?:times|days|hours))"
    r"|\b(?P<before>\d{3,5}) error\b"
    rf"|(?:错误|錯誤|故障)(?:代?[码碼])?[:：是为\s]{{0,3}}(?P<zh>{_CODE}|\d{{2,8}})(?![A-Za-z0-9])",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True)
class Form:
    """The form of one kind of the domain's codes."""

    kind: EntityKind
    pattern: str

    @cached_property
    def whole(self) -> re.Pattern[str]:
        """The pattern itself."""
        return re.compile(self.pattern, re.IGNORECASE | re.ASCII)

    @cached_property
    def bounded(self) -> re.Pattern[str]:
        """The pattern where no letter, digit or decimal goes on with it."""
        return re.compile(
            rf"(?<![A-Za-z0-9])(?<!\d[.,-])(?<![A-Za-z]-)(?:{self.pattern})(?![A-Za-z0-9]|[.,-]\d|-[A-Za-z])",
            re.IGNORECASE | re.ASCII,
        )

    @cached_property
    def prefix(self) -> str:
        """The letters that every code begins with: "NLX", "R-", or none."""
        match = re.match(r"[A-Z]+-?(?=\\d)", self.pattern)
        return match.group() if match and "|" not in self.pattern else ""

    def fit(self, spelled: str) -> str | None:
        """Return the code that letters, digits and hyphens spell as a whole, if they do."""
        bare = spelled.replace("-", "")
        hyphenated = re.sub(r"(?<=[A-Z])(?=\d)", "-", bare, count=1)
        for candidate in (spelled, hyphenated, bare):
            if self.whole.fullmatch(candidate):
                return candidate
        return None

    def mend(self, misread: str) -> str | None:
        """Return the code that a reader took for another: 0 for O, l for 1."""
        plain = misread.upper()
        for letters in range(min(5, len(plain))):
            head, tail = plain[:letters], plain[letters:]
            fitting = self.fit(head.translate(_TO_LETTER) + tail.translate(_TO_DIGIT))
            if fitting:
                return fitting
        return None


@cache
def form(kind: EntityKind, pattern: str) -> Form:
    """Return a Form, compiled once."""
    return Form(kind, pattern)


def forms(patterns: Mapping[EntityKind, str]) -> tuple[Form, ...]:
    """Return the domain's forms, orders left out: a bare number needs more than a form."""
    return tuple(form(kind, patterns[kind]) for kind in OWN if kind in patterns)


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
    for run in spelled:
        yield from _spelled(text, run, own)
        yield from _numbered(text, run, own)
    yield from _foreign(text)
    yield from _errors(text)


def _is_error(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 22) : start], text[end : end + 12]
    return not (NO_ERROR_BEFORE.search(before) or NO_ERROR_AFTER.search(after))


def _misread(text: str, own: Sequence[Form]) -> Iterator[Span]:
    for match in _TOKEN.finditer(text):
        for one in own:
            code = one.mend(match.group())
            if code and not match.group().lower().startswith("0x"):
                yield Span(one.kind, code, *match.span())
                break


def _spelled(text: str, run: Sequence[Piece], own: Sequence[Form]) -> Iterator[Span]:
    """Yield what letters and digits spell together: "N L X two zero four", "NL 503"."""
    position = 0
    while position < len(run):
        found = _longest(text, run[position:], own) if run[position].text.isalpha() else None
        if found:
            span, used = found
            yield span
            position += used
        else:
            position += 1


def _longest(text: str, pieces: Sequence[Piece], own: Sequence[Form]) -> tuple[Span, int] | None:
    spelled, best = "", None
    for used, piece in enumerate(pieces, start=1):
        spelled += piece.text
        if len(spelled) > MOST_CODE or (used == 4 and spelled.replace("-", "").isalpha()):
            break
        if not piece.is_digits:
            continue
        following = pieces[used] if used < len(pieces) else None
        if following and not following.gap and following.is_digits:
            continue
        for one in own:
            code = one.fit(spelled) or (one.mend(spelled) if used > 2 else None)
            if code and _is_said(text, pieces[0].start, piece.end, one.kind, code):
                best = Span(one.kind, code, pieces[0].start, piece.end), used
    return best


def _is_said(text: str, start: int, end: int, kind: EntityKind, code: str) -> bool:
    """Say whether what spells a code is meant as one: a short one needs a word that says so."""
    if kind == "error" and not _is_error(text, start, end):
        return False
    if len(code.replace("-", "")) >= LONG_CODE:
        return True
    around = text[max(0, start - 60) : start] + " " + text[end : end + 20]
    return bool(SAYS_KIND[kind].search(around))


def _numbered(text: str, run: Sequence[Piece], own: Sequence[Form]) -> Iterator[Span]:
    """Yield what follows "tracking number", even if it is not of the domain's form: what was
    heard wrong must be seen."""
    before = text[max(0, run[0].start - 40) : run[0].start]
    for kind, cue in NAMES_CODE.items():
        if not cue.search(before):
            continue
        spelled = "".join(piece.text for piece in run)[:MOST_CODE]
        for one in own:
            if one.kind == kind:
                code = one.fit(spelled) or (one.prefix and one.fit(one.prefix + spelled))
                if code:
                    yield Span(kind, code, run[0].start, run[-1].end)
        if sum(character.isdigit() for character in spelled) >= _FEWEST[kind]:
            yield Span(kind, spelled.strip("-"), run[0].start, run[-1].end)


def _foreign(text: str) -> Iterator[Span]:
    """Yield other shops' codes, where a word before them says what they are."""
    for match in _UPS.finditer(text):
        yield Span("tracking", match.group(), *match.span())
    for match in _FOREIGN.finditer(text):
        before = text[max(0, match.start() - 40) : match.start()]
        digits = sum(character.isdigit() for character in match.group())
        for kind, cue in NAMES_CODE.items():
            if digits >= _FEWEST[kind] - 1 and cue.search(before):
                yield Span(kind, match.group().upper(), *match.span())


def _errors(text: str) -> Iterator[Span]:
    """Yield error codes of no domain: 0x80070005, exit status 1, error code 1603."""
    for match in _ERRORS.finditer(text):
        group = match.lastgroup or ""
        start, end = match.span() if group == "status" else match.span(group)
        words = re.sub(r"\s+", " ", text[start:end].upper())
        if group == "status":
            words = f"{'EXIT STATUS' if match['cause'][0] in 'eE' else 'HTTP'} {match['status']}"
        yield Span("error", words.replace("0X", "0x"), start, end)
