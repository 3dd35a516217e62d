"""The agent's own reply before it is sent: which of its sentences nothing supports.

Agents know more than the desk, and most of what they write needs no source. Named are facts that
stand in no source (numbers, amounts, days, codes, links), what the reply says was done, and
promises: these cost money or trust if they are wrong. What only tells that the message is being
looked after ("I will look into it") is neither.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from mmcs.draft.absolutes import find_absolutes
from mmcs.draft.check import Checker
from mmcs.draft.deeds import Deed, find_deeds
from mmcs.draft.facts import find_facts, is_promise
from mmcs.draft.sources import Source, sources_of
from mmcs.sentences import as_read, bare, script, split_units
from mmcs.ticket import Case, Claim

PROMISING = frozenset({"forever", "unlimited", "free"})  # of the words that leave no exception
# What an agent does with a message, and not for its sender.
_LOOKS_AFTER = re.compile(
    r"(?:look|check|see|saw|seen|read|ask|investigat|forward|pass|get|got|let|keep|kept|contact"
    r"|writ|wrote|repl|answer|help|assist|understand|understood|imagin|not|appreciat|apologi[sz]|hop"
    r"|confirm|attach|enclos|agree|welcom"
    r"|explain|tell|told|receiv|updat|follow|discuss|talk|sp[eo]ak|spoke|reach|review|find"
    r"|found|had|call|com)(?:e|es|t?ed|t?ing|y|ies|ied|ten|en)?"
)
# Words that look after a message only if nothing that is worth money goes with them.
_WEAK = frozenset(
    {"get", "got", "let", "had", "have", "find", "found", "come", "call", "keep", "kept"}
)
_WORTH = re.compile(
    r"\b(?:money|refund|replac\w+|vouchers?|credit|discount|compensat\w+|gift|waive\w*|repair\w*"
    r"|cancel\w*|new)\b",
    re.IGNORECASE,
)
# What says that the message is looked after in more than one word.
_IN_TOUCH = re.compile(
    r"\b(?:(?:get|got|getting|come|came) back to (?:you|us)"
    r"|(?:let|keep) (?:you|us|me) (?:know|posted|updated|informed)"
    r"|(?:count|rely|depend) on (?:us|me)"
    r"|be (?:in touch|back|here|available|sure|right with you)"
    r"|(?:be (?:more than )?(?:happy|glad|able|pleased) to) (?=\w)"
    r"|(?:get|receive|have) (?:an?|the|our|my|another) (?:\w+ )?(?:answer|reply|response"
    r"|update|e-?mail|message|call|look|word|chat))\b",
    re.IGNORECASE,
)
_PROMISED = re.compile(
    r"(?:\b(?:will|can|going to|and|then|let me|let us|promise to)|['’]ll)"
    r"(?: (?:\w+ly|also|then|now|gladly|happily|not))*"
    r" (?!the\b|your?\b|our\b|my\b|it\b|a\b)(\w+)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+")
_WILL = re.compile(r"(?:['’]ll| will| am going to| are going to)\b|(?<=们)[会将]")
_ZH_LOOKS_AFTER = re.compile(
    r"查|核实|了解|跟进|反馈|转告|转达|联系|回复|确认|沟通|询问|关注|记录|收到|看到|尽快处理"
)
_ZH_WORKER = re.compile(r"师傅|工程师|技师|技术员|快递员|仓库")
_ZH_GIVES = re.compile(r"退|赔|补|免|换|取消|寄|发[货出送]|送|减|折|优惠|保证|承诺|修")


def check_reply(
    case: Case, text: str, checker: Checker | None, courtesies: Iterable[str]
) -> tuple[Claim, ...]:
    """Return the sentences of a reply that state a fact, deed or promise which nothing supports.

    Args:
        case: what is known of the customer, and the articles that were found.
        text: the reply as it stands.
        checker: of this Case, without courtesies; None while its models are still loading: then
            only what can be wrong in no other words is named, facts that no source holds and deeds.
        courtesies: the domain's own words, which claim nothing.
    """
    text = as_read(text)
    known = frozenset(unit.text for words in courtesies for unit in split_units(as_read(words)))
    sources = sources_of(case)
    doubted = [
        claim
        for unit in split_units(text)
        if unit.text not in known
        for claim in _doubted(unit.text, sources)
    ]
    if checker is None:
        return tuple(claim for claim in doubted if claim.unsupported)
    return tuple(claim for claim in doubted if not _is_supported(claim.text, checker))


def _is_supported(text: str, checker: Checker) -> bool:
    """Say whether a sentence rests on something, as it is or in the present: what an article says
    that is done, "we refund", an agent may promise, "we will refund"."""
    ways = dict.fromkeys((text, _WILL.sub("", text)))
    return any(all(one.supported for one in checker.check(way)) for way in ways)


def _doubted(text: str, sources: tuple[Source, ...]) -> Iterator[Claim]:
    """Yield a sentence of a reply if it says something that may be wrong, with the words that no
    source holds; without any if it is a promise, which a source may hold in other words."""
    if text.rstrip().endswith(("?", "？")):
        return
    facts = find_facts(bare(text))
    held = frozenset(fact for source in sources for fact in source.facts)
    words = [fact.words for fact in facts if not fact.carried_by(held)]
    strong = frozenset(fact for source in sources for fact in source.absolutes)
    told = (fact for fact in find_absolutes(text) if fact.value in PROMISING)
    words += [fact.words for fact in told if not fact.carried_by(strong)]
    words += [word for word in _WORD.findall(text) if _is_of_two_scripts(word)]
    deeds, service = _deeds(text), _is_service(text)
    if any(deed.is_of_one_customer for deed in deeds) and not service:
        words.append(text)
    if words or ((deeds or is_promise(text)) and not service):
        yield Claim(text, supported=False, unsupported=tuple(dict.fromkeys(words)))


def _deeds(text: str) -> list[Deed]:
    """Return what a sentence says that others than the customer did for them, surely or not."""
    deeds = find_deeds(text)
    return [d for d in deeds if d.agent != "customer" and d.personal and not d.denied]


def _is_service(text: str) -> bool:
    """Say whether what a sentence tells or promises is only that its message is looked after."""
    if script(text) == "zh":
        gives = _ZH_GIVES.search(text) or _ZH_WORKER.search(text)
        return bool(_ZH_LOOKS_AFTER.search(text)) and not gives
    rest = _IN_TOUCH.sub("", text)
    promised = _PROMISED.findall(rest) if is_promise(rest) else []
    verbs = [verb.lower() for verb in (*(deed.verb for deed in _deeds(rest)), *promised)]
    if not verbs:  # "You can count on …"
        return not is_promise(text) or rest != text
    worth = bool(_WORTH.search(rest))
    return all(_LOOKS_AFTER.fullmatch(v) and not (v in _WEAK and worth) for v in verbs)


def _is_of_two_scripts(word: str) -> bool:
    """Say whether a word mixes letters that look alike: a Cyrillic one in an English word."""
    cased = (c for c in word if c.lower() != c.upper() and c not in "μΩ")
    return not word.isascii() and len({unicodedata.name(c, "").split(" ")[0] for c in cased}) > 1
