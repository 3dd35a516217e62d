"""Days, as people write and say them, resolved against today."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

from mmcs.entities.spans import Span

_MONTHS = {
    name: number
    for number, names in enumerate(
        "january jan|february feb|march mar|april apr|may|june jun|july jul|august aug|"
        "september sept sep|october oct|november nov|december dec".split("|"),
        start=1,
    )
    for name in names.split()
}
_MONTH = "(?P<month>" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?(?![\d:])"
_YEAR = r"(?:,?\s+(?P<year>20\d\d))?"
_DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?<![\d./-])(?P<year>20\d\d)([-/.])(?P<month>\d{1,2})\2(?P<day>\d{1,2})(?![\d./-]*\d)",
        r"(?<![\d./-])(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>(?:20)?\d\d)(?![\d/])",
        rf"\b{_MONTH}\s+(?:the\s+)?{_DAY}{_YEAR}",
        rf"\b{_DAY}\s+(?:of\s+)?{_MONTH}{_YEAR}",
        r"(?:(?P<year>20\d\d)年)?(?<!\d)(?P<month>\d{1,2})月(?P<day>\d{1,2})[日号號]",
    )
)
_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_LAST = re.compile(rf"\blast\s+({'|'.join(_WEEKDAYS)})\b", re.IGNORECASE)
_CHINESE_LAST = re.compile(r"上个?(?:周|星期|礼拜|週|禮拜)([一二三四五六日天])")
_NEAR = re.compile(r"\b(yesterday|tomorrow)\b|(昨天|前天|明天|后天)", re.IGNORECASE)
_SHIFTS = {"yesterday": -1, "tomorrow": 1, "昨天": -1, "前天": -2, "明天": 1, "后天": 2}


def find_dates(text: str, today: date) -> Iterator[Span]:
    """Yield days in ISO form. A weekday or a number alone is no date."""
    for pattern in _DATES:
        for match in pattern.finditer(text):
            day = _day(match, today)
            if day:
                yield Span("date", day.isoformat(), match.start(), match.end())
    for match in _LAST.finditer(text):
        back = (today.weekday() - _WEEKDAYS.index(match.group(1).lower()) - 1) % 7 + 1
        yield _relative(match, today, -back)
    for match in _CHINESE_LAST.finditer(text):
        weekday = "一二三四五六日".index(match.group(1).replace("天", "日"))
        yield _relative(match, today, weekday - today.weekday() - 7)
    for match in _NEAR.finditer(text):
        yield _relative(match, today, _SHIFTS[match.group().lower()])


def _relative(match: re.Match[str], today: date, days: int) -> Span:
    day = today + timedelta(days)
    return Span("date", day.isoformat(), match.start(), match.end())


def _day(match: re.Match[str], today: date) -> date | None:
    parts = match.groupdict()
    month = _MONTHS.get(parts["month"].lower()) or int(parts["month"])
    year = int(parts["year"]) if parts["year"] else None
    try:
        if year is not None:
            return date(year + 2000 if year < 100 else year, month, int(parts["day"]))
        return _nearest(month, int(parts["day"]), today)
    except ValueError:  # no such day
        return None


def _nearest(month: int, day: int, today: date) -> date:
    """Return the day without a year: of the nine months past, or of the three to come."""
    for year in (today.year + 1, today.year):
        if date(year, month, day) - today <= timedelta(90):
            return date(year, month, day)
    return date(today.year - 1, month, day)
