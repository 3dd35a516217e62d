"""The Gradio page: a support agent's one screen."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import gradio as gr
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.middleware import Middleware

from mmcs import private, weights
from mmcs.attachments import drop_unused
from mmcs.desk.actions import Actions
from mmcs.desk.admin import Admin
from mmcs.desk.events import wire, wire_admin, wire_api
from mmcs.desk.files import Files
from mmcs.desk.late import LatePipeline
from mmcs.desk.layout import MAX_UPLOAD, SCRIPT, STYLE, lay_out, lay_out_api, theme
from mmcs.desk.runs import Runs
from mmcs.desk.security import Nonces, guard, only_uploads
from mmcs.desk.sentences import Desk, not_understood
from mmcs.desk.tickets import Tickets
from mmcs.desk.uploads import process_uploads
from mmcs.settings import Settings
from mmcs.store import Store

QUEUED = 64  # tickets that wait; the next one is refused
LINKS = "links"  # the name of the secret with which addresses of attachments are made


def build(runs: Runs, store: Store, files: Files) -> gr.Blocks:
    """Return the page of a desk."""
    pipeline = runs.stages
    title = f"{pipeline.domain.title['en']} · MMCS"
    only_uploads()
    process_uploads(pipeline.settings.cache)  # before Gradio's parts ask where uploads are
    blocks = Desk(title=title, fill_width=True, analytics_enabled=False)
    with blocks:
        parts, api = lay_out(), lay_out_api()
        actions = Actions(runs, files, parts)
        wire(blocks, actions)
        wire_api(api, actions)
        if pipeline.settings.sign_in:
            wire_admin(blocks, actions, Admin(pipeline, store))
    blocks.queue(max_size=QUEUED, api_open=False)
    return blocks


def launch(blocks: gr.Blocks, settings: Settings, files: Files) -> str:
    """Serve a page without waiting for its end, and return its address."""
    uploads = process_uploads(settings.cache)

    @asynccontextmanager
    async def begun(app: FastAPI) -> AsyncIterator[None]:
        guard(app, settings)
        async with uploads.looked_after():
            yield

    _, url, _ = blocks.launch(
        server_name=settings.host,
        server_port=settings.port,
        prevent_thread_lock=True,
        quiet=True,
        show_error=False,
        ssr_mode=False,
        share=False,  # no tunnel, whatever GRADIO_SHARE says
        mcp_server=False,
        run_history=False,
        enable_monitoring=False,
        footer_links=[],
        max_file_size=MAX_UPLOAD,
        theme=theme(),
        css_paths=[STYLE],
        js=SCRIPT.read_text("utf-8"),
        app_kwargs={
            "lifespan": begun,
            "exception_handlers": {RequestValidationError: not_understood},
            "middleware": [Middleware(Nonces)],
            "routes": [files.route, uploads.route],
        },
    )
    return url


def serve(settings: Settings) -> None:
    """Serve the desk until it is stopped. The models load behind the page."""
    private.close(settings.home, settings.cache)
    pipeline = LatePipeline(settings)
    store = Store(settings)
    files = Files(settings, store.secret(LINKS))
    runs = Runs(pipeline, Tickets(settings, store, files))
    blocks = build(runs, store, files)
    if settings.zero_gpu:  # what may use a lent GPU has to be there before the page is served
        pipeline.models.settle("chat")
    url = launch(blocks, settings, files)
    print(f"The desk is on {url}", flush=True)  # noqa: T201  # whoever started it waits for it
    pipeline.start()
    threading.Thread(
        target=lambda: drop_unused(settings, store.attachments(), store.has), name="mmcs-unused"
    ).start()
    try:
        blocks.block_thread()
    finally:
        runs.close()
        pipeline.stop()
        weights.stop()  # a gigabyte that is under way is no reason to stay
