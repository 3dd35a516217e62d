"""What was heard and seen: a card for each voice note and each image."""

from __future__ import annotations

from markupsafe import Markup

from mmcs.desk.render.cards import Step, card, doing, titled
from mmcs.desk.render.parts import (
    ICONS,
    View,
    anchor,
    clock,
    doubt,
    faintness,
    joined,
    percent,
    spent,
)
from mmcs.ticket import Attachment, Case, Line, Picture, Segment, Transcript

SHOWN_LINES = 40  # of an image; a longer text is read in the image itself


def attachment_card(attachment: Attachment, case: Case, view: View, now: Step | None) -> Markup:
    here = now if now is not None and now.attachment == attachment.name else None
    if attachment.kind == "audio":
        for heard in case.evidence.transcripts:
            if heard.attachment == attachment.name:
                return _transcript(heard, attachment, case, view)
    else:
        for picture in case.evidence.images:
            if picture.attachment == attachment.name:
                return _picture(picture, attachment, case, view, here)
    if here is None:
        return Markup("")
    title = titled(attachment.kind, attachment.name)
    bones = Markup('<div class="bones"><i></i><i></i></div>')
    return card(title, doing(view, here), bones, "quiet")


def _transcript(heard: Transcript, attachment: Attachment, case: Case, view: View) -> Markup:
    language = view.texts.languages.get(heard.language, heard.language.upper())
    alone = sum(a.kind == "audio" for a in case.ticket.attachments) == 1
    aside = Markup('<span class="tag">{}</span>{}').format(
        language if heard.segments else "–",
        spent(view, case.seconds.get("transcribe") if alone else None),
    )
    body = _segments(heard, view)
    if not heard.segments:
        body = Markup('<p class="note">{}</p>').format(view.texts.no_speech)
    player = Markup(
        '<div class="player" data-recording="{}">'
        '<button type="button" data-play aria-label="{}">{}{}</button>'
        '<span class="track" data-seek><i></i></span><time>0:00</time>'
        '<audio preload="metadata" src="{}"></audio></div>'
    ).format(
        attachment.name,
        view.texts.play,
        ICONS["play"],
        ICONS["pause"],
        view.files.link(attachment),
    )
    title = titled("audio", attachment.name)
    return card(title, aside, player + body, "transcript")


def _segments(heard: Transcript, view: View) -> Markup:
    return Markup('<div class="segments">{}</div>').format(
        joined(_segment(s, n, heard.attachment, view) for n, s in enumerate(heard.segments))
    )


def _segment(segment: Segment, number: int, attachment: str, view: View) -> Markup:
    return Markup(
        '<p class="segment {}" data-anchor="{}" data-start="{}">'
        '<button type="button" class="at" data-at="{}" aria-label="{} {}">{}</button>'
        '<span class="said" contenteditable="plaintext-only" role="textbox" spellcheck="false"'
        ' title="{}" data-edit="segment" data-attachment="{}" data-number="{}">{}</span>{}</p>'
    ).format(
        faintness(segment.confidence),
        anchor("transcript", f"{attachment}@{segment.start:.1f}"),
        f"{segment.start:.2f}",
        f"{segment.start:.2f}",
        view.texts.play,
        clock(segment.start),
        clock(segment.start),
        view.texts.editable,
        attachment,
        number,
        segment.text.strip(),
        doubt(view, segment.confidence),
    )


def _picture(
    picture: Picture, attachment: Attachment, case: Case, view: View, now: Step | None
) -> Markup:
    alone = sum(a.kind == "image" for a in case.ticket.attachments) == 1
    seconds = case.seconds.get("read", 0.0) + case.seconds.get("tag", 0.0)
    kind = Markup('<span class="tag">{}</span>').format(view.texts.image_kinds[picture.kind])
    aside = doing(view, now) if now is not None else kind
    if alone and now is None and seconds:
        aside += spent(view, seconds)
    tags = Markup('<span class="tag" title="{}%">{}</span>')
    about = Markup('<p class="caption">{}</p><p class="tags">{}</p>').format(
        picture.caption,
        joined(tags.format(percent(t.score), t.label) for t in picture.tags[:3]),
    )
    body = Markup('<div class="picture">{}<div class="read">{}{}</div></div>').format(
        _figure(picture, attachment, view), about, _lines(picture, view)
    )
    return card(titled("image", attachment.name), aside, body, "seen")


def _figure(picture: Picture, attachment: Attachment, view: View) -> Markup:
    size = view.files.size(attachment)
    if size is None:
        return Markup('<p class="note">{}</p>').format(view.texts.no_preview)
    boxes = joined(_box(line, n, picture.attachment, size) for n, line in enumerate(picture.lines))
    return Markup(
        '<figure data-zoom title="{}"><img src="{}" alt="{}" width="{}" height="{}">{}</figure>'
    ).format(
        view.texts.zoom,
        view.files.link(attachment),
        picture.caption or attachment.name,
        *size,
        boxes,
    )


def _box(line: Line, number: int, attachment: str, size: tuple[int, int]) -> Markup:
    x0, y0, x1, y1 = line.box
    width, height = size
    return Markup(
        '<span class="box {}" data-anchor="{}" title="{}"'
        ' style="left:{:.2f}%;top:{:.2f}%;width:{:.2f}%;height:{:.2f}%"></span>'
    ).format(
        faintness(line.confidence),
        anchor("image", f"{attachment}#{number}"),
        line.text,
        100 * x0 / width,
        100 * y0 / height,
        100 * (x1 - x0) / width,
        100 * (y1 - y0) / height,
    )


def _lines(picture: Picture, view: View) -> Markup:
    if not picture.lines:
        return Markup('<p class="note">{}</p>').format(view.texts.no_lines)
    row = Markup(
        '<li class="{}" data-anchor="{}"><span contenteditable="plaintext-only" role="textbox"'
        ' spellcheck="false" title="{}" data-edit="line" data-attachment="{}" data-number="{}">{}'
        "</span>{}</li>"
    )
    rows = [
        row.format(
            faintness(line.confidence),
            anchor("image", f"{picture.attachment}#{n}"),
            view.texts.editable,
            picture.attachment,
            n,
            line.text,
            doubt(view, line.confidence),
        )
        for n, line in enumerate(picture.lines[:SHOWN_LINES])
    ]
    count = view.texts.lines.format(count=len(picture.lines))
    return Markup(
        '<p class="count">{}</p><ul class="lines" tabindex="0" aria-label="{}">{}</ul>'
    ).format(count, count, joined(rows))
