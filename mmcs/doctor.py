"""What this machine has, and which engine each role will use and why."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import psutil

from mmcs import __version__, weights
from mmcs.models import EMBEDDED, chosen_backends, cuda_devices
from mmcs.roles import ROLES
from mmcs.settings import Settings

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
    "pillow",
    "av",
)
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
    cuda_devices: int
    cache: str
    home: str
    domain: str
    packages: dict[str, str]  # name -> version, or "missing"
    weights: dict[str, str]  # model -> ready, missing, damaged, unchecked
    engines: tuple[Choice, ...]

    def lines(self) -> list[str]:
        """Return it for people."""
        gpu = f"{self.cuda_devices} CUDA device(s)" if self.cuda_devices else "no CUDA device"
        machine = f"{self.cores} cores, {self.memory:.0f} GB of memory, {gpu}"
        lines = [
            f"MMCS {self.mmcs}, Python {self.python} on {self.system}",
            f"Machine: {machine}, {self.free_disk:.0f} GB free at {self.cache}",
            f"Tickets: {self.home}    Domain: {self.domain}",
            "Packages: " + ", ".join(f"{name} {v}" for name, v in self.packages.items()),
            "Weights:",
            *(f"  {name:28} {WORTH[state]}" for name, state in self.weights.items()),
            "Engines:",
            *(f"  {c.role:12} {c.backend:16} {c.why}" for c in self.engines),
        ]
        return lines


def examine(settings: Settings) -> Examination:
    """Look at the machine without loading a model or asking the network.

    Raises:
        UsageError: a setting that means nothing.
    """
    gpus = cuda_devices()
    settings.cache.mkdir(parents=True, exist_ok=True)
    return Examination(
        mmcs=__version__,
        python=platform.python_version(),
        system=platform.platform(),
        cores=settings.threads,
        memory=psutil.virtual_memory().total / 1e9,
        free_disk=shutil.disk_usage(settings.cache).free / 1e9,
        cuda_devices=gpus,
        cache=str(settings.cache),
        home=str(settings.home),
        domain=str(settings.domain_folder),
        packages={name: _version(name) for name in PACKAGES},
        weights={state.title: state.state for state in weights.recorded(settings)},
        engines=_choices(settings, gpus),
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _choices(settings: Settings, gpus: int) -> tuple[Choice, ...]:
    chosen = chosen_backends(settings)
    choices = []
    for role in ROLES:
        if getattr(settings, role) != "auto":
            why = f"named by MMCS_{role.upper()}"
        elif chosen[role] != EMBEDDED[role]:
            why = "a CUDA device is there"
        else:
            why = "embedded; nothing to configure" if not gpus else "embedded, on a GPU too"
        choices.append(Choice(role, chosen[role], why))
    return tuple(choices)
