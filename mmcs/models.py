"""The models of one desk: which backend plays each role, loaded behind the page, and what to say
when one can't be had."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from mmcs import roles
from mmcs.boundary import foreseen
from mmcs.cuda import gpus
from mmcs.errors import MMCSError, ModelUnavailable
from mmcs.roles import ROLES, Role
from mmcs.settings import Settings
from mmcs.ticket import Problem
from mmcs.weights import CHAT_ROWS

EMBEDDED: dict[Role, str] = {
    "transcriber": "faster_whisper",
    "reader": "rapid_ocr",
    "tagger": "efficientnet",
    "captioner": "composed",
    "embedder": "bilingual",
    "triager": "fusion",
    "ranker": "mpnet",
    "verifier": "mpnet",
    "chat": "llama_cpp",
}
# Stands in where an embedded one can't be had.
LESSER: dict[Role, str] = {"embedder": "minilm", "triager": "similarity"}
# A multimodal model in this process, by MMCS_MODEL or because there is a GPU for it.
MULTIMODAL: dict[Role, str] = {"captioner": "transformers_vlm", "chat": "transformers_vlm"}
ON_CUDA: dict[Role, str] = {**EMBEDDED, **MULTIMODAL, "transcriber": "openai_whisper"}
# These roles may be given to any cross-encoder of the hub.
BY_NAME: frozenset[Role] = frozenset({"ranker", "verifier"})
HUB = "cross_encoder"
# These write several drafts at once; at the others tickets take turns.
WIDE = frozenset({"transformers_vlm", "openai_api"})
MOST_AT_ONCE = 16  # drafts
# These may fail at work, for want of a GPU's memory or a server; the embedded ones step in.
FAILING = WIDE | {"openai_whisper"}

Phase = Literal["waiting", "loading", "ready", "failed", "off"]


@dataclass(frozen=True)
class ModelState:
    """How far one role is."""

    role: Role
    backend: str
    phase: Phase
    name: str = ""  # the model's own name, once it is ready
    seconds: float = 0.0  # that loading took
    message: str = ""  # why it failed


@dataclass(frozen=True)
class Indexing:
    """How many of the help articles are read; until all are, none is found."""

    done: int = 0
    total: int = 0  # 0 while nobody has counted them


def chosen_backends(settings: Settings) -> dict[Role, str]:
    """Return the backend for each role: the one named by hand, else the engine column's."""
    column = _column(settings)
    named = {role: getattr(settings, role) for role in ROLES}
    chosen = {role: column[role] if named[role] == "auto" else named[role] for role in ROLES}
    for role in BY_NAME:
        if "/" in named[role] or Path(named[role]).is_dir():
            chosen[role] = HUB
    return chosen


def _column(settings: Settings) -> dict[Role, str]:
    if settings.model == "embedded":
        return EMBEDDED
    if settings.zero_gpu:  # lent for a draft; everything else stays on the CPU
        return {**EMBEDDED, "chat": MULTIMODAL["chat"]}
    column = ON_CUDA if gpus() else EMBEDDED
    if settings.model != "auto":
        column = {**column, **MULTIMODAL}
    if settings.chat == "openai_api":  # who writes the drafts sees the images too
        column = {**column, "captioner": "openai_api"}
    return column


def needed_weights(settings: Settings) -> tuple[str, ...]:
    """Return the rows of the weights' table that the chosen backends load."""
    rows = {
        "minilm": ("minilm",),
        "multilingual_e5": ("multilingual-e5-small",),
        "bilingual": ("minilm", "multilingual-e5-small"),
        "fusion": ("minilm", "multilingual-e5-small", "efficientnet-lite0", "whisper-base"),
        "faster_whisper": ("whisper-base",),
        "efficientnet": ("efficientnet-lite0",),
        "mpnet": ("mpnet",),
        "llama_cpp": (CHAT_ROWS.get(settings.chat_model, ""),),
    }
    chosen = chosen_backends(settings).values()
    needed = (row for backend, names in rows.items() if backend in chosen for row in names if row)
    return tuple(dict.fromkeys(needed))


class Models:
    """Loads each role once, in the background, small models first; ``get`` waits for it.

    A language model loads on a thread of its own, so that speech and images work while its weights
    still come.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._backends = chosen_backends(settings)
        self._states = {r: ModelState(r, b, "waiting") for r, b in self._backends.items()}
        self._problems: list[Problem] = []
        self._loading: dict[Role, Future[Any]] = {}
        self._standing_by: dict[Role, Any] = {}
        self._lock = threading.Lock()  # a role is loaded once, whoever asks first
        self._standby_lock = threading.Lock()
        self._small = ThreadPoolExecutor(1, "mmcs-load")
        self._large = ThreadPoolExecutor(1, "mmcs-load-chat")
        if self._backends["chat"] == "none":
            self._states["chat"] = ModelState("chat", "none", "off")

    def start(self) -> None:
        """Begin to load every role."""
        self._begin("embedder")  # first, for the articles wait for it
        for role in ROLES:
            self._begin(role)

    def then(self, role: Role, step: Callable[[Any], object]) -> Future[object]:
        """Do something with a model as soon as it is loaded, behind the page.

        The step runs on the thread that loaded the model; if the model can't be had, it does not.
        """
        loading = self._begin(role)  # first: the step waits on the very thread that loads
        return self._executor(role).submit(lambda: step(loading.result()))

    def get(self, role: Role) -> Any:
        """Return the model that plays a role, waiting while it loads.

        Raises:
            ModelUnavailable: neither the chosen backend nor the embedded one can be had.
        """
        return self._begin(role).result()

    def settle(self, role: Role) -> None:
        """Return when a role is loaded, or can't be had."""
        wait([self._begin(role)])

    def has_standby(self, role: Role) -> bool:
        """Say whether the embedded model of a role could do another one's work."""
        return self._states[role].backend in FAILING

    def standby(self, role: Role) -> Any:
        """Return the embedded model of a role whose chosen one fails at work or still loads; it is
        loaded when it is first needed.

        Raises:
            ModelUnavailable: it can't be had.
        """
        with self._standby_lock:
            if role not in self._standing_by:
                self._standing_by[role] = roles.load(role, EMBEDDED[role], self.settings)
            return self._standing_by[role]

    def ready(self, role: Role) -> bool:
        """Say whether ``get`` would return at once."""
        return self._states[role].phase == "ready"

    def waits(self, role: Role) -> bool:
        """Say whether a role is still to be loaded: neither there nor given up."""
        return self.state(role).phase in {"waiting", "loading"}

    @property
    def most_drafts(self) -> int:
        """How many drafts may be written at once, whatever the language model can do."""
        return MOST_AT_ONCE if self._backends["chat"] in WIDE else 1

    @property
    def drafts_at_once(self) -> int:
        """How many drafts the language model writes at once, as far as it is known by now."""
        chat = self.get("chat") if self.ready("chat") else None
        return max(1, min(chat.at_once, self.most_drafts)) if chat else 1

    def state(self, role: Role) -> ModelState:
        """Return how far a role is."""
        return self._states[role]

    @property
    def states(self) -> tuple[ModelState, ...]:
        """How far each role is."""
        return tuple(self._states[role] for role in ROLES)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What an agent must know: each model that could not be had, and what is used instead."""
        return tuple(self._problems)

    def _begin(self, role: Role) -> Future[Any]:
        with self._lock:
            if role not in self._loading:
                self._loading[role] = self._executor(role).submit(self._load, role)
            return self._loading[role]

    def _executor(self, role: Role) -> ThreadPoolExecutor:
        return self._large if role == "chat" or self._backends[role] in WIDE else self._small

    def _load(self, role: Role) -> Any:
        backend = self._backends[role]
        if backend == "none":
            raise ModelUnavailable(f"The {role} is switched off.")
        for candidate in dict.fromkeys((backend, EMBEDDED[role], LESSER.get(role, backend))):
            self._states[role] = ModelState(role, candidate, "loading")
            begun = time.perf_counter()
            try:
                with foreseen():
                    model = roles.load(role, candidate, self.settings)
            except MMCSError as error:
                failed = replace(self._states[role], phase="failed", message=str(error))
                self._states[role] = failed
                self._problems.append(Problem(role, str(error)))
            else:
                seconds = round(time.perf_counter() - begun, 2)
                self._states[role] = ModelState(role, candidate, "ready", model.name, seconds)
                return model
        raise ModelUnavailable(self._states[role].message)
