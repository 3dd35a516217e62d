"""The hard facts of a sentence: what must be found, word for word, in a source.

Numbers with their units, amounts, ranges, codes, links and addresses; and promises, which only an
article can carry. Normalised so that "five working days" and "5 working days" are one fact.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from mmcs.ticket import Language

_WORDS = {
    w: str(n)
    for n, w in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()
    )
    if n > 1  # "one" is a pronoun more often than a number
} | {"fifteen": "15", "twenty": "20", "thirty": "30", "sixty": "60", "ninety": "90"}
_CHINESE = {"一": "1", "两": "2", "二": "2", "三": "3", "四": "4", "五": "5", "六": "6"} | {
    "七": "7",
    "八": "8",
    "九": "9",
    "十": "10",
    "十五": "15",
    "二十": "20",
    "三十": "30",
}
_UNITS = {
    "second": r"seconds?|secs?|秒",
    "minute": r"minutes?|mins?|分钟",
    "hour": r"hours?|hrs?|个?小时",
    "working day": r"(?:working|business)[ -]days?|个?工作日",
    "day": r"(?:calendar )?days?|天|日",
    "week": r"weeks?|周|个?星期",
    "month": r"months?|个?月",
    "year": r"years?|年",
    "%": r"%|percent|per cent",
    "USD": r"dollars?|usd|美元|美金",
    "CNY": r"yuan|rmb|元|块",
}
_UNIT = "|".join(f"(?P<u{i}>{pattern})" for i, pattern in enumerate(_UNITS.values()))
_NUMBER = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_QUANTITY = re.compile(
    rf"(?P<sign>US\$|[$€£¥￥])?\s?(?P<low>{_NUMBER})"
    rf"(?:\s?(?:-|–|to|~|至|到)\s?(?P<high>{_NUMBER}))?[ -]?(?:(?:{_UNIT})(?![a-z]))?",
    re.IGNORECASE,
)
_LINK = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?:https?://)?(?:[\w-]+\.)+(?:com|org|net|example|cc|io|cn|shop)"
    r"(?:/[\w./#?=&%-]*)?",
    re.ASCII | re.IGNORECASE,
)
_CODE = re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\b", re.ASCII)
_PHONE = re.compile(r"\+?\d[\d ()-]{7,}\d")
_DAYS = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|june|july|"
    r"august|september|october|november|december|tomorrow|today|tonight)\b|星期[一二三四五六日天]|"
    r"周[一二三四五六日]|明天|今天|后天",
    re.IGNORECASE,
)
_SIGNS = {"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "¥": "CNY", "￥": "CNY"}

# What the shop itself would have done: no article can say that it has happened.
_DONE = re.compile(
    r"\b(?:I|we)(?:'ve| have|’ve)\s+(?:already |now |just )?\w+(?:ed|nt|en|ut)\b"
    r"|\b(?:has|have) been (?:re?fund|cancel|replac|ship|credit|approv|process|updat|sent|issued)"
    r"\w*|已经?(?:为您|帮您|给您)|(?:为您|帮您)(?:已经?|办理了|取消了|退款了|安排了)",
    re.IGNORECASE,
)
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
    r"|我们?(?:会|将|可以|马上|立即)|保证|承诺|一定会|将为您|会为您",
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

FactKind = Literal["quantity", "link", "code", "phone", "day"]


@dataclass(frozen=True)
class Fact:
    """Something in a sentence that is right or wrong, with the very words."""

    kind: FactKind
    value: str  # normalised
    words: str
    unit: str = ""

    def carried_by(self, others: frozenset[Fact]) -> bool:
        """Say whether one of the facts of a source is this one; a unit must not differ."""
        return any(
            other.value == self.value and (not self.unit or other.unit in {"", self.unit})
            for other in others
        )


def find_facts(text: str) -> frozenset[Fact]:
    """Return the hard facts of a text. List numbers are not facts."""
    found: set[Fact] = set()
    rest = re.sub(r"^\s*\d{1,2}[.)、]\s+", "", text)
    patterns: tuple[tuple[FactKind, re.Pattern[str]], ...] = (
        ("link", _LINK),
        ("code", _CODE),
        ("phone", _PHONE),
        ("day", _DAYS),
    )
    for kind, pattern in patterns:
        for match in pattern.finditer(rest):
            words = match.group()
            if kind == "code" and _QUANTITY.fullmatch(words):
                continue  # "30-day" is a quantity
            if kind == "phone" and len(re.sub(r"\D", "", words)) < 9:
                continue
            found.add(Fact(kind, _plain(kind, words), words.strip()))
            rest = rest.replace(words, " " * len(words), 1)
    for match in _QUANTITY.finditer(_digits(rest)):
        found.add(_quantity(match))
    return frozenset(found)


def is_admission(text: str) -> bool:
    """Say whether a sentence says that the articles don't answer."""
    said = text.strip().replace("’", "'").lower()
    return said.startswith(tuple(words.lower() for words in ADMISSIONS.values()))


def is_done(text: str) -> bool:
    """Say whether a sentence says that the shop has done something for the customer."""
    return bool(_DONE.search(text))


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


def _plain(kind: FactKind, words: str) -> str:
    if kind == "phone":
        return re.sub(r"\D", "", words)
    return re.sub(r"^https?://", "", words.lower()).rstrip("./")


def _quantity(match: re.Match[str]) -> Fact:
    unit = next((u for i, u in enumerate(_UNITS) if match.group(f"u{i}")), "")
    sign = (match.group("sign") or "").upper()
    low, high = match.group("low"), match.group("high")
    value = _value(low) + (f"-{_value(high)}" if high else "")
    return Fact("quantity", value, match.group().strip(), _SIGNS.get(sign, unit))


def _value(number: str) -> str:
    return f"{float(number.replace(',', '')):g}" if len(number) < 12 else number


def _digits(text: str) -> str:
    """Return the text with number words before a unit written in digits."""
    english = re.compile(rf"\b({'|'.join(_WORDS)})\b(?=[ -](?:to |-)?\w)", re.IGNORECASE)
    text = english.sub(lambda m: _WORDS[m.group().lower()], text)
    chinese = re.compile(
        r"(二十|三十|十五|[一两二三四五六七八九十])(?=个?(?:工作日|小时|月|星期)|天|年|周|分钟|次)"
    )
    return chinese.sub(lambda m: _CHINESE[m.group()], text)
