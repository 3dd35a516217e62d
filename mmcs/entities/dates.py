"""Days, as people write and say them, resolved against today.

The rules are our own: dateparser takes over a second to load, does not know 上周二, 11月3日 or
"March third", and finds days in "now, 3 of 4" and "5 days and 48213".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

from mmcs.entities.numerals import View
from mmcs.entities.spans import Span, matches

_MONTHS = {
    name: number
    for number, names in enumerate(
        "january jan|february feb|march mar|april apr|may|june jun|july jul|august aug|"
        "september sept sep|october oct|november nov|december dec".split("|"),
        start=1,
    )
    for name in names.split()
}
_MONTH = "(?P<month>" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b(?:\.(?=[ ]?\d))?"
_DAY = (
    r"(?P<day>\d{1,2})(?P<nth>st|nd|rd|th)?(?![\d:%]|[.,]\d|[ -]?(?:am|pm|days?|weeks?|months?)\b)"
)
_YEAR = r"(?:(?:,\s?|\s|[-/])(?P<year>(?:19|20)\d\d)(?!\d))?"
_FREE, _END = r"(?<![\d./-])", r"(?!\d|[./-]\d)"
_PREPOSITION = r"(?:on|by|since|until|till|from|before|after|dated?|due)"
_SHORT = "jan feb mar apr may jun jul aug sep oct nov dec"
_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_WEEKDAY = r"(?P<weekday>mon|tue|wed|thu|fri|sat|sun)(?:day|sday|nesday|rsday|urday|s|rs|r)?\b"
_CHINESE_WEEK = r"个?(?:周|星期|礼拜|週|禮拜)(?P<weekday>[一二三四五六日天])"

# Read with numbers in digits; without one of its hints, a text is not searched for a pattern.
_WRITTEN: tuple[tuple[frozenset[str], re.Pattern[str]], ...] = tuple(
    (frozenset(hints.split()), re.compile(pattern, re.IGNORECASE | re.ASCII))
    for hints, pattern in (
        (
            "20",
            rf"{_FREE}(?P<year>20\d\d)(?P<sep>[-/.])(?P<month>\d\d?)(?P=sep)(?P<day>\d\d?){_END}",
        ),
        (
            "/ -",
            rf"{_FREE}(?P<month>\d\d?)(?P<sep>[-/])(?P<day>\d\d?)(?P=sep)(?P<year>(?:20)?\d\d){_END}",
        ),
        (".20", rf"{_FREE}(?P<day>\d\d?)\.(?P<month>\d\d?)\.(?P<year>20\d\d){_END}"),
        (_SHORT, rf"(?<![\d.,:$/-]){_DAY}[\s-]?(?:of\s)?{_MONTH}{_YEAR}"),
        (_SHORT, rf"\b{_MONTH}[\s-]?(?:the\s)?{_DAY}{_YEAR}"),
        (
            "月",
            r"(?:(?P<year>20\d\d|今|去|明)年)?(?<!\d)(?P<month>\d\d?)月(?:份)?(?P<day>\d\d?)"
            r"(?:[日号號]|(?!\d|个|.?[天年]))",
        ),
        ("/", rf"\b{_PREPOSITION}\s(?P<month>\d\d?)/(?P<day>\d\d?)(?![\d/])"),
    )
)
_LAST_MONTH = re.compile(r"(?P<which>上个?|这个?|本|下个?)月(?P<day>\d{1,2})[日号號]")
_AGO = re.compile(
    r"\b(?P<n>\d{1,2}|a) (?P<unit>day|week)s? ago\b"
    r"|(?P<zh>\d{1,2})(?P<zh_unit>天|个?星期|周|个?礼拜)(?:之|以)?前(?!后)"
)

# Read as they are.
_RELATIVE = re.compile(
    rf"\b(?P<which>last|next|this past|this coming|this|coming)\s{_WEEKDAY}"
    rf"|\b{_WEEKDAY.replace('weekday', 'day')}\s(?P<week>last|next|this)\sweek\b"
    rf"|\b(?P<in>last|next|this)\sweek\s(?:on\s)?{_WEEKDAY.replace('weekday', 'on')}",
    re.IGNORECASE | re.ASCII,
)
_CHINESE_RELATIVE = re.compile(rf"(?P<which>上上|上|这|這|本|下)(?:一)?{_CHINESE_WEEK}")
_SHIFTS = {
    "the day before yesterday": -2, "the day after tomorrow": 2, "yesterday": -1, "tomorrow": 1,
    "大前天": -3, "前天": -2, "昨天": -1, "昨日": -1, "昨晚": -1, "明天": 1, "明日": 1, "后天": 2,
    "後天": 2, "大后天": 3,
}  # fmt: skip
_NEAR = re.compile(
    r"\b(?P<en>the day before yesterday|the day after tomorrow|yesterday|tomorrow)\b"
    r"|(?P<zh>大前天|前天|昨天|昨日|昨晚|明天|明日|大后天|后天|後天)",
    re.IGNORECASE | re.ASCII,
)
# "He told me it would come tomorrow": the day after some day that nobody named.
_REPORTED = re.compile(
    r"\b(?:told|said|promised)\b[^.!?]{0,40}\bwould\b[^.!?]{0,30}$", re.IGNORECASE | re.ASCII
)
_CERTAIN = re.compile(
    r"\b(?:on|by|since|until|till|from|before|after|of|the|for|to|is|was|:)\s$", re.I
)


def find_dates(text: str, view: View, today: date) -> Iterator[Span]:
    """Yield days in ISO form. A weekday or a number alone is no date, nor is "today"."""
    low = view.text.lower()
    for pattern in (pattern for hints, pattern in _WRITTEN if any(hint in low for hint in hints)):
        for match in matches(pattern, view.text):
            day = _day(match, today)
            if day and _is_meant(match):
                yield _span(day, *view.origin(match.start(), match.end()))
    yield from _counted(view, today)
    for match in matches(_RELATIVE, text):
        yield _span(_weekday(match, today), match.start(), match.end())
    for match in matches(_CHINESE_RELATIVE, text):
        week = {"上上": -2, "上": -1, "下": 1}.get(match["which"], 0)
        weekday = "一二三四五六日".index(match["weekday"].replace("天", "日"))
        day = _in_week(today, week, weekday)
        yield _span(day, match.start(), match.end())
    for match in matches(_NEAR, text):
        if not _REPORTED.search(text[max(0, match.start() - 80) : match.start()]):
            day = today + timedelta(_SHIFTS[match.group().lower()])
            yield _span(day, match.start(), match.end())


def _counted(view: View, today: date) -> Iterator[Span]:
    """Yield "three days ago", 两周前 and 上个月3号."""
    for match in matches(_AGO, view.text):
        number = match["n"] or match["zh"]
        unit = match["unit"] or match["zh_unit"]
        days = (1 if number == "a" else int(number)) * (1 if unit in {"day", "天"} else 7)
        yield _span(today - timedelta(days), *view.origin(match.start(), match.end()))
    for match in matches(_LAST_MONTH, view.text):
        first = today.replace(day=1)
        if match["which"].startswith("上"):
            first = (first - timedelta(1)).replace(day=1)
        elif match["which"].startswith("下"):
            first = (first + timedelta(31)).replace(day=1)
        day = _date(first.year, first.month, int(match["day"]))
        if day:
            yield _span(day, *view.origin(match.start(), match.end()))


def _span(day: date, start: int, end: int) -> Span:
    return Span("date", day.isoformat(), start, end)


def _weekday(match: re.Match[str], today: date) -> date:
    """Return "last Tuesday": the latest before today; "next Tuesday": the one of next week."""
    short = (match["weekday"] or match["day"] or match["on"]).lower()
    weekday = [name[:3] for name in _WEEKDAYS].index(short)
    which = (match["which"] or match["week"] or match["in"]).lower()
    if which in {"last", "this past"} and match["which"]:
        return today - timedelta((today.weekday() - weekday - 1) % 7 + 1)
    if which in {"coming", "this coming"}:
        return today + timedelta((weekday - today.weekday() - 1) % 7 + 1)
    return _in_week(today, {"last": -1, "next": 1}.get(which, 0), weekday)


def _in_week(today: date, week: int, weekday: int) -> date:
    return today + timedelta(weekday - today.weekday() + 7 * week)


def _is_meant(match: re.Match[str]) -> bool:
    """Say whether "may" and "march" are months: written large, or a day surely follows."""
    month = match["month"]
    if month.lower() not in {"may", "march", "mar"} or month[0].isupper():
        return True
    nth = match["nth"] or match["year"]
    return bool(nth) or bool(_CERTAIN.search(match.string[: match.start()][-8:]))


def _day(match: re.Match[str], today: date) -> date | None:
    parts = match.groupdict()
    month = _MONTHS.get(parts["month"].lower()) or int(parts["month"])
    day, year = int(parts["day"]), parts.get("year")
    if year in {"今", "去", "明"}:
        return _date(today.year + {"今": 0, "去": -1, "明": 1}[year], month, day)
    if year:
        if month > 12 and match.start("year") > match.start("month"):
            month, day = day, month  # 23/11/2026
        return _date(int(year) + (2000 if len(year) == 2 else 0), month, day)
    return _nearest(month, day, today)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:  # no such day
        return None


def _nearest(month: int, day: int, today: date) -> date | None:
    """Return the day of a year not named: customers speak of the nine months past, or of the
    three to come."""
    for year in (today.year + 1, today.year, today.year - 1):
        found = _date(year, month, day)
        if found and found - today <= timedelta(90):
            return found
    return None
