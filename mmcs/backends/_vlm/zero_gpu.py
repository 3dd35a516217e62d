"""Hugging Face's ZeroGPU: a GPU that is lent for the length of one call.

The package ``spaces`` runs a decorated function in a process that it forks for it, with the models
of this one on a GPU. So there can be no thread that owns the model, no replies written together,
and an error has to travel as a value. Everywhere else nothing here is used.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Generator
from typing import Any

USUAL_MEMORY = 40_000_000_000  # bytes; of an older package that does not say
LEAST = 15  # seconds: the fork, and moving the weights
READING = 5  # seconds for a prompt with images, generously
TOKENS_PER_SECOND = 15  # of a model of 8 billion parameters, cautiously


def spaces() -> Any | None:
    """Return the package ``spaces`` on a ZeroGPU Space, else nothing."""
    if importlib.util.find_spec("spaces") is None:
        return None
    package = importlib.import_module("spaces")
    config = importlib.import_module("spaces.config").Config
    return package if config.zero_gpu else None


def free_memory() -> int:
    """Return the bytes of a GPU that will be lent; none is there yet that could be asked."""
    config = importlib.import_module("spaces.config").Config
    return int(getattr(config, "zerogpu_cuda_total_memory", USUAL_MEMORY))


def refused() -> type[Exception]:
    """Return the error that means that no GPU was lent; its message is written for the visitor."""
    error: type[Exception] = importlib.import_module("gradio").Error
    return error


def duration(max_tokens: int) -> int:
    """Return the seconds to ask for: the whole length counts against the visitor's quota."""
    return LEAST + READING + max_tokens // TOKENS_PER_SECOND


def lent(
    write: Callable[..., Generator[Any, None, None]], seconds: Callable[..., int]
) -> Callable[..., Generator[Any, None, None]]:
    """Return a module's generator as it runs on a lent GPU; elsewhere it stays what it is.

    ``seconds`` is asked with the same arguments. They travel by pickle.
    """
    package = spaces()
    if package is None:
        return write
    decorated: Callable[..., Generator[Any, None, None]] = package.GPU(write, duration=seconds)
    return decorated
