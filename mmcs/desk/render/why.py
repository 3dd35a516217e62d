"""Why a ticket was filed as it was: the answer below the triage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mmcs.desk.reasons import Reason
from mmcs.desk.render.parts import ICONS, View, joined, percent, side, working
from mmcs.desk.render.why_sources import images, recordings, words
from mmcs.desk.texts import Words
from mmcs.domain import ByLanguage, Domain
from mmcs.explanation import Channel, Explanation, Neighbour
from mmcs.ticket import AttachmentKind, Case, Triage, Verdict

SAME = 0.015  # difference of two chances that is rounding
_KIND: dict[Channel, AttachmentKind] = {"said": "audio", "shown": "image"}


def answer(reason: Reason, triage: Triage, case: Case, view: View) -> Markup:
    """Return the answer to a question, its problem, or the sign that it is being looked for.

    Args:
        reason: what was found.
        triage: how the ticket was filed.
        case: the ticket that was explained.
        view: what it is drawn with.
    """
    if reason.explanation is not None:
        body = _explained(reason.explanation, triage, case, view)
    elif reason.problem:
        body = Markup('<p class="note">{}</p>').format(view.said(reason.problem))
    else:
        body = working(view.texts.why_working)
        body += Markup('<div class="bones">{}</div>').format(Markup("<i></i>") * 4)
    awaited = Markup(" data-awaited") if reason.awaited else Markup("")
    return Markup('<div class="reason" role="group" aria-label="{}"{}>{}</div>').format(
        view.texts.why_this[reason.question], awaited, body
    )


def label_name(question: str, label: str, view: View) -> str:
    """Return a label's name in the page's language."""
    return label_names(question, view).get(label, label.upper())


def label_names(question: str, view: View) -> Words:
    """Return the names of all labels of a question, in the page's language."""
    if question == "language":
        return view.texts.languages
    return {label: view.named(name) for label, name in labels_of(view.domain)[question].items()}


def labels_of(domain: Domain) -> Mapping[str, Mapping[str, ByLanguage]]:
    """Return the labels that a domain has for each question, with their names."""
    return {
        "category": {category.label: category.name for category in domain.categories},
        "urgency": {level.label: level.name for level in domain.urgency},
        "sentiment": {level.label: level.name for level in domain.sentiment},
    }


def verdict_of(triage: Triage, question: str) -> Verdict:
    """Return what a triage says on a question."""
    verdicts = {
        "category": triage.category,
        "urgency": triage.urgency,
        "sentiment": triage.sentiment,
        "language": triage.language,
    }
    return verdicts[question]


def _explained(found: Explanation, triage: Triage, case: Case, view: View) -> Markup:
    return joined(
        (
            _in_a_sentence(found, case, view),
            _remark(found, triage, view),
            _sum(found, case, view),
            words(found, view),
            images(found, case, view),
            recordings(found, case, view),
            _neighbours(found.question, found.neighbours, view),
        )
    )


def _in_a_sentence(found: Explanation, case: Case, view: View) -> Markup:
    """Return the label, its chance, and the channel that did most for it."""
    texts = view.texts
    label = label_name(found.question, found.label, view)
    sentence = texts.why_answer.format(label=label, percent=percent(found.chance))
    decided = ""
    most = max(found.channels, key=lambda share: share.value, default=None)
    if most is not None and most.value > 0:
        said = texts.why_most if len(found.channels) > 1 else texts.why_alone
        decided = said.format(channel=_channel(most.channel, case, view))
    return Markup('<p class="gist" role="status"><b>{}</b> {}</p>').format(sentence, decided)


def _remark(found: Explanation, triage: Triage, view: View) -> Markup:
    """Return the remark that the ticket is filed otherwise, and by whom, where it is."""
    filed = verdict_of(triage, found.question)
    label = label_name(found.question, filed.label, view)
    if found.question in triage.corrected:
        words = view.texts.why_corrected.format(label=label)
        differs = found.label != filed.label
    else:
        words = view.texts.why_changed.format(label=label, percent=percent(filed.confidence))
        differs = found.label != filed.label or abs(found.chance - filed.confidence) >= SAME
    if not differs:
        return Markup("")
    return Markup('<p class="changed">{}<span>{}</span></p>').format(ICONS["warn"], words)


def _channel(channel: Channel, case: Case, view: View) -> str:
    """Return what a channel is called: the voice note, or the voice notes if there are several."""
    kind = _KIND.get(channel)
    several = sum(a.kind == kind for a in case.ticket.attachments) > 1
    return (view.texts.channels_many if several else view.texts.channels)[channel]


def _sum(found: Explanation, case: Case, view: View) -> Markup:
    """Return how the chance comes about: what it was before, what each channel adds, the sum.

    The numbers are whole and add up: each is the step from one rounded sum to the next.
    """
    if not found.channels:
        return Markup("")
    texts = view.texts
    sums = [found.nothing]
    for share in found.channels:
        sums.append(sums[-1] + share.value)
    sums[-1] = found.chance  # the same, but for the last digit of a float
    below = max(0.0, *(-share.value for share in found.channels))
    above = max(found.nothing, found.chance, *(share.value for share in found.channels))
    bars = _Bars(zero=below / (below + above or 1.0), whole=below + above or 1.0)
    shares = [
        bars.row(
            _channel(share.channel, case, view),
            share.value,
            _signed(round(100 * after) - round(100 * before)),
            side(share.value),
        )
        for share, before, after in zip(found.channels, sums, sums[1:], strict=False)
    ]
    return Markup(
        '<section class="sum"><h4>{}</h4><ul class="bars" style="--zero:{:.2f}%">{}{}{}</ul>{}'
        "</section>"
    ).format(
        texts.why_parts["channels"],
        100 * bars.zero,
        bars.row(texts.why_nothing, found.nothing, _chance(found.nothing), "before"),
        joined(shares),
        bars.row(texts.why_together, found.chance, _chance(found.chance), "together"),
        _key(view),
    )


@dataclass(frozen=True)
class _Bars:
    """The scale of a bar plot with values on both sides of a zero line."""

    zero: float  # 0-1, where the line stands
    whole: float  # the difference of two chances that is as wide as the plot

    def row(self, name: str, value: float, number: str, kind: str) -> Markup:
        """Return one bar with its name and its number."""
        return Markup(
            '<li class="{}"><span class="name">{}</span><span class="plot" aria-hidden="true">'
            '<i style="left:{:.2f}%;width:{:.2f}%"></i></span><span class="number">{}</span></li>'
        ).format(
            kind,
            name,
            100 * (self.zero + min(0.0, value) / self.whole),
            100 * abs(value) / self.whole,
            number,
        )


def _chance(share: float) -> str:
    return f"{percent(share)}%"


def _signed(whole: int) -> str:
    return f"+{whole}" if whole > 0 else f"−{-whole}" if whole < 0 else "0"


def _key(view: View) -> Markup:
    """Return what the two colours mean."""
    speaks = view.texts.speaks
    return Markup(
        '<p class="key"><i class="for"></i>{}<i class="against"></i>{}<span>{}</span></p>'
    ).format(speaks["for"], speaks["against"], view.texts.in_points)


def _neighbours(question: str, found: Sequence[Neighbour], view: View) -> Markup:
    """Return the tickets of the training that are most alike."""
    row = Markup(
        '<li><q title="{}">{}</q><span class="tag">{}</span><span class="number">{}</span></li>'
    )
    rows = [
        row.format(
            alike.text,
            alike.text,
            label_name(question, alike.label, view),
            view.texts.alike.format(percent=percent(alike.likeness)),
        )
        for alike in found
    ]
    if not rows:
        return Markup("")
    return Markup('<section class="alike"><h4>{}</h4><ul>{}</ul></section>').format(
        view.texts.why_parts["neighbours"], joined(rows)
    )
