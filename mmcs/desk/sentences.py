"""Whatever goes wrong between the page and the desk is a sentence, on the page and for scripts.

Gradio answers what it is not told to show with an error of ``null``, and prints the exception with
its words, which may be a customer's.
"""

from __future__ import annotations

from typing import Any

import gradio as gr
from starlette.requests import Request
from starlette.responses import JSONResponse

from mmcs.boundary import foreseen
from mmcs.desk.page import open_page
from mmcs.desk.texts import translated
from mmcs.errors import BadInput, MMCSError
from mmcs.ticket import Language
from mmcs.wellformed import well_formed_values

# What Gradio and its components raise for values that they don't take.
_NOT_TAKEN = (ValueError, TypeError, LookupError, AttributeError, OSError, RecursionError)
NOT_UNDERSTOOD = (
    "The desk does not understand what it was sent: reload the page, or send a text, a list of "
    "sounds and a list of images."
)


class Desk(gr.Blocks):
    """Gradio's Blocks, with sentences for errors. Every event and every endpoint comes by here,
    each step of a generator too."""

    async def process_api(self, block_fn: Any, inputs: list[Any], *more: Any, **named: Any) -> Any:
        """Run an event; see ``gradio.Blocks``.

        Raises:
            gradio.Error: with the sentence.
        """
        try:
            with foreseen(passing=gr.Error):
                return await super().process_api(block_fn, inputs, *more, **named)
        except MMCSError as error:
            said = translated(str(error), _language(inputs))
            raise gr.Error(said, print_exception=False) from error

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], *more: Any, **named: Any
    ) -> Any:
        """Turn what was sent into what an action takes, its texts well formed; see
        ``gradio.Blocks``.

        Raises:
            BadInput: it cannot be.
        """
        try:
            inputs = well_formed_values(inputs)
            return await super().preprocess_data(block_fn, inputs, *more, **named)
        except gr.Error:
            raise
        except _NOT_TAKEN as error:
            raise BadInput(NOT_UNDERSTOOD) from error


async def not_understood(_: Request, error: Exception) -> JSONResponse:
    """Answer a request whose body Gradio cannot take. FastAPI would quote the body; where that is
    no JSON, in the log."""
    return JSONResponse({"error": NOT_UNDERSTOOD, "detail": NOT_UNDERSTOOD}, 422)


def _language(inputs: object) -> Language:
    """Return the language of the page that sent something: what it remembers comes first."""
    first = inputs[0] if isinstance(inputs, list) and inputs else None
    return open_page(first).language
