"""llama.cpp, by way of xllamacpp: a GGUF model on the CPU, its reply streamed.

xllamacpp always opens a port on the loopback, so this backend speaks to it there: behind a random
key, closed to web pages, and cancelled by hanging up, also while a long prompt is still read.
"""

from __future__ import annotations

import base64
import ctypes
import importlib.util
import io
import json
import re
import secrets
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from PIL import Image as Pillow

try:
    import xllamacpp
except ImportError:
    # A slim Linux lacks libgomp; torch brings one by the very name that xllamacpp asks for.
    torch = importlib.util.find_spec("torch")
    if torch is None or torch.origin is None:
        raise
    gomp = Path(torch.origin).parent / "lib" / "libgomp.so.1"
    if not gomp.exists():
        raise
    ctypes.CDLL(str(gomp), mode=ctypes.RTLD_GLOBAL)
    import xllamacpp

from mmcs import weights
from mmcs.errors import ModelUnavailable, OverLimit
from mmcs.roles import ChatMessage, ChatOptions, Image
from mmcs.settings import Settings

CONTEXT = 4096  # tokens, of prompt and reply together
BATCH = 512  # tokens read between two looks at whether somebody hung up
IMAGE = 1024  # tokens at most for one image, of models that look closer the larger it is
# Replies copy from the facts they are given: when the last tokens stood somewhere before, guess
# that the same ones follow (70-80 % come true). Three guesses beside the sure token cost least:
# llama.cpp multiplies four rows at once at 1.8 times the price of one.
GUESS_AFTER = 3  # tokens that must have stood before
GUESSES = 3  # tokens
PREFIXES_MB = 256  # of RAM for the constant prefixes that are not in use, one a language
SEED = 1
HUB_ID = re.compile(r"[^/\\:]+/[^/\\:]+:[^:]+\.gguf")
UNSEEN = "\u200b"  # a zero-width space


@dataclass
class LlamaChat:
    """A language model in llama.cpp. ``images`` says whether it sees them; else it skips them."""

    name: str
    images: bool
    _server: Any  # holds the model for as long as this object lives
    _client: httpx.Client
    _marker: str  # stands for an image; random, so that no customer can write it
    at_once: int = 1  # two at once on two cores starve each other
    fresh_tokens: int = 150  # 25 ms each on two cores
    taught: bool = False

    def chat(
        self, messages: Sequence[ChatMessage], options: ChatOptions
    ) -> Generator[str, None, None]:
        """Yield the reply piece by piece; closing the generator stops the model at once.

        Raises:
            OverLimit: the conversation does not fit.
            ModelUnavailable: the model stopped working.
        """
        if not messages:
            return
        asked = {
            "prompt": self.prompt(messages, options),
            "n_predict": options.max_tokens,
            "temperature": options.temperature,
            "stop": list(options.stop),
            "seed": SEED,
            "stream": True,
            "cache_prompt": True,
        }
        with self._client.stream("POST", "/completion", json=asked) as answer:
            for event in _events(answer):
                if event.get("error", {}).get("type") == "exceed_context_size_error":
                    raise OverLimit(f"The ticket is too long for {self.name}. Shorten it.")
                if "content" not in event:
                    raise ModelUnavailable(f"{self.name} could not go on with this conversation.")
                if event["content"]:
                    yield event["content"]

    def prompt(self, messages: Sequence[ChatMessage], options: ChatOptions) -> Any:
        """Return the prompt in which whatever the messages say is text, never a control token.

        The chat template is rendered with placeholders for the contents. Its own pieces are read
        with control tokens, the contents without; so the prompt is a list of tokens. With images
        llama.cpp takes one string alone, and control tokens in the contents are broken up instead.
        """
        pieces = self._rendered(messages)
        if self.images and any(message.images for message in messages):
            seen = [_png(image) for message in messages for image in message.images]
            string = "".join(
                piece if isinstance(piece, str) else self._illustrated(piece) for piece in pieces
            )
            return {"prompt_string": string, "multimodal_data": seen}
        tokens = [
            token
            for index, piece in enumerate(pieces)
            for token in (
                self.tokens(piece, control=True, first=index == 0)
                if isinstance(piece, str)
                else self.tokens(piece.content)
            )
        ]
        if len(tokens) + options.max_tokens > CONTEXT:
            raise OverLimit(
                f"The ticket is too long for {self.name}: {len(tokens):,} tokens, and "
                f"{CONTEXT - options.max_tokens:,} fit. Shorten it."
            )
        return tokens

    def tokens(self, text: str, *, control: bool = False, first: bool = False) -> list[int]:
        """Return the ids of a text; ``control`` reads control tokens in it, ``first`` begins."""
        asked = {"content": text, "parse_special": control, "add_special": first}
        ids: list[int] = self._ask("/tokenize", asked)["tokens"]
        return ids

    def _rendered(self, messages: Sequence[ChatMessage]) -> list[str | ChatMessage]:
        """Return the chat template's own text, with the messages where their contents belong."""
        mark = secrets.token_hex(8)
        turns = [{"role": m.role, "content": f"{mark}:{i};"} for i, m in enumerate(messages)]
        template = self._ask("/apply-template", {"messages": turns})["prompt"]
        found = re.split(f"{mark}:(\\d+);", template)
        if {int(index) for index in found[1::2]} != set(range(len(messages))):
            raise ModelUnavailable(f"The chat template of {self.name} leaves out a message.")
        return [messages[int(text)] if i % 2 else text for i, text in enumerate(found)]

    def _illustrated(self, message: ChatMessage) -> str:
        return f"{self._marker}\n" * len(message.images) + self._defused(message.content)

    def _defused(self, text: str) -> str:
        """Return a text in which an unseen space breaks up each control token."""
        while self.tokens(text, control=True) != self.tokens(text):
            asked = {"content": text, "parse_special": True, "with_pieces": True}
            written = {str(token["piece"]) for token in self._ask("/tokenize", asked)["tokens"]}
            broken = text
            for piece in written:
                if self.tokens(piece, control=True) != self.tokens(piece):
                    broken = broken.replace(piece, piece[0] + UNSEEN + piece[1:])
            if broken == text:
                raise ModelUnavailable(f"{self.name} cannot take this text as text.")
            text = broken
        return text

    def _ask(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        answer = self._client.post(path, json=asked)
        if answer.status_code != httpx.codes.OK:
            raise ModelUnavailable(f"{self.name} cannot take this conversation.")
        told: dict[str, Any] = answer.json()
        return told


def _events(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    """Yield the server-sent events of an answer; one with the key ``error`` is the last.

    Lines are split by hand: httpx also splits at U+2028 and its like, which a reply may hold.
    """
    if answer.status_code != httpx.codes.OK:
        yield json.loads(answer.read())
        return
    rest = b""
    for chunk in answer.iter_bytes():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            kind, _, said = line.partition(b": ")
            if kind in (b"data", b"error"):
                yield json.loads(said)


def _png(image: Image) -> str:
    written = io.BytesIO()
    Pillow.fromarray(image).save(written, "PNG", compress_level=1)
    return base64.b64encode(written.getvalue()).decode()


# --- loading ---


def chat(settings: Settings) -> LlamaChat:
    """Load the language model that ``settings.chat_model`` names, and let it write a word.

    Raises:
        ModelUnavailable: its weights cannot be had, or llama.cpp cannot load them.
    """
    path, name = model_file(settings)
    adapter = _adapter(settings)
    key = secrets.token_hex(16)
    params = _params(path, key, settings.threads)
    if adapter:
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter), 1.0)]
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as failed:
        if adapter:
            raise ModelUnavailable(
                f"The adapter {adapter.name} cannot be laid over the language model {path.name}: "
                "it was made for another model, or one of the two files is damaged."
            ) from failed
        raise ModelUnavailable(
            f"The language model {path.name} cannot be loaded: the file is damaged, of a kind that "
            "llama.cpp does not know, or too large for this machine's memory."
        ) from failed
    client = httpx.Client(
        base_url=server.listening_address,
        # A kept connection may be closed just when it is used again, and holds one of few threads.
        headers={"Authorization": f"Bearer {key}", "Connection": "close"},
        timeout=None,  # noqa: S113  # a long prompt is read in silence
        trust_env=False,  # no proxy between a process and itself
    )
    props = client.get("/props").raise_for_status().json()
    model = LlamaChat(
        f"{name}, trained to draft" if adapter else name,
        props["modalities"]["vision"],
        server,
        client,
        props["media_marker"],
        taught=adapter is not None,
    )
    for _ in model.chat([ChatMessage("user", "Hello")], ChatOptions(max_tokens=1)):
        pass
    return model


def model_file(settings: Settings) -> tuple[Path, str]:
    """Return the file of the language model that ``settings.chat_model`` names, and its title.

    Raises:
        ModelUnavailable: its weights cannot be had.
    """
    asked = settings.chat_model
    if asked in weights.CHAT_ROWS:
        row = weights.row(weights.CHAT_ROWS[asked])
        return weights.fetch(row.name, settings) / row.files[0].name, row.title
    if HUB_ID.fullmatch(asked) and not Path(asked).exists():
        path = weights.fetch_gguf(asked, settings)
    else:
        path = Path(asked).expanduser()
    if not path.is_file():
        names = ", ".join(weights.CHAT_ROWS)
        raise ModelUnavailable(
            f"There is no language model {asked!r}; MMCS_CHAT_MODEL may be {names}, the "
            "path of a GGUF file, or owner/repo:file.gguf of the model hub."
        )
    return path, path.stem


def _adapter(settings: Settings) -> Path | None:
    if not settings.chat_adapter:
        return None
    path = Path(settings.chat_adapter).expanduser()
    if not path.is_file():
        raise ModelUnavailable(
            f"There is no adapter at {path}; MMCS_CHAT_ADAPTER must be the path of a GGUF file "
            "that `python -m mmcs train drafter` has made, or empty."
        )
    return path


def _params(path: Path, key: str, threads: int) -> Any:
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {path.stem}
    projector = min(path.parent.glob("mmproj*.gguf"), default=None)
    if projector is not None:
        params.mmproj.path = str(projector)

    # speed and memory
    params.n_ctx = CONTEXT
    params.n_batch = params.n_ubatch = BATCH
    params.n_parallel = 1
    params.cache_ram_mib = PREFIXES_MB
    params.speculative.types = [
        xllamacpp.common_speculative_type.COMMON_SPECULATIVE_TYPE_NGRAM_SIMPLE
    ]
    params.speculative.ngram_simple.size_n = GUESS_AFTER
    params.speculative.ngram_simple.size_m = GUESSES
    for cpu in (params.cpuparams, params.cpuparams_batch):
        cpu.n_threads = threads
        cpu.poll = 0  # wait without spinning; with OpenMP settings.prepare_process sees to it
    params.fit_params = False
    # Read, not mapped: a mapped file stays in memory beside its repacked copy, 0.6 GB more for the
    # 1.5B model.
    params.load_mode = xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_NONE
    params.image_max_tokens = IMAGE

    # a port that only this process can use
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key]
    params.cors_origins = params.cors_headers = params.cors_methods = ""
    params.cors_origins_explicit = True
    params.cors_credentials = False
    params.ui = False
    params.endpoint_slots = False
    params.n_threads_http = 4
    params.offline = True
    params.verbosity = -1
    return params
