"""The middle column: what was heard, read, seen, found and looked up, as it comes."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from mmcs.desk.reasons import Reason
from mmcs.desk.render.cards import Step, card, doing, titled
from mmcs.desk.render.parts import (
    ICONS,
    View,
    anchor,
    joined,
    percent,
    source_name,
    spent,
    working,
)
from mmcs.desk.render.seen import attachment_card
from mmcs.desk.render.triage import triage_card
from mmcs.ticket import (
    Case,
    Conflict,
    Entity,
    Passage,
)


def evidence(
    case: Case,
    view: View,
    now: Step | None = None,
    stopped: bool = False,
    reason: Reason | None = None,
) -> Markup:
    """Return everything that was found so far.

    Args:
        case: what was found.
        view: what it is drawn with.
        now: what is being worked on; None when nothing is.
        stopped: whether the agent has just stopped it.
        reason: why the ticket was filed so, if the agent has asked.
    """
    begun = bool(case.seconds) or now is not None
    if not begun and not case.problems:
        return _empty(view)
    cards = [problems(case, view)]
    if begun:
        cards.append(_conflicts(case.evidence.conflicts, view))
        cards += [attachment_card(a, case, view, now) for a in case.ticket.attachments]
        cards += [_understood(case, view, now, reason), _passages(case, view, now)]
    if now is not None and now.stage == "queue":
        cards.insert(0, _queued(view, now))
    if stopped:
        cards.insert(0, Markup('<p class="note">{}</p>').format(view.texts.stopped))
    head = Markup('<div class="head"><h2>{}</h2></div>').format(view.texts.evidence)
    return Markup('{}<div class="evidence">{}</div>').format(head, joined(cards))


def problems(case: Case, view: View) -> Markup:
    """Return what the agent must know, each in one sentence."""
    if not case.problems:
        return Markup("")
    row = Markup("<li><b>{}</b> {}</li>")
    stages = view.texts.stages
    rows = [row.format(stages.get(p.stage, p.stage), view.said(p.message)) for p in case.problems]
    return Markup(
        '<section class="problems" role="alert" aria-label="{}">{}<ul>{}</ul></section>'
    ).format(view.texts.problems, ICONS["warn"], joined(rows))


def _empty(view: View) -> Markup:
    row = Markup("<li>{}</li>")
    return Markup(
        '<div class="head"><h2>{}</h2></div><div class="empty"><p>{}</p><ol>{}</ol></div>'
    ).format(
        view.texts.evidence,
        view.texts.evidence_empty,
        joined(row.format(t) for t in view.texts.steps.values()),
    )


def _queued(view: View, now: Step) -> Markup:
    texts = view.texts
    place = texts.ahead.format(count=now.ahead) if now.ahead > 1 else texts.waiting_turn
    return Markup('<section class="card quiet">{}<p class="note">{}</p></section>').format(
        working(texts.working["queue"]), place
    )


def _understood(case: Case, view: View, now: Step | None, reason: Reason | None) -> Markup:
    """Return entities and triage beside each other, or below each other once there is a reason."""
    cards = []
    if "entities" in case.seconds:
        cards.append(_entities(case, view))
    elif now is not None and now.stage == "entities":
        cards.append(_waiting(view.texts.found, view, now))
    if case.triage is not None:
        cards.append(triage_card(case, case.triage, view, reason))
    elif now is not None and now.stage == "triage":
        cards.append(_waiting(view.texts.triage, view, now))
    if not cards:
        return Markup("")
    wide = "explained" if case.triage is not None and reason is not None else ""
    return Markup('<div class="pair {}">{}</div>').format(wide, joined(cards))


def _waiting(title: str, view: View, now: Step) -> Markup:
    return card(
        Markup("{}").format(title),
        doing(view, now),
        Markup('<div class="bones"><i></i></div>'),
        "quiet",
    )


def _conflicts(conflicts: Sequence[Conflict], view: View) -> Markup:
    """Return the warning that sources disagree, one line for each kind of thing."""
    if not conflicts:
        return Markup("")
    row = Markup("<p><b>{}</b> {}</p>")
    rows = [row.format(view.texts.kinds[c.kind], _versus(c, view)) for c in conflicts]
    return Markup(
        '<section class="conflict" role="alert">{}<div><h3>{}</h3>{}<p class="note">{}</p></div>'
        "</section>"
    ).format(ICONS["warn"], view.texts.conflict, joined(rows), view.texts.conflict_values)


def _versus(conflict: Conflict, view: View) -> Markup:
    pair = Markup('<span class="value">{}</span> <span class="from">{}</span>')
    pairs = [
        pair.format(value, source_name(view, source))
        for value, source in zip(conflict.values, conflict.sources, strict=False)
    ]
    return Markup('<span class="versus">≠</span>').join(pairs)


def _entities(case: Case, view: View) -> Markup:
    rows = joined(_entity(e, view) for e in case.evidence.entities)
    body = Markup('<dl class="entities">{}</dl>').format(rows)
    if not case.evidence.entities:
        body = Markup('<p class="note">{}</p>').format(view.texts.nothing_found)
    return card(Markup("{}").format(view.texts.found), spent(view, case.seconds["entities"]), body)


def _entity(entity: Entity, view: View) -> Markup:
    chip = Markup('<button type="button" class="from" data-goto="{}" title="{}">{}</button>')
    sources = []
    for ref in entity.sources:
        kind = "transcript" if "@" in ref else "image" if "#" in ref else "text"
        icon = {"transcript": "audio", "image": "image", "text": "text"}[kind]
        sources.append(chip.format(anchor(kind, ref), source_name(view, ref), ICONS[icon]))
    return Markup('<div><dt>{}</dt><dd><span class="value">{}</span>{}</dd></div>').format(
        view.texts.kinds[entity.kind], entity.value, joined(sources)
    )


def _passages(case: Case, view: View, now: Step | None) -> Markup:
    title = titled("passage", view.texts.passages)
    if "retrieve" not in case.seconds:
        if now is not None and now.stage == "retrieve":
            bones = Markup('<div class="bones"><i></i><i></i></div>')
            return card(title, doing(view, now), bones, "quiet")
        return Markup("")
    body = _found_passages(case.passages)
    if not case.passages:
        body = Markup('<p class="note">{}</p>').format(view.texts.no_passages)
    return card(title, spent(view, case.seconds["retrieve"]), body, "passages")


def _found_passages(passages: Sequence[Passage]) -> Markup:
    row = Markup(
        '<details class="passage" data-anchor="{}"><summary>{}<span class="name">{}</span>'
        '<span class="heading">{}</span><span class="meter"><i style="width:{}%"></i></span>'
        '<span class="share">{}</span></summary><p>{}</p><p class="ref">{}</p></details>'
    )
    rows = [
        row.format(
            anchor("passage", p.article),
            ICONS["chevron"],
            p.title,
            p.heading,
            percent(p.score),
            f"{p.score:.2f}",
            p.text,
            p.article,
        )
        for p in passages
    ]
    return joined(rows)
