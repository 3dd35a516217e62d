"""The page's components and where they stand. How they look is assets/desk.css; what they do is
``events``."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import GradioRootModel, ListFiles
from pydantic import model_validator

from mmcs.desk.texts import EN
from mmcs.settings import ASSETS

STYLE = ASSETS / "desk.css"
SCRIPT = Path(__file__).with_name("desk.js")
WATCH = 4.0  # seconds between two looks at whether another window has changed the ticket
MAX_UPLOAD = "64mb"  # Gradio's own limit; below it the desk says in its own words what is too large
# The storage is the agent's own browser: Gradio asks for a key, it keeps nothing from anybody.
STORAGE_KEY = "mmcs-desk"

# Every press of a button that the desk drew becomes an event of the component it stands in; so
# does every drawing of something that is still to be found.
_EVENTS = """
const known = ["sample", "afresh", "open", "new", "remove", "use", "language", "edit", "why",
  "keep", "take"];
element.addEventListener("click", (event) => {
  const pressed = event.target.closest("[data-act]");
  if (!pressed || !known.includes(pressed.dataset.act)) return;
  trigger(pressed.dataset.act, {...pressed.dataset});
});
element.addEventListener("change", (event) => {
  const chosen = event.target.closest("[data-choose]");
  if (chosen) trigger("choose", {question: chosen.dataset.choose, label: chosen.value});
});
element.addEventListener("desk-edit", (event) => trigger("edit", event.detail));
element.addEventListener("desk-typed", (event) => trigger("typed", event.detail));
watch("value", () => {
  if (element.querySelector("[data-awaited]")) trigger("awaited");
  element.dispatchEvent(new CustomEvent("desk-drawn", {bubbles: true}));
  const corrects = document.activeElement && document.activeElement.closest("[data-edit]");
  if (element.querySelector("[data-follow]") && !corrects) trigger("follow");
});
"""


@dataclass(frozen=True)
class Parts:
    """Every component that an event reads or changes."""

    page: gr.BrowserState
    timer: gr.Timer
    watch: gr.Timer
    follow: gr.HTML
    header: gr.HTML
    saved: gr.HTML
    title: gr.HTML
    turns: gr.HTML
    message: gr.Textbox
    message_choice: gr.HTML
    files: gr.HTML
    attach: gr.UploadButton
    record: gr.Audio
    draft: gr.Button
    stop: gr.Button
    lists: gr.HTML
    evidence: gr.HTML
    drafts: gr.HTML
    reply: gr.Textbox
    reply_choice: gr.HTML
    copy: gr.Button
    send: gr.Button
    warning: gr.HTML
    send_anyway: gr.Button
    back: gr.Button
    note: gr.HTML

    @property
    def all(self) -> list[gr.components.Component]:
        """All of them, for events that redraw the page."""
        return [getattr(self, f.name) for f in fields(self)]


@dataclass(frozen=True)
class ApiParts:
    """What the endpoint ``/draft`` takes and gives; never seen on the page."""

    text: gr.Textbox
    audio: gr.File
    images: gr.File
    case: gr.JSON
    call: gr.Button


class Words(GradioRootModel):
    """A text as scripts send it; Gradio takes a list or a number for the text of it."""

    root: str

    def __str__(self) -> str:
        return self.root


class OneOrMore(ListFiles):
    """Files as scripts send them: a list, or one by itself."""

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        return [given] if isinstance(given, dict) else given


def theme() -> gr.themes.Base:
    """Return a theme of system fonts, so that no font comes from elsewhere."""
    sans = ["ui-sans-serif", "system-ui", "Segoe UI", "Roboto", "Noto Sans SC", "sans-serif"]
    mono = ["ui-monospace", "SFMono-Regular", "Consolas", "monospace"]
    return gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.zinc,
        font=sans,
        font_mono=mono,
        radius_size=gr.themes.sizes.radius_md,
        text_size=gr.themes.sizes.text_sm,
        spacing_size=gr.themes.sizes.spacing_sm,
    )


def lay_out() -> Parts:
    """Place the components in the Blocks that is open."""
    page = gr.BrowserState({}, storage_key=STORAGE_KEY, secret=STORAGE_KEY)
    timer, watch = gr.Timer(0.8), gr.Timer(WATCH)
    header, follow = _html("top"), _html("follow")
    saved = _html("saved", '<span data-saved=""></span>')
    with gr.Row(elem_id="desk", equal_height=False):
        with gr.Column(elem_id="ticket", elem_classes="pane"):
            title, turns = _html("ticket-title"), _html("turns")
            with gr.Column(elem_id="composer"):
                message = gr.Textbox(
                    label=EN.message,
                    show_label=False,
                    container=False,
                    lines=4,
                    max_lines=9,
                    elem_id="message",
                    placeholder=EN.message,
                )
                message_choice = _html("message-choice")
                files = _html("files")
                with gr.Row(elem_id="inlets"):
                    attach = gr.UploadButton(
                        EN.attach,
                        file_count="multiple",
                        file_types=["audio", "video", "image", ".amr", ".heic", ".heif"],
                        type="filepath",
                        size="sm",
                        elem_id="attach",
                    )
                    record = gr.Audio(
                        sources=["microphone"],
                        type="filepath",
                        show_label=False,
                        container=False,
                        editable=False,
                        buttons=[],
                        elem_id="record",
                    )
                    draft = gr.Button(EN.draft, variant="primary", size="sm", elem_id="draft")
                    stop = gr.Button(
                        EN.stop, variant="stop", size="sm", elem_id="stop", visible=False
                    )
            lists = _html("lists")
        with gr.Column(elem_id="findings", elem_classes="pane"):
            evidence = _html("evidence")
        with gr.Column(elem_id="answer", elem_classes="pane"):
            drafts = _html("drafts")
            with gr.Column(elem_id="reply-box"):
                reply = gr.Textbox(
                    label=EN.reply,
                    show_label=False,
                    container=False,
                    lines=5,
                    max_lines=9,
                    elem_id="reply",
                    placeholder=EN.reply_hint,
                )
                reply_choice = _html("reply-choice")
                warning = _html("warning", visible=False)
                with gr.Row(elem_id="reply-buttons"):
                    note = _html("note")
                    back = gr.Button(EN.back, size="sm", elem_id="back", visible=False)
                    send_anyway = gr.Button(
                        EN.send_anyway,
                        variant="stop",
                        size="sm",
                        elem_id="send-anyway",
                        visible=False,
                    )
                    copy = gr.Button(EN.copy, size="sm", elem_id="copy")
                    send = gr.Button(EN.send, variant="primary", size="sm", elem_id="send")
    return Parts(
        page,
        timer,
        watch,
        follow,
        header,
        saved,
        title,
        turns,
        message,
        message_choice,
        files,
        attach,
        record,
        draft,
        stop,
        lists,
        evidence,
        drafts,
        reply,
        reply_choice,
        copy,
        send,
        warning,
        send_anyway,
        back,
        note,
    )


def lay_out_api() -> ApiParts:
    """Place what scripts call."""
    audio = gr.File(label="audio", file_count="multiple", visible=False)
    images = gr.File(label="images", file_count="multiple", visible=False)
    audio.data_model = images.data_model = OneOrMore
    text = gr.Textbox(label="text", visible=False)
    text.data_model = Words
    return ApiParts(
        text,
        audio,
        images,
        gr.JSON(label="case", visible=False),
        gr.Button(visible=False),
    )


def _html(name: str, value: str = "", visible: bool = True) -> gr.HTML:
    return gr.HTML(
        value,
        elem_id=name,
        js_on_load=_EVENTS,
        apply_default_css=False,
        padding=False,
        visible=visible,
    )
