"""The right column: both drafts, and for every sentence what carries it."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from mmcs.desk.render.cards import Step, doing
from mmcs.desk.render.parts import ICONS, View, anchor, joined, source_name, working
from mmcs.ticket import Case, Claim, Draft, Support

LONGEST_END = 18  # characters that may be kept on one line with the chips behind them

Source = tuple[str, str]  # kind and ref of a Support


def drafts(case: Case, view: View, now: Step | None = None) -> Markup:
    """Return what could be answered.

    While the model writes, both drafts are shown one below the other; then the chosen one, with
    the other behind a tab.

    Args:
        case: what was drafted so far.
        view: what it is drawn with.
        now: what is being worked on; None when nothing is.
    """
    head = Markup('<div class="head"><h2>{}</h2></div>').format(view.texts.drafts)
    return head + _body(case, view, now)


def _body(case: Case, view: View, now: Step | None) -> Markup:
    if case.draft is None:
        if now is not None:
            return Markup('<div class="empty busy">{}<div class="bones">{}</div></div>').format(
                doing(view, now), Markup("<i></i>") * 5
            )
        return _empty(view)
    if now is not None and "draft" not in case.seconds:
        return _growing(case, case.draft, view, now)
    return _finished((case.draft, *case.alternatives), case, view)


def _empty(view: View) -> Markup:
    """Return how a draft will look, where none is."""
    return Markup(
        '<div class="empty"><p>{}</p><p class="reply"><span class="claim good">'
        '<span class="words">{}</span><sup>1</sup></span></p><p class="reply">'
        '<span class="claim bad"><span class="words">{}</span>{}</span></p></div>'
    ).format(view.texts.draft_empty, view.texts.legend_good, view.texts.legend_bad, _flag(view))


def _flag(view: View) -> Markup:
    return Markup('<span class="flag">{}{}</span>').format(ICONS["warn"], view.texts.unsupported)


def _growing(case: Case, instant: Draft, view: View, now: Step) -> Markup:
    """Return the instant draft, whole, over the model's, as far as it is."""
    below = Markup("")
    if case.alternatives:
        head = Markup("<b>{}</b> {}").format(
            case.alternatives[0].engine, working(view.texts.being_written)
        )
        body = Markup('<div class="reply growing">{}<i class="caret"></i></div>').format(
            case.alternatives[0].text
        )
        below = Markup('<article class="draft"><header>{}</header>{}</article>').format(head, body)
    elif now.stage == "draft":
        below = Markup(
            '<article class="draft"><header><b>{}</b></header><div class="bones"><i></i><i></i>'
            "</div></article>"
        ).format(working(view.texts.reading))
    return Markup('<div class="drafts">{}{}</div>').format(_draft(instant, 0, case, view), below)


def _finished(found: Sequence[Draft], case: Case, view: View) -> Markup:
    if len(found) == 1:
        body = _draft(found[0], 0, case, view)
        return Markup('<div class="drafts">{}</div>').format(body)
    tab = Markup('<button type="button" role="tab" data-tab="{}" aria-selected="{}">{}{}</button>')
    tabs = [
        tab.format(n, "false" if n else "true", _engine(d, view), _score(d))
        for n, d in enumerate(found)
    ]
    panes = [_draft(d, n, case, view) for n, d in enumerate(found)]
    return Markup(
        '<div class="drafts tabbed"><div class="tabs" role="tablist">{}</div>{}</div>'
    ).format(joined(tabs), joined(panes))


def _engine(draft: Draft, view: View) -> str:
    return view.texts.instant if draft.engine == "article" else draft.engine


def _score(draft: Draft) -> Markup:
    """Return the mark on a tab: a tick if everything is supported, else how many are not."""
    marked = sum(not claim.supported for claim in draft.claims)
    if not draft.claims:
        return Markup("")
    if marked:
        return Markup('<span class="bad">{}{}</span>').format(ICONS["warn"], marked)
    return Markup('<span class="good">{}</span>').format(ICONS["check"])


def _draft(draft: Draft, number: int, case: Case, view: View) -> Markup:
    numbers = _numbered(draft.claims)
    why = view.said(draft.why)
    return Markup(
        '<article class="draft" data-pane="{}" lang="{}"><header>{}{}</header>'
        '<div class="reply">{}</div>{}<div class="foot">'
        '<button type="button" class="use" data-act="use" data-text="{}">{}</button>'
        '<span class="why" title="{}">{}</span></div></article>'
    ).format(
        number,
        draft.language,
        _verdict(draft, view),
        _timing(draft, case, view),
        _marked_up(draft, numbers, view),
        _legend(numbers, case, view),
        draft.text,
        view.texts.use,
        why,
        why,
    )


def _verdict(draft: Draft, view: View) -> Markup:
    """Return in a few words how well a draft is supported."""
    claims = [claim for claim in draft.claims if not claim.courtesy]
    marked = sum(not claim.supported for claim in claims)
    texts = view.texts
    if not draft.claims:
        return Markup('<span class="verdict">{}</span>').format(texts.stopped_draft)
    if marked:
        words = texts.claims_bad.format(count=marked, all=len(claims))
        return Markup('<span class="verdict bad">{}{}</span>').format(ICONS["warn"], words)
    if draft.engine == "article" and not draft.refused and not claims:  # thanks alone
        return Markup('<span class="verdict">{}{}</span>').format(ICONS["check"], texts.thanked)
    if draft.refused or not claims:
        return Markup('<span class="verdict">{}{}</span>').format(ICONS["refused"], texts.refused)
    if draft.doubtful:
        return Markup('<span class="verdict doubt">{}{}</span>').format(
            ICONS["warn"], texts.doubtful
        )
    words = texts.claims_one
    if len(claims) > 1:
        words = texts.claims_good.format(count=len(claims))
    return Markup('<span class="verdict good">{}{}</span>').format(ICONS["check"], words)


def _timing(draft: Draft, case: Case, view: View) -> Markup:
    if draft.engine == "article":
        names = [("instant", view.texts.seconds)]
    else:
        names = [("first_token", view.texts.first_word), ("draft", view.texts.written_in)]
    words = [
        text.format(seconds=_tenths(case.seconds[stage]))
        for stage, text in names
        if stage in case.seconds
    ]
    return Markup('<span class="spent">{}</span>').format(" · ".join(words))


def _tenths(seconds: float) -> str:
    return f"{seconds:.1f}" if seconds >= 0.05 else "< 0.1"


def _numbered(claims: Sequence[Claim]) -> dict[Source, int]:
    """Return the number of each source, in the order in which the sentences use them."""
    sources = dict.fromkeys((s.kind, s.ref) for claim in claims for s in claim.support)
    return {source: n for n, source in enumerate(sources, 1)}


def _marked_up(draft: Draft, numbers: dict[Source, int], view: View) -> Markup:
    """Return a draft's exact text, its sentences marked by what carries them."""
    pieces: list[Markup] = []
    done = 0
    for claim in draft.claims:
        start = draft.text.find(claim.text, done)
        if start < 0:  # shown unmarked rather than not at all
            continue
        pieces.append(Markup("{}").format(draft.text[done:start]))
        pieces.append(_claim(claim, numbers, view))
        done = start + len(claim.text)
    pieces.append(Markup("{}").format(draft.text[done:]))
    return joined(pieces)


def _claim(claim: Claim, numbers: dict[Source, int], view: View) -> Markup:
    if claim.courtesy:
        return Markup("{}").format(claim.text)
    used = dict.fromkeys((s.kind, s.ref) for s in claim.support)
    chip = Markup('<sup data-source="{}">{}</sup>')
    chips = joined(chip.format(anchor(*source), numbers[source]) for source in used)
    quotes = joined(_quote(s, numbers, view) for s in claim.support)
    if claim.supported:
        start, end = _parted(claim.text)
        return Markup(
            '<span class="claim good" tabindex="0"><span class="words">{}</span><span class="last">'
            '<span class="words">{}</span><span class="chips">{}</span></span>'
            '<span class="quotes" hidden>{}</span></span>'
        ).format(start, end, chips, quotes)
    return Markup(
        '<span class="claim bad" tabindex="0"><span class="words">{}</span>{}'
        '<span class="chips">{}</span><span class="quotes" hidden>{}{}</span></span>'
    ).format(_with_marks(claim), _flag(view), chips, _missing(claim, view), quotes)


def _parted(sentence: str) -> tuple[str, str]:
    """Return a sentence without its last word, and that word, which its chips must not leave."""
    place = sentence.rfind(" ") + 1
    if len(sentence) - place > LONGEST_END:  # Chinese, or an address
        place = len(sentence) - 1
    return sentence[:place], sentence[place:]


def _with_marks(claim: Claim) -> Markup:
    """Return a sentence with the very words marked that nothing carries."""
    rest, pieces = claim.text, []
    for words in claim.unsupported:
        if words == claim.text or words not in rest:
            continue
        before, _, rest = rest.partition(words)
        pieces.append(Markup("{}<mark>{}</mark>").format(before, words))
    return joined([*pieces, Markup("{}").format(rest)])


def _missing(claim: Claim, view: View) -> Markup:
    words = [w for w in claim.unsupported if w != claim.text]
    shown = ", ".join(f"“{w}”" for w in words) or "“" + claim.text + "”"
    text = view.texts.unsupported_words.format(words=shown)
    return Markup('<span class="missing">{}{}</span>').format(ICONS["warn"], text)


def _quote(support: Support, numbers: dict[Source, int], view: View) -> Markup:
    icon = {"passage": "passage", "transcript": "audio", "image": "image", "text": "text"}
    return Markup(
        '<span class="quote"><span class="ref"><sup>{}</sup>{}{}</span><q>{}</q></span>'
    ).format(
        numbers[support.kind, support.ref],
        ICONS[icon[support.kind]],
        source_name(view, support.ref),
        support.quote,
    )


def _legend(numbers: dict[Source, int], case: Case, view: View) -> Markup:
    """Return the list of a draft's sources."""
    if not numbers:
        return Markup("")
    titles = {p.article: p.title for p in case.passages}
    icon = {"passage": "passage", "transcript": "audio", "image": "image", "text": "text"}
    row = Markup(
        '<li><button type="button" data-goto="{}"><sup>{}</sup>{}<span>{}</span></button></li>'
    )
    rows = [
        row.format(
            anchor(kind, ref), n, ICONS[icon[kind]], titles.get(ref) or source_name(view, ref)
        )
        for (kind, ref), n in numbers.items()
    ]
    return Markup('<div class="legend"><span>{}</span><ul>{}</ul></div>').format(
        view.texts.rests_on, joined(rows)
    )
