"""What in a ticket speaks for its label, and what against: words, parts of images, stretches of
voice notes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from markupsafe import Markup

from mmcs.desk.render.parts import ICONS, View, clock, joined, points, side
from mmcs.explanation import Explanation, Region, Stretch, Word
from mmcs.ticket import Attachment, Case

STRONGEST = 5  # words that are listed with their points
FAINTEST = 0.06  # of the strongest: what is weaker is not tinted
APART = 0.11  # of a recording, between two labels of time
ROOM = 0.12  # of a recording, that a number needs


def words(found: Explanation, view: View) -> Markup:
    """Return each source's words, tinted by what they do for the label, and the strongest of them
    as a list."""
    strongest = _strongest(word.value for word in found.words)
    if not strongest:
        return Markup("")
    sources = [
        _source(name, list(of_it), strongest, view)
        for name, of_it in groupby(found.words, lambda word: (word.kind, _attachment(word)))
    ]
    return Markup(
        '<section class="worded"><h4>{}</h4><ul class="strongest">{}</ul>{}</section>'
    ).format(view.texts.why_parts["words"], _listed(found.words), joined(sources))


def _strongest(values: Iterable[float]) -> float:
    """Return the largest size of the values; 0.0 if there are none."""
    return max((abs(value) for value in values), default=0.0)


def _attachment(word: Word) -> str:
    """Return the attachment that a word is from; "" for the message."""
    mark = {"transcript": "@", "image": "#"}.get(word.kind)
    return word.ref.rpartition(mark)[0] or word.ref if mark else ""


def _listed(found: Sequence[Word]) -> Markup:
    """Return the strongest words; those side by side that were weighed together are one entry."""
    together = groupby(found, lambda word: (word.ref, word.value))
    entries = [("".join(word.text for word in some).strip(), key[1]) for key, some in together]
    telling = [(text, value) for text, value in entries if text and points(value) != "0"]
    row = Markup('<li class="{}"><span>{}</span> <b>{}</b></li>')
    return joined(
        row.format(side(value), text, points(value))
        for text, value in sorted(telling, key=lambda entry: -abs(entry[1]))[:STRONGEST]
    )


def _source(source: tuple[str, str], found: Sequence[Word], strongest: float, view: View) -> Markup:
    """Return one message, voice note or image as its words; an image's lines one below another."""
    kind, attachment = source
    icon = {"text": "text", "transcript": "audio", "image": "image"}[kind]
    parts = [
        joined(_word(word, strongest, view) for word in of_it)
        for _, of_it in groupby(found, lambda word: word.ref)
    ]
    read = Markup("\n").join(parts) if kind == "image" else Markup(" ").join(parts)
    return Markup('<p class="from">{}{}</p><p class="read" tabindex="0">{}</p>').format(
        ICONS[icon], attachment or view.texts.channels["written"], read
    )


def _word(word: Word, strongest: float, view: View) -> Markup:
    text = word.text.strip()
    strength = abs(word.value) / strongest
    if strength < FAINTEST or not text:
        return Markup("{}").format(word.text)
    before, _, behind = word.text.partition(text)
    return Markup('{}<mark class="{}" style="--strength:{:.2f}" title="{}">{}</mark>{}').format(
        before,
        side(word.value),
        strength,
        view.texts.points.format(points=points(word.value)),
        text,
        behind,
    )


# --- images ---


def images(found: Explanation, case: Case, view: View) -> Markup:
    """Return the images with their parts tinted, each over the preview that the page shows."""
    strongest = _strongest(region.value for region in found.regions)
    figures = [
        _figure(attachment, regions, strongest, view)
        for attachment in case.ticket.attachments
        if (regions := [r for r in found.regions if r.attachment == attachment.name])
    ]
    if not strongest or not any(figures):
        return Markup("")
    return Markup(
        '<section class="shown"><h4>{}</h4><div class="figures">{}</div></section>'
    ).format(view.texts.why_parts["regions"], joined(figures))


def _figure(
    attachment: Attachment, regions: Sequence[Region], strongest: float, view: View
) -> Markup:
    size = view.files.size(attachment)
    if size is None:
        return Markup("")
    most = max(regions, key=lambda region: abs(region.value))
    words = view.texts.why_region.format(points=points(most.value))
    boxes = joined(_region(region, region is most, strongest, size, view) for region in regions)
    return Markup(
        '<div><p class="from">{}{}</p><figure data-zoom title="{}"><img src="{}" alt="{}"'
        ' width="{}" height="{}">{}</figure><p class="note">{}</p></div>'
    ).format(
        ICONS["image"],
        attachment.name,
        view.texts.zoom,
        view.files.link(attachment),
        words,
        *size,
        boxes,
        words,
    )


def _region(
    region: Region, outlined: bool, strongest: float, size: tuple[int, int], view: View
) -> Markup:
    x0, y0, x1, y1 = region.box
    width, height = size
    return Markup(
        '<span class="region {} {}" title="{}" style="--strength:{:.2f};left:{:.2f}%;top:{:.2f}%;'
        'width:{:.2f}%;height:{:.2f}%"></span>'
    ).format(
        side(region.value),
        "most" if outlined else "",
        view.texts.points.format(points=points(region.value)),
        abs(region.value) / strongest if strongest else 0.0,
        100 * x0 / width,
        100 * y0 / height,
        100 * (x1 - x0) / width,
        100 * (y1 - y0) / height,
    )


# --- voice notes ---


def recordings(found: Explanation, case: Case, view: View) -> Markup:
    """Return a strip of each voice note, its stretches tinted; each plays from there."""
    strongest = _strongest(stretch.value for stretch in found.stretches)
    if not strongest:
        return Markup("")
    ends = {t.attachment: [s.end for s in t.segments] for t in case.evidence.transcripts}
    names = dict.fromkeys(stretch.attachment for stretch in found.stretches)
    strips = []
    for name in names:
        own = [stretch for stretch in found.stretches if stretch.attachment == name]
        length = max((*ends.get(name, ()), *(stretch.end for stretch in own)))
        strips.append(_strip(own, length or 1.0, strongest, view))
    return Markup('<section class="heard"><h4>{}</h4>{}</section>').format(
        view.texts.why_parts["stretches"], joined(strips)
    )


def _strip(found: Sequence[Stretch], length: float, strongest: float, view: View) -> Markup:
    name = found[0].attachment
    return Markup(
        '<p class="from">{}{}</p><div class="player reel" data-of="{}" data-length="{:.2f}">'
        '<button type="button" class="toggle" data-play aria-label="{}">{}{}</button>'
        '<div class="stretches">{}<i class="needle"></i></div><div class="times">{}</div></div>'
    ).format(
        ICONS["audio"],
        name,
        name,
        length,
        view.texts.play,
        ICONS["play"],
        ICONS["pause"],
        joined(_stretch(stretch, length, strongest, view) for stretch in found),
        _times(found, length),
    )


def _stretch(stretch: Stretch, length: float, strongest: float, view: View) -> Markup:
    share = (stretch.end - stretch.start) / length
    number = points(stretch.value)
    words = view.texts.why_stretch.format(
        start=clock(stretch.start), end=clock(stretch.end), points=number
    )
    return Markup(
        '<button type="button" class="{}" data-at="{:.2f}" title="{}" aria-label="{}"'
        ' style="--strength:{:.2f};left:{:.2f}%;width:{:.2f}%">{}</button>'
    ).format(
        side(stretch.value),
        stretch.start,
        words,
        words,
        abs(stretch.value) / strongest,
        100 * stretch.start / length,
        100 * share,
        number if share >= ROOM else "",
    )


def _times(found: Sequence[Stretch], length: float) -> Markup:
    """Return the times below a strip: its beginning and its end, and what has room between."""
    places = [0.0]
    for start in sorted(stretch.start for stretch in found):
        if places[-1] + APART * length <= start <= length * (1 - APART):
            places.append(start)
    time = Markup('<span style="left:{:.2f}%">{}</span>')
    return joined(time.format(100 * at / length, clock(at)) for at in (*places, length))
