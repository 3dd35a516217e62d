"""Codes: order, tracking, serial, return and error numbers, the domain's own and everybody's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from mmcs.entities.spans import Span
from mmcs.ticket import EntityKind

_OWN: tuple[EntityKind, ...] = ("tracking", "serial", "return", "error")
_CUE = re.compile(
    r"(?:\border|\bnumber|#|订单|訂單|单号|單號)[^\d.!?。！？\n]{0,24}\n?[^\d.!?。！？\n]{0,8}$",
    re.IGNORECASE,
)
_ERRORS = re.compile(
    r"\b0x[0-9a-f]{4,8}\b|\bexit (?:status|code) \d{1,3}\b|\bERR_[A-Z_]{3,40}\b", re.IGNORECASE
)


def find_codes(text: str, patterns: Mapping[EntityKind, str]) -> Iterator[Span]:
    """Yield codes in upper case."""
    for kind in _OWN:
        if kind in patterns:
            for match in _bounded(patterns[kind]).finditer(text):
                yield Span(kind, match.group().upper(), match.start(), match.end())
    for match in _ERRORS.finditer(text):
        words = match.group().upper().replace("0X", "0x")
        yield Span("error", words, match.start(), match.end())


def find_orders(text: str, patterns: Mapping[EntityKind, str]) -> Iterator[Span]:
    """Yield order numbers: numbers of the domain's form that follow a word for an order."""
    for match in _bounded(patterns.get("order", r"\d{5,12}")).finditer(text):
        if _CUE.search(text[max(0, match.start() - 40) : match.start()]):
            yield Span("order", match.group().upper(), match.start(), match.end())


def _bounded(pattern: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?<![A-Za-z0-9.,-])(?:{pattern})(?![A-Za-z0-9-]|[.,]\d)", re.IGNORECASE | re.ASCII
    )
