"""Conflicts: the same kind of entity with different values in different sources."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mmcs.ticket import Conflict, Entity, EntityKind

_KINDS: tuple[EntityKind, ...] = ("order", "tracking", "serial", "return", "amount")


def find_conflicts(entities: Sequence[Entity]) -> tuple[Conflict, ...]:
    """Return at most one Conflict a kind, with every value on which two sources disagree."""
    conflicts = []
    for kind in _KINDS:
        said = _by_source([entity for entity in entities if entity.kind == kind])
        if kind == "amount":
            said = {source: _meant(source, values) for source, values in said.items()}
        values: dict[str, str] = {}
        for one in said.values():
            if any(other and one and not one.keys() & other.keys() for other in said.values()):
                values.update({value: ref for value, ref in one.items() if value not in values})
        if len(values) > 1:
            conflicts.append(Conflict(kind, tuple(values), tuple(values.values())))
    return tuple(conflicts)


def _by_source(entities: Sequence[Entity]) -> dict[str, dict[str, str]]:
    """Return for each file, or the text, its values and where each one stands."""
    said: dict[str, dict[str, str]] = {}
    for entity in entities:
        for ref in entity.sources:
            said.setdefault(re.sub(r"[@#][\d.]+$", "", ref), {}).setdefault(entity.value, ref)
    return said


def _meant(source: str, values: dict[str, str]) -> dict[str, str]:
    """Return the one amount that a source is about: its only one, or a bill's greatest."""
    if len(values) > 1 and "#" not in next(iter(values.values())):
        return {}
    greatest = max(values, key=lambda value: float(value.split()[0]))
    return {greatest: values[greatest]}
