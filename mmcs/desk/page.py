"""What the browser remembers between visits, and what a view needs in order to be drawn."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

from mmcs.desk.texts import TEXTS, Texts, preferred_language
from mmcs.store import TEXTS as TEXT_NAMES
from mmcs.ticket import Language

_TOKEN = re.compile("[0-9a-f]{12,32}")


class Shown(NamedTuple):
    """A text as a page has drawn it."""

    revision: int = 0  # of the ticket
    digest: str = ""


@dataclass(frozen=True)
class Page:
    """Who looks, and at which ticket. It is kept in the browser's own storage.

    ``owner`` is random and long: whoever has it sees the tickets, nobody can guess it.
    """

    owner: str = field(repr=False)
    case: str
    language: Language
    sample: str = ""  # the sample ticket that was opened
    revision: int = 0  # of the ticket, as it was drawn
    shown: Mapping[str, Shown] = field(default_factory=dict)  # what is typed, as it was drawn
    window: str = ""  # Gradio's name of the window that shows it; not kept

    @property
    def texts(self) -> Texts:
        """The words of the page's language."""
        return TEXTS[self.language]

    def to_json(self) -> dict[str, Any]:
        """Return what the browser keeps."""
        kept = {name: value for name, value in asdict(self).items() if name != "window"}
        return {**kept, "shown": {name: list(shown) for name, shown in self.shown.items()}}

    def with_case(self, case: str = "", sample: str = "") -> Page:
        """Return this page turned to another ticket; to one that is not there yet if none."""
        return replace(self, case=case or new_id(), sample=sample, revision=0, shown={})


def new_id() -> str:
    """Return a random id for a ticket."""
    return secrets.token_hex(6)


def sample_case(owner: str, sample: str) -> str:
    """Return the id of a visitor's ticket for a sample: trying it twice makes no second ticket."""
    return hashlib.sha256(f"{owner} {sample}".encode()).hexdigest()[:12]


def open_page(kept: Any, accept_language: str = "", window: str = "") -> Page:
    """Return the page that a browser remembers; a new one for whatever it should not have kept."""
    given = kept if isinstance(kept, dict) else {}
    owner, case = _token(given.get("owner"), 32), _token(given.get("case"), 12)
    chosen = [known for known in TEXTS if known == given.get("language")]
    sample, revision, shown = (given.get(name) for name in ("sample", "revision", "shown"))
    return Page(
        owner or secrets.token_hex(16),
        (case if owner else "") or new_id(),
        chosen[0] if chosen else preferred_language(accept_language),
        sample if isinstance(sample, str) and len(sample) <= 64 else "",
        revision if isinstance(revision, int) and case else 0,
        _shown(shown) if case else {},
        window,
    )


def _shown(given: object) -> dict[str, Shown]:
    """Return what a browser remembers of texts, without what it should not have kept."""
    shown: dict[str, Shown] = {}
    for name in TEXT_NAMES:
        match given.get(name) if isinstance(given, dict) else None:
            case [int(revision), str(digest)]:
                shown[name] = Shown(revision, digest)
    return shown


def _token(value: object, length: int) -> str:
    fits = isinstance(value, str) and len(value) == length and _TOKEN.fullmatch(value)
    return str(value) if fits else ""
