"""What the page's parts show, drawn anew from what the store and the models know now."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import gradio as gr

from mmcs import weights
from mmcs.desk import render
from mmcs.desk.files import Files
from mmcs.desk.late import Stages
from mmcs.desk.layout import Parts
from mmcs.desk.page import Page
from mmcs.desk.reasons import Reasons
from mmcs.desk.render import SETTLED, Step, View
from mmcs.desk.runs import Run
from mmcs.desk.tickets import Tickets
from mmcs.desk.typed import as_drawn, current, earlier, rival, text_of
from mmcs.domain import Sample
from mmcs.store import Kept, TextName
from mmcs.ticket import Case

Updates = dict[Any, Any]  # component -> its new value


@dataclass(frozen=True)
class Drawing:
    """Draws a visitor's page, or some parts of it. Nothing here changes a ticket."""

    pipeline: Stages
    tickets: Tickets
    reasons: Reasons
    samples: tuple[Sample, ...]
    files: Files
    parts: Parts

    def everything(self, page: Page, run: Run | None = None) -> Updates:
        """Return every part of the page, with its ticket's run as far as it is.

        Raises:
            StoreError: the store cannot be read. So does ``ticket``.
        """
        parts, texts = self.parts, page.texts
        kept = self.tickets.kept(page)
        message = gr.Textbox(
            text_of(kept, "message"), placeholder=texts.message, label=texts.message
        )
        reply = gr.Textbox(kept.reply, placeholder=texts.reply_hint, label=texts.reply)
        page = as_drawn(page, kept)
        return {
            parts.page: page.to_json(),
            parts.message: message,
            parts.attach: gr.UploadButton(texts.attach),
            parts.record: gr.Audio(None),
            parts.reply: reply,
            **self.choice(page, kept, "message", text_of(kept, "message")),
            **self.choice(page, kept, "reply", kept.reply),
            **self.models(page),
            **self.since(page, kept, run),
            **self.warning(page, ""),
            **self.follow(run is not None),
        }

    def since(self, page: Page, kept: Kept, run: Run | None) -> Updates:
        """Return what a run or another window may have changed, but for what is typed."""
        case, now = (run.progress.case, run.progress.now) if run else (kept.case, None)
        return {
            **self.buttons(page, case, running=now is not None),
            **self.ticket(page, kept.case),
            **self.found(page, case, now),
        }

    def follow(self, wanted: bool) -> Updates:
        """Return what makes the page follow its ticket from now on, or not."""
        return {self.parts.follow: render.follow(secrets.token_hex(4) if wanted else "")}

    def choice(self, page: Page, kept: Kept, name: TextName, text: str) -> Updates:
        """Return what another window has typed, beside one text that stands in the page's."""
        part = self.parts.message_choice if name == "message" else self.parts.reply_choice
        return {part: render.choice(name, rival(kept, name, text, page), self._view(page))}

    def models(self, page: Page) -> Updates:
        """Return how far the models are, and whether to look again."""
        states, notes = self.pipeline.models.states, self.pipeline.article_notes
        indexing = self.pipeline.indexing
        if self.pipeline.settings.sign_in:
            notes = ()  # they are in the admin part, which visitors do not see
        settled = indexing is None and all(s.phase in SETTLED for s in states)
        top = render.header(self._view(page), states, weights.progress(), notes, indexing)
        return {self.parts.header: top, self.parts.timer: gr.Timer(active=not settled)}

    def ticket(self, page: Page, case: Case) -> Updates:
        """Return the ticket, and where it stands in the lists."""
        view = self._view(page)
        filed = self.tickets.filed(page)
        return {
            self.parts.title: render.title(self.samples, page.sample, view, _worked_on(case)),
            self.parts.turns: render.conversation(earlier(case.ticket), view, page.case),
            self.parts.files: render.attachments(current(case.ticket), view),
            self.parts.lists: render.lists(self.samples, filed, case, page.sample, view),
        }

    def found(self, page: Page, case: Case, now: Step | None, stopped: bool = False) -> Updates:
        """Return the evidence and the drafts, and what is being worked on."""
        return {
            **self.evidence(page, case, now, stopped),
            self.parts.drafts: render.drafts(case, self._view(page), now),
        }

    def evidence(self, page: Page, case: Case, now: Step | None, stopped: bool = False) -> Updates:
        """Return the evidence alone, with the reason that the agent has opened."""
        reason = self.reasons.open(page, case)
        drawn = render.evidence(case, self._view(page), now, stopped, reason)
        return {self.parts.evidence: drawn}

    def buttons(self, page: Page, case: Case, running: bool) -> Updates:
        """Return Draft, or Stop while a draft is being made."""
        texts = page.texts
        words = texts.draft_again if case.draft else texts.draft
        return {
            self.parts.draft: gr.Button(words, visible=not running),
            self.parts.stop: gr.Button(texts.stop, visible=running),
        }

    def warning(self, page: Page, words: str) -> Updates:
        """Return a warning before sending, with its ways out; no words take it away."""
        parts, texts, asked = self.parts, page.texts, bool(words)
        return {
            parts.warning: gr.HTML(render.warning(words), visible=asked),
            parts.send_anyway: gr.Button(texts.send_anyway, visible=asked),
            parts.back: gr.Button(texts.back, visible=asked),
            parts.send: gr.Button(texts.send, visible=not asked),
            parts.copy: gr.Button(texts.copy, visible=not asked),
            **self.note(texts.send_note),
        }

    def note(self, words: str) -> Updates:
        """Return the remark under the reply."""
        return {self.parts.note: render.remark(words)}

    def _view(self, page: Page) -> View:
        explains = self.pipeline.explains
        return View(page.language, self.pipeline.domain, self.files, explains)


def _worked_on(case: Case) -> bool:
    """Say whether a ticket is more than what the customer sent."""
    return bool(case.seconds) or case.ticket.status != "open"
