"""Amounts of money, with their currency."""

from __future__ import annotations

import re
from collections.abc import Iterator

from price_parser import Price

from mmcs.entities.spans import Span

_SIGNS = {"US$": "USD", "$": "USD", "€": "EUR", "£": "GBP", "¥": "CNY", "￥": "CNY"}
_WORDS = {
    "USD": r"dollars?|bucks?|usd|美元|美金",
    "EUR": r"euros?|eur|€|欧元",
    "GBP": r"gbp|英镑",
    "CNY": r"yuan|rmb|cny|元|块钱?|人民币",
}
_NUMBER = r"\d{1,9}(?:[,.]\d{1,3}){0,4}"
_BEFORE = re.compile(rf"(US\$|[$€£¥￥]|\b(?:USD|EUR|GBP|CNY|RMB))\s?({_NUMBER})(?![\d%])", re.I)
_AFTER = re.compile(
    rf"(?<![\w.,])({_NUMBER})[ -]?(?:"
    + "|".join(f"(?P<{currency}>{words})" for currency, words in _WORDS.items())
    + r")(?![a-z])",
    re.IGNORECASE,
)


def find_amounts(text: str) -> Iterator[Span]:
    """Yield amounts as "249.00 USD"."""
    for match in _BEFORE.finditer(text):
        sign = match.group(1).upper()
        yield _amount(match, match.group(2), _SIGNS.get(sign, "CNY" if sign == "RMB" else sign))
    for match in _AFTER.finditer(text):
        yield _amount(match, match.group(1), match.lastgroup or "USD")


def _amount(match: re.Match[str], number: str, currency: str) -> Span:
    price = Price.fromstring(number)
    return Span("amount", f"{price.amount or 0:.2f} {currency}", match.start(), match.end())
