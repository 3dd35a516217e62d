"""Articles to passages, the index that is kept, and the search that finds them."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mmcs import roles
from mmcs.backends.fake import FakeEmbedder
from mmcs.errors import KnowledgeError
from mmcs.kept import FILE
from mmcs.knowledge import Knowledge, Query
from mmcs.knowledge.articles import Article, Source, article, sources, without_hubs
from mmcs.knowledge.fusion import load_fusion
from mmcs.knowledge.words import codes, is_chinese, word_count, words
from mmcs.roles import Vectors
from mmcs.settings import ASSETS, Settings

RETAIL = ASSETS / "domains" / "retail" / "knowledge"

DESCALE = """---
title: Descaling the kettle
lang: en
---

Lime makes the kettle loud. Descale it every two months.

## How to descale

1. Fill the kettle with half a liter of water and one spoon of citric acid.
2. Let it stand for 30 minutes.
3. Rinse it twice.
"""
PARCEL = """# My parcel is late

A parcel is late after 5 working days. Write to us with the tracking number.

## Error K17 on the pickup station

If the station shows K17, the door is blocked. Call the number on the station.
"""
CHINESE = """---
title: 包裹迟到了
---

五个工作日没有更新，就算丢件。请把物流单号发给我们。

## 取件柜显示 K17

柜门被卡住了，请拨打柜子上的电话。
"""


@dataclass
class CountingEmbedder(FakeEmbedder):
    """Remembers each text that it embedded."""

    seen: list[str] = field(default_factory=list)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the fake's vectors."""
        self.seen.extend(texts)
        return super().embed(texts)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three articles in two folders."""
    root = tmp_path / "articles"
    (root / "deep" / "er").mkdir(parents=True)
    (root / "kettle.md").write_text(DESCALE, "utf-8")
    (root / "deep" / "parcel.md").write_text(PARCEL, "utf-8")
    (root / "deep" / "er" / "包裹.md").write_text(CHINESE, "utf-8")
    return root


def whole(folder: Path, embedder: FakeEmbedder, cache: Path) -> Knowledge:
    """Return a folder opened with all that is embedded ahead of the questions."""
    knowledge = Knowledge.open(folder, embedder, cache)
    for _ in knowledge.index.grow():
        pass
    return knowledge


def opened(folder: Path, cache: Path | None = None) -> Knowledge:
    """Return a folder opened with the fake embedder."""
    return Knowledge.open(folder, FakeEmbedder(), cache or folder.parent / "cache")


def read(markdown: str, name: str = "page") -> Article:
    """Return the article of a page."""
    return article(Source(name, markdown.encode()))


def text_of(markdown: str) -> str:
    """Return all that is shown of a page."""
    return "\n\n".join(part.text for part in read(markdown).parts)


# Articles and passages


def test_a_title_comes_from_front_matter_heading_or_name() -> None:
    """The front matter names an article, else its first heading, else its file."""
    assert read(DESCALE).title == "Descaling the kettle"
    assert read(PARCEL).title == "My parcel is late"
    assert read("Just text.", "a/How-to_pay").title == "How to pay"


def test_front_matter_is_never_shown() -> None:
    """Neither good nor broken front matter reaches a passage, and a broken one still names."""
    broken = '---\ntitle: Error: "no port"\nid: 12\n bad: [yaml\n---\n\nPlug the cable in.\n'
    assert read(broken).title == 'Error: "no port'.strip('"')
    assert text_of(broken) == "Plug the cable in."
    assert "lang" not in text_of(DESCALE)


def test_a_rule_on_top_is_not_front_matter() -> None:
    """A paragraph between two rules is text."""
    assert "A paragraph." in text_of("---\n\nA paragraph.\n\n---\n\nMore.\n")


def test_the_language_is_told_or_seen() -> None:
    """`lang` decides, else the script."""
    assert read(DESCALE).language == "en"
    assert read(CHINESE).language == "zh"
    assert read("---\nlang: de-AT\n---\nHallo Welt.").language == "de"
    assert read("# Crema One：错误 E04\n\n水路堵了，先除垢再试一次。").language == "zh"


def test_a_heading_goes_with_its_passage() -> None:
    """Each passage knows the headings on the way down to it."""
    page = "# T\n\n## Pay\n\n" + "By card. " * 30 + "\n\n### Twice\n\n" + "A hold. " * 30
    assert [part.heading for part in read(page).parts] == ["Pay", "Pay › Twice"]


def test_passages_are_neither_crumbs_nor_walls() -> None:
    """A long section is cut between paragraphs into passages of about 60 to 160 words."""
    page = "# T\n\n## S\n\n" + "\n\n".join(f"Paragraph {i}. " + "word " * 40 for i in range(12))
    counts = [word_count(part.text) for part in read(page).parts]
    assert len(counts) > 2
    assert all(60 <= count <= 160 for count in counts)


def test_a_wall_of_text_is_cut_between_sentences() -> None:
    """One paragraph of a thousand words gives passages that end where sentences end."""
    page = "The robot cleans the floor every day. " * 150
    found = read(page).parts
    assert len(found) > 5
    assert all(part.text.endswith(".") and word_count(part.text) <= 160 for part in found)


def test_steps_stay_together_and_keep_their_numbers() -> None:
    """A list and the line that leads to it are one piece, numbered as on the page."""
    steps = "\n".join(f"{n}. Do step number {n} with care and patience." for n in range(1, 19))
    found = read(f"# T\n\n{'Words before. ' * 40}\n\nDo this:\n\n{steps}\n").parts
    whole = next(part.text for part in found if "1. Do step" in part.text)
    assert "Do this:\n1. Do step number 1" in whole
    assert "18. Do step number 18" in whole


def test_a_table_row_can_be_understood_alone() -> None:
    """Each row names its columns, in Markdown and in HTML."""
    table = "| Method | Time | Cost |\n|---|---|---|\n| Express | 1-2 days | $12.90 |\n"
    html = (
        "<table><tr><th>Method</th><th>Time</th><th>Cost</th></tr>"
        "<tr><td>Express</td><td>1-2 days</td><td>$12.90</td></tr></table>"
    )
    assert text_of(table) == text_of(html) == "Express – Time: 1-2 days; Cost: $12.90"


def test_what_only_a_browser_understands_is_left_out() -> None:
    """Tags, link targets, images, scripts, comments and shortcodes are not text."""
    page = (
        "See [the shop](https://evil.example/x) <b>now</b>. ![chart](http://evil.example/a.png)\n\n"
        '<script>alert(1)</script><img src="http://evil.example/b.png" onerror="x()">\n\n'
        "<!-- secret --> {{< ref x >}} {% note %} Fine &amp; good. {#anchor}\n\n"
        "> [!NOTE]\n> Mind the gap.[^1]\n"
    )
    text = text_of(page)
    assert text == "See the shop now.\n\nFine & good.\n\nMind the gap."


def test_code_keeps_its_lines_and_braces() -> None:
    """What stands in a code block stays as it is."""
    text = text_of("Run:\n\n```\nif (x) {\n  {{go}}\n}\n```\n")
    assert text == "Run:\nif (x) {\n  {{go}}\n}"


def test_an_icon_in_a_sentence_keeps_its_name() -> None:
    """A button drawn in a sentence is named once, not twice and not never."""
    assert text_of("Press ![gear](g.png) to go on.") == "Press gear to go on."
    assert text_of("Press ![Upload button](u.png) **Upload**.") == "Press Upload."


def test_contents_and_bare_links_are_no_passages() -> None:
    """A table of contents and a list of further reading answer nothing."""
    page = (
        "# T\n\nIn this article:\n\n- [One](#one)\n- [Two](#two)\n\n## One\n\nReal text here.\n\n"
        "## See also\n\n- [Other](https://help.example/other)\n- <https://help.example>\n"
    )
    assert text_of(page) == "Real text here."


def test_a_hub_of_links_gives_no_passages() -> None:
    """A page that only leads to other articles is no answer, an article with links is one."""
    names = [f"topic-{n}" for n in range(6)]
    topics = [read(f"# Topic {n}\n\n" + "Text. " * 30, name) for n, name in enumerate(names)]
    cards = "\n\n".join(f"[Learn more]({name}.md) about topics of this kind" for name in names)
    links = "\n\n".join(f"{'Useful words. ' * 20}See [it]({name}.md)." for name in names)
    pages = without_hubs([*topics, read(f"# Hub\n\n{cards}", "hub"), read(links, "long")])
    assert [page.id for page in pages if not page.parts] == ["hub"]


# The folder


def test_an_article_is_named_by_its_path(folder: Path) -> None:
    """An id is the path in the folder without the suffix, at any depth."""
    assert {page.id for page in opened(folder).index.articles} == {
        "kettle",
        "deep/parcel",
        "deep/er/包裹",
    }


def test_no_folder_and_no_markdown_are_told_plainly(tmp_path: Path) -> None:
    """A missing, an empty and a worthless folder each raise one sentence with its name."""
    with pytest.raises(KnowledgeError, match="There is no folder .*nowhere"):
        opened(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("text", "utf-8")
    with pytest.raises(KnowledgeError, match="holds no Markdown"):
        opened(tmp_path)
    (tmp_path / "a.md").write_text("---\ntitle: Nothing\n---\n", "utf-8")
    with pytest.raises(KnowledgeError, match="holds text that could answer"):
        opened(tmp_path, tmp_path / "cache")


def test_bad_files_are_left_out_and_named(folder: Path) -> None:
    """Bytes that are no UTF-8 and empty files cost only themselves."""
    (folder / "latin.md").write_bytes(b"Stra\xdfe")
    (folder / "empty.md").write_text(" \n", "utf-8")
    (folder / "huge.md").write_text("word " * 500_000, "utf-8")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "x.md").write_text("# Hidden\n\nText.", "utf-8")
    knowledge = opened(folder)
    assert len(knowledge.index.articles) == 3
    assert [problem.split(" was")[0] for problem in knowledge.problems] == [
        "empty.md",
        "huge.md",
        "latin.md",
    ]


def test_a_link_to_nowhere_is_no_article(folder: Path) -> None:
    """A dangling symbolic link is passed over."""
    (folder / "gone.md").symlink_to(folder / "nothing.md")
    assert len([s for s in sources(folder) if isinstance(s, Source)]) == 3


def test_a_link_out_of_the_folder_is_left_out(folder: Path, tmp_path: Path) -> None:
    """What a link outside the folder leads to is not read, file or folder; a link inside it is."""
    secret = tmp_path / "elsewhere" / "secret.md"
    secret.parent.mkdir()
    secret.write_text("# Salaries\n\nThe boss earns 9 a day.", "utf-8")
    (folder / "out.md").symlink_to(secret)
    (folder / "linked").symlink_to(secret.parent)
    (folder / "within.md").symlink_to(folder / "kettle.md")
    knowledge = opened(folder)
    assert {page.id for page in knowledge.index.articles} == {
        *("kettle", "deep/parcel", "deep/er/包裹", "within")
    }
    assert "out.md was left out: it is a link to a file outside the folder." in knowledge.problems


# The cache


def test_a_second_opening_embeds_nothing(folder: Path, tmp_path: Path) -> None:
    """What did not change comes from the cache, and is found alike."""
    embedder = CountingEmbedder()
    first = whole(folder, embedder, tmp_path / "cache")
    embedded = len(embedder.seen)
    second = whole(folder, embedder, tmp_path / "cache")
    units = [u for a in first.index.articles for p in a.parts for u in p.units]
    assert embedded == len(first.index.parts) + len(units)
    assert len(embedder.seen) == embedded
    query = Query("kettle")
    assert list(second.near(query)) == pytest.approx(list(first.near(query)))


def test_only_what_changed_is_embedded(folder: Path, tmp_path: Path) -> None:
    """A changed, a new and a deleted article cost just themselves."""
    embedder = CountingEmbedder()
    whole(folder, embedder, tmp_path / "cache")
    embedder.seen.clear()
    (folder / "kettle.md").write_text(DESCALE.replace("two months", "ten weeks"), "utf-8")
    (folder / "new.md").write_text("# A new page\n\nIt says something.\n", "utf-8")
    (folder / "deep" / "parcel.md").unlink()
    knowledge = whole(folder, embedder, tmp_path / "cache")
    assert all("ten weeks" in text or "new page" in text for text in embedder.seen)
    assert {page.id for page in knowledge.index.articles} == {"deep/er/包裹", "kettle", "new"}
    assert any("ten weeks" in part.text for part in knowledge.index.parts)


def test_another_embedder_has_an_index_of_its_own(folder: Path, tmp_path: Path) -> None:
    """Vectors of one model are never read for another."""
    Knowledge.open(folder, FakeEmbedder(), tmp_path / "cache")
    other = CountingEmbedder(name="other")
    Knowledge.open(folder, other, tmp_path / "cache")
    assert other.seen


def test_a_sentence_is_embedded_when_a_question_comes_near_it(folder: Path, tmp_path: Path) -> None:
    """A folder can be searched before its sentences are embedded, and is judged alike."""
    embedder = CountingEmbedder()
    early = Knowledge.open(folder, embedder, tmp_path / "early")
    assert len(embedder.seen) == len(early.index.parts)
    late = whole(folder, FakeEmbedder(), tmp_path / "late")
    query = Query("late parcel tracking")
    assert early.search(query, 3, threshold=0.0) == late.search(query, 3, threshold=0.0)


def test_what_an_opening_has_done_is_told_and_kept(tmp_path: Path) -> None:
    """The articles that are done are counted up to all; who ends in the middle goes on there."""
    folder, cache = tmp_path / "articles", tmp_path / "cache"
    folder.mkdir()
    for number in range(200):
        (folder / f"{number}.md").write_text(f"# Article {number}\n\nText {number}.\n", "utf-8")
    told: list[tuple[int, int]] = []

    def stop_in_the_middle(done: int, total: int) -> None:
        told.append((done, total))
        if done > 80:
            raise KeyboardInterrupt

    first, second = CountingEmbedder(), CountingEmbedder()
    with pytest.raises(KeyboardInterrupt):
        Knowledge.open(folder, first, cache, stop_in_the_middle)
    Knowledge.open(folder, second, cache, lambda *counts: told.append(counts))
    assert {total for _, total in told} == {200}
    assert told[-1][0] == 200
    assert len({done for done, _ in told}) > 5
    assert len(first.seen) > 80
    assert len(first.seen) + len(second.seen) == 200
    assert not set(first.seen) & set(second.seen)


def test_what_has_changed_is_forgotten(folder: Path, tmp_path: Path) -> None:
    """The cache holds the folder as it is, and nothing of what it was."""
    cache = tmp_path / "cache"
    whole(folder, FakeEmbedder(), cache)
    before = kept_texts(cache)
    (folder / "kettle.md").unlink()
    left = whole(folder, FakeEmbedder(), cache)
    units = [unit for part in left.index.parts for unit in part.units]
    assert before > kept_texts(cache) == len(left.index.parts) + len(units)


def kept_texts(cache: Path) -> int:
    """Return how many vectors a cache holds."""
    with closing(sqlite3.connect(next(cache.rglob(FILE)))) as database:
        (many,) = database.execute("SELECT count(*) FROM vectors WHERE model = 'fake'").fetchone()
    return int(many)


@pytest.mark.parametrize("content", [b"", b"{}", b"SQLite format 3\0 not", b"\x80\x04pickle" * 999])
def test_a_broken_cache_is_built_anew(folder: Path, tmp_path: Path, content: bytes) -> None:
    """Whatever happened to the cache, the articles are found, and kept again."""
    cache = tmp_path / "cache"
    opened(folder, cache)
    broken = next(cache.rglob(FILE))
    broken.write_bytes(content)
    assert len(opened(folder, cache).index.articles) == 3
    again = CountingEmbedder()
    assert not opened(folder, cache).problems
    Knowledge.open(folder, again, cache)
    assert again.seen == []


def test_a_cache_damaged_in_the_middle_is_built_anew(folder: Path, tmp_path: Path) -> None:
    """A file that begins like a good one and goes on as noise costs only its contents."""
    cache = tmp_path / "cache"
    opened(folder, cache)
    broken = next(cache.rglob(FILE))
    content = broken.read_bytes()
    broken.write_bytes(content[:100] + b"\xff" * (len(content) - 100))
    knowledge = opened(folder, cache)
    assert knowledge.search(Query("descale kettle"), 1, threshold=0.0)
    assert len(knowledge.index.articles) == 3


def test_an_article_kept_in_another_shape_is_read_again(folder: Path, tmp_path: Path) -> None:
    """An article whose kept form lacks a field is read from its file."""
    cache = tmp_path / "cache"
    opened(folder, cache)
    with closing(sqlite3.connect(next(cache.rglob(FILE)))) as database, database:
        database.execute("UPDATE vectors SET vector = '{}' WHERE model = 'articles'")
    assert len(opened(folder, cache).index.articles) == 3


def test_a_full_disk_is_only_a_problem(folder: Path, tmp_path: Path) -> None:
    """Where nothing more can be written, the articles are found all the same, and one sentence
    says that nothing is kept."""
    script = (
        "import resource, sys; from pathlib import Path;"
        "from mmcs.backends.fake import FakeEmbedder; from mmcs.knowledge import Knowledge, Query;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096));"  # bytes of a file
        "found = Knowledge.open(Path(sys.argv[1]), FakeEmbedder(), Path(sys.argv[2]));"
        "print(found.search(Query('descale kettle'), 1, threshold=0.0)[0].article);"
        "print(*found.problems)"
    )
    command = [sys.executable, "-c", script, str(folder), str(tmp_path / "cache")]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    article, problems = ran.stdout.splitlines()
    assert article == "kettle"
    assert problems.count("could not be kept") == 1


def test_two_that_index_one_folder_get_on(tmp_path: Path) -> None:
    """Four openings of one new folder at once each find every article, and leave a whole cache."""
    folder, cache = tmp_path / "articles", tmp_path / "cache"
    folder.mkdir()
    for number in range(100):
        (folder / f"{number}.md").write_text(f"# Article {number}\n\nText {number}.\n", "utf-8")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: opened(folder, cache), range(4)))
    assert [len(knowledge.index.articles) for knowledge in found] == [100] * 4
    assert [knowledge.problems for knowledge in found] == [()] * 4
    last = CountingEmbedder()
    Knowledge.open(folder, last, cache)
    assert last.seen == []


def test_a_cache_that_cannot_be_written_is_only_a_problem(folder: Path, tmp_path: Path) -> None:
    """Without a place to keep the index, the articles are found all the same."""
    blocked = tmp_path / "cache"
    blocked.write_text("a file, not a folder", "utf-8")
    knowledge = opened(folder, blocked)
    assert knowledge.search(Query("descale kettle"), 1, threshold=0.0)
    assert "could not be kept" in knowledge.problems[0]


# Words


def test_words_are_stemmed_and_codes_lose_their_hyphens() -> None:
    """Forms of a word and spellings of a code are one."""
    assert words("Returning the parcels") == words("return parcel")
    assert codes("NL-503, nl 503? NL503!") == ["nl503"]
    assert codes("It says E 04 and E-04 and e04") == ["e04"]
    assert words("Wi-Fi") == words("wifi")


def test_courtesies_are_no_words() -> None:
    """What every customer writes does not count."""
    assert words("Hi, can you please help me with this? Thanks!") == []


def test_chinese_is_matched_in_pairs() -> None:
    """A run of characters gives its neighbouring pairs; full-width letters are letters."""
    assert words("退货运费") == ["退货", "货运", "运费"]
    assert codes("显示Ｅ０４") == ["e04"]


def test_a_mixed_question_is_chinese() -> None:
    """A product name and a code don't make a Chinese question English, nor a quote the reverse."""
    assert is_chinese("Crema One 显示 E04 怎么办")
    assert not is_chinese("What does 重置 mean on the remote control?")


# The search


def test_an_error_code_finds_the_article_that_quotes_it(folder: Path) -> None:
    """A code that was written, spoken, read off an image or found by hand leads to its article."""
    knowledge = opened(folder)
    for query in (
        Query(written="the station says K-17"),
        Query(spoken="the pickup station says K17"),
        Query(written="what is this?", shown="PICKUP\nK17\nTry again"),
        Query(written="what does the station want", entities=("K17",)),
    ):
        assert knowledge.search(query, 1, threshold=0.0)[0].article == "deep/parcel"


def test_a_chinese_question_finds_the_chinese_article(folder: Path) -> None:
    """Of two articles that say the same, the one in the question's language comes first."""
    knowledge = opened(folder)
    assert knowledge.search(Query("取件柜 K17 怎么办"), 1, threshold=0.0)[0].language == "zh"
    assert knowledge.search(Query("pickup station K17"), 1, threshold=0.0)[0].language == "en"


def test_the_other_language_comes_if_it_alone_answers(folder: Path) -> None:
    """A Chinese question with a code that only an English article holds finds it."""
    (folder / "deep" / "er" / "包裹.md").unlink()
    found = opened(folder).search(Query("柜子报 K17"), 1, threshold=0.0)
    assert found[0].article == "deep/parcel"


def test_scores_fall_and_stay_in_range(folder: Path) -> None:
    """Passages come best first, each score is a probability."""
    found = opened(folder).search(Query("late parcel tracking"), 10, threshold=0.0)
    scores = [passage.score for passage in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_below_the_threshold_there_is_no_passage(folder: Path) -> None:
    """A domain's own threshold decides; an unreachable one leaves nothing."""
    assert opened(folder).search(Query("parcel"), 5, threshold=1.1) == ()


def test_weak_passages_come_only_with_a_strong_one(folder: Path) -> None:
    """A passage beside the best needs a fifth of its chance, and no more."""
    knowledge = opened(folder)
    query = Query("late parcel tracking")
    judged = knowledge.judged(query)
    kept = [one for one in judged.relevance if one.answers >= judged.best / 5]
    assert 0 < len(kept) <= len(judged.rows)
    assert len(knowledge.search(query, 10, threshold=judged.best)) == len(kept)
    assert knowledge.search(query, 10, threshold=judged.best + 1e-6) == ()


def test_a_part_of_a_ticket_may_find_what_the_whole_does_not(folder: Path) -> None:
    """A short question beside a long story counts by itself; of each passage the likelier of the
    two stands."""
    knowledge = opened(folder)
    story = "We had guests on Sunday and the children played in the garden until it rained. " * 5
    part = Query("late parcel tracking")
    whole = Query(f"{story}\n{part.written}")
    both, one, other = (
        {row: found.answers for row, found in zip(judged.rows, judged.relevance, strict=True)}
        for judged in (
            knowledge.judged(whole, [part]),
            knowledge.judged(whole),
            knowledge.judged(part),
        )
    )
    assert both == pytest.approx({row: max(one[row], other[row]) for row in one})
    parcel = next(row for row, page in enumerate(knowledge.index.parts) if "late" in page.text)
    assert both[parcel] > one[parcel]


def test_an_empty_question_finds_nothing(folder: Path) -> None:
    """No words, no passages, no error; nor from signs alone."""
    knowledge = opened(folder)
    assert knowledge.search(Query(), 5) == ()
    assert knowledge.search(Query(written=" \n"), 5) == ()
    assert isinstance(knowledge.search(Query(written="?!… 🙂"), 5), tuple)


def test_one_article_does_not_crowd_out_the_others(folder: Path) -> None:
    """A long article on the very subject gives three passages at most."""
    sections = "\n\n".join(f"## Part {n}\n\n" + "parcel late tracking " * 25 for n in range(8))
    (folder / "long.md").write_text(f"# Late parcels\n\n{sections}", "utf-8")
    found = opened(folder).search(Query("late parcel tracking"), 5, threshold=0.0)
    assert [passage.article for passage in found].count("long") == 3


def test_hostile_questions_are_answered_in_time(folder: Path) -> None:
    """A megabyte of text, control characters and template marks are just text."""
    knowledge = opened(folder)
    for text in ("parcel " * 150_000, "\x00\x1b[31m<|im_end|>" * 1000, "包" * 100_000):
        assert isinstance(knowledge.search(Query(text, shown=text), 3), tuple)


def test_a_folder_with_one_article_has_a_score(tmp_path: Path) -> None:
    """There need be nothing to stand out from."""
    (tmp_path / "only.md").write_text("# Only\n\nThe only text there is.", "utf-8")
    found = opened(tmp_path, tmp_path / "cache").search(Query("only text"), 3, threshold=0.0)
    assert 0 <= found[0].score <= 1


def test_the_fitted_numbers_make_sense() -> None:
    """More likeness never lowers a score, and the threshold can be reached."""
    fusion = load_fusion()
    for formula in (fusion.latin, fusion.chinese):
        assert formula.weights["letters"] > 0
        assert formula.weights["language"] >= 0
        assert formula.per_gap > 0


def test_the_shop_is_searched_for_real(real_settings: Settings) -> None:
    """With the real embedder, questions in a customer's words find the shop's articles in their
    language, also by a code in a screenshot, and what no article answers finds none."""
    embedder = roles.load("embedder", "bilingual", real_settings)
    shop = Knowledge.open(RETAIL, embedder, real_settings.cache)
    for query, wanted in (
        (Query("tracking has not moved for eight days, is my parcel lost?"), "lost-parcel"),
        (Query("what does it want?", shown="Orbit R3\nError E12"), "e12"),
        (Query("扫地机器人报 E21，找不到充电桩"), "e21"),
        (Query("显示签收了，可是我根本没拿到包裹"), ("marked-delivered", "lost-parcel")),  # both do
    ):
        found = shop.search(query, 3)
        assert any(passage.article.endswith(wanted) for passage in found[:2])
        assert {passage.language for passage in found} == {"zh" if query.chinese else "en"}
    assert shop.search(Query("do you hire students over the summer?"), 3) == ()


def test_missing_numbers_are_told_plainly(tmp_path: Path) -> None:
    """Without the fitted numbers the search says so."""
    with pytest.raises(KnowledgeError, match="retrieval.json"):
        load_fusion(tmp_path / "retrieval.json")


@pytest.mark.timeout(60)  # an hour, where each letter is looked at from each
@pytest.mark.parametrize("run", ["a", "QUJDabc0+/", "[", "1 ", "a.", "* "])
def test_an_article_may_hold_a_long_run_of_anything(tmp_path: Path, run: str) -> None:
    """Kilobytes without a sentence, as an image in base64 is, is read like other text."""
    (tmp_path / "long.md").write_text("# Long\n\nHere it is.\n\n" + run * (300_000 // len(run)))
    found = [article(one) for one in sources(tmp_path) if isinstance(one, Source)]
    assert [one.title for one in found] == ["Long"]
