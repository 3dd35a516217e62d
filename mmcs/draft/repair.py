"""One attempt to mend a model's draft: a sentence that nothing supports gives way to the article's
own sentence on the same thing, or goes if that is said already. What has none stays, and is marked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mmcs.draft.check import Checker
from mmcs.draft.sources import wording_of
from mmcs.sentences import bare
from mmcs.ticket import Claim

CLOSE = 0.55  # cosine from which an article's sentence is on the same thing


@dataclass(frozen=True)
class Repair:
    """A draft's text after the attempt, and how many sentences gave way."""

    text: str
    mended: int


def repair(text: str, claims: Sequence[Claim], checker: Checker) -> Repair:
    """Return a draft in which unsupported sentences gave way to the articles' own."""
    mended = 0
    for claim in claims:
        if claim.supported:
            continue
        own = bare(checker.closest(claim.text, CLOSE))
        if not own:
            continue
        known = f" {wording_of(own)} " in f" {wording_of(text)} "
        text = text.replace(claim.text, "" if known else own, 1)
        mended += 1
    return Repair(_tidy(text), mended)


def _tidy(text: str) -> str:
    """Return a text without the holes that a sentence has left."""
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]*\n", "\n", re.sub(r"  +", " ", text)))
