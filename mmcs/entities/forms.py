"""The forms of a domain's own codes, and mending what was misread."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property

from mmcs.ticket import EntityKind

# What a reader of images takes for what, in codes only.
_TO_DIGIT = str.maketrans({"O": "0", "I": "1", "L": "1", "|": "1"})
_TO_LETTER = str.maketrans({"0": "O", "1": "I"})
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_KINDS: tuple[EntityKind, ...] = ("tracking", "serial", "return", "error")


@dataclass(frozen=True)
class Form:
    """The form of one kind of the domain's codes."""

    kind: EntityKind
    pattern: str

    @cached_property
    def whole(self) -> re.Pattern[str]:
        """The pattern itself."""
        return re.compile(self.pattern, re.IGNORECASE | re.ASCII)

    @cached_property
    def bounded(self) -> re.Pattern[str]:
        """The pattern where no letter, digit or decimal goes on with it."""
        return re.compile(
            rf"(?<![A-Za-z0-9])(?<!\d[.,-])(?<![A-Za-z]-)(?:{self.pattern})(?![A-Za-z0-9]|[.,-]\d|-[A-Za-z])",
            re.IGNORECASE | re.ASCII,
        )

    @cached_property
    def prefix(self) -> str:
        """The letters that every code begins with: "NLX", "R-", or none."""
        match = re.match(r"[A-Z]+-?(?=\\d)", self.pattern)
        return match.group() if match and "|" not in self.pattern else ""

    def begins(self, spelled: str) -> bool:
        """Say whether letters and digits begin as only these codes do: with three letters."""
        head = self.prefix.rstrip("-")
        return len(head) > 2 and spelled.startswith(head)

    def fit(self, spelled: str) -> str | None:
        """Return the code that letters, digits and hyphens spell as a whole, if they do."""
        bare = spelled.replace("-", "")
        letters = len(bare) - len(bare.lstrip(_LETTERS))
        hyphenated = f"{bare[:letters]}-{bare[letters:]}" if letters else bare
        for candidate in (spelled, hyphenated, bare):
            if self.whole.fullmatch(candidate):
                return candidate
        return None

    def mend(self, misread: str) -> str | None:
        """Return the code that a reader took for another: 0 for O, l for 1."""
        plain = misread.upper()
        for letters in range(min(5, len(plain))):
            head, tail = plain[:letters], plain[letters:]
            fitting = self.fit(head.translate(_TO_LETTER) + tail.translate(_TO_DIGIT))
            if fitting:
                return fitting
        return None


@cache
def form(kind: EntityKind, pattern: str) -> Form:
    """Return a Form, compiled once."""
    return Form(kind, pattern)


def forms(patterns: Mapping[EntityKind, str]) -> tuple[Form, ...]:
    """Return the domain's forms, orders left out: a bare number needs more than a form."""
    return tuple(form(kind, patterns[kind]) for kind in _KINDS if kind in patterns)
