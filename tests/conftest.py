"""What the whole suite shares: settings on fakes, settings on the real embedded models, files."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from checkers import CheckerOf
from media_files import corners, encoded, pcm, wav

from mmcs import roles
from mmcs.draft import Checker
from mmcs.models import Models, chosen_backends
from mmcs.pipeline import Pipeline
from mmcs.roles import Embedder, Verifier
from mmcs.settings import Settings, from_environment

FAKES = dict.fromkeys(roles.ROLES, "fake")


@pytest.fixture
def fake_settings(tmp_path: Path) -> Settings:
    """Every role played by its fake; cache and home in a folder of the test's own."""
    folders = Settings(cache=tmp_path / "cache", home=tmp_path / "home")
    return replace(folders, offline=True).with_flags(**FAKES)


@pytest.fixture
def fake_pipeline(fake_settings: Settings) -> Pipeline:
    """The retail desk on fakes."""
    return Pipeline(fake_settings, Models(fake_settings))


@pytest.fixture(scope="session")
def real_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The embedded models for real, with the smallest language model. Their weights are the
    user's own, fetched if they are not there; all else is new."""
    user = from_environment()
    folder = tmp_path_factory.mktemp("real")
    cache = folder / "cache"
    cache.mkdir()
    (user.cache / "weights").mkdir(parents=True, exist_ok=True)
    (cache / "weights").symlink_to(user.cache / "weights")
    yield replace(user, cache=cache, home=folder / "home", chat_model="tiny")


@pytest.fixture(scope="session")
def real_pipeline(real_settings: Settings) -> Pipeline:
    """The retail desk on the real embedded models."""
    return Pipeline(real_settings, Models(real_settings))


@pytest.fixture(scope="session")
def real_verifier(real_settings: Settings) -> Verifier:
    """The model of the check that ships."""
    name = chosen_backends(real_settings)["verifier"]
    return roles.RememberingVerifier(roles.load("verifier", name, real_settings))


@pytest.fixture(scope="session")
def real_checker(real_embedder: Embedder, real_verifier: Verifier) -> CheckerOf:
    """Make the check of a Case by what ships, with courtesies of one's own."""
    return lambda case, courtesies: Checker(case, real_embedder, real_verifier, courtesies)


@pytest.fixture(scope="session")
def real_embedder(real_settings: Settings) -> Embedder:
    """The embedder that ships."""
    name = chosen_backends(real_settings)["embedder"]
    return roles.Remembering(roles.load("embedder", name, real_settings))


@pytest.fixture
def sound(tmp_path: Path) -> str:
    """A second of sound."""
    path = tmp_path / "note.wav"
    path.write_bytes(wav(pcm(1.0)))
    return str(path)


@pytest.fixture
def image(tmp_path: Path) -> str:
    """A small picture."""
    path = tmp_path / "box.png"
    path.write_bytes(encoded(corners(), "PNG"))
    return str(path)
