"""E-mail addresses and phone numbers, written and spoken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

import phonenumbers

from mmcs.entities.cues import CALL, CALLED, WRITE
from mmcs.entities.spans import Span, matches
from mmcs.entities.spelling import Piece, cuts, spell

_EMAIL = re.compile(
    r"(?<![\w.+-])[a-z0-9][\w.+-]{0,63}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,4}", re.I | re.A
)
_TOP = frozenset(
    "com net org edu gov io co uk us de fr es it nl ca au cn hk tw jp info biz me app dev shop "
    "store online xyz example test email mail".split()
)
_NO_LOCAL = frozenset(  # "you can look at northlight dot example"
    "account address am are at be bought buy email here i is it look looked looking mail me meet "
    "not order ordered page see shop site there us was website you".split()
)
_AT = re.compile(r"(?<!\s)\s{1,2}at\s{1,2}|\s?艾特\s?", re.IGNORECASE)
_JOINTS = {
    "dot": ".",
    "point": ".",
    "underscore": "_",
    "dash": "-",
    "hyphen": "-",
    "minus": "-",
} | {
    "点": ".",
    "下划线": "_",
    "plus": "+",
}
_JOINT = r"(?:\s+(?:dot|point|underscore|dash|hyphen|minus|plus)\s+|\s?(?:点|下划线)\s?|[._+-])"
_LOCAL = re.compile(
    rf"(?:[a-z0-9]{{1,30}}{_JOINT}){{0,5}}[a-z0-9]{{1,30}}(?:\s\d{{1,6}})?$", re.I | re.A
)
_LETTERS = re.compile(r"\b(?:[a-z][ -]){2,30}[a-z]$", re.I | re.A)  # p r i y a
_DOMAIN = re.compile(
    r"[a-z0-9-]{1,40}(?:(?:\s+dot\s+|\s?点\s?|\.)[a-z0-9-]{1,40}){1,4}", re.I | re.A
)

_PHONE = re.compile(r"(?<![\w.,$€£¥￥-])(?:\+\s?)?\(?\d[\d ().-]{6,22}\d(?![\w-]|[.,]\d)", re.ASCII)
_MOBILE = re.compile(r"1[3-9]\d{9}")  # Chinese
_LANDLINE = re.compile(r"0\d{2,3}[ -]\d{7,8}")  # Chinese, with its area code
_AMERICAN = re.compile(
    r"\+?1?[ .-]?(?:\(?\d{3}\)?[ .-]?\d{3}[ .-]\d{4}|\(?\d{3}(?:\) ?|[ .-])\d{7})"
)


def find_emails(text: str, spoken: bool) -> Iterator[Span]:
    """Yield e-mail addresses, in lower case; also "care at northlight dot example"."""
    for match in matches(_EMAIL, text):
        words = match.group().rstrip(".-")
        if "." in words.split("@")[1]:
            yield Span("email", words.lower(), match.start(), match.start() + len(words))
    for at in matches(_AT, text):
        before = text[max(0, at.start() - 90) : at.start()]
        local = _LETTERS.search(before) or _LOCAL.search(before)
        domain = _DOMAIN.match(text, at.end())
        if local and domain:
            start = at.start() - len(local.group())
            name = re.sub(r"\W", "", local.group()) if local.re is _LETTERS else local.group()
            address = f"{_plain(name)}@{_plain(domain.group())}"
            asked = WRITE.search(text[max(0, start - 60) : start]) is not None
            if _is_address(address, domain.group(), asked and spoken):
                yield Span("email", address, start, domain.end())


def _plain(words: str) -> str:
    """Return "dana_whitfield" for "dana underscore whitfield"."""
    for joint, sign in _JOINTS.items():
        words = re.sub(rf"\s*\b{joint}\b\s*" if joint.isascii() else joint, sign, words, flags=re.I)
    return re.sub(r"\s+", "", words).lower()


def _is_address(address: str, domain: str, asked: bool) -> bool:
    """Say whether "… at … dot …" is an address: a known ending, and no sentence goes on in it."""
    local, ending = address.split("@")[0], address.rsplit(".", 1)[-1]
    spelled = re.search(r"\sdot\s|点", domain) is not None
    joined = re.search(r"[._+-]", local) is not None
    return ending in _TOP and (joined or (local not in _NO_LOCAL and (spelled or asked)))


def find_phones(text: str, runs: Sequence[tuple[Piece, ...]]) -> Iterator[Span]:
    """Yield phone numbers in E.164; a row of digits only where a word says that it is one."""
    for match in matches(_PHONE, text):
        if _looks_dialled(match.group()) or _is_asked(text, match.start()):
            number = _phone(match.group())
            if number:
                yield Span("phone", number, match.start(), match.end())
    for run in runs:
        if sum(len(piece.text) for piece in run) < 10 or not all(p.is_digits for p in run):
            continue
        asked = _is_asked(text, run[0].start) or CALLED.match(text[run[-1].end : run[-1].end + 40])
        for cut in cuts(run) if asked else ():
            number = _phone(spell(cut)) if len(spell(cut)) in {10, 11, 13} else None
            if number:
                yield Span("phone", number, cut[0].start, cut[-1].end)


def _looks_dialled(words: str) -> bool:
    if words.startswith(("+", "00")) or _AMERICAN.fullmatch(words) or _LANDLINE.fullmatch(words):
        return True
    return bool(_MOBILE.fullmatch(re.sub(r"[ -]", "", words)))


def _is_asked(text: str, start: int) -> bool:
    return bool(CALL.search(text[max(0, start - 50) : start]))


@lru_cache(100)
def _phone(words: str) -> str | None:
    words = re.sub(r"^00", "+", words)
    digits = re.sub(r"\D", "", words)
    mobile = _MOBILE.fullmatch(digits) and not _AMERICAN.fullmatch(words)
    chinese = mobile or _LANDLINE.fullmatch(words)
    try:
        number = phonenumbers.parse(words, "CN" if chinese else "US")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
