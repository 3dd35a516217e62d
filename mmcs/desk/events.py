"""Which press calls which action. Heavy work shares one lane; nothing but /draft is public."""

from __future__ import annotations

from typing import Any

import gradio as gr

from mmcs.desk.actions import Actions
from mmcs.desk.layout import ApiParts
from mmcs.ticket import to_json

LANE = "engine"  # one draft at a time: two engines on two cores starve each other

# Light events neither queue nor show Gradio's own progress.
_LIGHT: dict[str, Any] = {
    "queue": False,
    "show_progress": "hidden",
    "api_visibility": "private",
}
_HEAVY: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_id": LANE,
    "concurrency_limit": 1,
}
_COPY = "(text) => { window.deskCopy(text); }"


def wire(blocks: gr.Blocks, do: Actions) -> None:
    """Connect the page's parts with their actions."""
    parts = do.parts
    page, everything = parts.page, parts.all
    blocks.load(do.load, [page], everything, **_LIGHT)
    parts.timer.tick(do.tick, [page], [parts.header, parts.timer], **_LIGHT)
    parts.header.language(do.speak, [page], everything, **_LIGHT)

    parts.message.input(do.write, [page, parts.message], trigger_mode="always_last", **_LIGHT)
    shown = [parts.attach, parts.record, parts.title, parts.turns, parts.files, parts.lists]
    found = [parts.evidence, parts.drafts]
    parts.attach.upload(do.attach, [page, parts.attach], [*shown, *found], **_LIGHT)
    parts.record.stop_recording(do.attach, [page, parts.record], [*shown, *found], **_LIGHT)
    parts.files.remove(do.remove, [page], [*shown, *found], **_LIGHT)
    parts.evidence.edit(do.edit, [page], [parts.note], **_LIGHT)

    run = parts.draft.click(do.begin, [page, parts.message], everything, **_LIGHT).then(
        do.run, [page], everything, **_HEAVY
    )
    run.then(do.settle, [page], [parts.draft, parts.stop, *found], **_LIGHT)
    parts.stop.click(do.halt, [page], everything, cancels=[run], **_LIGHT)
    # A draft that is being written belongs to the ticket that is left: it stops with it.
    parts.title.new(do.renew, [page], everything, cancels=[run], **_LIGHT)
    parts.lists.sample(do.try_sample, [page], everything, cancels=[run], **_LIGHT)
    parts.lists.open(do.open, [page], everything, cancels=[run], **_LIGHT)

    parts.drafts.use(do.use, [page], everything, **_LIGHT)
    parts.reply.input(do.type, [page, parts.reply], trigger_mode="always_last", **_LIGHT)
    parts.copy.click(None, [parts.reply], js=_COPY, api_visibility="private")
    parts.send.click(do.send, [page, parts.reply], everything, **_LIGHT)
    parts.send_anyway.click(do.send_anyway, [page, parts.reply], everything, **_LIGHT)
    parts.back.click(do.go_back, [page], everything, **_LIGHT)


def wire_api(api: ApiParts, do: Actions) -> None:
    """Serve ``predict(text, audio, images, api_name="/draft")``."""

    def draft(text: str, audio: list[str] | None, images: list[str] | None) -> dict[str, Any]:
        """Return the whole Case of a ticket: evidence, triage, passages and the draft."""
        return to_json(do.way.whole(text or "", tuple(audio or ()), tuple(images or ())))

    api.call.click(
        draft,
        [api.text, api.audio, api.images],
        [api.case],
        api_name="draft",
        concurrency_id=LANE,
        concurrency_limit=1,
    )
