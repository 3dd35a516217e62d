"""What this machine has, and which engine each role will use and why."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import httpx
import psutil

from mmcs import __version__, roles, weights
from mmcs.cuda import gpus
from mmcs.errors import ModelUnavailable, StoreError
from mmcs.models import EMBEDDED, WIDE, chosen_backends, needed_weights
from mmcs.roles import ROLES, Role
from mmcs.settings import Settings
from mmcs.store import Store

PACKAGES = (
    "gradio",
    "torch",
    "transformers",
    "accelerate",
    "bitsandbytes",
    "openai-whisper",
    "faster-whisper",
    "rapidocr",
    "onnxruntime",
    "xllamacpp",
    "openai",
    "psycopg",
    "pillow",
    "av",
)
HUB_PATIENCE = 3.0  # seconds
# What a model's files are worth, for people.
WORTH = {
    "ready": "present, checked when stored",
    "missing": "missing",
    "damaged": "damaged; it is fetched again at its next use",
    "unchecked": "present, to be checked at its next use",
}


@dataclass(frozen=True)
class Choice:
    """The engine of one role."""

    role: str
    backend: str
    why: str


@dataclass(frozen=True)
class Examination:
    """Everything the doctor found."""

    mmcs: str
    python: str
    system: str
    cores: int
    memory: float  # GB
    free_disk: float  # GB, where the cache is
    gpus: tuple[str, ...]  # the name and memory of each
    cache: str
    home: str
    domain: str
    packages: dict[str, str]  # name -> version, or "missing"
    weights: dict[str, str]  # model -> ready, missing, damaged, unchecked
    hub: str  # whether missing weights can come from it
    server: str  # the remote engine, if one was chosen
    database: str
    engines: tuple[Choice, ...]

    def lines(self) -> list[str]:
        """Return it for people."""
        gpu = ", ".join(self.gpus) or "no CUDA device"
        machine = f"{self.cores} cores, {self.memory:.0f} GB of memory, {gpu}"
        lines = [
            f"MMCS {self.mmcs}, Python {self.python} on {self.system}",
            f"Machine: {machine}, {self.free_disk:.0f} GB free at {self.cache}",
            f"Tickets: {self.home}    Domain: {self.domain}",
            "Packages: " + ", ".join(f"{name} {v}" for name, v in self.packages.items()),
            "Weights:",
            *(f"  {name:28} {WORTH[state]}" for name, state in self.weights.items()),
            f"Model hub: {self.hub}",
            f"Model server: {self.server}",
            f"Database: {self.database}",
            "Engines:",
            *(f"  {c.role:12} {c.backend:16} {c.why}" for c in self.engines),
        ]
        return lines


def examine(settings: Settings) -> Examination:
    """Look at the machine without loading a model. The network is asked for what the desk itself
    would ask it for: weights that are missing, and a model server that was chosen.

    Raises:
        UsageError: a setting that means nothing.
    """
    found = gpus()
    settings.cache.mkdir(parents=True, exist_ok=True)
    return Examination(
        mmcs=__version__,
        python=platform.python_version(),
        system=platform.platform(),
        cores=settings.threads,
        memory=psutil.virtual_memory().total / 1e9,
        free_disk=shutil.disk_usage(settings.cache).free / 1e9,
        gpus=tuple(f"{gpu.name} ({gpu.memory / 1e9:.0f} GB)" for gpu in found),
        cache=str(settings.cache),
        home=str(settings.home),
        domain=str(settings.domain_folder),
        packages={name: _version(name) for name in PACKAGES},
        weights={state.title: state.state for state in weights.recorded(settings)},
        hub=_hub(settings),
        server=_server(settings),
        database=_database(settings),
        engines=_choices(settings, bool(found)),
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _hub(settings: Settings) -> str:
    missing = {state.name for state in weights.recorded(settings) if state.state != "ready"}
    wanted = missing & set(needed_weights(settings))
    if settings.offline or not settings.hub:
        return "never asked (MMCS_OFFLINE)" if settings.offline else "none (MMCS_HUB)"
    if not wanted and settings.model in {"auto", "embedded"}:
        return "not needed, every file is there"
    try:
        httpx.head(settings.hub, timeout=HUB_PATIENCE, follow_redirects=False)
    except httpx.HTTPError:
        return f"{settings.hub} does not answer; the weights come from the package index"
    return f"{settings.hub} answers"


def _server(settings: Settings) -> str:
    if "openai_api" not in chosen_backends(settings).values():
        idle = " (MMCS_OPENAI_URL is set; MMCS_CHAT=openai_api uses it)"
        return "none chosen" + (idle if settings.openai_url else "")
    try:
        return f"{roles.load('chat', 'openai_api', settings).name} answers"
    except ModelUnavailable as error:
        return str(error)


def _database(settings: Settings) -> str:
    try:
        return f"{Store(settings).address} can be opened"
    except StoreError as error:
        return str(error)


def _choices(settings: Settings, gpu: bool) -> tuple[Choice, ...]:
    chosen = chosen_backends(settings)
    return tuple(Choice(role, chosen[role], _why(role, chosen, settings, gpu)) for role in ROLES)


def _why(role: Role, chosen: dict[Role, str], settings: Settings, gpu: bool) -> str:
    if getattr(settings, role) != "auto":
        return f"named by MMCS_{role.upper()}"
    if chosen[role] == EMBEDDED[role]:
        return "embedded, on a GPU too" if gpu else "embedded; nothing to configure"
    if role == "captioner" and chosen[role] == "openai_api":
        return "the server that writes the drafts sees the images too"
    if chosen[role] in WIDE and settings.model != "auto":
        return f"MMCS_MODEL is {settings.model}"
    return "a CUDA device is there"
