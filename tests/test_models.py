"""Models load once, behind the page, and a model that can't be had is told and replaced."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from mmcs.errors import ModelUnavailable
from mmcs.models import EMBEDDED, Models, chosen_backends, needed_weights
from mmcs.roles import ROLES, backend_names
from mmcs.settings import Settings


def test_every_role_has_an_embedded_backend_and_a_fake() -> None:
    """The embedded engine of each role exists, and so does its fake."""
    for role in ROLES:
        assert EMBEDDED[role] in backend_names(role)
        assert "fake" in backend_names(role)


def test_a_role_is_loaded_once_whoever_asks(fake_settings: Settings) -> None:
    """Many threads that ask at once get the same model."""
    models = Models(fake_settings)
    with ThreadPoolExecutor(8) as pool:
        readers = set(pool.map(lambda _: id(models.get("reader")), range(32)))
    assert len(readers) == 1
    assert models.ready("reader")
    assert models.state("reader").name == "fake"


def test_what_follows_a_model_waits_for_it(fake_settings: Settings) -> None:
    """``then`` runs behind the caller, with the loaded model."""
    models = Models(fake_settings)
    done = models.then("chat", lambda chat: (chat.name, threading.current_thread().name))
    assert done.result() == ("fake", "mmcs-load-chat_0")


def test_a_backend_that_is_not_there_is_told_and_replaced(fake_settings: Settings) -> None:
    """A wrong name is one Problem with the valid names, and the embedded engine plays the role."""
    models = Models(fake_settings.with_flags(reader="nonsense"))
    assert models.get("reader").name
    assert models.state("reader").backend == EMBEDDED["reader"]
    assert [p.stage for p in models.problems] == ["reader"]
    assert "rapid_ocr" in models.problems[0].message


def test_the_embedded_model_stands_by_for_a_larger_one_alone(fake_settings: Settings) -> None:
    """A server or a multimodal model has the embedded one behind it; the embedded one has none."""
    assert Models(fake_settings.with_flags(chat="openai_api")).has_standby("chat")
    assert Models(fake_settings.with_flags(chat="auto", model="some/vlm")).has_standby("chat")
    for chat in ("llama_cpp", "none", "fake"):
        assert not Models(fake_settings.with_flags(chat=chat)).has_standby("chat")


def test_a_multimodal_model_that_is_named_is_chosen(fake_settings: Settings) -> None:
    """MMCS_MODEL with an id or a folder takes its backend also without a GPU; ``embedded`` never
    does, and a role that is named by hand stays."""
    auto = Settings()
    assert chosen_backends(replace(auto, model="Qwen/Qwen3-VL-2B-Instruct"))["chat"] == (
        "transformers_vlm"
    )
    assert chosen_backends(replace(auto, model="embedded")) == EMBEDDED
    named = chosen_backends(replace(auto, model="some/vlm", chat="llama_cpp"))
    assert (named["chat"], named["captioner"]) == ("llama_cpp", "transformers_vlm")
    assert chosen_backends(replace(auto, chat="openai_api"))["captioner"] == "openai_api"


def test_weights_that_cannot_be_had_are_told(fake_settings: Settings) -> None:
    """Offline with an empty cache a role fails with a sentence, each time that it is asked for."""
    models = Models(fake_settings.with_flags(transcriber="auto"))
    for _ in range(2):
        with pytest.raises(ModelUnavailable, match="Whisper base"):
            models.get("transcriber")
    assert models.state("transcriber").phase == "failed"


def test_only_what_is_chosen_is_fetched(fake_settings: Settings) -> None:
    """Fakes need no weights; the embedded engines need six models."""
    assert needed_weights(fake_settings) == ()
    assert len(needed_weights(Settings())) == 6
    assert chosen_backends(fake_settings)["chat"] == "fake"


def test_english_goes_on_without_the_chinese_embedder(
    real_settings: Settings, tmp_path: Path
) -> None:
    """If its weights can't be had, MiniLM stands in, and the agent reads why."""
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "minilm").symlink_to(real_settings.cache / "weights" / "minilm")
    alone = replace(real_settings, cache=tmp_path, offline=True)
    models = Models(alone.with_flags(chat="none"))
    assert models.get("embedder").name == "minilm-support"
    assert "multilingual-e5-small" in models.problems[0].message


def test_two_threads_import_their_engines(tmp_path: Path) -> None:
    """In a fresh process a multimodal model and the small ones load beside each other; none is
    said to lack a package that is there."""
    code = (
        "from pathlib import Path\n"
        "from mmcs.settings import Settings\n"
        "from mmcs.models import Models\n"
        f"cache = Path({str(tmp_path)!r})\n"
        "m = Models(Settings(cache=cache, model='/nowhere', offline=True, hub=''))\n"
        "m.start()\n"
        "for role in ('embedder', 'captioner', 'chat'): m.settle(role)\n"
        "print([p.message for p in m.problems])\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "/nowhere" in ran.stdout  # it was tried, and is no model
    assert "not installed" not in ran.stdout
