"""A Chinese question finds an English article where there is no Chinese one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mmcs.backends.fake import FakeEmbedder
from mmcs.kept import FILE
from mmcs.knowledge import Knowledge, Query
from mmcs.roles import Vectors

ASKED = Query("K17 locker? 柜门打不开", language="zh")  # words that the fake knows in any language
LOCKER = "# Locker K17\n\nThe locker is stuck.\n\n## Open the locker\n\nPress K17 twice.\n"
KETTLE = "# Kettle\n\nDescale it with vinegar.\n"


@dataclass
class Across(FakeEmbedder):
    """Remembers what it embedded for another language, and finds nothing within one."""

    seen: list[str] = field(default_factory=list)

    def embed_across(self, texts: Sequence[str]) -> Vectors:
        """Return the fake's vectors of the words."""
        self.seen.extend(texts)
        return FakeEmbedder().embed([text.replace("柜门打不开", "locker") for text in texts])


@dataclass
class OneLanguage(FakeEmbedder):
    """Knows one language alone, as MiniLM does."""

    def embed_across(self, texts: Sequence[str]) -> Vectors:
        """Return nothing."""
        return None  # type: ignore[return-value]  # the protocol allows it


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two English articles, one of them about lockers."""
    (tmp_path / "articles" / "en").mkdir(parents=True)
    (tmp_path / "articles" / "en" / "locker.md").write_text(LOCKER, "utf-8")
    (tmp_path / "articles" / "en" / "kettle.md").write_text(KETTLE, "utf-8")
    return tmp_path / "articles"


def found(folder: Path, embedder: FakeEmbedder) -> tuple[str, ...]:
    """Return the articles that a Chinese question gets."""
    knowledge = Knowledge.open(folder, embedder, folder.parent / "cache")
    return tuple(p.article for p in knowledge.search(ASKED, 5, threshold=1.1))


def test_the_nearest_english_passage_is_found(folder: Path) -> None:
    """The article and its own nearest passage come, said to be English; the other doesn't."""
    knowledge = Knowledge.open(folder, Across(), folder.parent / "cache")
    (passage,) = knowledge.search(ASKED, 5, threshold=1.1)
    assert (passage.article, passage.language) == ("en/locker", "en")
    assert 0.2 < passage.score <= 1
    assert not knowledge.search(Query("K17 locker?"), 5, threshold=1.1)  # asked in English


def test_an_article_with_a_chinese_twin_is_left_out(folder: Path) -> None:
    """What the search of the Chinese articles has refused does not come back in English."""
    assert found(folder, Across()) == ("en/locker",)
    (folder / "zh").mkdir()
    (folder / "zh" / "locker.md").write_text("# 快递柜\n\n柜门卡住时请打电话。\n", "utf-8")
    assert found(folder, Across()) == ()


def test_an_embedder_of_one_language_finds_nothing(folder: Path) -> None:
    """Where multilingual E5 can't be had, the question is refused as before."""
    assert found(folder, OneLanguage()) == ()


def test_heads_are_embedded_once(folder: Path) -> None:
    """Another start reads the vectors from the cache; a changed article's alone is embedded anew,
    and so are all of a damaged file."""
    assert found(folder, Across()) == ("en/locker",)
    again = Across()
    assert found(folder, again) == ("en/locker",)
    assert not any(text.startswith("Kettle.") for text in again.seen)
    (folder / "en" / "kettle.md").write_text(KETTLE.replace("vinegar", "citric acid"), "utf-8")
    changed = Across()
    assert found(folder, changed) == ("en/locker",)
    heads = [text for text in changed.seen if text.startswith(("Kettle.", "Locker K17. The"))]
    assert heads == ["Kettle. Descale it with citric acid."]
    (kept,) = (folder.parent / "cache").rglob(FILE)
    kept.write_bytes(b"no database" * 100)
    assert found(folder, Across()) == ("en/locker",)


def test_heads_may_be_embedded_ahead(folder: Path) -> None:
    """What is embedded before anybody asks is not embedded when somebody does."""
    embedder = Across()
    knowledge = Knowledge.open(folder, embedder, folder.parent / "cache")
    assert list(knowledge.across.grow()) == [2]
    embedder.seen.clear()
    assert knowledge.search(ASKED, 5, threshold=1.1)
    assert not any(text.startswith("Kettle.") for text in embedder.seen)
    one = Knowledge.open(folder, OneLanguage(), folder.parent / "cache")
    assert list(one.across.grow()) == []
