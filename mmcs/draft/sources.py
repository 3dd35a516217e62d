"""What a sentence of a draft may rest on: every sentence of the passages, of what the customer
wrote, said and showed, and of what agents answered before."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from mmcs.draft.absolutes import find_absolutes
from mmcs.draft.deeds import Deed, find_deeds
from mmcs.draft.facts import Fact, find_facts, in_normal_form, is_negated
from mmcs.sentences import as_read, bare, split_units
from mmcs.ticket import Case, Passage, SupportKind

READ_BESIDE = 4  # sentences before and behind one that the verifier reads with it
VERBATIM, BESIDE = 2.0, 1.5  # beside chances of 0-1

_POLITE = re.compile(
    r"^(?:please note that|please|then|next|now|first|also|note that|请注意[，,：:]?|请您|请|然后)"
    r"[,，]?\s*",
    re.IGNORECASE,
)
_EXPLAINED = re.compile(
    r".* \| |\||(?:[-*+]|\d+[.)])\s+\*\*[^*]+\*\*|(?:[-*+]|\d+[.)])\s+[^.:：]{1,40}[:：]"
)
_PIECE = re.compile(r"[a-z0-9]+(?:['’.:/@_-][a-z0-9]+)*|[$€£¥%+]|[\u3400-\u9fff]")
_WORD = re.compile(r"[a-z0-9]+(?:['’.-][a-z0-9]+)*|[\u3400-\u9fff]+")

STOPWORDS = frozenset(
    "a an and any are as at be been but by can could do does for from had has have he her hers him "
    "his how i if in into is it its it's me my of on or our please she should so than that the "
    "their them then there these they this those to us was we were what when where which who will "
    "with would you your yours".split()
)
_PERSONS = re.compile(r"[我您你]们?")  # as I and you are among the English stop words


@dataclass(frozen=True)
class Source:
    """One sentence that a claim may rest on."""

    kind: SupportKind
    ref: str
    text: str
    facts: frozenset[Fact]
    words: frozenset[str]
    wording: str
    by_agent: bool = False  # what an agent wrote to this customer before
    around: str = ""  # the text with the sentences beside it; empty where only its own words count
    context: str = ""  # as much of its passage around it as the verifier reads
    wording_around: str = ""

    def quotes(self, wording: str, negated: bool) -> float:
        """Return how surely a sentence of this wording stands here: ``VERBATIM``, or ``BESIDE`` if
        it runs on into what stands beside it; 0 if it doesn't. A part of a denial is no quote of
        it, and of a heading only the whole is."""
        if wording == self.wording:
            return VERBATIM
        for held, text, sure in (
            (self.wording, self.text, VERBATIM),
            (self.wording_around, self.around, BESIDE),
        ):
            part = f" {wording} " in f" {held} " and not self.is_heading
            if part and is_negated(text) == negated:
                return sure
        return 0.0

    @property
    def deeds(self) -> tuple[Deed, ...]:
        """What it says was done."""
        return find_deeds(self.text)

    @property
    def absolutes(self) -> frozenset[Fact]:
        """Its words that leave no exception, and those of what stands beside it."""
        return find_absolutes(self.text) | find_absolutes(self.around)

    @property
    def explains_a_word(self) -> bool:
        """Whether it is a row or an item that says what a word means: "Shipped: your parcel …"."""
        return bool(_EXPLAINED.match(self.text))

    @property
    def is_heading(self) -> bool:
        """Whether it is the heading of a passage."""
        return self.kind == "passage" and not self.around


def sources_of(case: Case) -> tuple[Source, ...]:
    """Return every sentence of a Case that a claim may rest on, passages first."""
    found: list[Source] = []
    for passage in case.passages:
        heading = last_heading(passage)
        units = [unit.text for unit in split_units(passage.text)]
        for place, text in enumerate(units):
            beside = "\n".join([heading, *units][place : place + 3])
            wide = (heading, *units[max(0, place - READ_BESIDE) : place + READ_BESIDE + 1])
            sentence = _source("passage", passage.article, text, beside)
            found.append(replace(sentence, context="\n".join(wide).strip()))
        found.append(_source("passage", passage.article, heading))
    found += [
        _source("transcript", f"{heard.attachment}@{segment.start:.1f}", segment.text)
        for heard in case.evidence.transcripts
        for segment in heard.segments
    ]
    found += [
        _source("image", f"{picture.attachment}#{number}", line.text)
        for picture in case.evidence.images
        for number, line in enumerate(picture.lines)
    ]
    written = (m.text for m in case.ticket.messages if m.author == "customer")
    found += [_source("text", "text", unit.text) for text in written for unit in split_units(text)]
    answered = (m.text for m in case.ticket.messages if m.author == "agent")
    found += [
        replace(_source("text", "reply", unit.text), by_agent=True)
        for text in answered
        for unit in split_units(text)
    ]
    return tuple(source for source in found if source.text)


def _source(kind: SupportKind, ref: str, text: str, around: str = "") -> Source:
    read = as_read(text)
    facts, words = find_facts(bare(read)), content_words(read)
    return Source(
        kind,
        ref,
        text.strip(),
        facts,
        words,
        wording_of(read),
        around=around,
        wording_around=wording_of(around),
    )


def content_words(text: str) -> frozenset[str]:
    """Return the words that carry meaning: English stems, Chinese pairs of characters."""
    words: set[str] = set()
    for word in _WORD.findall(_PERSONS.sub(" ", in_normal_form(text).lower())):
        if word[0] >= "\u3400":
            words.update(word[i : i + 2] for i in range(max(1, len(word) - 1)))
        elif word not in STOPWORDS:
            words.add(re.sub(r"(?:ing|ed|es|s)$", "", word) if len(word) > 4 else word)
    return frozenset(words)


def wording_of(text: str) -> str:
    """Return a text's words and numbers alone, in order, without what only makes it polite and with
    its numbers in one form: "Please report damage within two days." and "Report damage within 2
    days" are of one wording."""
    lines = (_POLITE.sub("", in_normal_form(bare(line)).strip()) for line in text.splitlines())
    return " ".join(_PIECE.findall("\n".join(lines).lower()))


def last_heading(passage: Passage) -> str:
    """Return the heading right above a passage; empty if there is none."""
    return passage.heading.split(" › ")[-1].strip()
