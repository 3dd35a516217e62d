"""What the desk's tests share: a page served in this process, and models that play a part."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from mmcs.backends import fake
from mmcs.desk import LINKS, build, launch
from mmcs.desk.files import Files
from mmcs.models import Models, ModelState
from mmcs.pipeline import Pipeline
from mmcs.roles import ROLES, Role
from mmcs.settings import Settings
from mmcs.store import Store

LATE = "My parcel with order 48213 is late. Tracking shows no movement. Is it lost?"


class Cast(Models):
    """Models that are there at once: fakes, but for the roles that are given."""

    def __init__(self, settings: Settings, **given: Any) -> None:
        super().__init__(settings)
        self._cast = {role: given.get(role) or getattr(fake, role)(settings) for role in ROLES}

    def start(self) -> None:
        """Have nothing to load."""

    def get(self, role: Role) -> Any:
        """Return the one that plays the role."""
        return self._cast[role]

    def ready(self, role: Role) -> bool:
        """Be ready."""
        return True

    def state(self, role: Role) -> ModelState:
        """Be ready."""
        return ModelState(role, "fake", "ready", self._cast[role].name)

    @property
    def states(self) -> tuple[ModelState, ...]:
        """Be ready in every role."""
        return tuple(self.state(role) for role in ROLES)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def served(settings: Settings, port: int = 0, **given: Any) -> Iterator[str]:
    """Serve the desk on fakes, but for the given roles, and yield its address."""
    settings = replace(settings, port=port or free_port())
    pipeline = Pipeline(settings, Cast(settings, **given), wait_for_chat=False)
    store = Store(settings)
    files = Files(settings, store.secret(LINKS))
    blocks = build(pipeline, store, files)
    try:
        yield launch(blocks, settings, files)
    finally:
        blocks.close(verbose=False)
