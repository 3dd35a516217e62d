"""Which press calls which action. Nothing but /draft is public."""

from __future__ import annotations

from typing import Any

import gradio as gr

from mmcs.desk.actions import Actions
from mmcs.desk.admin import Admin
from mmcs.desk.layout import ApiParts
from mmcs.desk.uploads import taken
from mmcs.ticket import to_json

REASONS, SCRIPTS = "reasons", "scripts"  # lanes; drafts have turns of their own, in ``runs``

# Light events neither queue nor show Gradio's own progress.
_LIGHT: dict[str, Any] = {
    "queue": False,
    "show_progress": "hidden",
    "api_visibility": "private",
}
_HEAVY: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_limit": 1,
}
_COPY = "(text) => { window.deskCopy(text); }"


def wire(blocks: gr.Blocks, do: Actions) -> None:
    """Connect the page's parts with their actions."""
    parts = do.parts
    page, everything, typed = parts.page, parts.all, [parts.message, parts.reply]
    blocks.load(do.load, [page], everything, **_LIGHT)
    parts.timer.tick(do.tick, [page], [parts.header, parts.timer, parts.evidence], **_LIGHT)

    # Whatever draws a ticket whose run goes on lets the page follow it; so does the watch, which
    # sees what was begun or changed in another window. A page that turns away follows no more.
    parts.watch.tick(do.look, [page], [parts.follow], **_LIGHT)
    parts.follow.follow(
        do.follow,
        [page, *typed],
        everything,
        trigger_mode="always_last",
        **{**_HEAVY, "concurrency_limit": None},
    )
    parts.header.language(do.speak, [page], everything, **_LIGHT)
    parts.title.new(do.renew, [page], everything, **_LIGHT)
    parts.title.afresh(do.afresh, [page], everything, **_LIGHT)
    parts.lists.sample(do.try_sample, [page], everything, **_LIGHT)
    parts.lists.open(do.open, [page], everything, **_LIGHT)
    blocks.unload(do.leave)

    choices = [parts.message_choice, parts.reply_choice]
    saved = [parts.saved, *choices]
    parts.saved.typed(do.type, [page], saved, trigger_mode="multiple", **_LIGHT)
    for choice in choices:
        choice.keep(do.keep, [page, *typed], [*typed, *choices], **_LIGHT)
        choice.take(do.take, [page, *typed], [*typed, *choices], **_LIGHT)

    shown = [parts.attach, parts.record, parts.title, parts.turns, parts.files, parts.lists]
    found = [parts.evidence, parts.drafts]
    parts.attach.upload(do.attach, [page, parts.attach], [*shown, *found], **_LIGHT)
    parts.record.stop_recording(do.attach, [page, parts.record], [*shown, *found], **_LIGHT)
    parts.files.remove(do.remove, [page], [*shown, *found], **_LIGHT)
    parts.evidence.edit(do.edit, [page], [parts.note], **_LIGHT)

    filed = [parts.evidence, parts.lists, parts.note]
    parts.evidence.choose(do.file, [page], filed, **_LIGHT)
    parts.evidence.why(do.ask, [page], [parts.evidence], **_LIGHT)
    # Whatever drew an answer that is still to be found: the press, a reload, the way back to it.
    lane: dict[str, Any] = {"trigger_mode": "always_last", "concurrency_id": REASONS}
    answer = parts.evidence.awaited(do.explain, [page], None, **lane, **_HEAVY)
    answer.then(do.answer, [page], [parts.evidence], **_LIGHT)

    parts.draft.click(do.begin, [page, parts.message], everything, **_LIGHT)
    stopped = [page, parts.draft, parts.stop, *found]
    parts.stop.click(do.halt, [page], stopped, **_LIGHT)

    parts.copy.click(None, [parts.reply], js=_COPY, api_visibility="private")
    parts.send.click(do.send, [page, parts.reply], everything, **_LIGHT)
    parts.send_anyway.click(do.send_anyway, [page, parts.reply], everything, **_LIGHT)
    for press in (parts.back.click, parts.drafts.use):
        press(do.go_back, [page], everything, **_LIGHT)


def wire_api(api: ApiParts, do: Actions) -> None:
    """Serve ``predict(text, audio, images, api_name="/draft")``."""

    def draft(text: str, audio: list[str] | None, images: list[str] | None) -> dict[str, Any]:
        """Return the whole Case of a ticket: evidence, triage, passages and the draft."""
        with taken([*(audio or ()), *(images or ())]):
            case = do.runs.whole(text or "", tuple(audio or ()), tuple(images or ()))
        do.tickets.drop(case.ticket.attachments)
        return to_json(case)

    api.call.click(
        draft,
        [api.text, api.audio, api.images],
        [api.case],
        api_name="draft",
        concurrency_id=SCRIPTS,
        concurrency_limit=1,
    )


def wire_admin(blocks: gr.Blocks, do: Actions, admin: Admin) -> None:
    """Connect the admin part of a Space."""
    page, drawn = do.parts.page, [admin.part, admin.again]
    blocks.load(admin.load, [page], [admin.sign_in, *drawn], **_LIGHT)
    admin.again.click(admin.load, [page], [admin.sign_in, *drawn], **_LIGHT)
    do.parts.header.language(admin.speak, [page], drawn, **_LIGHT)
