"""What goes to a model server: the turns of a conversation, in which texts are only text.

A remote server writes the conversation into the model's chat template as one string and reads
control tokens in all of it, also in what a customer wrote. So do vLLM
(github.com/vllm-project/vllm/pull/31735, closed), SGLang (github.com/sgl-project/sglang/pull/30962,
open), llama.cpp (github.com/ggml-org/llama.cpp/issues/26273, closed) and ``transformers serve``,
which leaves the sanitizing of its chat template off. So they are broken up before they are sent.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence

from PIL import Image as Pillow

from mmcs.roles import ChatMessage, Image

LONGEST_EDGE = 1536  # pixels
JPEG_QUALITY = 90
UNSEEN = "\u200b"  # a zero-width space; no normalizer of a tokenizer in use takes it out
# Where a text is broken up. A tokenizer finds a control token by its exact characters, so one
# unseen character within is enough. Which tokens a server's model has is not known here: the
# pattern takes the shapes of all, and rather a piece of HTML too many than a token too few.
CONTROL = re.compile(
    r"""
      (?<=<)(?=[^\s\d<=])            # <|im_end|> <s> </s> <start_of_turn> <image> <｜User｜>
    | (?<=[|｜])(?=[>\]])            # the end of <turn|>
    | (?<=\[)(?=[|｜])               # [|endofturn|]
    | (?<=\[)(?=/?(?:[A-Z_]+\d*|[a-z]?MASK|[a-z]+_\w+)\])  # [INST] [/IMG] [gMASK] [extra_id_0]
    | (?<=\])(?=[~!<])|(?<=\[)(?=e~\[)                     # ]~b] ]~!b[ ]<]image[>[ [e~[
    """,
    re.VERBOSE,
)


def defused(text: str) -> str:
    """Return a text in which an unseen space breaks up whatever looks like a control token."""
    return CONTROL.sub(UNSEEN, text)


def turns(messages: Sequence[ChatMessage], images: bool) -> list[dict[str, object]]:
    """Return the messages as the chat API takes them; without ``images`` those are left out."""
    return [
        {
            "role": message.role,
            "content": [
                *({"type": "image_url", "image_url": {"url": data_url(i)}} for i in message.images),
                {"type": "text", "text": defused(message.content)},
            ]
            if images and message.images
            else defused(message.content),
        }
        for message in messages
    ]


def data_url(image: Image) -> str:
    """Return an image as a JPEG in a data URL, no edge longer than ``LONGEST_EDGE``."""
    picture = Pillow.fromarray(image)
    picture.thumbnail((LONGEST_EDGE, LONGEST_EDGE), Pillow.Resampling.LANCZOS)
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=JPEG_QUALITY, subsampling=0)  # small letters stay sharp
    return f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"
