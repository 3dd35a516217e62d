"""E-mail addresses and phone numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers

from mmcs.entities.spans import Span

_EMAIL = re.compile(
    r"(?<![\w.+-])[a-z0-9][\w.+-]{0,63}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,4}", re.I | re.A
)
_PHONE = re.compile(r"(?<![\w.,$€£¥￥-])(?:\+\s?)?\(?\d[\d ().-]{6,22}\d(?![\w-]|[.,]\d)", re.ASCII)
_CHINESE_MOBILE = re.compile(r"(?:86)?1[3-9]\d{9}")


def find_emails(text: str) -> Iterator[Span]:
    """Yield e-mail addresses, in lower case."""
    for match in _EMAIL.finditer(text):
        words = match.group().rstrip(".-")
        if "." in words.split("@")[1]:
            yield Span("email", words.lower(), match.start(), match.start() + len(words))


def find_phones(text: str) -> Iterator[Span]:
    """Yield phone numbers in E.164."""
    for match in _PHONE.finditer(text):
        number = _phone(match.group())
        if number:
            yield Span("phone", number, match.start(), match.end())


def _phone(words: str) -> str | None:
    digits = re.sub(r"\D", "", words)
    region = "CN" if _CHINESE_MOBILE.fullmatch(digits) and len(digits) == 11 else "US"
    try:
        number = phonenumbers.parse(words, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
