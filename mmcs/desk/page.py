"""What the browser remembers between visits, and what a view needs in order to be drawn."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from mmcs.desk.texts import TEXTS, Texts, preferred_language
from mmcs.ticket import Language

_TOKEN = re.compile("[0-9a-f]{12,32}")


@dataclass(frozen=True)
class Page:
    """Who looks, and at which ticket. It is kept in the browser's own storage.

    ``owner`` is random and long: whoever has it sees the tickets, nobody can guess it.
    """

    owner: str = field(repr=False)
    case: str
    language: Language
    sample: str = ""  # the sample ticket that was opened

    @property
    def texts(self) -> Texts:
        """The words of the page's language."""
        return TEXTS[self.language]

    def to_json(self) -> dict[str, str]:
        """Return what the browser keeps."""
        return asdict(self)

    def with_case(self, case: str = "", sample: str = "") -> Page:
        """Return this page turned to another ticket; to one that is not there yet if none."""
        return replace(self, case=case or new_id(), sample=sample)


def new_id() -> str:
    """Return a random id for a ticket."""
    return secrets.token_hex(6)


def sample_case(owner: str, sample: str) -> str:
    """Return the id of a visitor's ticket for a sample: trying it twice makes no second ticket."""
    return hashlib.sha256(f"{owner} {sample}".encode()).hexdigest()[:12]


def open_page(kept: Any, accept_language: str = "") -> Page:
    """Return the page that a browser remembers; a new one for whatever it should not have kept."""
    given = kept if isinstance(kept, dict) else {}
    owner, case = _token(given.get("owner"), 32), _token(given.get("case"), 12)
    chosen = [known for known in TEXTS if known == given.get("language")]
    sample = given.get("sample")
    return Page(
        owner or secrets.token_hex(16),
        (case if owner else "") or new_id(),
        chosen[0] if chosen else preferred_language(accept_language),
        sample if isinstance(sample, str) and len(sample) <= 64 else "",
    )


def _token(value: object, length: int) -> str:
    fits = isinstance(value, str) and len(value) == length and _TOKEN.fullmatch(value)
    return str(value) if fits else ""
