"""Deeds in English: of the clauses of a sentence, what each says has happened or has come about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mmcs.draft.deeds.deed import Agent, Deed
from mmcs.draft.deeds.verbs import PAST_ONLY, is_participle, is_past

Kind = Literal["main", "if", "when", "relative"]

_ADVERB = re.compile(
    r"\w+ly|not|now|already|just|also|since|never|ever|still|always|both|all|then|even|yet|today"
    r"|yesterday|meanwhile|therefore|soon|first|again|indeed|so|too|thus|duly"
)
_HAVE, _WAS, _BE = (
    frozenset({"have", "has", "had"}),
    frozenset({"was", "were"}),
    {"is", "are", "am"},
)
_MODALS = frozenset("will would can could may might shall should must to".split())
_FINITE = _HAVE | _WAS | _BE | (_MODALS - {"to"}) | {"does", "do", "did", "be"}
_FIRST, _OURS = frozenset({"i", "we"}), frozenset({"our", "my"})
_PRONOUNS = frozenset("it they he she this that these those everything nothing".split())
_DEFINITE = frozenset("your the our my this that these those his her its their both".split())
_OBJECT = _DEFINITE | frozenset("you it them us me him a an".split())
_PREPOSITIONS = frozenset("in on at by for from with to as than or of into within about".split())
_SPAN_OF_TIME = frozenset("same next following day week month year previous".split())
_PERSON = re.compile(r"\b(?:i|me|my|we|us|our|you|your|yours)\b")
_TRANSACTION = re.compile(
    r"\b(?:refund|money|replacement|parcel|package|order|payment|credit|voucher|label|compensation"
    r"|request|ticket|case|claim|booking|reservation|appointment|shipment|delivery|invoice|complaint"
    r"|return|fee|charge|deposit|subscription|account|exchange|cancellation|discount|amount|change"
    r"|repair|technician|courier|driver|colleague)\b"
)
# What opens a clause that says what may be. After the first a past tense is no deed either; nor
# after the second, but for what I or we did.
_OPENER = re.compile(
    r"\b(?:(?P<if>if|unless|whether|in case|provided|providing|as long as|assuming|otherwise|where"
    r"|wherever|had)"
    r"|(?P<when>when|whenever|once|after|before|until|till|as soon as|by the time|each time"
    r"|every time|the moment|while)"
    r"|(?P<relative>that|which|who|whose|whom|what|how|why))\b"
)
_NO_NOUN = re.compile(  # what a clause may follow without being on it
    r"confirm\w*|note|know|see|sure|say|said|tell|told|sorry|glad|hope|think|and|but|so|although"
    r"|though|because|since|as|whereas|while|when|after|before|once|therefore|yet"
)
_NEEDS_VERB = frozenset({"after", "before", "until", "till", "once", "while"})
_SAYS = re.compile(  # what goes before a "that" which opens what is said
    r"\b(?:confirm\w*|note|see|know|inform\w*|tell|told|say|said|assure\w*|sure|glad|pleased|happy"
    r"|afraid|sorry|believe|think|hope|found|find|appears?|seems?|understand|aware|delighted"
    r"|announce)(?: (?:you|him|her|them|us))?$"
)
_EXPLAINS = re.compile(  # what the customer is to see to, and what explains a word
    r"\b(?:make sure|ensure|check|verify|means?|meaning|(?<!\bi )(?<!\bwe )(?:says|shows?|reads"
    r"|displays?|states))$"
)
_UNDER_WAY = re.compile(
    r"\b(?:is|are|am) (?:\w+ly |now |already |all |just |not |still )*"
    r"(?:on (?:its|their|the|his|her) way|under way|underway|in transit|in the (?:post|mail)"
    r"|out for delivery|with the courier"
    r"|being \w+(?:ed|t|n)|(?P<now>(?<=now )|(?<=already )|(?<=just ))(?P<what>\w+))\b"
)
_RESULT = re.compile(
    r"\b(?:is|are) (?:\w+ly |all |now |already )*(?P<what>\w+)"
    r"(?: (?:today|again|for you|as (?:you )?\w+ed)|(?<=ready) (?:for|to) [\w -]+)*$"
)
_STATES = frozenset({"complete", "ready", "through"})
_NOT = re.compile(r"(?:not|never)(?! only)\b|nothing|nobody")
_CAUSED = re.compile(  # what somebody was told to do: "I had the mechanic swap your battery"
    r"^(?:i|we) (?:had|got|asked|told|made) (?:the|our|a|my|one of our) \w+ (?:to )?"
    r"(?P<what>(?!at\b|with\b|of\b|from\b|in\b|on\b)\w+) (?:your|you|the|it|a)\b"
)
_ENCLOSED = re.compile(
    r"\b(?:(?:find|see) (?:the )?(?:attached|enclosed)|^(?:attached|enclosed) \w)"
)
_FRAME = re.compile(
    r"(?:(?:i|we) (?:can )?(?:understand|see|read|hear|gather)\b"
    r"|(?:thank you|thanks) for (?:telling|letting|writing|reporting)"
    r"|(?:i am|we are) (?:\w+ )?sorry\b|sorry\b"
    r"|(?:as )?you (?:say|said|write|wrote|tell|told|mention\w*|report\w*|describ\w*|ask\w*"
    r"|explain\w*)\b)"
)
_SPLIT = re.compile(r"[,;:()\[\]–—|]+|\s-\s|\.{2,}|…|(?<=[a-z])[.!?](?=\s)")
_JOINT = re.compile(
    r"\b(?:and|but|so|or|then|because|as) (?=(?:\w+ly )?(?:i|we|you|it|they|he|she|your|the|our|my"
    r"|an?|nothing)\b)"
)
_TOKEN = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_CONTRACTIONS = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"’", "'"),
        (r"\b(?:can't|cannot)\b", "can not"),
        (r"\bwon't\b", "will not"),
        (r"n't\b", " not"),
        (r"'ve\b", " have"),
        (r"'m\b", " am"),
        (r"'re\b", " are"),
        (r"'ll\b", " will"),
        (r"'d\b", " would"),
        (r"\b(\w+)'s (?=(?:\w+ly |already |just |now |not )*(?:been|had|gone|got)\b)", r"\1 has "),
        (r"\b(it|he|she|that|this|there|everything|what|who)'s\b", r"\1 is"),
        (r"'s\b", ""),
    )
)


@dataclass(frozen=True)
class _Clause:
    """A stretch of a sentence with one subject and its verb."""

    words: tuple[str, ...]
    kind: Kind


def deeds(text: str) -> Iterator[Deed]:
    """Yield what an English sentence says was done."""
    low = text.lower()
    for pattern, words in _CONTRACTIONS:
        low = pattern.sub(words, low)
    framed = bool(_FRAME.match(low))
    clauses = list(_clauses(low))
    general = any(clause.kind in {"if", "when"} for clause in clauses)
    if all(_is_headline(clause.words, 2) for clause in clauses):  # "Tyre fixed, bike ready"
        yield from (Deed("shop", sure=False, verb=clause.words[-1]) for clause in clauses)
        return
    for clause in clauses:
        for deed in (*_happened(clause), *_stands(clause, general)):
            told = framed and not _is_ours(clause.words)
            yield replace(deed, agent="customer") if told else deed


def _clauses(low: str) -> Iterator[_Clause]:
    """Yield the clauses of a sentence, each with what opens it."""
    list_of: Kind = "main"  # what "If it was opened, or was damaged, …" goes on with
    for piece in _SPLIT.split(low):
        kind: Kind = list_of if re.match(r"\s*(?:or|nor)\b", piece) else "main"
        start = 0
        for match in _OPENER.finditer(piece):
            before = piece[start : match.start()]
            if not _opens(piece, match):
                continue
            yield from _parted(before, kind)
            kind = _kind_after(kind, match, piece[: match.start()].strip())
            start = match.end()
        yield from _parted(piece[start:], _explained(kind, piece[start:]))
        list_of = kind


def _kind_after(kind: Kind, match: re.Match[str], before: str) -> Kind:
    """Return the kind of the clause that a word opens behind another one."""
    if kind == "if" or _EXPLAINS.search(before):
        return "if"
    if match.group() == "that" and _SAYS.search(before):
        return kind
    return "if" if match["if"] else "when" if match["when"] else "relative"


def _explained(kind: Kind, text: str) -> Kind:
    """Return "if" where a clause without an opener follows "means": "means it was sent"."""
    return "if" if re.search(r"\b(?:means?|make sure|ensure)\b", text) else kind


def _opens(piece: str, match: re.Match[str]) -> bool:
    """Say whether a word opens a clause: "after" may also stand before a noun."""
    before, after = piece[: match.start()].split(), piece[match.end() :].split()
    if not after:
        return False
    if match.group() == "had":  # "Had it been opened, …"
        return not before and after[0] in {"you", "we", "the", "your", "it"}
    if match.group() in _NEEDS_VERB:
        return any(word in _FINITE or is_participle(word) or word[-1:] == "s" for word in after)
    return match.group() != "that" or bool(before)


def _parted(text: str, kind: Kind) -> Iterator[_Clause]:
    """Yield a clause, cut where "and" or "but" begins another subject, and where a noun is followed
    by a clause without "that": "the parcel we sent"."""
    for part in _JOINT.split(text):
        words = tuple(_TOKEN.findall(part))
        place = next((n for n in range(1, len(words) - 1) if _begins_another(words, n)), 0)
        if place:
            yield _Clause(words[:place], kind)
            yield _Clause(words[place:], "relative" if kind == "main" else kind)
        elif words:
            yield _Clause(words, kind)


def _begins_another(words: Sequence[str], place: int) -> bool:
    """Say whether a pronoun behind a noun is the subject of a clause on that noun."""
    subject, verb = words[place] in _FIRST | {"you", "it", "they"}, words[place + 1]
    return subject and _is_noun(words[place - 1]) and (verb in _FINITE or is_past(verb))


def _is_noun(word: str) -> bool:
    """Say whether a word may be a noun, by what else it is not."""
    closed = word in _FINITE | _OBJECT | _PREPOSITIONS | _MODALS | _FIRST | _PRONOUNS
    return not closed and not _NO_NOUN.fullmatch(word) and not _ADVERB.fullmatch(word)


def _is_ours(words: Sequence[str]) -> bool:
    return bool(_FIRST & set(words)) or words[:1] in (("our",), ("my",))


def _happened(clause: _Clause) -> Iterator[Deed]:
    """Yield what one clause says has happened."""
    if clause.kind == "if":
        return
    words = clause.words
    if caused := _CAUSED.search(" ".join(words)):
        yield Deed("shop", verb=caused["what"])
        return
    for place in range(len(words)):
        tense = _tense_at(words, place)
        if not tense:
            continue
        subject = words[:place]
        if clause.kind == "main" or _is_told_aside(clause, place, tense):
            sure, personal = _is_sure(words, place, tense), _is_personal(words, subject)
            verb, denied = _verb(words, place, tense), _is_denied(words, place)
            yield Deed(_agent(subject, tense), sure, personal, verb, denied)
        return


def _verb(words: Sequence[str], place: int, tense: str) -> str:
    """Return the word that says what was done: of "has not been sent", the last."""
    if tense == "past" and words[place] != "did":
        return words[place]
    following = [w for w in words[place + 1 :] if not _ADVERB.fullmatch(w) and w != "been"]
    return following[0] if following else words[place]


def _is_denied(words: Sequence[str], place: int) -> bool:
    """Say whether a clause says that something was not done, and nothing that was."""
    text = " ".join(words)
    return bool(_NOT.search(text)) and not {"and", "but"} & set(words[place:])


def _is_told_aside(clause: _Clause, place: int, tense: str) -> bool:
    """Say whether a clause that is no main one tells a deed all the same: "after we refunded you",
    "the parcel that we sent you on Monday"."""
    ours = bool(_FIRST & set(clause.words[:place]))
    return ours and tense == "past" and bool({"you", "your"} & set(clause.words[place:]))


def _tense_at(words: Sequence[str], place: int) -> str:
    """Return how the word at a place says that something happened: "perfect", "passive" or "past";
    empty if it doesn't."""
    word = words[place]
    before = [w for w in words[:place] if not _ADVERB.fullmatch(w)]
    after = next((w for w in words[place + 1 :] if not _ADVERB.fullmatch(w)), "")
    if before and before[-1] in _MODALS:
        return ""
    if word in _HAVE:
        return "passive" if after == "been" else "perfect" if is_participle(after) else ""
    if word in _WAS:
        return "passive" if is_participle(after) else "past"
    if word == "did":
        return "past" if before else ""
    return "past" if before and is_past(word) and _is_verb_of(words, place, before, after) else ""


def _is_verb_of(words: Sequence[str], place: int, before: Sequence[str], after: str) -> bool:
    """Say whether a word that may also be a participle is the verb of what stands before it."""
    word, subject, later = words[place], before[-1], words[place + 1 :]
    if any(w in _FINITE for w in before):
        return subject == "and" and before[0] in _FIRST and after in _OBJECT
    if subject in _FIRST or subject == "you" or subject in _PRONOUNS:
        return True
    if subject in _OBJECT or subject in {"any", "all", "some", "no"} or subject in _PREPOSITIONS:
        return False  # "the damaged parcel"
    if subject == "and":
        return before[0] in _FIRST and (after in _OBJECT or word in PAST_ONLY)
    if word in PAST_ONLY:
        return True
    if after in _OBJECT:  # no participle has an object: "the bank declined your payment"
        return not (len(later) > 1 and later[1] in _SPAN_OF_TIME)
    return words[0] in _DEFINITE and not any(w in _FINITE for w in later)


def _agent(subject: Sequence[str], tense: str) -> Agent:
    if _is_ours(subject) or tense == "passive":
        return "shop"
    named = [word for word in subject if not _ADVERB.fullmatch(word)]
    return "customer" if named[-1:] == ["you"] else "other"


def _is_sure(words: Sequence[str], place: int, tense: str) -> bool:
    if tense != "past" or words[place] in PAST_ONLY | _WAS:
        return True
    before = next((w for w in words[:place][::-1] if not _ADVERB.fullmatch(w)), "")
    following = words[place + 1 : place + 2]
    return before in _FIRST | _PRONOUNS | {"you"} or bool(set(following) & _OBJECT)


def _is_personal(words: Sequence[str], subject: Sequence[str]) -> bool:
    return bool(_PERSON.search(" ".join(words)) or _TRANSACTION.search(" ".join(subject)))


def _stands(clause: _Clause, general: bool) -> Iterator[Deed]:
    """Yield what a main clause in the present says has come about: "is on its way". Of what is
    ``general``, "The fee is waived if …", it says no more than what may be."""
    words, text = clause.words, " ".join(clause.words)
    if clause.kind != "main" or not words:
        return
    personal = _is_personal(words, words)
    acting = _acting(words)
    if acting or _ENCLOSED.search(text):
        yield Deed("shop", verb=acting)
        return
    if words[0] not in _DEFINITE | _PRONOUNS:
        if _is_headline(words):
            yield Deed("shop", sure=False, personal=personal, verb=words[-1])
        return
    under_way, result = _UNDER_WAY.search(text), _RESULT.search(text)
    if under_way and (not under_way["what"] or _is_result(under_way["what"])):
        yield Deed("shop", personal=personal, denied=" not " in text)
    elif result and _is_result(result["what"]) and not general:
        what = result["what"] if result["what"] not in _STATES else ""
        yield Deed("shop", sure=False, personal=personal, verb=what)


def _is_result(word: str) -> bool:
    return word in _STATES or is_participle(word)


def _acting(words: Sequence[str]) -> str:
    """Return what I or we do just now: "I am sending you …"; empty if nothing."""
    if words[0] not in _FIRST or words[1:2] not in (("am",), ("are",)):
        return ""
    doing = next((w for w in words[2:] if not _ADVERB.fullmatch(w)), "")
    idle = {"going", "looking", "hoping", "being"}
    to_you = bool({"you", "your", "it", "this"} & set(words))
    to_you = to_you or bool(_TRANSACTION.search(" ".join(words)))
    return doing if doing.endswith("ing") and doing not in idle and to_you else ""


def _is_headline(words: Sequence[str], bare: int = 1) -> bool:
    """Say whether a few words without a verb say what was done: "Refund sent". Of no more than
    ``bare`` words none need be a transaction's."""
    told = [word for word in words if not _ADVERB.fullmatch(word)]
    return (
        1 <= len(told) <= 4
        and not any(word in _FINITE for word in told)
        and _is_result(told[-1])
        and ((len(told) <= bare and told[0].isalpha()) or bool(_TRANSACTION.search(" ".join(told))))
    )
