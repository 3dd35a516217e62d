"""What each press, key and file on the page does, in terms of the page's parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import gradio as gr
from markupsafe import Markup

from mmcs import weights
from mmcs.desk import render
from mmcs.desk.drafting import Drafting
from mmcs.desk.files import Files
from mmcs.desk.late import Runs
from mmcs.desk.layout import Parts
from mmcs.desk.page import Page, open_page, sample_case
from mmcs.desk.render import SETTLED, Step, View
from mmcs.desk.texts import translated
from mmcs.desk.tickets import Correction, Tickets, current, earlier, unsupported_in
from mmcs.desk.way import QUEUED, Way
from mmcs.domain import open_samples
from mmcs.errors import MMCSError
from mmcs.store import Store
from mmcs.ticket import Case

Kept = Any  # what the browser remembers, as it sends it
Updates = dict[Any, Any]  # component -> its new value
P = ParamSpec("P")
T = TypeVar("T")


def plainly(action: Callable[P, T]) -> Callable[P, T]:
    """Show an error that is written for the agent as a notice; bugs crash as ever."""

    @wraps(action)
    def shown(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return action(*args, **kwargs)
        except MMCSError as error:
            # Every action but ``leave`` and ``load`` gets what the browser keeps first.
            language = open_page(args[1] if len(args) > 1 else None).language
            raise gr.Error(translated(str(error), language), print_exception=False) from error

    return shown


def unchanged() -> Updates:
    """Change nothing. Gradio takes an empty dict for too few values."""
    skipped: Updates = gr.skip()
    return skipped


class Actions:
    """The actions of every visitor; what belongs to one is in their page and in the store."""

    def __init__(self, pipeline: Runs, store: Store, files: Files, parts: Parts) -> None:
        self.pipeline = pipeline
        self.parts = parts
        self.files = files
        self.tickets = Tickets(pipeline.settings, store, files)
        self.samples = open_samples(pipeline.settings.domain_folder)
        self.way = Way(pipeline)
        self.drafting = Drafting(self.way, self.tickets)
        self.turn = gr.State(0.0)  # changes when a ticket begins to wait for the language model

    def view(self, page: Page) -> View:
        """Return what the page is drawn with."""
        return View(page.language, self.pipeline.domain, self.files)

    # The whole page.

    @plainly
    def load(self, kept: Kept, request: gr.Request) -> Updates:
        """Draw the page as its visitor left it."""
        page = open_page(kept, request.headers.get("accept-language", ""))
        return self.draw(page)

    @plainly
    def tick(self, kept: Kept) -> Updates:
        """Show how far the models are, until all are settled."""
        states = self.pipeline.models.states
        settled = all(s.phase in SETTLED for s in states)
        top = self._header(self.view(open_page(kept)))
        return {self.parts.header: top, self.parts.timer: gr.Timer(active=not settled)}

    def _header(self, view: View) -> Markup:
        states, notes = self.pipeline.models.states, self.pipeline.article_notes
        return render.header(view, states, weights.progress(), notes)

    @plainly
    def speak(self, kept: Kept, event: gr.EventData) -> Updates:
        """Turn the page to another language."""
        page = open_page({**open_page(kept).to_json(), "language": event.language})
        running = self.drafting.of(page)
        return self.draw(page, running.now if running else None)

    @plainly
    def leave(self, request: gr.Request) -> None:
        """Forget what waits for a page that was closed."""
        self.drafting.leave(str(request.session_hash))

    @plainly
    def renew(self, kept: Kept) -> Updates:
        """Turn to an empty ticket."""
        page = open_page(kept)
        self.drafting.give_up(page)
        return self.draw(page.with_case())

    @plainly
    def open(self, kept: Kept, event: gr.EventData) -> Updates:
        """Turn to one of the agent's own tickets."""
        self.drafting.give_up(open_page(kept))
        page = open_page({**open_page(kept).to_json(), "case": event.id, "sample": ""})
        return self.draw(page)

    @plainly
    def try_sample(self, kept: Kept, event: gr.EventData) -> Updates:
        """Turn to a sample ticket, as the customer sent it."""
        page = open_page(kept)
        self.drafting.give_up(page)
        for sample in self.samples:
            if sample.id == event.id:
                page = page.with_case(sample_case(page.owner, sample.id), sample.id)
                self.tickets.open_sample(page, sample)
        return self.draw(page)

    def draw(self, page: Page, now: Step | None = None) -> Updates:
        """Return every part of the page; ``now`` is what is being worked on, None if nothing is."""
        parts, texts, view = self.parts, page.texts, self.view(page)
        case = self.tickets.case(page)
        states = self.pipeline.models.states
        return {
            parts.page: page.to_json(),
            parts.timer: gr.Timer(active=any(s.phase not in SETTLED for s in states)),
            parts.header: self._header(view),
            parts.message: gr.Textbox(
                current(case.ticket).text, placeholder=texts.message, label=texts.message
            ),
            parts.attach: gr.UploadButton(texts.attach),
            parts.record: gr.Audio(None),
            parts.reply: gr.Textbox(
                self.tickets.reply(page), placeholder=texts.reply_hint, label=texts.reply
            ),
            **self._buttons(page, case, running=now is not None),
            **self._ticket(page, case),
            **self._found(page, case, now),
            **self._warning(page, ""),
        }

    def _ticket(self, page: Page, case: Case) -> Updates:
        view = self.view(page)
        filed = self.tickets.filed(page)
        return {
            self.parts.title: render.title(self.samples, page.sample, view),
            self.parts.turns: render.conversation(earlier(case.ticket), view),
            self.parts.files: render.attachments(current(case.ticket), view),
            self.parts.lists: render.lists(self.samples, filed, case, page.sample, view),
        }

    def _found(self, page: Page, case: Case, now: Step | None, stopped: bool = False) -> Updates:
        view = self.view(page)
        return {
            self.parts.evidence: render.evidence(case, view, now, stopped),
            self.parts.drafts: render.drafts(case, view, now),
        }

    def _buttons(self, page: Page, case: Case, running: bool) -> Updates:
        texts = page.texts
        words = texts.draft_again if case.draft else texts.draft
        return {
            self.parts.draft: gr.Button(words, visible=not running),
            self.parts.stop: gr.Button(texts.stop, visible=running),
        }

    # The ticket.

    @plainly
    def write(self, kept: Kept, text: str) -> None:
        """Keep what is typed as the customer's message."""
        self.tickets.write(open_page(kept), text or "")

    @plainly
    def attach(self, kept: Kept, paths: str | Sequence[str] | None) -> Updates:
        """Add files, or a recording, to the ticket."""
        if not paths:
            return unchanged()
        page = open_page(kept)
        files = [paths] if isinstance(paths, str) else list(paths)
        case = self.tickets.attach(page, files)
        emptied = {self.parts.attach: gr.UploadButton(value=None), self.parts.record: None}
        return {**emptied, **self._ticket(page, case), **self._found(page, case, None)}

    @plainly
    def remove(self, kept: Kept, event: gr.EventData) -> Updates:
        """Take a file out of the ticket."""
        page = open_page(kept)
        case = self.tickets.detach(page, str(event.name))
        return {**self._ticket(page, case), **self._found(page, case, None)}

    @plainly
    def edit(self, kept: Kept, event: gr.EventData) -> Updates:
        """Put the agent's correction into the evidence."""
        page = open_page(kept)
        number = str(event.number)
        if event.edit not in ("segment", "line") or not number.isdigit():
            return unchanged()
        self.tickets.correct(
            page, Correction(event.edit, str(event.attachment), int(number), str(event.text))
        )
        return {self.parts.note: render.remark(page.texts.corrected)}

    # The draft.

    @plainly
    def begin(self, kept: Kept, text: str) -> Updates:
        """Show that the draft waits for its turn."""
        page = open_page(kept)
        case = self.tickets.write(page, text or "")
        fresh = replace(case, draft=None, alternatives=())
        return {
            **self._buttons(page, case, running=True),
            **self._ticket(page, case),
            **self._found(page, fresh, QUEUED),
            **self._warning(page, ""),
        }

    def find(self, kept: Kept, request: gr.Request) -> Iterator[Updates]:
        """Find what there is to find, and draft from the articles, showing each finding as it
        comes. Closing stops it and keeps what is there."""
        page = open_page(kept)
        with closing(self.drafting.find(page, str(request.session_hash))) as growing:
            for progress in growing:
                waits = self.drafting.of(page)
                turn = {self.turn: waits.since} if waits and waits.since else {}
                yield {**self._found(page, progress.case, progress.now), **turn}
        yield self._ticket(page, self.drafting.case(page))

    def take_turn(self, kept: Kept) -> Iterator[Updates]:
        """Let the language model draft, unless the agent has stopped it or gone on meanwhile.
        Closing stops it and keeps what is there."""
        page = open_page(kept)
        with closing(self.drafting.write(page)) as growing:
            for progress in growing:
                yield self._found(page, progress.case, progress.now)
        yield self._ticket(page, self.drafting.case(page))

    @plainly
    def settle(self, kept: Kept) -> Updates:
        """Show the end of a half, in the language of now, whatever became of it; nothing if the
        other half is at work already."""
        page = open_page(kept)
        running = self.drafting.of(page)
        if running is not None and running.since is None:
            return unchanged()
        case = self.drafting.case(page)
        now = running.now if running else None
        buttons = self._buttons(page, case, running=now is not None)
        return {**buttons, **self._found(page, case, now)}

    @plainly
    def halt(self, kept: Kept) -> Updates:
        """Show what was there when the agent pressed Stop."""
        page = open_page(kept)
        case = self.drafting.case(page)
        self.drafting.give_up(page)
        return {
            **self._buttons(page, case, running=False),
            **self._found(page, case, None, stopped=True),
        }

    # The reply.

    @plainly
    def use(self, kept: Kept, event: gr.EventData) -> Updates:
        """Copy a draft into the reply."""
        page = open_page(kept)
        case = self.drafting.case(page)
        drafts = [d for d in (case.draft, *case.alternatives) if d]
        which = str(event.which)
        if not which.isdigit() or int(which) >= len(drafts):
            return unchanged()
        text = drafts[int(which)].text
        self.tickets.note_reply(page, text)
        return {self.parts.reply: text, **self._warning(page, "")}

    @plainly
    def type(self, kept: Kept, text: str) -> None:
        """Keep what the agent types in answer."""
        self.tickets.note_reply(open_page(kept), text or "")

    @plainly
    def send(self, kept: Kept, text: str) -> Updates:
        """Record the reply, unless a marked sentence is still in it: then ask first."""
        page = open_page(kept)
        case = self.tickets.case(page)
        drafts = [d for d in (case.draft, *case.alternatives) if d]
        marked = unsupported_in(text or "", drafts)
        if marked:
            return self._warning(page, page.texts.warn.format(sentence=marked[0].text))
        return self._record(page, text)

    @plainly
    def send_anyway(self, kept: Kept, text: str) -> Updates:
        """Record the reply in the ticket. Nothing leaves the desk."""
        return self._record(open_page(kept), text)

    def _record(self, page: Page, text: str) -> Updates:
        if not (text or "").strip():
            raise gr.Error(page.texts.nothing_to_send, print_exception=False)
        self.tickets.answer(page, text)
        return {**self.draw(page), self.parts.note: render.remark(page.texts.sent)}

    @plainly
    def go_back(self, kept: Kept) -> Updates:
        """Take the warning away."""
        return self._warning(open_page(kept), "")

    def _warning(self, page: Page, words: str) -> Updates:
        parts, texts, asked = self.parts, page.texts, bool(words)
        return {
            parts.warning: gr.HTML(render.warning(words), visible=asked),
            parts.send_anyway: gr.Button(texts.send_anyway, visible=asked),
            parts.back: gr.Button(texts.back, visible=asked),
            parts.send: gr.Button(texts.send, visible=not asked),
            parts.copy: gr.Button(texts.copy, visible=not asked),
            parts.note: render.remark(texts.send_note),
        }
