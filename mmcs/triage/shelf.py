"""The net that this desk uses: the last one that it has taught itself, else the shipped one.

Its own lie in the desk's folder, one file each, and a step back is always possible.
"""

from __future__ import annotations

from pathlib import Path

from mmcs.errors import BadInput
from mmcs.settings import Settings
from mmcs.triage.checkpoint import SHIPPED, Checkpoint, save

FOLDER = "triage"
OWN, TAKEN_BACK = ".safetensors", ".taken-back"


def current(settings: Settings) -> Path:
    """Return the file of the net in use; there may be none."""
    own = _own(settings)
    return own[-1] if own else SHIPPED


def put(checkpoint: Checkpoint, settings: Settings) -> Path:
    """Put a net on top; the desk uses it from its next start on."""
    folder = settings.home / FOLDER
    numbers = [int(file.stem) for file in folder.glob("*.*") if file.stem.isdigit()]
    file = folder / f"{max(numbers, default=0) + 1:04}{OWN}"
    save(checkpoint, file)
    return file


def take_back(settings: Settings) -> Path:
    """Take the net in use away, and return the one before it. The file stays, under another name.

    Raises:
        BadInput: the desk has not taught itself any.
    """
    own = _own(settings)
    if not own:
        raise BadInput("This desk has no net of its own to take back; it uses the shipped one.")
    own[-1].rename(own[-1].with_suffix(TAKEN_BACK))
    return current(settings)


def _own(settings: Settings) -> list[Path]:
    return sorted((settings.home / FOLDER).glob(f"*{OWN}"))
