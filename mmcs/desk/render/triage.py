"""What a ticket is about and how much it presses, who decided so, and the way to ask why."""

from __future__ import annotations

from markupsafe import Markup

from mmcs.desk.reasons import QUESTIONS, Reason
from mmcs.desk.render.cards import card
from mmcs.desk.render.parts import ICONS, View, joined, percent, spent
from mmcs.desk.render.why import answer, label_name, label_names, verdict_of
from mmcs.desk.texts import engine_name
from mmcs.ticket import Case, Triage, Verdict


def triage_card(case: Case, triage: Triage, view: View, reason: Reason | None) -> Markup:
    """Return the verdicts and, below them, the reason that the agent has opened.

    It is the same while the ticket is at work and after: were it not, the end of a draft would
    draw it anew under the hands of an agent who corrects a transcript beside it.
    """
    rows = joined(_meter(what, triage, view, reason) for what in (*QUESTIONS, "language"))
    body = Markup('<dl class="meters">{}</dl>{}').format(rows, _decided_by(triage, view))
    if reason is not None:
        body += answer(reason, triage, case, view)
    seconds = spent(view, case.seconds.get("triage"))
    return card(Markup("{}").format(view.texts.triage), seconds, body, "triage")


def _meter(what: str, triage: Triage, view: View, reason: Reason | None) -> Markup:
    verdict = verdict_of(triage, what)
    own = what in triage.corrected
    share = percent(verdict.confidence)
    title = view.texts.filed_by_agent if own else view.texts.sure.format(percent=share)
    return Markup(
        '<div class="{}{}"><dt>{}</dt><dd>{}<span class="meter" title="{}">'
        '<i style="width:{}%"></i></span><span class="share" title="{}">{}</span>{}</dd></div>'
    ).format(
        what,
        " own" if own else "",
        view.texts.verdicts[what],
        _label(what, verdict, view),
        title,
        share,
        title,
        ICONS["check"] if own else f"{share}%",
        _ask(what, view, reason),
    )


def _label(what: str, verdict: Verdict, view: View) -> Markup:
    """Return the label, with the others of its question to choose from."""
    kind = f"is-{verdict.label}"
    if what not in QUESTIONS:
        name = label_name(what, verdict.label, view)
        return Markup('<span class="value {}">{}</span>').format(kind, name)
    names = {verdict.label: verdict.label.upper(), **label_names(what, view)}
    option = Markup('<option value="{}"{}>{}</option>')
    chosen = Markup(" selected")
    options = (
        option.format(label, chosen if label == verdict.label else "", name)
        for label, name in names.items()
    )
    return Markup('<select class="value {}" data-choose="{}" aria-label="{}">{}</select>').format(
        kind, what, view.texts.choose[what], joined(options)
    )


def _ask(what: str, view: View, reason: Reason | None) -> Markup:
    """Return the button that asks why; nothing if nobody can say."""
    if what not in QUESTIONS or not view.explains:
        return Markup("")
    opened = reason is not None and reason.question == what
    return Markup(
        '<button type="button" class="ask" data-act="why" data-question="{}" aria-label="{}"'
        ' aria-expanded="{}">{}</button>'
    ).format(what, view.texts.why_this[what], "true" if opened else "false", view.texts.why)


def _decided_by(triage: Triage, view: View) -> Markup:
    if not triage.engine:
        return Markup("")
    engine = engine_name(triage.engine, view.language)
    return Markup('<p class="decided">{}</p>').format(view.texts.decided_by.format(engine=engine))
