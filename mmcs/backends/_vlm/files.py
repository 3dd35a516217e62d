"""A multimodal model's folder: the one that was named, or the hub's files in the cache."""

from __future__ import annotations

import json
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.constants import HF_HUB_CACHE
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from mmcs.backends._vlm.known import DEFAULT
from mmcs.errors import ModelUnavailable
from mmcs.settings import Settings
from mmcs.weights.sources import HUB_PATIENCE, SourceFailed, require_hub

CONFIGURATION = ("*.json", "*.txt", "*.model", "*.jinja")  # and tokenizers
WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
NOT_OURS = ("*/*", "consolidated*", "*.index.fp8.json")  # other formats, in folders of their own
INDEX = "model.safetensors.index.json"
# The hub's library raises errors of its own, of its HTTP client (httpx or httpx2), and of files.
FAILED: tuple[type[Exception], ...] = (
    OSError,
    *(base for base in HfHubHTTPError.__mro__ if base.__name__ == "HTTPError"),
)


def model_name(settings: Settings) -> str:
    """Return the id or folder of the model that the settings ask for."""
    return DEFAULT if settings.model in {"auto", "embedded"} else settings.model


def configuration(settings: Settings) -> Path:
    """Return a folder with the model's configuration and tokenizer, fetched if need be.

    Raises:
        ModelUnavailable: they can't be had.
    """
    asked = model_name(settings)
    folder = Path(asked).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelUnavailable(f"The folder {folder} holds no model: config.json is missing.")
        return folder
    if asked.count("/") != 1 or asked.startswith(("/", ".", "~")):
        raise ModelUnavailable(
            f"There is no model {asked!r}; MMCS_MODEL may be a folder, or owner/name of the hub."
        )
    return _present(asked, settings, CONFIGURATION) or _fetched(asked, settings, CONFIGURATION)


def weights(settings: Settings) -> Path:
    """Return a folder with everything, fetched if need be.

    Raises:
        ModelUnavailable: the weights can't be had, or aren't safetensors.
    """
    return whole_folder(model_name(settings), settings)


def whole_folder(asked: str, settings: Settings) -> Path:
    """Return the folder of a model, by its own name or as owner/name of the hub, with everything.

    Raises:
        ModelUnavailable: the weights can't be had, or aren't safetensors.
    """
    folder = Path(asked).expanduser()
    if not folder.is_dir():
        everything = (*CONFIGURATION, *WEIGHTS)
        present = _present(asked, settings, everything)
        whole = present is not None and not _missing(present)
        folder = present if present and whole else _fetched(asked, settings, everything)
    missing = _missing(folder)
    if missing:
        raise ModelUnavailable(
            f"{asked} is incomplete: it lacks {', '.join(missing)}. Only safetensors are loaded."
        )
    return folder


def _missing(folder: Path) -> list[str]:
    """Return the weight files that aren't there."""
    if (folder / "model.safetensors").is_file():
        return []
    index = folder / INDEX
    if not index.is_file():
        return ["model.safetensors"]
    try:
        files = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError):
        return [INDEX]
    return sorted(name for name in files if not (folder / name).is_file())


def _cache(settings: Settings) -> Path:
    return settings.cache / "weights" / "hub"


def _present(asked: str, settings: Settings, patterns: tuple[str, ...]) -> Path | None:
    """Return the folder of what was fetched before, without asking the hub: by the desk, or into
    the hub library's own cache, which is also where a Space preloads models."""
    for cache in (_cache(settings), Path(HF_HUB_CACHE)):
        try:
            found = snapshot_download(
                asked,
                cache_dir=cache,
                local_files_only=True,
                allow_patterns=list(patterns),
                ignore_patterns=list(NOT_OURS),
            )
        except (LocalEntryNotFoundError, HFValidationError):
            continue
        if (Path(found) / "config.json").is_file():
            return Path(found)
    return None


def _fetched(asked: str, settings: Settings, patterns: tuple[str, ...]) -> Path:
    if settings.offline or not settings.hub:
        raise ModelUnavailable(f"{asked} is not in the cache and may not be downloaded.")
    address = settings.hub.rstrip("/")
    try:
        require_hub(address)  # at most 3 s, also where a name doesn't resolve
        found = snapshot_download(
            asked,
            cache_dir=_cache(settings),
            endpoint=address,
            etag_timeout=HUB_PATIENCE,
            allow_patterns=list(patterns),
            ignore_patterns=list(NOT_OURS),
        )
    except SourceFailed as away:
        raise ModelUnavailable(f"{asked} is not in the cache, and {away}.") from away
    except FAILED as failed:
        raise ModelUnavailable(
            f"{asked} cannot be downloaded: the hub has no such model, asks for consent to its "
            "licence first, or broke off."
        ) from failed
    except HFValidationError as wrong:
        raise ModelUnavailable(f"There is no model {asked!r} on the hub.") from wrong
    return Path(found)
