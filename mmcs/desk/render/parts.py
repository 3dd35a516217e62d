"""Small pieces of HTML that every view shares.

Everything is markupsafe's Markup: what is put into it by ``format`` or ``join`` is escaped, so a
customer's, a model's and an article's words can only ever be text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from mmcs.desk.files import Files
from mmcs.desk.texts import TEXTS, Texts, translated
from mmcs.domain import ByLanguage, Domain
from mmcs.models import Indexing
from mmcs.ticket import Language

LOW, MIDDLING = 0.6, 0.8  # confidence under which words are shown faint, fainter

_ICON = Markup(
    '<svg class="icon" viewBox="0 0 16 16" aria-hidden="true" fill="none" stroke="currentColor"'
    ' stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round">{}</svg>'
)
ICONS = {
    name: _ICON.format(Markup(path))  # noqa: S704  # the paths below, nobody's input
    for name, path in {
        "audio": '<rect x="6" y="1.5" width="4" height="8" rx="2"/>'
        '<path d="M3.5 7.5a4.5 4.5 0 0 0 9 0M8 12v2.5"/>',
        "image": '<rect x="1.8" y="2.8" width="12.4" height="10.4" rx="1.6"/>'
        '<circle cx="5.4" cy="6.2" r="1.1"/><path d="m2.2 12 3.6-3.4 2.4 2.2L11 7.6l3 3"/>',
        "text": '<path d="M2.5 3.5h11v7.2h-6L4.4 13v-2.3H2.5z"/>',
        "passage": '<path d="M3.5 2h6.2l2.8 2.8V14h-9z"/>'
        '<path d="M9.5 2v3h3M5.6 8h4.8M5.6 10.6h4.8"/>',
        "warn": '<path d="M8 2 1.6 13.4h12.8z"/><path d="M8 6.4v3.2M8 11.6v.1"/>',
        "check": '<path d="m3 8.6 3.2 3.2L13 4.6"/>',
        "cross": '<path d="m4 4 8 8M12 4l-8 8"/>',
        "play": '<path d="M5 3.2v9.6l7.6-4.8z" fill="currentColor" stroke="none"/>',
        "pause": '<path d="M5.4 3.5v9M10.6 3.5v9" stroke-width="2.4"/>',
        "chevron": '<path d="m6 4 4 4-4 4"/>',
        "zoom": '<path d="M9.5 2.5h4v4M6.5 13.5h-4v-4M13.2 2.8 9.4 6.6M2.8 13.2l3.8-3.8"/>',
        "answered": '<path d="M6.4 4 2.4 8l4 4"/><path d="M2.6 8h7.2a3.8 3.8 0 0 1 3.8 3.8v.4"/>',
        "refused": '<circle cx="8" cy="8" r="6"/><path d="m3.8 3.8 8.4 8.4"/>',
    }.items()
}


@dataclass(frozen=True)
class View:
    """What a page is drawn with."""

    language: Language
    domain: Domain
    files: Files
    explains: bool = False  # whether whoever files tickets can say why

    @property
    def texts(self) -> Texts:
        """The page's words."""
        return TEXTS[self.language]

    def named(self, names: ByLanguage) -> str:
        """Return a name out of the domain in the page's language."""
        return names.get(self.language) or next(iter(names.values()), "")

    def said(self, sentence: str) -> str:
        """Return a stage's sentence, a Problem or a draft's reason, in the page's language."""
        return translated(sentence, self.language)


def joined(pieces: Iterable[Markup]) -> Markup:
    """Return pieces of HTML one after another."""
    return Markup("").join(pieces)


def percent(share: float) -> str:
    """Return a share of 1 as a whole number of hundredths."""
    return str(round(100 * min(1.0, max(0.0, share))))


def points(value: float) -> str:
    """Return a difference of two chances in percentage points, always with its sign: +12, −0.4."""
    size = abs(100 * value)
    shown = str(round(size)) if size >= 9.95 else f"{size:.1f}".removesuffix(".0")
    return shown if shown == "0" else f"+{shown}" if value > 0 else f"−{shown}"


def side(value: float) -> str:
    """Return the class of what speaks for a label, or against it."""
    return "for" if value >= 0 else "against"


def clock(seconds: float) -> str:
    """Return a place in a recording: 0:03."""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def spent(view: View, seconds: float | None) -> Markup:
    """Return how long a stage took."""
    if seconds is None:
        return Markup("")
    shown = f"{seconds:.1f}" if seconds >= 0.095 else f"{seconds:.2f}"
    if seconds < 0.005:  # what was found before, and kept
        shown = "< 0.01"
    return Markup('<span class="spent">{}</span>').format(view.texts.seconds.format(seconds=shown))


def faintness(confidence: float) -> str:
    """Return the class under which words of that confidence are shown."""
    return "low" if confidence < LOW else "middling" if confidence < MIDDLING else "sure"


def doubt(view: View, confidence: float) -> Markup:
    """Return the number that stands beside words that are not sure; nothing beside the others."""
    if confidence >= MIDDLING:
        return Markup("")
    title = view.texts.sure.format(percent=percent(confidence))
    return Markup('<span class="doubt" title="{}">{}%</span>').format(title, percent(confidence))


def working(label: str) -> Markup:
    """Return the sign that something is going on."""
    return Markup(
        '<span class="working" role="status"><span class="pulse"></span>{}…</span>'
    ).format(label)


def reading(view: View, indexing: Indexing) -> str:
    """Return how many of the help articles are read."""
    if not indexing.total:
        return view.texts.working["index"]
    return view.texts.articles_read.format(done=indexing.done, total=indexing.total)


def source_name(view: View, ref: str) -> str:
    """Return a source in words: ``a.wav@3.2`` is "a.wav at 0:03", ``b.png#4`` line 5."""
    if ref in {"text", "reply"}:
        return view.texts.source_text if ref == "text" else view.texts.source_reply
    name, _, place = ref.rpartition("@")
    if name and _is_number(place):
        return view.texts.source_audio.format(name=name, time=clock(float(place)))
    name, _, place = ref.rpartition("#")
    if name and place.isdigit():
        return view.texts.source_line.format(name=name, line=int(place) + 1)
    return ref


def anchor(kind: str, ref: str) -> str:
    """Return the mark by which the page finds a source in the evidence column."""
    return f"{kind}:{ref}"


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()
