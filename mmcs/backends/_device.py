"""Where the networks in torch compute, and building them one at a time."""

from __future__ import annotations

import threading

import torch

from mmcs.settings import Settings

# transformers builds a model under torch's default number type, which is one for all threads: a
# network that is built beside it would be of that type too, and it may stay so for ever.
BUILDING = threading.RLock()


def device(settings: Settings) -> str:
    """Return the CUDA GPU if there is one for good; one that is lent for a draft is none."""
    return "cuda" if torch.cuda.is_available() and not settings.zero_gpu else "cpu"
