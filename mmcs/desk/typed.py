"""What is typed: the customer's latest message and the reply, also in two windows at once.

A window's text is kept if nobody else has changed that text since the window drew it. Otherwise the
one that is there stays, what came later is kept beside it, and the agent chooses from both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import replace

from mmcs.desk.page import Page, Shown
from mmcs.store import TEXTS, Edit, Kept, TextName
from mmcs.ticket import Attachment, Case, Message, Ticket


def current(ticket: Ticket) -> Message:
    """Return the customer's latest message, the one that is being answered; it may be empty."""
    if ticket.messages and ticket.messages[-1].author == "customer":
        return ticket.messages[-1]
    return Message("customer", "")


def earlier(ticket: Ticket) -> tuple[Message, ...]:
    """Return the turns before the one that is being answered."""
    if ticket.messages and ticket.messages[-1].author == "customer":
        return ticket.messages[:-1]
    return ticket.messages


def with_current(
    case: Case, text: str | None = None, files: tuple[Attachment, ...] | None = None
) -> Case:
    """Return a Case with another text, or other files, in the customer's latest message."""
    now = current(case.ticket)
    now = replace(
        now,
        text=now.text if text is None else text,
        attachments=now.attachments if files is None else files,
    )
    turns = (now,) if now.text.strip() or now.attachments else ()
    messages = (*earlier(case.ticket), *turns)
    status = "open" if turns else case.ticket.status
    return replace(case, ticket=replace(case.ticket, messages=messages, status=status))


def text_of(kept: Kept, name: TextName) -> str:
    """Return a text as it is kept."""
    return current(kept.case.ticket).text if name == "message" else kept.reply


def as_drawn(page: Page, kept: Kept, names: Sequence[TextName] = TEXTS) -> Page:
    """Return a page that shows a ticket as it is kept now, and those of its texts."""
    drawn: dict[str, Shown] = {
        name: Shown(kept.revision, _digest(text_of(kept, name))) for name in names
    }
    return replace(page, revision=kept.revision, shown={**page.shown, **drawn})


def as_followed(page: Page, kept: Kept) -> Page:
    """Return a page that shows all of a ticket as it is kept now but what is typed; as it was, if
    another window has changed that too."""
    known = all(_known(kept, name, page) for name in TEXTS)
    return as_drawn(page, kept, ()) if known else page


def typed(kept: Kept, name: TextName, text: str, page: Page, over: Collection[str] = ()) -> Kept:
    """Return what to keep once a text was typed in a page's window: in its place, or beside it if
    another window has changed it since.

    Args:
        kept: the ticket.
        name: which of its texts.
        text: as it is now.
        page: how the window has drawn it.
        over: texts that the window knows besides to have been there.
    """
    now = text_of(kept, name)
    if text == now:
        return kept
    if now not in over and not _known(kept, name, page):
        edit = replace(kept.edits[name], other=text)
        return replace(kept, edits={**kept.edits, name: edit})
    other = kept.edits.get(name, Edit()).other
    return _with_text(kept, name, text, Edit(page.window, kept.revision + 1, other))


def rival(kept: Kept, name: TextName, text: str, page: Page) -> str | None:
    """Return the other text that the agent has to choose from beside the one in the page's window;
    None if there is none."""
    now = text_of(kept, name)
    if text != now and not _known(kept, name, page):
        return now
    other = kept.edits.get(name, Edit()).other
    return None if other == text else other


def chosen(kept: Kept, name: TextName, text: str, page: Page) -> Kept:
    """Return what to keep once the agent has chosen one of two texts."""
    return _with_text(kept, name, text, Edit(page.window, kept.revision + 1))


def is_outdated(kept: Kept, name: TextName, text: str, page: Page) -> bool:
    """Say whether a text in the page's window was changed in another, and not touched in this since
    it was drawn."""
    if text == text_of(kept, name) or _known(kept, name, page):
        return False
    return page.shown.get(name, Shown()).digest == _digest(text)


def _known(kept: Kept, name: TextName, page: Page) -> bool:
    """Say whether whoever looks at a page knows the text that is kept, or typed it there."""
    edit = kept.edits.get(name, Edit())
    return edit.writer == page.window or edit.revision <= page.shown.get(name, Shown()).revision


def _with_text(kept: Kept, name: TextName, text: str, edit: Edit) -> Kept:
    """Return the ticket with a text; an empty ticket is kept only if there is something to keep."""
    case, reply = kept.case, kept.reply
    if name == "message":
        case = with_current(case, text=text)
    else:
        reply = text
    if not (case.ticket.messages or case.problems or reply or kept.revision):
        return kept
    return replace(kept, case=case, reply=reply, edits={**kept.edits, name: edit})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
