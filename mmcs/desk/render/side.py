"""The top and the left column: the models, the ticket's files and turns, and the lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from markupsafe import Markup

from mmcs.desk.render.parts import ICONS, View, joined, reading
from mmcs.desk.texts import TEXTS
from mmcs.domain import Sample
from mmcs.models import Indexing, ModelState
from mmcs.store import Filed
from mmcs.ticket import Attachment, Case, Language, Message
from mmcs.weights.progress import Fetch

MOST_NOTES = 8  # on the articles; a folder of anything may give hundreds
SETTLED = frozenset({"ready", "failed", "off"})
# Whose weights are being fetched; every other row of the table is a language model.
ROLE_OF_WEIGHTS = {
    "whisper-base": "transcriber",
    "minilm": "embedder",
    "multilingual-e5-small": "embedder",
    "efficientnet-lite0": "tagger",
}
_NATIVE: dict[Language, str] = {"en": "EN", "zh": "中文"}


def header(
    view: View,
    states: Sequence[ModelState],
    fetches: Sequence[Fetch],
    article_notes: Sequence[str] = (),
    indexing: Indexing | None = None,
) -> Markup:
    """Return the bar at the top: whose desk this is, how far the models are, the language.

    Args:
        view: what it is drawn with.
        states: how far each model is.
        fetches: the weights that are on their way.
        article_notes: what ``Knowledge.problems`` says of files that were left out.
        indexing: how many of the articles are read; None once they can be searched.
    """
    running = {
        ROLE_OF_WEIGHTS.get(f.name, "chat"): f for f in fetches if not f.done and f.total_bytes
    }
    chips = joined(_chip(s, running.get(s.role), view) for s in states)
    ready = sum(s.phase == "ready" for s in states)
    failed = any(s.phase == "failed" for s in states)
    words = view.texts.ready_count.format(ready=ready, all=len(states))
    complete = ready == len(states) and indexing is None
    if ready == len(states):
        words = view.texts.all_ready if indexing is None else reading(view, indexing)
    if article_notes:
        words += " · " + view.texts.article_notes.format(count=len(article_notes))
    option = Markup(
        '<button type="button" data-act="language" data-language="{}" aria-pressed="{}">{}</button>'
    )
    languages = joined(
        option.format(code, "true" if code == view.language else "false", _NATIVE[code])
        for code in get_args(Language)
        if code in TEXTS
    )
    return Markup(
        '<div class="topbar" data-language="{}" data-say-drop="{}" data-say-copied="{}"'
        ' data-say-record="{}" data-say-stop="{}" data-say-joined="{}">'
        '<span class="brand">{}<b>{}</b><span class="domain">{}</span></span>'
        '{}<details class="models {}"><summary title="{}"><span class="dots">{}</span>'
        '<span class="count">{}</span></summary><ul>{}</ul></details>'
        '<span class="languages" role="group" aria-label="{}">{}</span></div>'
    ).format(
        view.language,
        view.texts.drop,
        view.texts.copied,
        view.texts.record,
        view.texts.stop_recording,
        view.texts.joined,
        _LOGO,
        view.texts.product,
        view.named(view.domain.title),
        Markup("") if complete else Markup('<ul class="strip">{}</ul>').format(chips),
        "failed" if failed else "ready" if complete else "loading",
        words,
        joined(Markup('<i class="{}"></i>').format(s.phase) for s in states),
        words,
        chips + _article_notes(article_notes, view),
        view.texts.language_label,
        languages,
    )


def _chip(state: ModelState, fetch: Fetch | None, view: View) -> Markup:
    phase: str = state.phase
    words = view.texts.phases[phase]
    if phase == "loading" and fetch is not None:
        phase = "fetching"
        share = 100 * fetch.done_bytes // fetch.total_bytes
        words = view.texts.phases[phase].format(percent=share)
    if phase == "ready" and state.seconds >= 0.05:
        words = view.texts.seconds.format(seconds=f"{state.seconds:.1f}")
    message = view.said(state.message)
    why = Markup('<p class="why">{}</p>').format(message) if message else Markup("")
    return Markup(
        '<li class="{}" data-role="{}" title="{}"><i></i><span class="role">{}</span>'
        '<span class="name">{}</span><span class="phase">{}</span>{}</li>'
    ).format(
        phase,
        state.role,
        message,
        view.texts.roles[state.role],
        state.name or state.backend,
        words,
        why,
    )


def _article_notes(notes: Sequence[str], view: View) -> Markup:
    """Return what is wrong with the folder of articles, below the models."""
    if not notes:
        return Markup("")
    row = Markup('<p class="why">{}</p>')
    rows = [row.format(view.said(note)) for note in notes[:MOST_NOTES]]
    if len(notes) > MOST_NOTES:
        rows.append(row.format("…"))
    return Markup('<li class="notes"><i></i><span class="role">{}</span>{}</li>').format(
        view.texts.article_notes.format(count=len(notes)), joined(rows)
    )


_LOGO = Markup(
    '<svg class="logo" viewBox="0 0 24 24" aria-hidden="true"><rect width="24" height="24" rx="6"/>'
    '<path d="M5.5 16.5 9 8l3 6 3-6 3.5 8.5" fill="none" stroke="#fff" stroke-width="2"'
    ' stroke-linecap="round" stroke-linejoin="round"/></svg>'
)


def title(samples: Sequence[Sample], sample: str, view: View, worked_on: bool = False) -> Markup:
    """Return the head of the left column; for a sample, with what it shows, and a way to begin
    again once it was worked on."""
    shows = joined(
        Markup('<p class="shows"><b>{}</b> {}</p>').format(view.texts.shows, view.named(s.shows))
        for s in samples
        if s.id == sample
    )
    afresh = Markup('<button type="button" data-act="afresh" title="{}">{}</button>').format(
        view.texts.afresh_hint, view.texts.afresh
    )
    return Markup(
        '<div class="head"><h2>{}</h2>{}<button type="button" data-act="new">{}</button></div>{}'
    ).format(view.texts.ticket, afresh if shows and worked_on else "", view.texts.new, shows)


def remark(words: str) -> Markup:
    """Return a line under the reply."""
    return Markup('<span class="remark" role="status">{}</span>').format(words)


def warning(words: str) -> Markup:
    """Return what stands in the way of sending."""
    if not words:
        return Markup("")
    return Markup('<div class="warning" role="alert">{}<p>{}</p></div>').format(
        ICONS["warn"], words
    )


def attachments(message: Message, view: View) -> Markup:
    """Return the files of the message that is being answered, each with a way to take it out."""
    if not message.attachments:
        return Markup('<p class="hint">{}</p>').format(view.texts.attach_hint)
    return Markup('<div class="files">{}</div>').format(
        joined(_file(a, view, removable=True) for a in message.attachments)
    )


def _file(attachment: Attachment, view: View, removable: bool) -> Markup:
    shown = ICONS["audio"]
    if attachment.kind == "image":
        shown = Markup('<img src="{}" alt="">').format(view.files.link(attachment))
    remove = Markup("")
    if removable:
        remove = Markup(
            '<button type="button" data-act="remove" data-name="{}" aria-label="{}">{}</button>'
        ).format(attachment.name, view.texts.remove.format(name=attachment.name), ICONS["cross"])
    return Markup('<span class="file {}" title="{}">{}<span>{}</span>{}</span>').format(
        attachment.kind, attachment.name, shown, attachment.name, remove
    )


def saved(mark: str) -> Markup:
    """Return the sign for the page's script that a text is kept."""
    return Markup('<span data-saved="{}"></span>').format(mark)


def conversation(turns: Sequence[Message], view: View, case: str) -> Markup:
    """Return the turns before the one that is being answered, of the ticket with that id."""
    turn = Markup('<div class="turn {}"><b>{}</b><p>{}</p>{}</div>')
    rows = [
        turn.format(
            m.author,
            view.texts.authors[m.author],
            m.text,
            joined(_file(a, view, removable=False) for a in m.attachments),
        )
        for m in turns
    ]
    answers = sum(m.author == "agent" for m in turns)
    return Markup(
        '<div class="turns" role="region" tabindex="0" aria-label="{}" data-case="{}"'
        ' data-answers="{}">{}</div>'
    ).format(view.texts.conversation, case, answers, joined(rows))


def lists(
    samples: Sequence[Sample], filed: Sequence[Filed], case: Case, sample: str, view: View
) -> Markup:
    """Return the sample tickets, if the domain has any, and the agent's own, one behind the
    other."""
    texts = view.texts
    tab = Markup(
        '<button type="button" role="tab" data-tab="{}" aria-selected="{}">{}<span>{}</span>'
        "</button>"
    )
    own = joined(_filed(f, f.id == case.id, view) for f in filed)
    if not filed:
        own = Markup('<p class="note">{}</p>').format(texts.no_tickets)
    shown = [(texts.mine, len(filed), own)]
    if samples:
        offered = joined(_sample(s, s.id == sample, view) for s in samples)
        shown.insert(0, (texts.samples, len(samples), offered))
    tabs = joined(
        tab.format(n, "false" if n else "true", name, many)
        for n, (name, many, _) in enumerate(shown)
    )
    pane = Markup('<div data-pane="{}">{}</div>')
    return Markup(
        '<div class="lists tabbed"><div class="tabs" role="tablist">{}</div>{}</div>'
    ).format(tabs, joined(pane.format(n, body) for n, (_, _, body) in enumerate(shown)))


def _sample(sample: Sample, chosen: bool, view: View) -> Markup:
    audio = any(m.audio for m in sample.messages)
    images = any(m.images for m in sample.messages)
    icons = (
        joined(ICONS[name] for name, has in (("audio", audio), ("image", images)) if has)
        or ICONS["text"]
    )
    shows = view.named(sample.shows)
    return Markup(
        '<button type="button" class="entry" data-act="sample" data-id="{}" aria-current="{}"'
        ' title="{}"><span class="title">{}</span><span class="media">{}</span>'
        '<span class="shows">{}</span></button>'
    ).format(
        sample.id, "true" if chosen else "false", shows, view.named(sample.title), icons, shows
    )


def _filed(filed: Filed, chosen: bool, view: View) -> Markup:
    category = view.named(view.domain.category(filed.category).name) if filed.category else ""
    return Markup(
        '<button type="button" class="entry" data-act="open" data-id="{}" aria-current="{}">'
        '<span class="title">{}</span><span class="media">{}</span>'
        '<span class="shows">{}</span></button>'
    ).format(
        filed.id,
        "true" if chosen else "false",
        filed.subject or view.texts.untitled,
        ICONS["answered"] if filed.status == "answered" else Markup(""),
        " · ".join(w for w in (category, view.texts.statuses.get(filed.status, "")) if w),
    )
