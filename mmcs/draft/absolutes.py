"""Words that leave no exception: always, never, free, guaranteed, 终身, 免费.

A sentence that has one needs a source that has one of the same meaning: "a two-year warranty"
carries no lifetime's.
"""

from __future__ import annotations

import re
from functools import lru_cache

from mmcs.draft.facts import Fact

# By meaning: words of one meaning carry each other, also from one language to the other.
_MEANINGS: dict[str, re.Pattern[str]] = {
    meaning: re.compile(pattern, re.IGNORECASE)
    for meaning, pattern in {
        "always": r"\b(?:always|every time|(?:at )?any ?time|at all times|around the clock)\b"
        r"|总是|始终|随时|每次|任何时候|全天候",
        "never": r"\b(?:never|under no circumstances)\b|从不|绝不|永不|决不|绝对不|从来不",
        "forever": r"\b(?:forever|for ever|(?<!battery )lifetime|life-?long|permanent(?:ly)?"
        r"|indefinitely|eternal(?:ly)?|for good|for life)\b"
        r"|终身|终生|永久|永远|永不|一辈子|长期有效",
        "unlimited": r"\b(?:unlimited|limitless|(?:without|no) (?:any )?limits?"
        r"|as (?:many|much|often) as you)\b|无限|不限|没有(?:任何)?限制|没有上限",
        "free": r"(?<!feel )(?<!-)\bfree\b(?! of (?!charge|cost))(?![- ](?:up|space|time))"
        r"|\b(?:(?:at )?no (?:extra |additional |further )?(?:cost|charge|fee)s?"
        r"|costs? (?:you )?nothing|without (?:charge|cost|a fee|any fee)|complimentary"
        r"|on the house|gratis|nothing to pay|pay nothing|waive[sd]?)\b"
        r"|(?:\b(?:not|never)|n['’]t)(?: (?:have|need) to)? (?:pay|owe)(?: us)?"
        r" (?:anything|a (?:cent|penny|thing))\b"
        r"|(?<!count )(?<!rely )(?<!call )(?<!depend )\bon us"
        r"(?=\s*(?:$|[.,!;]|this time))"
        r"|一分钱[都也]?不|不用(?:您)?[付掏](?:钱|款|费|任何)|请客|免费|免[运邮]费|包邮|不收(?:取|任何)*费|不要钱|不花(?:您)?一分钱|免除|不另收|免了",
        "guaranteed": r"\b(?:guaranteed|(?:I|we) guarantee|definitely|certainly|in any case"
        r"|no matter what|without (?:fail|exception)|for sure|100 ?%)(?!\w)"
        r"|保证|一定(?!要|程度|的)|肯定|必定|绝对|无论如何|百分之百|包[退换赔]",
        "all": r"(?<!at )(?<!after )(?<!above )(?<!first of )\b(?:all|every(?:thing|one|body)?"
        r"|entire|whatever|whichever|(?:without|no) exceptions?)\b|所有|全部|任何|一切|凡是",
        "any": r"\bany(?:thing|one|body)?\b",
        "full": r"\b(?:in full|full|fully|completely|entirely|totally)\b|全额|全款|完全|彻底",
        "at once": r"\b(?:immediate(?:ly)?|instant(?:ly)?|at once|(?:right|straight) away"
        r"|same day)\b|立即|立刻|马上|当天|即刻",
    }.items()
}
_MAY_BE = re.compile(r"\b(?:if|unless|whether|not|without|never|no)\b|n['’]t\b", re.IGNORECASE)


@lru_cache(8192)
def find_absolutes(text: str) -> frozenset[Fact]:
    """Return the words of a text that leave no exception."""
    found: set[Fact] = set()
    for meaning, pattern in _MEANINGS.items():
        match = pattern.search(text)
        if match and meaning == "any":  # "if any part is missing" says little
            if not _MAY_BE.search(text):
                found.add(Fact("absolute", "all", match.group()))
        elif match:
            found.add(Fact("absolute", meaning, match.group()))
    return frozenset(found)
