"""One contract for every embedder, and what MiniLM promises besides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmcs import roles
from mmcs.backends.multilingual_e5 import FILE, read, unpack
from mmcs.errors import ModelUnavailable
from mmcs.roles import Embedder
from mmcs.settings import Settings

BACKENDS = ("fake", "minilm", "multilingual_e5", "bilingual")
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


def test_chinese_meaning_is_known_without_shared_words(embedders: dict[str, Embedder]) -> None:
    """A Chinese question comes nearer to what answers it than to another sentence, and unrelated
    sentences are not alike."""
    for name in ("multilingual_e5", "bilingual"):
        question, right, wrong = embedders[name].embed(
            ["我的快递怎么一直没到", "包裹超过配送时间就算迟到", "每两个月用柠檬酸除一次垢"]
        )
        assert question @ right > question @ wrong + 0.03
    assert float(question @ wrong) < 0.35


def test_each_language_has_its_own_model(embedders: dict[str, Embedder]) -> None:
    """English is embedded as MiniLM does it, also beside Chinese."""
    both = embedders["bilingual"].embed(["包裹在哪里", "Where is my parcel?"])
    alone = embedders["minilm"].embed(["Where is my parcel?"])
    np.testing.assert_allclose(both[1], alone[0], atol=1e-5)


def test_packed_weights_are_unpacked() -> None:
    """A block is its scale and 32 numbers of 4 bits less 8: low halves first, then high ones."""
    halves = np.arange(16, dtype=np.uint8) | (np.arange(16, dtype=np.uint8)[::-1] << 4)
    block = np.concatenate((np.array([0.5], np.float16).view(np.uint8), halves))
    expected = 0.5 * (np.concatenate((np.arange(16), np.arange(16)[::-1])) - 8.0)
    np.testing.assert_allclose(unpack(block[None, :])[0], expected)


def test_a_file_of_another_kind_is_told_plainly(tmp_path: Path) -> None:
    """A file that is not packed as expected is refused before a tensor is made of it."""
    file = tmp_path / FILE
    file.write_bytes(b"GGUF" + bytes(64))
    with pytest.raises(ValueError, match="not packed"):
        read(file)


def test_languages_meet_in_one_embedder(embedders: dict[str, Embedder]) -> None:
    """Each English sentence is nearest to its Chinese translation, and no other is half as near;
    MiniLM says that it cannot tell."""
    pairs = {
        "How long is the warranty on a coffee machine?": "咖啡机的保修期有多长？",
        "I want to change my delivery address.": "我想修改收货地址。",
        "My card was charged twice.": "我的卡被扣了两次款。",
        "How do I connect the board to Wi-Fi?": "怎么把开发板连上无线网络？",
    }
    both = embedders["bilingual"].embed_across([*pairs, *pairs.values()])
    assert both is not None
    cosines = both[: len(pairs)] @ both[len(pairs) :].T
    right = cosines.diagonal()
    assert (cosines.argmax(axis=1) == np.arange(len(pairs))).all()
    assert (right > 2 * (cosines - 9 * np.eye(len(pairs))).max(axis=1)).all(), cosines
    assert embedders["minilm"].embed_across(["Hello"]) is None
