"""Numbers with what they count or measure, in one form: "two weeks" and 14 天 are both 14 days.

Days and weeks are told in days, months and years in months, hours and less in seconds, and hours
that are whole days in days: these are equal by definition. A month is not 30 days, nor is a working
day one of the calendar: no unit of one of these groups equals one of another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from mmcs.entities.numerals import View
from mmcs.entities.spans import matches


@dataclass(frozen=True)
class Quantity:
    """A number, or two of them with "-" between, with its unit; the characters of a View."""

    value: str
    unit: str  # empty: none that is known
    start: int
    end: int


# What is written -> the unit it is told in, and how many of those it is.
_UNITS: tuple[tuple[str, str, str], ...] = (
    (r"seconds?|secs?|秒钟?", "second", "1"),
    (r"minutes?|mins?|分钟", "second", "60"),
    (r"hours?|hrs?|h|(?:个半?)?(?:小时|钟头)", "second", "3600"),
    (r"(?:working|business|work|week)[ -]?days?|个?工作日", "working day", "1"),
    (r"(?:calendar[ -])?days?|天|日(?=[内后之以])", "day", "1"),
    (r"weeks?|wks?|周(?!年|[一二三四五六日末])|个?(?:星期|礼拜)(?![一二三四五六日天])", "day", "7"),
    (r"fortnights?", "day", "14"),
    (r"months?|个半?月", "month", "1"),
    (r"quarters?(?= of a year)|季度", "month", "3"),
    (r"years?|yrs?|周?年(?!级)", "month", "12"),
    (r"decades?", "month", "120"),
    (r"%|percent|per cent|％", "%", "1"),
    (r"times|次|遍", "time", "1"),
    (r"dozens?|打", "", "12"),
    (r"kilo(?:gram)?s?|kgs?|公斤|千克", "g", "1000"),
    (r"grams?|g|克", "g", "1"),
    (r"tonn?es?|tons?|吨", "g", "1000000"),
    (r"pounds?|lbs?|磅", "lb", "1"),
    (r"ounces?|oz|盎司", "oz", "1"),
    (r"kilomet(?:er|re)s?|km|公里", "mm", "1000000"),
    (r"met(?:er|re)s?|m|米", "mm", "1000"),
    (r"centimet(?:er|re)s?|cm|厘米", "mm", "10"),
    (r"millimet(?:er|re)s?|mm|毫米", "mm", "1"),
    (r"inch(?:es)?|英寸", "inch", "1"),
    (r"feet|foot|ft|英尺", "foot", "1"),
    (r"miles?|英里", "mile", "1"),
    (r"millilit(?:er|re)s?|ml|毫升", "ml", "1"),
    (r"lit(?:er|re)s?|l|升", "ml", "1000"),
    (r"kilowatt[ -]hours?|kwh|度电", "kWh", "1"),
    (r"kilowatts?|kw|千瓦", "W", "1000"),
    (r"watts?|w|瓦", "W", "1"),
    (r"volts?|v|伏", "V", "1"),
    (r"mah|毫安时", "mAh", "1"),
    (r"amp(?:ere)?s?", "A", "1"),
    (r"(?:degrees? |°\s?)(?:c|celsius)|℃|摄氏度|度", "°C", "1"),
    (r"(?:degrees? |°\s?)(?:f|fahrenheit)|℉", "°F", "1"),
    (r"gigabytes?|gb", "GB", "1"),
    (r"megabytes?|mb", "MB", "1"),
    (r"ghz", "GHz", "1"),
    (r"points?|积分", "point", "1"),
    (r"折", "折", "1"),
)
_UNIT = "|".join(f"(?P<u{n}>{pattern})" for n, (pattern, _, _) in enumerate(_UNITS))
_LONG = r"(?:second|minute|hour|day|week|fortnight|month|year|decade|dozen)"
_NUMBER = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_TO = r"\s?(?:-|–|—|to|~|～|至|到)\s?"
_QUANTITY = re.compile(
    rf"(?<![\w.,-])(?P<share>百分之)?(?:between (?P<least>{_NUMBER})(?: \w+)? and )?"
    rf"(?P<low>{_NUMBER})(?:{_TO}(?P<high>{_NUMBER})(?!\s?[-–~至到]\s?\d))?(?P<half> and a half)?"
    rf"(?:[ -]?(?:{_UNIT})(?![A-Za-z])(?P<more>半| and a half\b)?)?(?![.,]\d)",
    re.IGNORECASE | re.ASCII,
)
# Without digits: "a week", "half a year", 半年. "24 hours a day" names no day.
_WORDED = re.compile(
    rf"(?P<part>\bhalf (?:a |an |of a )?|半个?)(?:{_UNIT})(?![A-Za-z])"
    rf"|\b(?P<one>an?) (?P<whole>(?:{_LONG}|working day|business day))\b(?P<more> and a half\b)?",
    re.IGNORECASE | re.ASCII,
)
_RATE = re.compile(
    r"(?:\b(?:once|twice|times|time|hours?|days?|weeks?|months?|much|many|per|\d+|percent|%|cents?"
    r"|dollars?|euros?|pounds?|of|such|quite|what|[$€£¥]\s?[\d.,]+)) $",
    re.IGNORECASE,
)
_COUPLE = re.compile(rf"\ba couple of (?:{_UNIT})(?![A-Za-z])", re.IGNORECASE | re.ASCII)
# Half of a thing that is no measure: "half of the deposit", 押金退一半.
_HALF_OF = re.compile(
    r"\bhalf (?:of )?(?:the|your|our|its|it|that)\b|[一1]半(?!年|天|个)", re.IGNORECASE
)
_A_DAY = re.compile(r"\s?(?:只要|只需|收费|收|要|付)?\s?[$€£¥￥]?\d+(?:\.\d+)?\s?[元块欧美英日]")
_TWICE = re.compile(r"\btwice\b", re.IGNORECASE)
_CLOCK = re.compile(
    r"(?<![\d:.,-])(?P<hour>\d{1,2})(?:[:.](?P<minute>[0-5]\d))?\s?(?P<half>[ap])\.?m\b\.?"
    r"|(?<![\d:.,])(?P<hour24>\d{1,2}):(?P<minute24>[0-5]\d)(?![\d:])"
    r"|(?P<part>凌晨|早上|上午|中午|下午|傍晚|晚上)?(?<![\d.])(?P<zh>\d{1,2})点(?![击儿数评\d])(?:钟|整)?"
    r"(?:(?P<zh_half>半)|(?P<zh_minute>[0-5]?\d)分(?!钟))?"
    r"|\b(?P<noon>noon|midday)\b|\b(?P<midnight>midnight)\b",
    re.IGNORECASE | re.ASCII,
)
_AFTERNOON = frozenset({"p", "P", "下午", "傍晚", "晚上"})
# A Chinese number that counts something; 一定, 十分 and 万一 count nothing.
_COUNTED = re.compile(r"\s?[个只件台张份名位条种块片根颗箱包盒瓶本家项封笔套双]")
_OF_A_ROW = re.compile(r"(?:第|星期|礼拜|周)$")
_HALF, _DAY, _YEAR = Decimal("0.5"), 24 * 3600, re.compile(r"(?:19|20)\d\d")


def find_quantities(text: str, view: View) -> Iterator[Quantity]:
    """Yield the numbers of a text with their units, the times of day first.

    Args:
        text: what was written.
        view: the same with its numbers in digits; quantities are told by their places in it.
    """
    for match in matches(_CLOCK, view.text):
        yield Quantity(_time(match), "clock", *match.span())
    for match in matches(_QUANTITY, view.text):
        if _is_number(text, view, match):
            yield _quantity(match)
    yield from _in_words(view)


def _in_words(view: View) -> Iterator[Quantity]:
    """Yield what is told without digits: "half a year", "a week", "twice"."""
    for match in matches(_WORDED, view.text):
        if match["part"]:
            unit, factor = _unit(match)
            yield Quantity(_written(factor / 2), unit, *match.span())
        elif match["whole"].lower() != "second" and not _RATE.search(view.text[: match.start()]):
            unit, factor = _unit_named(match["whole"])
            number = factor * 3 / 2 if match["more"] else factor
            yield Quantity(_written(number), unit, *match.span())
    for match in matches(_COUPLE, view.text):
        unit, factor = _unit(match)
        yield Quantity(_written(2 * factor), unit, *match.span())
    for match in matches(_TWICE, view.text):
        yield Quantity("2", "time", *match.span())
    for match in matches(_HALF_OF, view.text):
        yield Quantity("50", "%", *match.span())


def _time(match: re.Match[str]) -> str:
    """Return a time of day as on a clock of 24 hours."""
    if match["noon"] or match["midnight"]:
        return "12:00" if match["noon"] else "00:00"
    hour = int(match["hour"] or match["hour24"] or match["zh"])
    minute = match["minute"] or match["minute24"] or match["zh_minute"] or "00"
    half = match["half"] or match["part"] or ""
    if half in _AFTERNOON and hour < 12:
        hour += 12
    elif half in {"a", "A", "凌晨"} and hour == 12:
        hour = 0
    return f"{hour % 24:02}:{30 if match['zh_half'] else int(minute):02}"


def _quantity(match: re.Match[str]) -> Quantity:
    unit, factor = _unit(match)
    low = match["low"]
    if unit == "month" and _YEAR.fullmatch(low):  # 2026年
        unit, factor = "", Decimal(1)
    more = _HALF if match["half"] or match["more"] or "个半" in match.group() else Decimal(0)
    numbers = [number for number in (match["least"], low, match["high"]) if number]
    told = [_written((Decimal(number.replace(",", "")) + more) * factor) for number in numbers]
    if low.startswith("0") and low.isdigit():  # of an order or a phone
        told = numbers
    elif unit == "second" and all(Decimal(number) % _DAY == 0 for number in told):
        told, unit = [_written(Decimal(number) / _DAY) for number in told], "day"
    return Quantity("-".join(told), unit, *match.span())


def _unit(match: re.Match[str]) -> tuple[str, Decimal]:
    if match.groupdict().get("share"):
        return "%", Decimal(1)
    for number, (_, unit, factor) in enumerate(_UNITS):
        if match[f"u{number}"]:
            return unit, Decimal(factor)
    return "", Decimal(1)


def _unit_named(name: str) -> tuple[str, Decimal]:
    found = (entry for entry in _UNITS if re.fullmatch(entry[0], name, re.IGNORECASE))
    _, unit, factor = next(found)
    return unit, Decimal(factor)


def _written(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _is_number(text: str, view: View, match: re.Match[str]) -> bool:
    """Say whether a number is one: not "one of us", 一定, 第3, 3rd or a rate."""
    before, after = view.text[: match.start("low")], view.text[match.end("low") :]
    if after[:2].lower() in {"st", "nd", "rd", "th"} or _OF_A_ROW.search(before):
        return False
    words = text[slice(*view.origin(*match.span("low")))]
    unit, _ = _unit(match)
    if words == "一" and unit in {"day", "month"} and _A_DAY.match(view.text[match.end() :]):
        return False  # 一天18欧元: a rate
    if any(character.isdigit() for character in words) or unit not in {"", "time"}:
        return True
    if match["low"] == "1":
        return False
    return words.isascii() or unit == "time" or bool(_COUNTED.match(after))
