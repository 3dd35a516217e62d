"""What the configuration of a Space may say: each key of Hugging Face's reference, and its values.

https://huggingface.co/docs/hub/spaces-config-reference, and ``license``, which every card may name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping

from huggingface_hub import SpaceHardware

LONGEST_DESCRIPTION = 60  # characters; the hub refuses a longer one
HARDWARE = tuple(flavour.value for flavour in SpaceHardware)
# An emoji is symbols, skin tones, and what joins and colours them.
_OF_EMOJI = frozenset({"So", "Sk", "Mn", "Cf"})

Rule = Callable[[object], str]  # "" if a value is allowed, else what is


def one_of(*allowed: str) -> Rule:
    """Allow some words alone."""
    return lambda value: "" if value in allowed else f"one of {', '.join(allowed)}"


def shaped(pattern: str, words: str) -> Rule:
    """Allow texts of one shape."""
    return lambda value: "" if isinstance(value, str) and re.fullmatch(pattern, value) else words


def texts(pattern: str, words: str) -> Rule:
    """Allow a list of texts of one shape."""
    fits = shaped(pattern, words)
    return lambda value: (
        "" if isinstance(value, list) and not any(map(fits, value)) else f"a list of {words}"
    )


def _switch(value: object) -> str:
    return "" if isinstance(value, bool) else "true or false"


def _number(value: object) -> str:
    return "" if isinstance(value, int) and not isinstance(value, bool) else "a whole number"


def _emoji(value: object) -> str:
    kinds = {unicodedata.category(c) for c in value} if isinstance(value, str) else set()
    return "" if "So" in kinds and kinds <= _OF_EMOJI else "one emoji"


def _description(value: object) -> str:
    fits = isinstance(value, str) and 0 < len(value) <= LONGEST_DESCRIPTION
    return "" if fits else f"a text of at most {LONGEST_DESCRIPTION} characters"


def _headers(value: object) -> str:
    fits = isinstance(value, dict) and all(
        isinstance(v, str) and k in _HEADERS for k, v in value.items()
    )
    return "" if fits else f"a mapping of {', '.join(_HEADERS)}"


_HEADERS = (
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
)
_TEXT = shaped(r"(?s).*\S.*", "a text")
_COLOUR = one_of("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
_REPOSITORIES = texts(r"[\w.-]+(/[\w.-]+)?", "repositories like owner/name")

RULES: Mapping[str, Rule] = {
    "title": _TEXT,
    "emoji": _emoji,
    "colorFrom": _COLOUR,
    "colorTo": _COLOUR,
    "sdk": one_of("gradio", "docker", "static"),
    "sdk_version": shaped(r"\d+(\.\d+)+", "a version like 6.31.0, in quotes"),
    "python_version": shaped(r"3\.\d+(\.\d+)?", 'a version like "3.12", in quotes'),
    "app_file": _TEXT,
    "app_build_command": _TEXT,
    "app_port": _number,
    "base_path": shaped("/.*", "a path that begins with /"),
    "fullWidth": _switch,
    "header": one_of("mini", "default"),
    "short_description": _description,
    "suggested_hardware": one_of(*HARDWARE),
    "suggested_storage": one_of("small", "medium", "large"),
    "models": _REPOSITORIES,
    "datasets": _REPOSITORIES,
    "preload_from_hub": texts(
        r"[\w.-]+(/[\w.-]+)?( \S+( [0-9a-f]{40})?)?", "entries like owner/name file1,file2"
    ),
    "tags": texts(r".*\S.*", "words"),
    "thumbnail": shaped(r"https?://\S+", "an address"),
    "pinned": _switch,
    "license": _TEXT,
    "hf_oauth": _switch,
    "hf_oauth_scopes": texts(
        "email|read-billing|read-repos|gated-repos|contribute-repos|write-repos|manage-repos"
        "|inference-api|jobs|webhooks|read-collections|write-collections|write-discussions",
        "scopes of Hugging Face's sign-in",
    ),
    "hf_oauth_expiration_minutes": _number,
    "hf_oauth_authorized_org": lambda value: _TEXT(value) and texts(".+", "names")(value),
    "disable_embedding": _switch,
    "startup_duration_timeout": shaped(r"\d+(\.\d+)?[smhd]?", "a time like 30m or 1h"),
    "custom_headers": _headers,
}
REQUIRED = ("title", "emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "app_file")


def faults(configuration: Mapping[str, object], name: str) -> list[str]:
    """Return what is wrong with a configuration, a line each.

    Args:
        configuration: keys and values.
        name: the file that it stands in.
    """
    found = []
    for key, value in configuration.items():
        if key not in RULES:
            found.append(f"{name} has {key}, which is no key of a Space's configuration.")
        elif allowed := RULES[key](value):
            found.append(f"{name} has {key}: {value!r}; it must be {allowed}.")
    return found
