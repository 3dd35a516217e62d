"""What each press, key and file on the page does, and which parts of the page it draws anew."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from functools import wraps
from typing import Any

import gradio as gr
from starlette.concurrency import run_in_threadpool

from mmcs.desk import render
from mmcs.desk.drawing import Drawing, Updates
from mmcs.desk.files import Files
from mmcs.desk.layout import Parts
from mmcs.desk.page import Page, new_id, open_page, sample_case
from mmcs.desk.payloads import (
    Asked,
    Chosen,
    Edited,
    Opened,
    Picked,
    Removed,
    Spoken,
    Typed,
    read,
)
from mmcs.desk.reasons import Reasons
from mmcs.desk.runs import Run, Runs
from mmcs.desk.tickets import Correction, unsupported_in
from mmcs.desk.typed import as_drawn, as_followed, is_outdated, rival, text_of
from mmcs.desk.uploads import taken
from mmcs.domain import open_samples
from mmcs.errors import StoreError
from mmcs.store import TextName
from mmcs.ticket import Case

ENDS_WITHIN = 2.0  # seconds that a page waits for what followed its ticket
LEAST_WAIT = 0.08  # seconds between two looks at a draft that is being written
Stored = Any  # what the browser remembers, as it sends it


def _page(stored: Stored, request: gr.Request) -> Page:
    """Return what a browser remembers, seen in the window that asks."""
    accepted = request.headers.get("accept-language", "")
    return open_page(stored, accepted, str(request.session_hash or ""))


def unchanged() -> Updates:
    """Change nothing. Gradio takes an empty dict for too few values."""
    skipped: Updates = gr.skip()
    return skipped


def of_one_ticket(action: Callable[..., Updates]) -> Callable[..., Updates]:
    """Let an action draw nothing once its window shows another ticket: it was pressed at the one
    before."""

    @wraps(action)
    def drawn(self: Actions, stored: Stored, *given: Any) -> Updates:
        (request,) = (each for each in given if isinstance(each, gr.Request))
        page = _page(stored, request)
        updates = action(self, stored, *given)
        return updates if self.shows(page) else unchanged()

    return drawn


class Actions:
    """The actions of every visitor; what belongs to one is in their page and in the store."""

    def __init__(self, runs: Runs, files: Files, parts: Parts) -> None:
        self.parts = parts
        self.runs = runs
        self.tickets = runs.tickets
        self.samples = open_samples(runs.stages.settings.domain_folder)
        self.reasons = Reasons()
        self._shown: dict[str, tuple[str, str]] = {}  # by window: its ticket and its language
        self._following: dict[str, threading.Event] = {}  # by window; set once it follows no more
        self.draw = Drawing(runs.stages, self.tickets, self.reasons, self.samples, files, parts)

    # The whole page.

    def load(self, stored: Stored, request: gr.Request) -> Updates:
        """Draw the page as its visitor left it."""
        return self._everything(_page(stored, request))

    def tick(self, stored: Stored, request: gr.Request) -> Updates:
        """Show how far the models are, until all are settled; then also what they alone can say."""
        page = _page(stored, request)
        models = self.draw.models(page)
        known = page.to_json() == stored  # else the page is new, and ``load`` draws it
        if models[self.parts.timer].active or not known:
            return models
        return {**models, **self._evidence(page)}

    def look(self, stored: Stored, request: gr.Request) -> Updates:
        """Let the page follow its ticket, if a run or another window is changing it and it doesn't
        follow yet. A store that cannot be read now is looked at again soon."""
        page = _page(stored, request)
        if page.window in self._following:
            return unchanged()
        try:
            behind = self.tickets.latest(page) > page.revision
        except StoreError:
            return unchanged()
        return self.draw.follow(True) if behind or self.runs.of(page) else unchanged()

    async def follow(
        self, stored: Stored, message: str, reply: str, request: gr.Request
    ) -> AsyncIterator[Updates]:
        """Show what the page has missed, then its ticket's run as it grows, up to its end or until
        the page turns away."""
        page = _page(stored, request)
        window = page.window
        shown = self._shown.get(window)
        if shown not in (None, (page.case, page.language)):  # it has turned away already
            yield unchanged()
            return
        ended = self._following[window] = threading.Event()
        try:
            run, seen = self.runs.of(page), None
            drawn = await run_in_threadpool(self._caught_up, page, run, message or "", reply or "")
            while self._shown.get(window) is shown:
                yield drawn
                while run and run.progress is seen and not run.over:
                    await asyncio.sleep(LEAST_WAIT)
                    if self._shown.get(window) is not shown:
                        return
                if run is None or run.over:
                    break
                seen = run.progress
                drawn = await run_in_threadpool(self.draw.found, page, seen.case, seen.now)
            if run is not None and self._shown.get(window) is shown:
                yield await run_in_threadpool(self._ended, page, run)
        finally:
            ended.set()
            self._following.pop(window, None)

    def leave(self, request: gr.Request) -> None:
        """Forget a window that was closed. What was begun in it goes on."""
        self._shown.pop(str(request.session_hash), None)

    def speak(self, stored: Stored, request: gr.Request, event: gr.EventData) -> Updates:
        """Turn the page to another language."""
        page = _page(stored, request)
        return self._everything(
            _page({**page.to_json(), "language": read(Spoken, event).language}, request)
        )

    def renew(self, stored: Stored, request: gr.Request) -> Updates:
        """Turn to an empty ticket."""
        return self._everything(_page(stored, request).with_case())

    def open(self, stored: Stored, request: gr.Request, event: gr.EventData) -> Updates:
        """Turn to one of the agent's own tickets."""
        page = _page(stored, request)
        return self._everything(
            _page({**page.to_json(), "case": read(Opened, event).id, "sample": ""}, request)
        )

    def try_sample(self, stored: Stored, request: gr.Request, event: gr.EventData) -> Updates:
        """Turn to a sample ticket: as the customer sent it, or as the agent left it."""
        page = _page(stored, request)
        sample = read(Opened, event).id
        return self._turn_to_sample(page, sample, sample_case(page.owner, sample))

    def afresh(self, stored: Stored, request: gr.Request) -> Updates:
        """Turn to the page's sample as the customer sent it, in a ticket of its own; the one that
        was worked on stays."""
        page = _page(stored, request)
        return self._turn_to_sample(page, page.sample, new_id())

    def _turn_to_sample(self, page: Page, name: str, case: str) -> Updates:
        for sample in self.samples:
            if sample.id == name:
                page = page.with_case(case, sample.id)
                self.tickets.open_sample(page, sample)
        return self._everything(page)

    def _everything(self, page: Page) -> Updates:
        """Draw the whole page. Whatever followed the ticket that it showed ends first, so that
        nothing of that comes into this one."""
        self._shown[page.window] = (page.case, page.language)
        if following := self._following.get(page.window):
            following.wait(ENDS_WITHIN)
        return self.draw.everything(page, self.runs.of(page))

    def shows(self, page: Page) -> bool:
        """Say whether a window shows the ticket of a page, as far as is known."""
        shown = self._shown.get(page.window)
        return shown is None or shown[0] == page.case

    def _caught_up(self, page: Page, run: Run | None, message: str, reply: str) -> Updates:
        """Return what was changed since the page was drawn. A text that the agent has touched
        since is not overwritten: both can be chosen from."""
        kept = self.tickets.kept(page)
        if run is None and kept.revision <= page.revision:
            return {self.parts.page: page.to_json()}  # it has missed nothing
        updates = self.draw.since(page, kept, run)
        same: list[TextName] = []
        texts: dict[TextName, str] = {"message": message, "reply": reply}
        for name, text in texts.items():
            now = text_of(kept, name)
            if is_outdated(kept, name, text, page):
                text = updates[self._box(name)] = now
            if text == now:
                same.append(name)
            updates |= self.draw.choice(page, kept, name, text)
        return {**updates, self.parts.page: as_drawn(page, kept, same).to_json()}

    def _ended(self, page: Page, run: Run) -> Updates:
        """Return the end of a run, and what the store has by then."""
        kept = self.tickets.kept(page)
        found = self.draw.found(page, kept.case, None, stopped=run.progress.stopped)
        page = as_followed(page, kept)
        since = self.draw.since(page, kept, self.runs.of(page))
        return {**since, **found, self.parts.page: page.to_json()}

    def _box(self, name: TextName) -> gr.Textbox:
        return self.parts.message if name == "message" else self.parts.reply

    # The ticket.

    def type(self, stored: Stored, request: gr.Request, event: gr.EventData) -> Updates:
        """Keep what came into a box, and tell the page so; not if the ticket was answered since:
        then the page knows better what becomes of it. What another window has typed there meanwhile
        stays beside it."""
        typed, shown = read(Typed, event), _page(stored, request)
        page = shown if typed.case == shown.case else shown.with_case(typed.case)
        messages = self.tickets.case(page).ticket.messages
        if sum(message.author == "agent" for message in messages) != typed.answers:
            return unchanged()
        kept = self.tickets.type(page, typed.box, typed.text, typed.known)
        saved = {self.parts.saved: render.saved(typed.mark)}
        if page is not shown or not self.shows(page):
            return saved
        return {**saved, **self.draw.choice(page, kept, typed.box, typed.text)}

    @of_one_ticket
    def keep(
        self, stored: Stored, message: str, reply: str, request: gr.Request, event: gr.EventData
    ) -> Updates:
        """Keep the text that stands in the window, in the place of another window's."""
        page, name = _page(stored, request), read(Picked, event).which
        return self._choose(page, name, (message if name == "message" else reply) or "")

    @of_one_ticket
    def take(
        self, stored: Stored, message: str, reply: str, request: gr.Request, event: gr.EventData
    ) -> Updates:
        """Take another window's text in the place of the one that stands in this."""
        page, name = _page(stored, request), read(Picked, event).which
        text = (message if name == "message" else reply) or ""
        other = rival(self.tickets.kept(page), name, text, page)
        return self._choose(page, name, text if other is None else other)

    def _choose(self, page: Page, name: TextName, text: str) -> Updates:
        kept = self.tickets.choose(page, name, text)
        return {self._box(name): text, **self.draw.choice(page, kept, name, text)}

    @of_one_ticket
    def attach(
        self, stored: Stored, paths: str | Sequence[str] | None, request: gr.Request
    ) -> Updates:
        """Add files, or a recording, to the ticket."""
        if not paths:
            return unchanged()
        page = _page(stored, request)
        files = [paths] if isinstance(paths, str) else list(paths)
        with taken(files):
            case = self.tickets.attach(page, files)
        emptied = {self.parts.attach: gr.UploadButton(value=None), self.parts.record: None}
        return {**emptied, **self.draw.ticket(page, case), **self._found(page, case)}

    @of_one_ticket
    def remove(self, stored: Stored, request: gr.Request, event: gr.EventData) -> Updates:
        """Take a file out of the ticket."""
        page = _page(stored, request)
        case = self.tickets.detach(page, read(Removed, event).name)
        return {**self.draw.ticket(page, case), **self._found(page, case)}

    def _found(self, page: Page, case: Case) -> Updates:
        """Draw what was found, with the run that goes on if there is one."""
        run = self.runs.of(page)
        if run is not None:
            return self.draw.found(page, run.progress.case, run.progress.now)
        return self.draw.found(page, case, None)

    @of_one_ticket
    def edit(self, stored: Stored, request: gr.Request, event: gr.EventData) -> Updates:
        """Put the agent's correction into the evidence."""
        page = _page(stored, request)
        edited = read(Edited, event)
        self.tickets.correct(
            page, Correction(edited.edit, edited.attachment, edited.number, edited.text)
        )
        return self.draw.note(page.texts.corrected)

    # How it is filed, and why.

    @of_one_ticket
    def file(self, stored: Stored, request: gr.Request, event: gr.EventData) -> Updates:
        """Put the agent's verdict in the place of the models'."""
        page = _page(stored, request)
        known = render.labels_of(self.draw.pipeline.domain)
        chosen = read(Chosen, event)
        if chosen.label not in known[chosen.question]:
            return unchanged()
        case = self.runs.file(page, chosen.question, chosen.label)
        lists = self.draw.ticket(page, case)[self.parts.lists]
        note = self.draw.note(page.texts.filed)
        return {**self._evidence(page), self.parts.lists: lists, **note}

    def ask(self, stored: Stored, event: gr.EventData) -> Updates:
        """Open the answer to a question about the triage, or close it."""
        page = open_page(stored)
        question = read(Asked, event).question
        if not self.runs.explains:
            return unchanged()
        self.reasons.press(page, self.runs.case(page), question)
        return self._evidence(page)

    def explain(self, stored: Stored) -> None:
        """Find the answer that the page's ticket waits for, if it still does."""
        page = open_page(stored)
        case = self.runs.case(page)
        reason = self.reasons.open(page, case)
        if reason is None or not reason.awaited:
            return
        try:
            self.reasons.answer(page, case, self.runs.explain(case, reason.question))
        finally:
            self.reasons.give_up(page, case, reason.question)  # a crash is at work no more

    def answer(self, stored: Stored) -> Updates:
        """Show what was found, on the ticket and in the language of now."""
        return self._evidence(open_page(stored))

    def _evidence(self, page: Page) -> Updates:
        run = self.runs.of(page)
        if run is not None:
            return self.draw.evidence(page, run.progress.case, run.progress.now)
        return self.draw.evidence(page, self.tickets.case(page), None)

    # The draft.

    @of_one_ticket
    def begin(self, stored: Stored, text: str, request: gr.Request) -> Updates:
        """Begin a run, which ends the one before; unless another window has changed the message."""
        page = _page(stored, request)
        kept = self.tickets.type(page, "message", text or "")
        choice = self.draw.choice(page, kept, "message", text or "")
        if text_of(kept, "message") != (text or ""):
            return choice
        run = self.runs.start(page)
        return {
            **choice,
            **self.draw.since(page, kept, run),
            **self.draw.warning(page, ""),
            **self.draw.follow(True),
        }

    @of_one_ticket
    def halt(self, stored: Stored, request: gr.Request) -> Updates:
        """End the run, and show what was there when the agent pressed Stop."""
        page = _page(stored, request)
        case = self.runs.stop(page)
        return {
            self.parts.page: as_followed(page, self.tickets.kept(page)).to_json(),
            **self.draw.buttons(page, case, running=False),
            **self.draw.found(page, case, None, stopped=True),
        }

    # The reply.

    @of_one_ticket
    def send(self, stored: Stored, text: str, request: gr.Request) -> Updates:
        """Record the reply, unless something in it rests on nothing: then ask first."""
        page = _page(stored, request)
        case = self.tickets.case(page)
        drafts = [d for d in (case.draft, *case.alternatives) if d]
        doubts = self.runs.stages.doubts(case, text or "")
        marked = unsupported_in(text or "", drafts, doubts)
        if marked:
            named = " ".join(f"“{claim.text}”" for claim in marked)
            return self.draw.warning(page, page.texts.warn.format(sentences=named))
        return self._record(page, text)

    @of_one_ticket
    def send_anyway(self, stored: Stored, text: str, request: gr.Request) -> Updates:
        """Record the reply in the ticket. Nothing leaves the desk."""
        return self._record(_page(stored, request), text)

    def _record(self, page: Page, text: str) -> Updates:
        """Record the reply; unless another window has changed or sent it, which is shown."""
        if not (text or "").strip():
            raise gr.Error(page.texts.nothing_to_send, print_exception=False)
        kept = self.tickets.type(page, "reply", text)
        if text_of(kept, "reply") != text:
            return {**self.draw.choice(page, kept, "reply", text), **self.draw.warning(page, "")}
        self.tickets.answer(page, text)
        if not self.shows(page):
            return unchanged()
        return {**self._everything(page), **self.draw.note(page.texts.sent)}

    def go_back(self, stored: Stored) -> Updates:
        """Take the warning away."""
        return self.draw.warning(open_page(stored), "")
