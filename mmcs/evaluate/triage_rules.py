"""Plainer rules than a net, which it must beat: the label that most tickets have, a logistic
regression on the text's embedding, and the zero-shot likeness to a domain's examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mmcs.domain import domain_of
from mmcs.evaluate.triage_figures import Called
from mmcs.roles import Triager, load
from mmcs.settings import Settings
from mmcs.triage.checkpoint import Checkpoint
from mmcs.triage.features import Table
from mmcs.triage.judge import SCOPE
from mmcs.triage.labelled import SCOPED, LabelledTicket
from mmcs.triage.words import Understood

MAJORITY, PLAIN, SIMILAR = "majority", "MiniLM and logistic regression", "similarity to examples"
TEXT = 0  # the place of text among the modalities


def rules_called(
    checkpoint: Checkpoint,
    tickets: Sequence[LabelledTicket],
    table: Table,
    settings: Settings,
    understood: Sequence[Understood],
) -> Mapping[str, Mapping[str, Called]]:
    """Return what each rule calls the tickets, by question. The first two were fitted on what the
    net was trained on; the last answers where the labels are the domain's."""
    majority: dict[str, Called] = {}
    plain: dict[str, Called] = {}
    for question in _questions(checkpoint):
        rows = [row for row, ticket in enumerate(tickets) if ticket.label(question)]
        if not rows:
            continue
        true = tuple(tickets[row].label(question) or "" for row in rows)
        common = checkpoint.recipe.commonest(question)
        majority[question] = Called(true, (common,) * len(rows), np.ones(len(rows)))
        rule = checkpoint.plain.get(question)
        if rule is not None and table.text.shape[1]:
            texts = table.text[rows, : rule.weight.shape[1]]
            places = (texts @ rule.weight.T + rule.bias).argmax(axis=1)
            labels = checkpoint.recipe.shape.labels[question]
            called = tuple(labels[place] for place in places)
            plain[question] = Called(true, called, np.ones(len(rows)))
    found = {MAJORITY: majority, PLAIN: plain}
    similar = _similar(checkpoint, tickets, settings, understood)
    return {**found, SIMILAR: similar} if similar else found


def _questions(checkpoint: Checkpoint) -> list[str]:
    return [head for head in checkpoint.recipe.shape.labels if head != SCOPE]


def _similar(
    checkpoint: Checkpoint,
    tickets: Sequence[LabelledTicket],
    settings: Settings,
    understood: Sequence[Understood],
) -> Mapping[str, Called]:
    domain = domain_of(settings)
    known = {
        SCOPED: {category.label for category in domain.categories},
        "urgency": {level.label for level in domain.urgency},
        "sentiment": {level.label for level in domain.sentiment},
    }
    asked = [
        question
        for question in _questions(checkpoint)
        if (labels := {ticket.label(question) for ticket in tickets} - {None})
        and labels <= known.get(question, set())
    ]
    if not asked:
        return {}
    triager: Triager = load("triager", "similarity", settings)
    triaged = [triager.triage(one.ticket, one.evidence) for one in understood]
    found: dict[str, Called] = {}
    for question in asked:
        rows = [row for row, ticket in enumerate(tickets) if ticket.label(question)]
        verdicts = [getattr(triaged[row], question) for row in rows]
        found[question] = Called(
            tuple(tickets[row].label(question) or "" for row in rows),
            tuple(verdict.label for verdict in verdicts),
            np.array([verdict.confidence for verdict in verdicts]),
        )
    return found
