"""One contract for every embedder, and what MiniLM promises besides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmcs import roles
from mmcs.errors import ModelUnavailable
from mmcs.roles import Embedder
from mmcs.settings import Settings

BACKENDS = ("fake", "minilm")
TEXTS = ("Where is my parcel?", "The parcel is late.", "Descale the coffee machine.", "包裹在哪里")


@pytest.fixture(scope="module")
def embedders(real_settings: Settings) -> dict[str, Embedder]:
    """Each backend, loaded once."""
    assert set(BACKENDS) == set(roles.backend_names("embedder"))
    return {name: roles.load("embedder", name, real_settings) for name in BACKENDS}


@pytest.fixture(params=BACKENDS)
def embedder(request: pytest.FixtureRequest, embedders: dict[str, Embedder]) -> Embedder:
    """One backend of the contract."""
    return embedders[request.param]


@pytest.fixture
def minilm(embedders: dict[str, Embedder]) -> Embedder:
    """The real one."""
    return embedders["minilm"]


def test_vectors_have_unit_length(embedder: Embedder) -> None:
    """Every text gets one vector of length 1 in single precision, whatever its language."""
    vectors = embedder.embed(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape[0] == len(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-4)


def test_no_texts_give_no_vectors(embedder: Embedder) -> None:
    """Nothing in, nothing out, with the same number of dimensions."""
    assert embedder.embed([]).shape == (0, embedder.embed(["a"]).shape[1])


def test_an_empty_text_is_no_error(embedder: Embedder) -> None:
    """An empty text gets a vector of length 1 too, without a NaN."""
    vector = embedder.embed(["", "a"])[0]
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-4)


def test_a_text_means_the_same_alone_and_in_a_batch(embedder: Embedder) -> None:
    """Neither the neighbours in a batch nor their order change a vector."""
    texts = [*TEXTS, "A much longer text about parcels and coffee. " * 30, *TEXTS[::-1]]
    together = embedder.embed(texts)
    for text, vector in zip(texts, together, strict=True):
        np.testing.assert_allclose(embedder.embed([text])[0], vector, atol=1e-4)


def test_the_same_text_gets_the_same_vector(embedder: Embedder) -> None:
    """Two calls agree exactly, so that a cached index stays true."""
    assert np.array_equal(embedder.embed(TEXTS), embedder.embed(TEXTS))


def test_the_name_says_which_it_is(embedders: dict[str, Embedder]) -> None:
    """Each has a name of its own: the index of articles is kept by it."""
    assert len({embedder.name for embedder in embedders.values()}) == len(BACKENDS)


def test_minilm_knows_meaning_without_shared_words(minilm: Embedder) -> None:
    """A customer's words find the article's words."""
    question, right, wrong = minilm.embed(
        ["my package never showed up", "A parcel counts as lost", "Paying in installments"]
    )
    assert question @ right > question @ wrong + 0.2


def test_minilm_reads_no_more_than_its_limit(minilm: Embedder) -> None:
    """A text of a megabyte is cut, not refused, and not let into memory."""
    long, longer = minilm.embed(["parcel " * 1_000, "parcel " * 150_000])
    assert float(long @ longer) > 0.999


def test_missing_weights_are_told_plainly(real_settings: Settings, tmp_path: Path) -> None:
    """Without its weights and without a network, MiniLM says what to do."""
    alone = replace(real_settings, cache=tmp_path, offline=True)
    with pytest.raises(ModelUnavailable, match="mmcs weights"):
        roles.load("embedder", "minilm", alone)
