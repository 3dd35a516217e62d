"""The hard facts of a sentence: what must be found, in whatever words, in a source.

Numbers with their units, amounts, days, codes, links and addresses, as entities are found; and
promises, which only an article can carry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from mmcs.entities.amounts import find_amounts
from mmcs.entities.dates import find_dates
from mmcs.entities.numerals import View, in_digits
from mmcs.entities.quantities import Quantity, find_quantities
from mmcs.ticket import Language

_LINK = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
    r"|(?:https?://)?(?<![\w-])(?:[\w-]{1,63}\.){1,8}(?:com|org|net|example|cc|io|cn|shop)"
    r"(?:/[\w./#?=&%-]*)?",
    re.ASCII | re.IGNORECASE,
)
_LIST_NUMBER = re.compile(r"\s*\d{1,2}[.)、]\s+")
_CODE = re.compile(  # also a version, 2.1.3
    r"\b(?=[\w.-]{0,40}\d)(?=[\w-]{0,40}[A-Za-z])[A-Za-z0-9]+(?:-[A-Za-z0-9]+|\.\d[A-Za-z0-9]*)*\b"
    r"|\b\d+(?:\.\d+){2,}\b",
    re.ASCII,
)
_PHONE = re.compile(r"\+?\d[\d ()-]{7,}\d")
_FEWEST_DIGITS = 9  # of a phone number
_MONTHS = (
    "january february march april may june july august september october november december".split()
)
_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_DAYS = re.compile(
    rf"\b(?P<weekday>{'|'.join(_WEEKDAYS)})s?\b|\b(?P<near>tomorrow|today|tonight|yesterday)\b"
    rf"|\b(?P<month>(?!may\b){'|'.join(_MONTHS)}|(?-i:May))\b|(?<!\d)(?P<month_zh>\d{{1,2}})月(?!\d)"
    r"|(?:星期|礼拜|周)(?P<weekday_zh>[一二三四五六日天])|(?P<near_zh>明天|今天|今晚|后天|昨天|前天)",
    re.IGNORECASE,
)
_NEAR = {"明天": "tomorrow", "今天": "today", "今晚": "tonight", "昨天": "yesterday"}

# What the shop decides: an article may say it of everybody, nobody else of this customer.
_DECISION = re.compile(
    r"\b(?:is|are|was|were|be|being|get|gets) (?:\w+ )?(?:approved|waived|refunded|cancell?ed|"
    r"accepted|included|credited|covered|entitled|eligible|free|reshipped|replaced|compensated)\b"
    r"|\b(?:refund|compensation|credit(?: note)?|gift card|discount|voucher) (?:of|worth)\b"
    r"|\byou (?:may|can|could|do not|don['’]t|needn['’]t|are allowed)\b|\bfor free\b"
    r"|您(?:可以|无需|不用)"
    r"|退款|赔|补偿|批准|免费|免除|特批|保修|赠|送您",
    re.IGNORECASE,
)
# A sentence that tells the customer what the customer has said or shown.
_RESTATING = re.compile(
    r"^(?:(?:I|we) (?:understand|see|note|read|hear)\b|(?:thank you|thanks) for\b|(?:I'm|I am"
    r"|we're|we are) (?:very |so )?sorry\b|you(?:r|['’](?:ve|re|d))?\b|(?:since|as) you\b"
    r"|(?:in |on )?the (?:photo|picture|image|screenshot|screen|voice note|message|label|receipt"
    r"|invoice|order|parcel|display)\b|您|你|感谢|我们?(?:了解|看到|理解|明白)|照片|图片|截图|面单|订单)",
    re.IGNORECASE,
)
_PROMISE = re.compile(
    r"\b(?:I|we)(?:'ll|’ll| will| can| are going to|'re going to)\b|\bguarantee"
    r"|\byou(?:'ll|’ll| will) (?:receive|get|be (?:refunded|credited|contacted))"
    r"|\b(?:I|we) (?:promise|swear)\b|\byou (?:can|may) (?:count|rely|depend) on (?=\w)"
    r"|\blet (?:me|us) (?!know\b)"
    r"|我们?(?:会|将|可以|马上|立即)|保证|承诺|一定会|将为您|会为您|(?:一定|肯定|马上|立刻)[给帮为替][您你]",
    re.IGNORECASE,
)
_FIRST_PERSON = re.compile(r"\b(?:I|my|mine|me|we|our|us)\b|[我咱]", re.IGNORECASE)
_INSTRUCTION = re.compile(
    r"^(?:\d{1,2}[.)] |- )?(?:then |first,? |next,? |now,? |after that,? )?(?:please|try|make sure|"
    r"check|open|close|press|hold|click|tap|select|choose|go to|sign in|log in|enter|send|write|"
    r"call|wait|move|put|take|turn|switch|plug|unplug|connect|disconnect|remove|clean|wipe|empty|"
    r"restart|reset|update|install|download|keep|pack|print|return|contact|attach|don't|do not)\b"
    r"|\bplease\b|^请|请您?(?:先|再|把|将|在|用|按|打开|点击|联系|发送|等|检查|拔|按住)",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|neither|nor|without|cannot|unless|except)\b|n['’]t\b"
    r"|[不没未无非]|除非|禁止|勿",
    re.IGNORECASE,
)

# How a model says that no article answers: its prompt, or its training, gives it these words.
ADMISSIONS: dict[Language, str] = {
    "en": "Our help articles don't say",
    "zh": "帮助文章里没有说明",
}

FactKind = Literal["quantity", "link", "code", "phone", "day", "absolute"]


@dataclass(frozen=True)
class Fact:
    """Something in a sentence that is right or wrong, with the very words."""

    kind: FactKind
    value: str  # normalised
    words: str
    unit: str = ""

    def carried_by(self, others: frozenset[Fact]) -> bool:
        """Say whether one of the facts of a source is this one. A unit, a currency or that there is
        none must not differ: who paid $89 has not paid 89 pounds."""
        return any(other.value == self.value and other.unit == self.unit for other in others)


Found = tuple[Fact, int, int]  # and where it stands


@lru_cache(8192)
def find_facts(text: str) -> frozenset[Fact]:
    """Return the hard facts of a text. List numbers are not facts."""
    return frozenset(fact for fact, _, _ in _settled(text))


@lru_cache(8192)
def in_normal_form(text: str) -> str:
    """Return a text in which numbers with a unit, amounts and days stand in one form, so that
    "two weeks" and "14 days" are the same words."""
    written: list[str] = []
    position = 0
    for fact, start, end in sorted(_settled(text), key=lambda found: found[1]):
        if fact.kind in {"quantity", "day"}:
            value = re.sub(r"[^a-z0-9.:-]", "", f"{fact.value}{fact.unit}".lower())
            written += [text[position:start], f" {value} "]
            position = end
    return "".join([*written, text[position:]])


def is_admission(text: str) -> bool:
    """Say whether a sentence says that the articles don't answer."""
    said = text.strip().replace("’", "'").lower()
    return said.startswith(tuple(words.lower() for words in ADMISSIONS.values()))


def is_promise(text: str) -> bool:
    """Say whether a sentence promises what the shop will do."""
    return bool(_PROMISE.search(text))


def is_first_person(text: str) -> bool:
    """Say whether somebody speaks of themselves."""
    return bool(_FIRST_PERSON.search(text))


def is_restating(text: str) -> bool:
    """Say whether a sentence tells customers what they have said or shown themselves. Nothing else
    may rest on their words: whoever writes "say that the fee is waived" decides nothing by it."""
    return bool(_RESTATING.search(text.strip())) and not _DECISION.search(text)


def is_instruction(text: str) -> bool:
    """Say whether a sentence tells the customer to do something."""
    return bool(_INSTRUCTION.search(text))


def is_negated(text: str) -> bool:
    """Say whether a sentence denies or excludes something."""
    return bool(_NEGATION.search(text))


def _settled(text: str) -> list[Found]:
    """Return the facts of a text; where two overlap, the one that comes first counts."""
    kept: list[Found] = []
    taken: set[int] = set()
    for fact, start, end in _found(text):
        here = range(start, end)
        if taken.isdisjoint(here):
            kept.append((fact, start, end))
            taken.update(here)
    return kept


def _found(text: str) -> Iterator[Found]:
    """Yield facts and where they stand, the surest first."""
    view = in_digits(text)
    quantities = list(find_quantities(text, view))
    if number := _LIST_NUMBER.match(text):
        quantities = [one for one in quantities if one.start >= number.end()]
    yield from _addresses(text)
    if any(character.isdigit() for character in view.text):
        yield from _amounts_and_dates(text, view)
    for match in _DAYS.finditer(text):
        yield _fact("day", _day(match), text, match.span())
    yield from (_counted(one, text, view) for one in quantities if one.unit)
    for match in _CODE.finditer(text):
        yield _fact("code", match.group().lower(), text, match.span())
    yield from (_counted(one, text, view) for one in quantities)


def _amounts_and_dates(text: str, view: View) -> Iterator[Found]:
    for span in find_amounts(view):
        value, currency = span.value.split()
        yield _fact("quantity", _plain(value), text, (span.start, span.end), currency)
    for span in find_dates(text, view, date.today()):
        if any(character.isdigit() for character in view.at(span.start, span.end)):
            yield _fact("day", span.value, text, (span.start, span.end))


def _addresses(text: str) -> Iterator[Found]:
    for match in _LINK.finditer(text):
        address = re.sub(r"^https?://", "", match.group().lower()).rstrip("./")
        yield _fact("link", address, text, match.span())
    for match in _PHONE.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        if len(digits) >= _FEWEST_DIGITS:
            yield _fact("phone", digits, text, match.span())


def _fact(kind: FactKind, value: str, text: str, place: tuple[int, int], unit: str = "") -> Found:
    return Fact(kind, value, text[slice(*place)].strip(), unit), *place


def _counted(one: Quantity, text: str, view: View) -> Found:
    return _fact("quantity", one.value, text, view.origin(one.start, one.end), one.unit)


def _plain(value: str) -> str:
    return f"{Decimal(value).normalize():f}"


def _day(match: re.Match[str]) -> str:
    """Return a weekday, a month or a day near today by its English name."""
    if match["weekday_zh"]:
        return _WEEKDAYS["一二三四五六日".index(match["weekday_zh"].replace("天", "日"))]
    if match["month_zh"]:
        return _MONTHS[(int(match["month_zh"]) - 1) % 12]
    if match["near_zh"]:
        return _NEAR.get(match["near_zh"], match["near_zh"])
    return (match["weekday"] or match["near"] or match["month"]).lower()
