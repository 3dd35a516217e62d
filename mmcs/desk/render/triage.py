"""What a ticket is about and how much it presses, who decided so, and the way to ask why."""

from __future__ import annotations

from markupsafe import Markup

from mmcs.desk.reasons import QUESTIONS, Reason
from mmcs.desk.render.cards import card
from mmcs.desk.render.parts import View, joined, percent, spent
from mmcs.desk.render.why import answer, label_name, verdict_of
from mmcs.desk.texts import engine_name
from mmcs.ticket import Case, Triage, Verdict


def triage_card(case: Case, triage: Triage, view: View, reason: Reason | None) -> Markup:
    """Return the verdicts and, below them, the reason that the agent has opened."""
    questions = (*QUESTIONS, "language")
    rows = joined(_meter(q, verdict_of(triage, q), view, reason) for q in questions)
    body = Markup('<dl class="meters">{}</dl>{}').format(rows, _decided_by(triage, view))
    if reason is not None:
        body += answer(reason, triage, case, view)
    seconds = spent(view, case.seconds.get("triage"))
    return card(Markup("{}").format(view.texts.triage), seconds, body, "triage")


def _meter(what: str, verdict: Verdict, view: View, reason: Reason | None) -> Markup:
    share = percent(verdict.confidence)
    return Markup(
        '<div class="{}"><dt>{}</dt><dd><span class="value {}">{}</span>'
        '<span class="meter" title="{}"><i style="width:{}%"></i></span>'
        '<span class="share">{}%</span>{}</dd></div>'
    ).format(
        what,
        view.texts.verdicts[what],
        f"is-{verdict.label}",
        label_name(what, verdict.label, view),
        view.texts.sure.format(percent=share),
        share,
        share,
        _ask(what, view, reason),
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
