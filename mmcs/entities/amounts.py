"""Amounts of money, with their currency."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache

from price_parser import Price

from mmcs.entities.numerals import View
from mmcs.entities.spans import Span, matches

# What stands before the number. The yen sign is the yuan's too; the desk's languages say yuan.
_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "CNY", "￥": "CNY", "₹": "INR", "₩": "KRW"} | {
    f"{letters}$": currency
    for letters, currency in {
        "US": "USD", "CA": "CAD", "C": "CAD", "AU": "AUD", "A": "AUD", "NZ": "NZD", "HK": "HKD",
        "NT": "TWD", "S": "SGD",
    }.items()
}  # fmt: skip
_CODES = "USD|EUR|GBP|CNY|RMB|JPY|CAD|AUD|NZD|HKD|TWD|SGD|CHF|INR|KRW"
_NAMES = {
    "USD": r"(?:US[ -])?dollars?|bucks?|美元|美金|美刀|刀",
    "CAD": r"canadian dollars?|加元|加币",
    "AUD": r"australian dollars?|澳元|澳币",
    "HKD": r"hong kong dollars?|港币|港元",
    "EUR": r"euros?|欧元|歐元|欧(?![洲美盟式姆冠亚])",
    "GBP": r"(?:british )?pounds? sterling|british pounds?|quid|英镑|英鎊",
    "JPY": r"yen|日元|日圆",
    "CHF": r"(?:swiss )?francs?|瑞士法郎|法郎",
    "CNY": r"yuan|renminbi|人民币|人民幣|块钱|塊錢|[元圆](?!素|件|旦|形)",
}
_SCALES = {"k": 1000, "m": 10**6, "million": 10**6, "万": 10_000, "萬": 10_000}
_DIGIT = re.compile(r"\d")
_NUMBER = r"\d{1,3}(?:[,.]\d{3}){1,3}(?:[.,]\d{1,2})?|\d{1,9}(?:[.,]\d{1,2})?"
_BEFORE = re.compile(
    rf"(?<![A-Za-z])(?P<sign>(?:US|CA|C|AU|A|NZ|HK|NT|S)?\$|[€£¥￥₹₩]|(?:{_CODES})(?![A-Za-z]))"
    rf"\s?(?P<number>{_NUMBER})(?![\d%:]|[A-Za-z][\d.])(?P<scale>(?:k|m|\smillion)\b)?",
    re.IGNORECASE | re.ASCII,
)
_AFTER = re.compile(
    rf"(?<![A-Za-z0-9.,])(?P<number>{_NUMBER})(?P<scale>[万萬kK])?[多余来]?[ -]?"
    rf"(?:(?P<code>(?:{_CODES})(?![a-z]))|(?P<sign>[€£$])(?!\s?\d)|"
    + "|".join(rf"(?P<{currency}>(?:{words})(?![a-z]))" for currency, words in _NAMES.items())
    + r")",
    re.IGNORECASE | re.ASCII,
)
_AND_CENTS = re.compile(r"(?:[ ]and)?[ ](?P<cents>\d{1,2})\s+cents?\b", re.IGNORECASE | re.ASCII)
_CENTS = re.compile(
    r",?(?:[ ]and)?[ ](?P<cents>\d{1,2})"
    r"(?:\s+cents?\b|(?<=\d\d)(?=\s*(?:[.,;!?]|$|for\b|and\b|but\b)))"
)
_SMALL = re.compile(
    r"\ba dollar(?:\s+and)?\s+(?P<a>\d{2})\b(?:\s+cents?\b)?"
    r"|(?<![\w.,$])(?P<cents>\d{1,2})\s+cents?\b"
)
_POUNDS = re.compile(rf"(?<![\w.,£])(?P<number>{_NUMBER})\s?pounds?\b", re.IGNORECASE | re.ASCII)
_MONEY = re.compile(
    r"paid|pay|cost|charg|price|refund|£|worth|bought|for\s$", re.IGNORECASE | re.ASCII
)
# 块 is money, or a piece of something: 三块电池. Then a thing follows.
_KUAI = re.compile(
    rf"(?<![\d.])(?P<number>{_NUMBER})[块塊](?:(?P<mao>\d)(?P<fen>\d)?(?![\d个台块天])毛?|毛)?"
    r"(?=[\s，。！？、；,.!?;）)]|$|的|了|多|左右|呢|吗|啊|吧|但|可|却|不|就|才|也)"
)


def find_amounts(view: View) -> Iterator[Span]:
    """Yield amounts as "249.00 USD"."""
    if not _DIGIT.search(view.text):
        return
    yield from _named(view)
    yield from _signed(view)
    for match in matches(_SMALL, view.text):
        dollars, cents = (1, match["a"]) if match["a"] else (0, match["cents"])
        yield _span(view, match.start(), match.end(), dollars + Decimal(cents) / 100, "USD")
    for match in matches(_POUNDS, view.text):  # otherwise they are a weight
        if _MONEY.search(view.text[max(0, match.start() - 30) : match.start()]):
            yield _span(view, match.start(), match.end(), _number(match["number"]), "GBP")
    for match in matches(_KUAI, view.text):
        small = Decimal(match["mao"] or 0) / 10 + Decimal(match["fen"] or 0) / 100
        if match["number"] != "1" or small:  # 一块 is "together"
            value = _number(match["number"]) + small
            yield _span(view, match.start(), match.end(), value, "CNY")


def _signed(view: View) -> Iterator[Span]:
    for match in matches(_BEFORE, view.text):
        value, end = _number(match["number"]) * _scale(match["scale"]), match.end()
        cents = _AND_CENTS.match(view.text, end)
        if cents and "." not in match["number"]:
            value, end = value + Decimal(cents["cents"]) / 100, cents.end()
        yield _span(view, match.start(), end, value, _currency(match["sign"]))


def _named(view: View) -> Iterator[Span]:
    for match in matches(_AFTER, view.text):
        sign = match["code"] or match["sign"]
        currency = _currency(sign) if sign else str(match.lastgroup)
        value, end = _number(match["number"]) * _scale(match["scale"]), match.end()
        cents = _CENTS.match(view.text, end)
        if cents and "." not in match["number"] and currency in {"USD", "CAD", "AUD", "EUR"}:
            value, end = value + Decimal(cents["cents"]) / 100, cents.end()
        yield _span(view, match.start(), end, value, currency)


def _scale(word: str | None) -> int:
    return _SCALES[word.lower().strip()] if word else 1


def _currency(sign: str) -> str:
    sign = sign.upper()
    return "CNY" if sign == "RMB" else _SIGNS.get(sign, sign)


@lru_cache(1000)
def _number(written: str) -> Decimal:
    """Return 1299.50 for "1,299.50" and for "1.299,50"."""
    return Price.fromstring(written).amount or Decimal(0)


def _span(view: View, start: int, end: int, value: Decimal, currency: str) -> Span:
    return Span("amount", f"{value:.2f} {currency}", *view.origin(start, end))
