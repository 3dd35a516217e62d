"""What the desk draws, in which words."""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Iterator
from dataclasses import fields, replace
from html.parser import HTMLParser
from typing import Any

import pytest

from mmcs.desk import render
from mmcs.desk.files import Files
from mmcs.desk.page import open_page
from mmcs.desk.render import Step, View
from mmcs.desk.texts import EN, ZH, Texts, preferred_language
from mmcs.domain import open_domain
from mmcs.models import ModelState
from mmcs.settings import Settings
from mmcs.ticket import (
    Attachment,
    Case,
    Claim,
    Conflict,
    Draft,
    Entity,
    Evidence,
    Line,
    Message,
    Passage,
    Picture,
    Problem,
    Segment,
    Support,
    Tag,
    Ticket,
    Transcript,
    Triage,
    Verdict,
)
from mmcs.weights.progress import Fetch

HOSTILE = "<img src=http://evil.example/x onerror=alert(1)>\"'><script>alert(2)</script>{{7*7}}${1}"
SAFE_TAGS = frozenset(
    "article audio b button dd details div dl dt figure h2 h3 h4 header i img li mark ol option "
    "p path q rect circle section select span summary sup svg time ul".split()
)


class Tags(HTMLParser):
    """Collects the tags, attributes and words of a page, without the words of some classes."""

    def __init__(self, html: str, without: Collection[str] = ()) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.words = ""
        self._without = without
        self._open: list[bool] = []  # for each open tag, whether its words are left out
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect one tag."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {value or "" for name, value in attrs if name in ("src", "href")}
        if tag not in ("img", "input"):
            self._open.append(dict(attrs).get("class") in self._without)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect one tag that holds nothing."""
        self.handle_starttag(tag, attrs)
        self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Leave a tag."""
        self._open.pop()

    def handle_data(self, data: str) -> None:
        """Collect words."""
        if not any(self._open):
            self.words += data


@pytest.fixture
def view(fake_settings: Settings) -> View:
    """What an English page is drawn with."""
    return View("en", open_domain(fake_settings.domain_folder), Files(fake_settings, b"secret"))


def full_case(words: str) -> Case:
    """Return a Case in which every text that may come from outside is ``words``."""
    audio, photo = Attachment("audio", "a.wav", "0" * 64), Attachment("image", "b.png", "1" * 64)
    marked = Claim(words, False, (), unsupported=(words[:6],))
    good = Claim(f"Good {words}", True, (Support("passage", "returns/damaged", words),))
    draft = Draft(f"Hello,\n\n{words} Good {words}", "en", words, words, (marked, good))
    return Case(
        "1" * 12,
        Ticket((Message("customer", words, (audio, photo)), Message("note", words)), words),
        Evidence(
            (Transcript("en", words, (Segment(0, 1, words, 0.4),), "a.wav"),),
            (
                Picture(
                    "b.png", "other", words, (Tag(words, 0.5),), (Line(words, 0.5, (0, 0, 9, 9)),)
                ),
            ),
            (Entity("order", words, ("text", "a.wav@0.0", f"{words}#1")),),
            (Conflict("order", (words, words), ("text", words)),),
        ),
        Triage(
            Verdict(words, 0.5),
            Verdict(words, 0.5),
            Verdict(words, 0.5),
            Verdict(words, 0.5),
            words,
        ),
        (Passage(words, words, words, 0.5, words),),
        draft,
        (draft,),
        (Problem(words, words),),
        dict.fromkeys(
            ("transcribe", "read", "tag", "entities", "triage", "retrieve", "draft"), 1.0
        ),
    )


def everything(case: Case, view: View) -> str:
    """Return all HTML that a Case can become."""
    states = [ModelState("chat", "x", "failed", case.id, 1.0, case.ticket.subject)]
    pieces = (
        render.header(view, states, (), [case.ticket.subject]),
        render.attachments(case.ticket.messages[0], view),
        render.conversation(case.ticket.messages, view, case.id),
        render.evidence(case, view),
        render.evidence(case, view, Step("tag", "b.png")),
        render.drafts(case, view),
        render.drafts(replace(case, seconds={}), view, Step("draft")),
        render.remark(case.ticket.subject),
        render.warning(case.ticket.subject),
    )
    return "".join(pieces)


# --- drawing ---


def test_text_from_outside_stays_text(view: View) -> None:
    """Whatever a customer, a model or an article says, the page holds the desk's own tags alone."""
    drawn = Tags(everything(full_case(HOSTILE), view))
    assert drawn.tags <= SAFE_TAGS
    assert not {name for name in drawn.attributes if name.startswith("on")}
    assert all(link.startswith("attachment/") for link in drawn.links)
    assert HOSTILE in drawn.words


def test_a_draft_is_shown_word_for_word(view: View) -> None:
    """The drawn draft reads as the text that would be sent, its chips and flags left out."""
    case = full_case("We answer within 3 days.")
    assert case.draft
    html = render.drafts(replace(case, alternatives=()), view)
    reply = html.split('<div class="reply">')[1].split("</div>")[0]
    assert Tags(reply, without={"flag", "chips", "quotes"}).words == case.draft.text


def test_a_doubtful_draft_says_so_where_others_say_supported(view: View) -> None:
    """All its sentences are the articles', and still the agent is told to read them first."""
    claim = Claim("A parcel is late after 5 working days.", True)
    draft = Draft(claim.text, "en", "article", "", (claim,), doubtful=True)
    html = render.drafts(Case("1", Ticket(()), draft=draft), view)
    assert EN.doubtful in html and EN.claims_one not in html
    sure = render.drafts(Case("1", Ticket(()), draft=replace(draft, doubtful=False)), view)
    assert EN.doubtful not in sure and EN.claims_one in sure


def test_an_unsupported_sentence_is_marked_in_three_ways(view: View) -> None:
    """Colour alone tells a colour-blind agent nothing: a symbol and words stand beside it, and the
    very words that nothing carries are named."""
    claim = Claim("It was sent on 17 October.", False, (), unsupported=("17 October",))
    draft = Draft(claim.text, "en", "model", "", (claim,))
    html = render.drafts(Case("1", Ticket(()), draft=draft), view)
    assert 'class="claim bad"' in html and "<mark>17 October</mark>" in html
    assert EN.unsupported in html and "<svg" in html.split("flag")[1][:80]
    assert EN.unsupported_words.format(words="“17 October”") in Tags(html).words


def test_a_courtesy_is_not_marked(view: View) -> None:
    """A greeting claims nothing and shows nothing."""
    draft = Draft("Hello,", "en", "article", "", (Claim("Hello,", True, courtesy=True),))
    assert 'class="claim' not in render.drafts(Case("1", Ticket(()), draft=draft), view)


def test_a_sentence_says_where_its_support_is(view: View) -> None:
    """A quote names its article, its second of sound or its line of an image."""
    support = (
        Support("transcript", "a.wav@63.2", "it is late"),
        Support("image", "b.png#4", "Order 48213"),
        Support("text", "text", "hello"),
    )
    draft = Draft("It is late.", "en", "article", "", (Claim("It is late.", True, support),))
    words = Tags(render.drafts(Case("1", Ticket(()), draft=draft), view)).words
    assert "a.wav at 1:03" in words and "b.png, line 5" in words and "the message" in words


def test_unsure_words_are_fainter_and_numbered(view: View) -> None:
    """A segment below the threshold carries its class and its confidence; a sure one neither."""
    case = full_case("so they say")
    html = render.evidence(case, view)
    assert 'class="segment low"' in html and ">40%</span>" in html
    sure = Transcript("en", "so", (Segment(0, 1, "so", 0.95),), "a.wav")
    html = render.evidence(replace(case, evidence=Evidence((sure,))), view)
    assert 'class="segment sure"' in html and "95%" not in html


def test_the_model_strip_says_how_far_each_model_is(view: View) -> None:
    """A model that is fetched shows its share, one that failed shows why."""
    states = (
        ModelState("chat", "llama_cpp", "loading"),
        ModelState("reader", "rapid_ocr", "failed", message="There is no disk."),
        ModelState("transcriber", "faster_whisper", "ready", "whisper-base", 2.1),
    )
    words = Tags(render.header(view, states, [Fetch("qwen2.5-coder-1.5b", 43, 100, "hub")])).words
    assert "fetching 43 %" in words and "There is no disk." in words and "2.1 s" in words
    assert "1 of 3 models ready" in words


def test_articles_that_were_left_out_are_told(view: View) -> None:
    """The header counts what is wrong with the folder and says the first of it, in the page's
    language; a folder that is in order says nothing."""
    ready = [ModelState("embedder", "minilm", "ready", "MiniLM", 1.0)]
    notes = [f"{n}.md was left out: it is empty." for n in range(20)]
    words = Tags(render.header(view, ready, (), notes)).words
    assert "All models ready · Notes on the articles: 20" in words
    assert "7.md was left out: it is empty." in words and "8.md" not in words
    chinese = Tags(render.header(replace(view, language="zh"), ready, (), notes[:1])).words
    assert "文章有 1 条提示" in chinese and "略过了 0.md：文件是空的。" in chinese
    assert "Notes" not in Tags(render.header(view, ready, ())).words


# --- words ---


def _leaves(texts: Texts) -> Iterator[tuple[str, str]]:
    for f in fields(Texts):
        value = getattr(texts, f.name)
        if isinstance(value, str):
            yield f.name, value
        else:
            yield from ((f"{f.name}.{key}", text) for key, text in value.items())


def test_both_languages_say_everything() -> None:
    """Each text is there in both languages, with the same places to fill in."""
    english, chinese = dict(_leaves(EN)), dict(_leaves(ZH))
    assert english.keys() == chinese.keys()
    for name, text in english.items():
        holes = [
            {hole for _, hole, _, _ in string.Formatter().parse(t) if hole}
            for t in (text, chinese[name])
        ]
        assert holes[0] == holes[1], name
        assert chinese[name]


@pytest.mark.parametrize(
    ("header", "language"),
    [("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("de,en;q=0.5,zh", "en"), ("fr", "en"), ("", "en")],
)
def test_the_browsers_first_language_counts(header: str, language: str) -> None:
    """The page opens in the first of the browser's languages that it speaks."""
    assert preferred_language(header) == language
    assert open_page({}, header).language == language


@pytest.mark.parametrize(
    "kept", [None, 7, [], {"owner": 5}, {"owner": "x" * 32}, {"owner": "' OR 1"}]
)
def test_what_a_browser_should_not_have_kept_makes_a_new_visitor(kept: Any) -> None:
    """A made-up owner is replaced by a random one."""
    page = open_page(kept)
    assert re.fullmatch("[0-9a-f]{32}", page.owner) and page.owner != open_page(kept).owner
    assert open_page(page.to_json()) == page
