"""The frame of a finding, and the sign of what is being worked on."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from mmcs.desk.render.parts import ICONS, View, reading, working
from mmcs.models import Indexing
from mmcs.ticket import Case


@dataclass(frozen=True)
class Step:
    """A stage of the pipeline, and the attachment that it works on."""

    stage: str
    attachment: str = ""
    loading: bool = False  # its model is not there yet
    ahead: int = 0  # tickets whose turn comes first
    indexing: Indexing | None = None  # the articles that it waits for


def doing(view: View, now: Step) -> Markup:
    """Return the sign of what is being worked on."""
    if now.indexing is not None and not now.loading:
        return working(reading(view, now.indexing))
    return working(view.texts.working["load" if now.loading else now.stage])


def steps_of(case: Case, understood: bool) -> tuple[Step, ...]:
    """Return the stages of a run, in the pipeline's order.

    Args:
        case: the ticket.
        understood: whether the evidence is there already.
    """
    files = () if understood else case.ticket.attachments
    heard = [Step("transcribe", a.name) for a in files if a.kind == "audio"]
    seen = [Step(s, a.name) for a in files if a.kind == "image" for s in ("read", "tag")]
    rest = [Step(stage) for stage in ("entities", "triage", "retrieve", "instant")]
    return (*heard, *seen, *rest)


def card(title: Markup, aside: Markup, body: Markup, extra: str = "") -> Markup:
    return Markup(
        '<section class="card {}"><header><h3>{}</h3><span class="aside">{}</span></header>{}'
        "</section>"
    ).format(extra, title, aside, body)


def titled(icon: str, text: str) -> Markup:
    return Markup("{}<span>{}</span>").format(ICONS[icon], text)
