"""What each press, key and file on the page does, and which parts of the page it draws anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import gradio as gr

from mmcs.desk import render
from mmcs.desk.drafting import Drafting
from mmcs.desk.drawing import Drawing, Updates
from mmcs.desk.files import Files
from mmcs.desk.late import Runs
from mmcs.desk.layout import Parts
from mmcs.desk.page import Page, new_id, open_page, sample_case
from mmcs.desk.payloads import Asked, Chosen, Edited, Opened, Removed, Spoken, Typed, read
from mmcs.desk.reasons import Reasons
from mmcs.desk.texts import translated
from mmcs.desk.tickets import Correction, Tickets, unsupported_in
from mmcs.desk.uploads import taken
from mmcs.desk.way import QUEUED, Way
from mmcs.domain import open_samples
from mmcs.errors import MMCSError
from mmcs.store import Store

Kept = Any  # what the browser remembers, as it sends it
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
        self.parts = parts
        self.tickets = Tickets(pipeline.settings, store, files)
        self.samples = open_samples(pipeline.settings.domain_folder)
        self.way = Way(pipeline)
        self.drafting = Drafting(self.way, self.tickets)
        self.reasons = Reasons()
        self.draw = Drawing(pipeline, self.tickets, self.reasons, self.samples, files, parts)
        self.turn = gr.State(0.0)  # changes when a ticket begins to wait for the language model

    # The whole page.

    @plainly
    def load(self, kept: Kept, request: gr.Request) -> Updates:
        """Draw the page as its visitor left it."""
        page = open_page(kept, request.headers.get("accept-language", ""))
        return self.draw.everything(page)

    @plainly
    def tick(self, kept: Kept) -> Updates:
        """Show how far the models are, until all are settled; then also what they alone can say."""
        page = open_page(kept)
        models = self.draw.models(page)
        known = page.to_json() == kept  # else the page is new, and ``load`` draws it
        if models[self.parts.timer].active or not known:
            return models
        return {**models, **self._evidence(page)}

    @plainly
    def speak(self, kept: Kept, event: gr.EventData) -> Updates:
        """Turn the page to another language."""
        page = open_page({**open_page(kept).to_json(), "language": read(Spoken, event).language})
        running = self.drafting.of(page)
        return self.draw.everything(page, running.now if running else None)

    @plainly
    def leave(self, request: gr.Request) -> None:
        """Forget what waits for a page that was closed."""
        self.drafting.leave(str(request.session_hash))

    @plainly
    def renew(self, kept: Kept) -> Updates:
        """Turn to an empty ticket."""
        page = open_page(kept)
        self.drafting.give_up(page)
        return self.draw.everything(page.with_case())

    @plainly
    def open(self, kept: Kept, event: gr.EventData) -> Updates:
        """Turn to one of the agent's own tickets."""
        self.drafting.give_up(open_page(kept))
        page = open_page(
            {**open_page(kept).to_json(), "case": read(Opened, event).id, "sample": ""}
        )
        return self.draw.everything(page)

    @plainly
    def try_sample(self, kept: Kept, event: gr.EventData) -> Updates:
        """Turn to a sample ticket: as the customer sent it, or as the agent left it."""
        page = open_page(kept)
        self.drafting.give_up(page)
        sample = read(Opened, event).id
        return self._turn_to_sample(page, sample, sample_case(page.owner, sample))

    @plainly
    def afresh(self, kept: Kept) -> Updates:
        """Turn to the page's sample as the customer sent it, in a ticket of its own; the one that
        was worked on stays."""
        page = open_page(kept)
        self.drafting.give_up(page)
        return self._turn_to_sample(page, page.sample, new_id())

    def _turn_to_sample(self, page: Page, name: str, case: str) -> Updates:
        for sample in self.samples:
            if sample.id == name:
                page = page.with_case(case, sample.id)
                self.tickets.open_sample(page, sample)
        return self.draw.everything(page)

    # The ticket.

    @plainly
    def type(self, kept: Kept, event: gr.EventData) -> Updates:
        """Keep what came into a box, and tell the page so; not if the ticket was answered since:
        then the page knows better what becomes of it."""
        typed = read(Typed, event)
        page = open_page({**open_page(kept).to_json(), "case": typed.case})
        messages = self.tickets.case(page).ticket.messages
        if sum(message.author == "agent" for message in messages) != typed.answers:
            return unchanged()
        keep = {"message": self.tickets.write, "reply": self.tickets.note_reply}[typed.box]
        keep(page, typed.text)
        return {self.parts.saved: render.saved(typed.mark)}

    @plainly
    def attach(self, kept: Kept, paths: str | Sequence[str] | None) -> Updates:
        """Add files, or a recording, to the ticket."""
        if not paths:
            return unchanged()
        page = open_page(kept)
        files = [paths] if isinstance(paths, str) else list(paths)
        with taken(files):
            case = self.tickets.attach(page, files)
        emptied = {self.parts.attach: gr.UploadButton(value=None), self.parts.record: None}
        return {**emptied, **self.draw.ticket(page, case), **self.draw.found(page, case, None)}

    @plainly
    def remove(self, kept: Kept, event: gr.EventData) -> Updates:
        """Take a file out of the ticket."""
        page = open_page(kept)
        case = self.tickets.detach(page, read(Removed, event).name)
        return {**self.draw.ticket(page, case), **self.draw.found(page, case, None)}

    @plainly
    def edit(self, kept: Kept, event: gr.EventData) -> Updates:
        """Put the agent's correction into the evidence."""
        page = open_page(kept)
        edited = read(Edited, event)
        self.tickets.correct(
            page, Correction(edited.edit, edited.attachment, edited.number, edited.text)
        )
        return self.draw.note(page.texts.corrected)

    # How it is filed, and why.

    @plainly
    def file(self, kept: Kept, event: gr.EventData) -> Updates:
        """Put the agent's verdict in the place of the models'."""
        page = open_page(kept)
        known = render.labels_of(self.draw.pipeline.domain)
        chosen = read(Chosen, event)
        if chosen.label not in known[chosen.question]:
            return unchanged()
        case = self.drafting.file(page, chosen.question, chosen.label)
        lists = self.draw.ticket(page, case)[self.parts.lists]
        note = self.draw.note(page.texts.filed)
        return {**self._evidence(page), self.parts.lists: lists, **note}

    @plainly
    def ask(self, kept: Kept, event: gr.EventData) -> Updates:
        """Open the answer to a question about the triage, or close it."""
        page = open_page(kept)
        question = read(Asked, event).question
        if not self.way.explains:
            return unchanged()
        self.reasons.press(page, self.drafting.case(page), question)
        return self._evidence(page)

    @plainly
    def explain(self, kept: Kept) -> None:
        """Find the answer that the page's ticket waits for, if it still does."""
        page = open_page(kept)
        case = self.drafting.case(page)
        reason = self.reasons.open(page, case)
        if reason is None or not reason.awaited:
            return
        try:
            self.reasons.answer(page, case, self.way.explain(case, reason.question))
        finally:
            self.reasons.give_up(page, case, reason.question)  # a crash is at work no more

    @plainly
    def answer(self, kept: Kept) -> Updates:
        """Show what was found, on the ticket and in the language of now."""
        return self._evidence(open_page(kept))

    def _evidence(self, page: Page) -> Updates:
        running = self.drafting.of(page)
        now = running.now if running else None
        return self.draw.evidence(page, self.drafting.case(page), now)

    # The draft.

    @plainly
    def begin(self, kept: Kept, text: str) -> Updates:
        """Show that the draft waits for its turn."""
        page = open_page(kept)
        case = self.tickets.write(page, text or "")
        fresh = replace(case, draft=None, alternatives=())
        return {
            **self.draw.buttons(page, case, running=True),
            **self.draw.ticket(page, case),
            **self.draw.found(page, fresh, QUEUED),
            **self.draw.warning(page, ""),
        }

    def find(self, kept: Kept, request: gr.Request) -> Iterator[Updates]:
        """Find what there is to find, and draft from the articles, showing each finding as it
        comes. Closing stops it and keeps what is there."""
        page = open_page(kept)
        with closing(self.drafting.find(page, str(request.session_hash))) as growing:
            for progress in growing:
                waits = self.drafting.of(page)
                turn = {self.turn: waits.since} if waits and waits.since else {}
                yield {**self.draw.found(page, progress.case, progress.now), **turn}
        yield self.draw.ticket(page, self.drafting.case(page))

    def take_turn(self, kept: Kept) -> Iterator[Updates]:
        """Let the language model draft, unless the agent has stopped it or gone on meanwhile.
        Closing stops it and keeps what is there."""
        page = open_page(kept)
        with closing(self.drafting.write(page)) as growing:
            for progress in growing:
                yield self.draw.found(page, progress.case, progress.now)
        yield self.draw.ticket(page, self.drafting.case(page))

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
        buttons = self.draw.buttons(page, case, running=now is not None)
        return {**buttons, **self.draw.found(page, case, now)}

    @plainly
    def halt(self, kept: Kept) -> Updates:
        """Show what was there when the agent pressed Stop."""
        page = open_page(kept)
        case = self.drafting.case(page)
        self.drafting.give_up(page)
        return {
            **self.draw.buttons(page, case, running=False),
            **self.draw.found(page, case, None, stopped=True),
        }

    # The reply.

    @plainly
    def send(self, kept: Kept, text: str) -> Updates:
        """Record the reply, unless something in it rests on nothing: then ask first."""
        page = open_page(kept)
        case = self.tickets.case(page)
        drafts = [d for d in (case.draft, *case.alternatives) if d]
        marked = unsupported_in(text or "", drafts, self.way.doubts(case, text or ""))
        if marked:
            named = " ".join(f"“{claim.text}”" for claim in marked)
            return self.draw.warning(page, page.texts.warn.format(sentences=named))
        return self._record(page, text)

    @plainly
    def send_anyway(self, kept: Kept, text: str) -> Updates:
        """Record the reply in the ticket. Nothing leaves the desk."""
        return self._record(open_page(kept), text)

    def _record(self, page: Page, text: str) -> Updates:
        if not (text or "").strip():
            raise gr.Error(page.texts.nothing_to_send, print_exception=False)
        self.tickets.answer(page, text)
        return {**self.draw.everything(page), **self.draw.note(page.texts.sent)}

    @plainly
    def go_back(self, kept: Kept) -> Updates:
        """Take the warning away."""
        return self.draw.warning(open_page(kept), "")
