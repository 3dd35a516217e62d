"""Conversations of several turns: which part of one is to be answered.

The customer's latest turn leads; what came before is context, for "and how long does that take?".
"""

from __future__ import annotations

import re
from dataclasses import replace

from mmcs.sentences import script
from mmcs.ticket import Case, Message

SHORT = {"en": 10, "zh": 16}  # words, characters up to which a turn may lean on the one before
MOST_THANKS = {"en": 30, "zh": 40}  # the same of a turn that only thanks

# What points back, and what goes on with something that was said.
_LEANS = re.compile(
    r"\b(?:it|that|this|these|those|them|they|there|then|one|ones|same|instead|else|either|too)\b"
    r"|^\W*(?:and|but|or|so|also|what about|how about|what if|why|which|how (?:much|long|so))\b"
    r"|那|这|它|呢|同样|也|另一|多久|多少|为什么",
    re.IGNORECASE,
)
_THANKS = re.compile(
    r"\b(?:thanks?|thank you|thx|cheers|much appreciated|appreciate|perfect|great|brilliant"
    r"|wonderful|excellent|lovely|awesome|super|works|worked|helped|did (?:it|the trick)"
    r"|solved|fixed|sorted|all (?:good|set|fine)|got it|problem solved|understood)\b"
    r"|谢谢|多谢|感谢|好的|可以了|解决了|明白了|知道了|没问题了|搞定|弄好了|好用了|恢复了|正常了|辛苦了",
    re.IGNORECASE,
)
# What asks for more: a question, a wish, an objection.
_ASKS = re.compile(
    r"[?？]|\b(?:but|however|although|though|still|except|unless|yet|not|never|no longer|only"
    r"|again|another|other|also|please|can|could|would|may|need|want|like to|how|when|where|what"
    r"|why|which|who|wonder\w*|problem(?! solved)|issue|wrong|error)\b|n['’]t\b"
    r"|[吗呢么]|但|不过|可是|还是|还有|仍|另外|怎么|什么|多久|多少|哪|请|能不能|能否|可以(?!了)|想"
    r"|需要|没(?!问题)|不(?!错|用谢|客气)",
    re.IGNORECASE,
)


def to_answer(case: Case) -> Case:
    """Return a Case with no more than what is to be answered: the customer's latest turn with its
    own attachments, and the turn before it where the latest one leans on that."""
    turns = _turns(case)
    if len(turns) < 2:
        return case
    kept = turns[-1]
    if _leans(kept) or asks_nothing(case):
        kept = (*turns[-2], *kept)
    names = {attachment.name for message in kept for attachment in message.attachments}
    evidence = replace(
        case.evidence,
        transcripts=tuple(t for t in case.evidence.transcripts if t.attachment in names),
        images=tuple(p for p in case.evidence.images if p.attachment in names),
        entities=tuple(
            entity
            for entity in case.evidence.entities
            if any(re.sub(r"(?:@[\d.]+|#\d+)$", "", ref) in names for ref in entity.sources)
            or _stands_in(entity.value, kept)
        ),
    )
    return replace(case, ticket=replace(case.ticket, messages=kept), evidence=evidence)


def asks_nothing(case: Case) -> bool:
    """Say whether customers only thank for what an agent has answered: "Thanks, that worked!"."""
    turns = _turns(case)
    if len(turns) < 2 or any(message.attachments for message in turns[-1]):
        return False
    text = _text(turns[-1])
    return (
        bool(_THANKS.search(text))
        and not _ASKS.search(text)
        and _length(text) <= MOST_THANKS[script(text)]
    )


def _turns(case: Case) -> list[tuple[Message, ...]]:
    """Return what the customer sent, one tuple for all messages between two of an agent's."""
    turns: list[list[Message]] = [[]]
    for message in case.ticket.messages:
        if message.author == "customer":
            turns[-1].append(message)
        elif message.author == "agent" and turns[-1]:
            turns.append([])
    return [tuple(turn) for turn in turns if turn]


def _leans(turn: tuple[Message, ...]) -> bool:
    """Say whether a turn can't be understood without what came before."""
    text = _text(turn)
    if any(message.attachments for message in turn):
        return not text
    return _length(text) <= SHORT[script(text)] and bool(_LEANS.search(text))


def _text(turn: tuple[Message, ...]) -> str:
    return "\n".join(message.text.strip() for message in turn)


def _length(text: str) -> int:
    return len(text.strip()) if script(text) == "zh" else len(text.split())


def _stands_in(value: str, turn: tuple[Message, ...]) -> bool:
    plain = re.sub(r"\W", "", value).lower()
    return plain in re.sub(r"\W", "", _text(turn)).lower()
