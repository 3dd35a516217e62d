"""Entities: the order numbers, amounts, days, addresses and codes in what a customer sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import chain

from mmcs.entities.amounts import find_amounts
from mmcs.entities.codes import Mode, find_codes
from mmcs.entities.conflicts import find_conflicts as find_conflicts
from mmcs.entities.contacts import find_emails, find_phones
from mmcs.entities.dates import find_dates
from mmcs.entities.forms import form, forms
from mmcs.entities.numerals import in_digits
from mmcs.entities.orders import ANY_ORDER, find_orders
from mmcs.entities.spans import Span, settle
from mmcs.entities.spelling import runs
from mmcs.ticket import Entity, EntityKind, Evidence, Segment, Ticket

# Letters, digits and a few signs as Chinese keyboards write them, in their usual width.
_WIDE = "０１２３４５６７８９＃＄＠－．" + "".join(
    map(chr, [*range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B)])
)
_NARROW = str.maketrans({wide: chr(ord(wide) - 0xFEE0) for wide in _WIDE})


def entities_in(
    text: str, patterns: Mapping[EntityKind, str], today: date, spoken: bool = False
) -> tuple[tuple[EntityKind, str, str], ...]:
    """Return the kind, normalised value and very words of each entity of a text, in order."""
    spans = _spans(text, patterns, today, "spoken" if spoken else "written")
    return tuple((span.kind, span.value, text[span.start : span.end]) for span in spans)


def find_entities(
    ticket: Ticket, evidence: Evidence, patterns: Mapping[EntityKind, str], today: date
) -> tuple[Entity, ...]:
    """Return what was found in the customer's text, speech and images, each value once.

    Args:
        ticket: its customer's messages are the source ``text``.
        evidence: its transcripts and images.
        patterns: regular expressions of the domain's own codes, without boundaries.
        today: what "last Tuesday" is resolved against.
    """
    sources: dict[tuple[EntityKind, str], dict[str, None]] = {}
    for kind, value, source in _found(ticket, evidence, patterns, today):
        sources.setdefault((kind, value), {})[source] = None
    return tuple(Entity(kind, value, tuple(where)) for (kind, value), where in sources.items())


def _found(
    ticket: Ticket, evidence: Evidence, patterns: Mapping[EntityKind, str], today: date
) -> Iterator[tuple[EntityKind, str, str]]:
    written = f"{ticket.subject}\n\n{ticket.customer_text}"
    for span in _spans(written, patterns, today, "written"):
        yield span.kind, span.value, "text"
    for heard in evidence.transcripts:
        segments = heard.segments or (Segment(0.0, 0.0, heard.text, 1.0),)
        parts = [segment.text.strip() for segment in segments]
        for span in _spans(" ".join(parts), patterns, today, "spoken"):
            segment = segments[_part(parts, span.start)]
            yield span.kind, span.value, f"{heard.attachment}@{segment.start:.1f}"
    for picture in evidence.images:
        parts = [line.text for line in picture.lines]
        for span in _spans("\n".join(parts), patterns, today, "read"):
            yield span.kind, span.value, f"{picture.attachment}#{_part(parts, span.start)}"


def _part(parts: Sequence[str], position: int) -> int:
    """Return which of the parts, joined by one character, holds a position."""
    end = 0
    for number, part in enumerate(parts):
        end += len(part) + 1
        if position < end:
            return number
    raise IndexError(position)


def _spans(
    text: str, patterns: Mapping[EntityKind, str], today: date, mode: Mode
) -> tuple[Span, ...]:
    text = text.translate(_NARROW)
    view = in_digits(text)
    spelled = tuple(runs(text))
    own = form("order", patterns.get("order", ANY_ORDER))
    return settle(
        chain(
            find_emails(text, mode == "spoken"),
            find_codes(text, spelled, forms(patterns), mode),
            find_amounts(view),
            find_dates(text, view, today),
            find_orders(text, spelled, own, mode),
            find_phones(text, spelled),
        )
    )
