"""Conflicts: the same kind of entity with different values in different sources."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import combinations

from mmcs.ticket import Conflict, Entity, EntityKind, Evidence

SAME_MATTER = 3.0  # amounts that differ by more are hardly said of the same thing

_CODES: tuple[EntityKind, ...] = ("order", "tracking", "serial", "return")
_TOTAL = re.compile(
    r"(?<!sub)(?<!sub[ -])total|amount (?:due|paid|charged)|balance due|to pay|you paid"
    r"|实付|實付|合计|合計|总计|總計|应付|應付|总额",
    re.IGNORECASE,
)

Values = Mapping[str, str]  # value -> where it stands


def find_conflicts(
    entities: Sequence[Entity], evidence: Evidence | None = None
) -> tuple[Conflict, ...]:
    """Return at most one Conflict a kind, with every value on which two sources disagree.

    Two numbers in one source are no conflict, nor are two sources that share a number.

    Args:
        entities: what was found.
        evidence: where it was found; tells a bill's total from its other amounts. Without it the
            greatest amount counts as the total.
    """
    totals = _totals(evidence) if evidence else frozenset()
    conflicts = []
    for kind in (*_CODES, "amount"):
        sources = _by_source([entity for entity in entities if entity.kind == kind])
        values: dict[str, str] = {}
        for one, other in combinations(sources.values(), 2):
            if kind == "amount":
                values = {**_amounts(one, other, totals), **values}
            elif not one.keys() & other.keys():
                values = {**other, **one, **values}
        if values:
            found = [entity.value for entity in entities if entity.value in values]
            ordered = {value: values[value] for value in found}
            conflicts.append(Conflict(kind, tuple(ordered), tuple(ordered.values())))
    return tuple(conflicts)


def _by_source(entities: Sequence[Entity]) -> dict[str, Values]:
    """Return for each file, and for the text, its values and where each one stands first."""
    sources: dict[str, dict[str, str]] = {}
    for entity in entities:
        for ref in entity.sources:
            name = re.sub(r"(?:@[\d.]+|#\d+)$", "", ref)
            sources.setdefault(name, {}).setdefault(entity.value, ref)
    return dict(sources)


def _amounts(one: Values, other: Values, totals: frozenset[str]) -> Values:
    """Return the two amounts that differ, if both sources are plausibly about the same one."""
    if {_number(value) for value in one} & {_number(value) for value in other}:
        return {}
    if len(one) > 1 and len(other) > 1:  # two bills
        return {}
    meant = [_meant(values, totals) for values in (one, other)]
    if not all(meant):
        return {}
    low, high = sorted(_number(value) for values in meant for value in values)
    return {**meant[0], **meant[1]} if high <= SAME_MATTER * low else {}


def _meant(values: Values, totals: frozenset[str]) -> Values:
    """Return the amount that a source is about: its only one, or the total of a bill."""
    if len(values) == 1:
        return values
    if not all("#" in ref for ref in values.values()):  # several were said: which is meant?
        return {}
    named = {value: ref for value, ref in values.items() if ref in totals} or values
    total = max(named, key=_number)
    return {total: named[total]}


def _number(value: str) -> float:
    return float(value.split()[0])


def _totals(evidence: Evidence) -> frozenset[str]:
    """Return the lines that hold a total: the word on the line itself, or on the one before."""
    refs = set()
    for picture in evidence.images:
        for number, line in enumerate(picture.lines):
            before = picture.lines[number - 1].text if number else ""
            label_before = _TOTAL.search(before) and not re.search(r"\d", before)
            if _TOTAL.search(line.text) or label_before:
                refs.add(f"{picture.attachment}#{number}")
    return frozenset(refs)
