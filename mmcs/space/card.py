"""``space.yaml``, the one truth about the Space, and its copy in README's front matter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from mmcs.errors import UsageError
from mmcs.space.reference import HARDWARE, REQUIRED, RULES, faults, one_of

TRUTH, README, REQUIREMENTS = "space.yaml", "README.md", "requirements.txt"
# What space.yaml says beyond README's front matter, for ``deploy``.
BEYOND = ("hardware", "private", "variables", "left_out")
# Beside requirements.txt, the builder of a Space installs gradio with these extras.
BUILDER_EXTRAS = ("", "oauth", "mcp")

# The block, and the empty line below it. Whatever line ends it has, the body keeps its own.
_FRONT_MATTER = re.compile(
    r"\A---\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)(?:\r?\n)?", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True)
class Card:
    """What space.yaml says."""

    front_matter: Mapping[str, Any]  # as the reference names it
    hardware: str
    private: bool  # whether a new Space begins as its owner's alone
    variables: Mapping[str, str]
    left_out: tuple[str, ...]  # files and folders that the Space does not need


@dataclass(frozen=True)
class Checked:
    """What differs, a line each; nothing if all is well."""

    differences: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return it for people."""
        return list(self.differences) or [f"{README}, {TRUTH} and {REQUIREMENTS} agree."]


@dataclass(frozen=True)
class Written:
    """Whether README had to be changed."""

    changed: bool

    def lines(self) -> list[str]:
        """Return it for people."""
        return [f"{README} was changed." if self.changed else f"{README} needed no change."]


def read_card(root: Path) -> Card:
    """Return what space.yaml says.

    Raises:
        UsageError: it is not there, or no mapping, or its own keys hold what means nothing.
    """
    said = _mapping(_text(root / TRUTH), TRUTH)
    variables = said.get("variables") or {}
    left_out = said.get("left_out") or []
    hardware, private = said.get("hardware", "cpu-basic"), said.get("private", True)
    if not isinstance(variables, dict) or not all(
        isinstance(part, str) for pair in variables.items() for part in pair
    ):
        raise UsageError(f"{TRUTH} has variables that are not texts; put their values in quotes.")
    if not isinstance(left_out, list) or not all(isinstance(part, str) for part in left_out):
        raise UsageError(f"{TRUTH} has left_out: {left_out!r}; it must be a list of paths.")
    if allowed := one_of(*HARDWARE)(hardware):
        raise UsageError(f"{TRUTH} has hardware: {hardware!r}; it must be {allowed}.")
    if not isinstance(private, bool):
        raise UsageError(f"{TRUTH} has private: {private!r}; it must be true or false.")
    front_matter = {key: value for key, value in said.items() if key not in BEYOND}
    return Card(front_matter, hardware, private, variables, tuple(left_out))


def write(root: Path) -> Written:
    """Put space.yaml's front matter into README, and leave the rest of it as it is.

    Raises:
        UsageError: space.yaml or README cannot be read.
    """
    front_matter = read_card(root).front_matter
    ours = {key: value for key, value in front_matter.items() if key in RULES}
    present = _text(root / README)
    _, body = split(present)
    block = yaml.safe_dump(ours, sort_keys=False, allow_unicode=True, width=1000)
    written = f"---\n{block}---\n\n{body}"
    if written != present:
        (root / README).write_bytes(written.encode())
    return Written(changed=written != present)


def check(root: Path) -> Checked:
    """Compare README and requirements.txt with space.yaml, and space.yaml with the reference.

    Raises:
        UsageError: one of the files cannot be read.
    """
    wanted = read_card(root).front_matter
    present, _ = split(_text(root / README))
    found = [f"{TRUTH} names no {key}." for key in REQUIRED if key not in wanted]
    found += faults(wanted, TRUTH)
    if wanted != present:
        found += faults(present, README)
        found += _differences(wanted, present)
    found += _pins(wanted, _requirements(root))
    return Checked(tuple(dict.fromkeys(found)))


def split(readme: str) -> tuple[dict[str, Any], str]:
    """Return a README's front matter, and its body to the letter.

    Raises:
        UsageError: the front matter cannot be read.
    """
    block = _FRONT_MATTER.match(readme)
    if block is None:
        return {}, readme
    return _mapping(block[1], README), readme[block.end() :]


def _differences(wanted: Mapping[str, Any], present: Mapping[str, Any]) -> Iterator[str]:
    for key in dict.fromkeys((*wanted, *present)):
        if wanted.get(key) != present.get(key):
            ours, theirs = _said(wanted, key), _said(present, key)
            yield f"{README} {theirs}, {TRUTH} {ours}; `python -m mmcs space write` mends it."


def _said(configuration: Mapping[str, Any], key: str) -> str:
    return f"has {key}: {configuration[key]!r}" if key in configuration else f"has no {key}"


def _pins(wanted: Mapping[str, Any], pinned: Mapping[str, Requirement]) -> Iterator[str]:
    """Yield where requirements.txt does not go with the gradio that a Space's builder installs."""
    version = str(wanted.get("sdk_version", ""))
    gradio = pinned.get("gradio")
    if gradio is None or str(gradio.specifier) != f"=={version}":
        has = f"asks for {gradio}" if gradio else "does not name gradio"
        yield f"{REQUIREMENTS} {has}, {TRUTH} has sdk_version: {version}."
        return
    for line in requires("gradio") or ():
        needed = Requirement(line)
        ours = pinned.get(canonicalize_name(needed.name))
        if ours is None or not _installed(needed):
            continue
        versions = [s.version for s in ours.specifier if s.operator == "=="]
        if any(version not in needed.specifier for version in versions):
            yield (
                f"{REQUIREMENTS} asks for {ours}; a Space installs gradio with its extras oauth "
                f"and mcp, which need {needed.name}{needed.specifier}."
            )


def _installed(needed: Requirement) -> bool:
    """Say whether a Space's builder takes a requirement of gradio's."""
    marker = needed.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in BUILDER_EXTRAS)


def _requirements(root: Path) -> dict[str, Requirement]:
    """Return the requirements that hold for this Python, by name."""
    found: dict[str, Requirement] = {}
    for number, line in enumerate(_text(root / REQUIREMENTS).splitlines(), 1):
        said = line.partition("#")[0].strip()
        if not said or said.startswith("-"):
            continue
        try:
            asked = Requirement(said)
        except InvalidRequirement as error:
            raise UsageError(f"{REQUIREMENTS} cannot be read in line {number}.") from error
        if asked.marker is None or asked.marker.evaluate():
            found[canonicalize_name(asked.name)] = asked
    return found


def _mapping(text: str, name: str) -> dict[str, Any]:
    try:
        said = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"{name} holds YAML that cannot be read.") from error
    if not isinstance(said, dict):
        raise UsageError(f"{name} holds no keys with values.")
    return said


def _text(path: Path) -> str:
    """Return a file's text with its own line ends."""
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name} cannot be read in {path.parent}.") from error
