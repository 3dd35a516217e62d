"""The report on drafts as one HTML page: each ticket beside its drafts, with their marks."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from mmcs.evaluate.drafts_report import ENGINES, DraftScore, DraftsReport, TicketScore

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem }
pre { font-size: 13px; overflow-x: auto }
article { border-top: 1px solid #ccd; padding: 1rem 0; display: grid; gap: 1.5rem;
  grid-template-columns: minmax(14rem, 1fr) repeat(auto-fit, minmax(18rem, 2fr)) }
p { white-space: pre-wrap; margin: .3rem 0 }
small { color: #667 } .bad { color: #b00020 } .good { color: #176f2c }
mark { background: #ffe3a3 } q { color: #667; font-size: 12px; display: block }
"""


def write_page(report: DraftsReport, path: Path) -> None:
    """Write the page; it loads nothing from elsewhere."""
    rows = "".join(_ticket(score) for score in report.scores)
    told = escape("\n".join(report.lines()))
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Drafts</title>'
        f"<style>{_STYLE}</style><h1>Drafts</h1><pre>{told}</pre>{rows}</html>"
    )
    path.write_text(page, "utf-8")


def _ticket(score: TicketScore) -> str:
    ticket = score.ticket
    wanted = "; ".join(ticket.facts) if ticket.answerable else "no article answers this"
    head = (
        f"<div><b>{escape(ticket.id)}</b> <small>{escape(', '.join(ticket.articles))}, found at "
        f"{score.rank or 'no place'}</small><p>{escape(ticket.text)}</p>"
        f"<small>wanted: {escape(wanted)}</small></div>"
    )
    drafts = "".join(
        f"<div><b>{escape(ENGINES[engine])}</b> {_verdict(draft)}{''.join(_claims(draft))}</div>"
        for engine, draft in score.drafts.items()
    )
    return f"<article>{head}{drafts}</article>"


def _verdict(draft: DraftScore) -> str:
    told = [f"{draft.seconds:.1f} s", f"{draft.words} words"]
    if draft.refused:
        told.append("refused")
    parts = [f"<small>{', '.join(told)}</small>"]
    if draft.facts is not None:
        kind = "good" if draft.facts == 1 else "bad"
        lacking = f" lacks: {'; '.join(draft.missing)}" if draft.missing else ""
        parts.append(f'<small class="{kind}">facts {draft.facts:.2f}{escape(lacking)}</small>')
    if draft.forbidden:
        parts.append(f'<small class="bad">forbidden: {escape("; ".join(draft.forbidden))}</small>')
    if draft.unmarked:
        parts.append(f'<small class="bad">unmarked: {escape("; ".join(draft.unmarked))}</small>')
    return " ".join(parts)


def _claims(draft: DraftScore) -> Iterator[str]:
    if not draft.claims:
        yield f"<p>{escape(draft.text)}</p>"
    for claim in draft.claims:
        text = escape(claim.text)
        shown = text if claim.supported else f"<mark>{text}</mark>"
        sources = (
            ""
            if claim.courtesy
            else "".join(
                f"<q>{escape(support.ref)}: {escape(support.quote)}</q>"
                for support in claim.support[:1]
            )
        )
        yield f"<p>{shown}</p>{sources}"
