"""How the desk draws why a ticket was filed so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_desk import HOSTILE, SAFE_TAGS, Tags

from mmcs.attachments import keep
from mmcs.desk import render
from mmcs.desk.files import Files
from mmcs.desk.layout import STYLE
from mmcs.desk.reasons import Reason
from mmcs.desk.render import View
from mmcs.desk.render.why import answer as draw_answer
from mmcs.desk.texts import EN, ZH, engine_name
from mmcs.domain import open_domain
from mmcs.explanation import Explanation, Neighbour, Region, Share, Stretch, Word
from mmcs.pipeline import CANNOT_SAY_WHY
from mmcs.settings import Settings
from mmcs.ticket import (
    Attachment,
    Case,
    Evidence,
    Message,
    Segment,
    Ticket,
    Transcript,
    Triage,
    Verdict,
)

NOTE, PHOTO = Attachment("audio", "a.wav", "0" * 64), Attachment("image", "b.png", "1" * 64)
WORDS = (
    Word("text", "text", "Is ", 0.001),
    Word("text", "text", "it\n", 0.0),
    Word("text", "text", "lost? ", 0.3),
    Word("text", "text", "Refund", -0.15),
    Word("transcript", "a.wav@0.0", "My ", 0.02),
    Word("transcript", "a.wav@0.0", "parcel", 0.2),
    Word("transcript", "a.wav@4.0", "never came", 0.05),
    Word("image", "b.png#0", "Order ", 0.04),
    Word("image", "b.png#0", "48213", -0.004),
    Word("image", "b.png#1", "Northlight", 0.01),
)
WHY = Explanation(
    "category",
    "delivery",
    0.91,
    0.12,
    (Share("written", 0.2), Share("said", 0.64), Share("shown", -0.05)),
    WORDS,
    (),
    (Stretch("a.wav", 0.0, 4.0, 0.22), Stretch("a.wav", 4.0, 6.0, -0.07)),
    (Neighbour("Where is my parcel?", "delivery", 0.87),),
)
PARTS = ("channels", "words", "regions", "stretches", "neighbours")


@pytest.fixture
def view(fake_settings: Settings) -> View:
    """What an English page is drawn with, where the triage can say why."""
    return View(
        "en",
        open_domain(fake_settings.domain_folder),
        Files(fake_settings, b"secret"),
        explains=True,
    )


def filed(*attachments: Attachment, engine: str = "late fusion") -> Case:
    """Return a Case that was filed under delivery."""
    sure = Verdict("delivery", 0.91)
    triage = Triage(sure, Verdict("high", 0.6), Verdict("neutral", 0.5), Verdict("en", 1.0), engine)
    heard = (Transcript("en", "My parcel", (Segment(0.0, 8.0, "My parcel", 0.9),), "a.wav"),)
    return Case(
        "1" * 12,
        Ticket((Message("customer", "Is it lost?", attachments or (NOTE, PHOTO)),)),
        Evidence(heard),
        triage,
        seconds={"triage": 0.1},
    )


def drawn(why: Explanation | Reason | None, view: View, case: Case | None = None) -> str:
    """Return the evidence column with a reason below the triage."""
    reason = Reason(why.question, why) if isinstance(why, Explanation) else why
    return str(render.evidence(case or filed(), view, reason=reason))


def answer(why: Explanation, view: View, case: Case | None = None) -> str:
    """Return the reason alone, without the rest of the evidence."""
    case = case or filed()
    assert case.triage
    return str(draw_answer(Reason(why.question, why), case.triage, case, view))


def bars(html: str) -> list[tuple[str, float, float, str]]:
    """Return each bar's class, left edge and right edge in percent, and number."""
    found = re.findall(
        r'<li class="(\w+)"><span class="name">.*?left:([\d.-]+)%;width:([\d.]+)%.*?'
        r'class="number">(.*?)<',
        html,
    )
    return [(kind, float(a), float(a) + float(b), number) for kind, a, b, number in found]


# --- who decides ---


def test_the_agent_chooses_among_the_domains_labels(view: View) -> None:
    """Each question but the language has its list with the label of now chosen, in the page's
    language; what the agent decided is marked as theirs."""
    case = filed()
    html = drawn(None, view, case)
    chosen = dict(re.findall(r'data-choose="(\w+)".*?value="(\w+)" selected', html))
    assert chosen == {"category": "delivery", "urgency": "high", "sentiment": "neutral"}
    assert html.count("<option") == 8 + 4 + 3
    chinese = str(render.evidence(case, replace(view, language="zh")))
    assert '<option value="returns">退换与保修</option>' in chinese
    assert case.triage is not None
    own = replace(case, triage=case.triage.corrected_to("category", "returns"))
    assert 'class="category own"' in drawn(None, view, own)
    assert EN.filed_by_agent in drawn(None, view, own)
    assert EN.filed_by_agent not in html


def test_the_end_of_a_draft_draws_no_triage_anew(view: View) -> None:
    """The card is the same while the model writes and after: an agent may be typing beside it."""
    case = filed()
    at_work = str(render.evidence(case, view, render.Step("draft")))
    assert at_work == str(render.evidence(case, view))


def test_a_label_that_the_domain_lacks_stays(view: View) -> None:
    """A ticket that was filed under a label of another domain shows it, and it can be changed."""
    case = filed()
    assert case.triage is not None
    strange = replace(case, triage=replace(case.triage, category=Verdict("<i>odd</i>", 0.4)))
    html = drawn(None, view, strange)
    assert "&lt;I&gt;ODD" in html and "<i>odd" not in html
    assert '<option value="delivery">' in html


# --- what is shown of all ---


def test_customers_words_stay_words(view: View) -> None:
    """Whatever the ticket, its files' names, labels and the training say, the answer holds the
    desk's own tags and links alone."""
    hostile = Explanation(
        "category",
        HOSTILE,
        0.5,
        0.1,
        (Share("written", 0.4),),
        (
            Word("text", "text", HOSTILE, 0.4),
            Word("transcript", f"{HOSTILE}@1.0", HOSTILE, -0.2),
            Word("image", f"{HOSTILE}#1", HOSTILE, 0.3),
        ),
        (Region(HOSTILE, (0, 0, 9, 9), 0.1),),
        (Stretch(HOSTILE, 0.0, 1.0, 0.1),),
        (Neighbour(HOSTILE, HOSTILE, 0.9),),
    )
    case = filed(Attachment("image", HOSTILE, "2" * 64), engine=HOSTILE)
    for reason in (Reason("category", hostile), Reason("category", problem=HOSTILE)):
        page = Tags(drawn(reason, view, case))
        assert page.tags <= SAFE_TAGS
        assert not {name for name in page.attributes if name.startswith("on")}
        assert all(link.startswith("attachment/") for link in page.links)
        assert HOSTILE in page.words


def test_only_a_triage_that_can_say_why_is_asked(view: View) -> None:
    """Category, urgency and sentiment have a button with a name of its own, the language has none;
    and none has one where nobody can say."""
    html = drawn(None, view)
    asked = re.findall(r'data-act="why" data-question="(\w+)" aria-label="(.*?)"', html)
    assert asked == list(EN.why_this.items())
    assert EN.why_this["category"] == "Why this category"
    assert 'data-act="why"' not in drawn(None, replace(view, explains=False))


def test_the_button_tells_what_is_open(view: View) -> None:
    """Only the question whose answer is shown is expanded."""
    html = drawn(replace(WHY, question="urgency", label="high"), view)
    assert re.findall(r'data-question="(\w+)" aria-label="[^"]*" aria-expanded="true"', html) == [
        "urgency"
    ]
    assert 'aria-expanded="true"' not in drawn(None, view)


def test_the_card_names_who_decided(view: View) -> None:
    """The engine stands in the card, in Chinese too; a triage from before it was noted has none."""
    assert "decided by late fusion" in Tags(drawn(None, view)).words
    chinese = replace(view, language="zh")
    assert "由晚期融合判断" in Tags(drawn(None, chinese)).words
    assert "decided" not in drawn(None, view, filed(engine=""))


@pytest.mark.parametrize(
    ("name", "chinese"),
    [
        ("intermediate fusion", "中期融合"),
        ("similarity to examples", "示例相似度"),
        (
            "late fusion; urgency and sentiment by similarity to examples",
            "晚期融合，紧急程度和情绪由示例相似度",
        ),
        ("tiny v2", "tiny v2"),
    ],
)
def test_engines_have_chinese_names(name: str, chinese: str) -> None:
    """A known engine is called by its Chinese name; any other as it calls itself."""
    assert engine_name(name, "zh") == chinese
    assert engine_name(name, "en") == name


def test_while_it_is_looked_for_the_card_says_so(view: View) -> None:
    """The sign of work is there, and the mark by which the page asks for the answer."""
    html = drawn(Reason("category"), view)
    assert "data-awaited" in html and EN.why_working in html
    assert "data-awaited" not in drawn(WHY, view)


def test_a_problem_is_said_in_the_pages_language(view: View) -> None:
    """Where nobody can say why, the sentence stands in the card."""
    reason = Reason("category", problem=CANNOT_SAY_WHY)
    assert CANNOT_SAY_WHY in Tags(drawn(reason, view)).words
    chinese = Tags(drawn(reason, replace(view, language="zh"))).words
    assert "只有经过训练的分类才能说明原因" in chinese and "examples" not in chinese


def test_a_chinese_page_answers_in_chinese(view: View) -> None:
    """All but the customers' own words is Chinese."""
    html = answer(replace(WHY, words=(), neighbours=()), replace(view, language="zh"))
    words = Tags(html).words
    assert "配送，91%。 语音起的作用最大。" in words
    assert not re.search("[A-Za-z]{2,}", words.replace("a.wav", ""))


# --- the sentence and the bars ---


def test_one_sentence_says_it(view: View) -> None:
    """Label, chance, and the channel that did most for it."""
    assert "Delivery, 91 %. The voice note decided most." in Tags(answer(WHY, view)).words
    several = filed(NOTE, replace(NOTE, name="c.wav"))
    assert "The voice notes decided most." in Tags(answer(WHY, view, several)).words
    alone = replace(WHY, channels=(Share("written", 0.79),))
    assert "The message alone decided." in Tags(answer(alone, view)).words
    against = replace(WHY, channels=(Share("written", -0.1),), chance=0.02)
    assert "decided" not in answer(against, view).split("</p>")[0]


def test_bars_stand_on_their_side_of_the_line(view: View) -> None:
    """What speaks for the label lies right of the zero line, what speaks against it left, and the
    number has the sign."""
    html = answer(WHY, view)
    zero = float(re.findall(r"--zero:([\d.]+)%", html)[0])
    before, written, said, shown, together = bars(html)
    assert [b[0] for b in (before, written, said, shown, together)] == [
        "before",
        "for",
        "for",
        "against",
        "together",
    ]
    assert [b[3] for b in (before, written, said, shown, together)] == [
        "12%",
        "+20",
        "+64",
        "−5",
        "91%",
    ]
    for bar in (before, written, said, together):
        assert bar[1] == pytest.approx(zero, abs=0.02)
    assert shown[1] == pytest.approx(0, abs=0.02) and shown[2] == pytest.approx(zero, abs=0.02)
    assert max(bar[2] for bar in bars(html)) <= 100.02


@pytest.mark.parametrize("seed", range(20))
def test_the_numbers_add_up(seed: int, view: View) -> None:
    """Rounded as they are, the chance before and the shares make the chance; each is right within a
    point."""
    drawn_by = np.random.default_rng(seed)
    sums = [float(chance) for chance in drawn_by.uniform(0, 1, 4)]
    values = [after - before for before, after in pairwise(sums)]
    channels = (Share("written", values[0]), Share("said", values[1]), Share("shown", values[2]))
    why = replace(WHY, nothing=sums[0], chance=sums[-1], channels=channels)
    numbers = [n.replace("−", "-").rstrip("%") for *_, n in bars(answer(why, view))]
    before, *shares, together = map(int, numbers)
    assert before + sum(shares) == together
    assert all(abs(n - 100 * v) <= 1 for n, v in zip(shares, values, strict=True))


def test_both_colours_are_told_apart_by_everybody() -> None:
    """Seen without red, green or blue cones (Machado et al. 2009), for and against differ by far
    more than a just noticeable step of CIE Lab, which is about 2.3, also as half a tint."""
    style = STYLE.read_text("utf-8")
    panels, fors, againsts = (
        re.findall(rf"--{name}: (#\w+)", style) for name in ("panel", "for", "against")
    )
    assert len(panels) == len(fors) == len(againsts) == 2  # light and dark
    for panel, pro, contra in zip(panels, fors, againsts, strict=True):
        for seen in CONES.values():
            for strength in (1.0, 0.5):
                tints = [_tint(colour, panel, strength) for colour in (pro, contra)]
                one, other = (_lab(seen @ _linear(tint)) for tint in tints)
                assert np.linalg.norm(one - other) > 20


# --- words ---


def sources(html: str) -> list[str]:
    """Return the text of each source, as a browser would show it."""
    read = re.findall('<p class="read"[^>]*>(.*?)</p>', html, re.S)
    return [Tags(f"<p>{each}</p>").words for each in read]


def test_words_joined_are_their_text(view: View) -> None:
    """The message, each voice note and each image's lines read as they are, white space too."""
    assert sources(answer(WHY, view)) == [
        "Is it\nlost? Refund",
        "My parcel never came",
        "Order 48213\nNorthlight",
    ]


def test_words_are_tinted_by_what_they_do(view: View) -> None:
    """The strongest is the strongest tint, each side has its own, what does next to nothing has
    none; and each tint tells its points."""
    marks = re.findall(
        r'<mark class="(\w+)" style="--strength:([\d.]+)" title="(.*?)">(.*?)</mark>',
        answer(WHY, view),
    )
    assert ("for", "1.00", "+30 points", "lost?") in marks
    assert ("against", "0.50", "−15 points", "Refund") in marks
    assert not {"Is", "it", "48213"} & {text for *_, text in marks}


def test_the_five_strongest_are_listed(view: View) -> None:
    """Strongest first, whichever side they are on, with their signs."""
    html = answer(WHY, view).split('<ul class="strongest">')[1].split("</ul>")[0]
    listed = re.findall(r'<li class="(\w+)"><span>(.*?)</span> <b>(.*?)</b>', html)
    assert listed == [
        ("for", "lost?", "+30"),
        ("for", "parcel", "+20"),
        ("against", "Refund", "−15"),
        ("for", "never came", "+5"),
        ("for", "Order", "+4"),
    ]


def test_words_that_were_weighed_together_are_listed_as_one(view: View) -> None:
    """Neighbours of one value are one entry: their value is that of them all."""
    twice = [Word("text", "text", text, 0.2) for text in ("never ", "arrived ")]
    html = answer(replace(WHY, words=(*twice, Word("text", "text", "here", 0.1))), view)
    assert "<span>never arrived</span> <b>+20</b>" in html
    assert html.count("<b>+20</b>") == 1


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.3, "+30"), (-0.3, "−30"), (0.042, "+4.2"), (-0.05, "−5"), (0.0003, "0"), (0.0, "0")],
)
def test_points_have_their_sign(value: float, shown: str, view: View) -> None:
    """A minus is a minus, not a hyphen; small values keep a digit, nothing has no sign."""
    why = replace(WHY, words=(Word("text", "text", "x", value), Word("text", "text", "y", 0.5)))
    title = re.findall(r'title="(\S+) points">x<', answer(why, view))
    assert title == ([shown] if abs(value) >= 0.03 else [])
    listed = re.findall(r"<span>x</span> <b>(.*?)</b>", answer(why, view))
    assert listed == ([shown] if shown != "0" else [])


# --- images, voice notes, likes ---


def test_regions_lie_over_the_preview(view: View, fake_settings: Settings, image: str) -> None:
    """Each region is a box in percent of the image, the strongest is outlined, and the one image
    that is asked for is the preview that the page shows already."""
    photo = keep(Path(image), "image", fake_settings)
    size = view.files.size(photo)
    assert size
    width, height = size
    regions = (
        Region("box.png", (0.0, 0.0, width / 2, height / 4), 0.05),
        Region("box.png", (width / 2, 0.0, width, height / 2), -0.2),
    )
    html = answer(replace(WHY, regions=regions), view, filed(photo))
    boxes = re.findall(r'class="region (\w+) (\w*)" title="(.*?)" style="(.*?)"', html)
    assert [box[:3] for box in boxes] == [
        ("for", "", "+5 points"),
        ("against", "most", "−20 points"),
    ]
    assert "left:0.00%;top:0.00%;width:50.00%;height:25.00%" in boxes[0][3]
    assert "left:50.00%;top:0.00%;width:50.00%;height:50.00%" in boxes[1][3]
    assert Tags(html).links == {view.files.link(photo)}


def test_stretches_play_from_where_they_begin(view: View) -> None:
    """Each is a button with its second, its points in words, and its place on the strip; the strip
    names the recording that plays and says when it begins and ends."""
    html = answer(WHY, view)
    found = re.findall(
        r'<button type="button" class="(\w+)" data-at="(.*?)" title="(.*?)".*?'
        r'left:([\d.]+)%;width:([\d.]+)%">(.*?)<',
        html,
    )
    assert found == [
        ("for", "0.00", "Play 0:00 to 0:04: +22 points", "0.00", "50.00", "+22"),
        ("against", "4.00", "Play 0:04 to 0:06: −7 points", "50.00", "25.00", "−7"),
    ]
    assert 'data-of="a.wav"' in html and 'data-recording="a.wav"' in drawn(WHY, view)
    times = html.split('<div class="times">')[1].split("</div>")[0]
    assert re.findall(r">(\d:\d\d)<", times) == ["0:00", "0:04", "0:08"]


def test_alike_tickets_are_told_with_their_labels(view: View) -> None:
    """Text, the label's name, and how alike."""
    html = answer(WHY, view).split('<section class="alike">')[1]
    words = Tags(f"<p>{html.split('</section>')[0]}").words
    assert "Where is my parcel?" in words and "Delivery" in words and "87 % alike" in words


@pytest.mark.parametrize("part", [*PARTS, "everything"])
def test_empty_parts_are_left_out(part: str, view: View) -> None:
    """A part of which there is nothing has no heading; the others stay."""
    photo = Region("b.png", (0, 0, 9, 9), 0.1)  # of a file that is gone: nothing to lie over
    gone: Mapping[str, Any] = {n: () for n in PARTS if part in (n, "everything")}
    why = replace(WHY, **{"regions": (photo,), **gone})
    html = answer(why, view)
    assert {name for name in PARTS if EN.why_parts[name] not in html} == {"regions", *gone}
    assert "Delivery, 91 %." in html


@pytest.mark.parametrize(
    "values",
    [{"words": (Word("text", "text", "x", 0.0),)}, {"stretches": (Stretch("a", 0, 0, 0.0),)}],
)
def test_parts_that_count_nothing_are_left_out(values: dict[str, Any], view: View) -> None:
    """Where nothing does anything, nothing is tinted, and nothing is divided by."""
    (name,) = values
    assert EN.why_parts[name] not in answer(replace(WHY, **values), view)


def test_a_ticket_that_was_changed_says_so(view: View) -> None:
    """An answer about the ticket as it is now, which is filed as it was, says both; one that agrees
    says nothing of it."""
    other = replace(WHY, label="returns")
    words = Tags(answer(other, view)).words
    assert EN.why_changed.format(label="Delivery", percent=91) in words
    assert "draft again" in Tags(answer(replace(WHY, chance=0.6), view)).words
    assert "draft again" not in answer(WHY, view)
    chinese = answer(other, replace(view, language="zh"))
    assert ZH.why_changed.format(label="配送", percent=91) in Tags(chinese).words


def test_what_the_agent_decided_is_told_from_what_the_model_says(view: View) -> None:
    """Beside the agent's own verdict the answer is the model's; where both agree, it is
    silent."""
    case = filed()
    assert case.triage
    own = replace(case, triage=case.triage.corrected_to("category", "returns"))
    words = Tags(answer(WHY, view, own)).words
    assert EN.why_corrected.format(label="Returns and warranty") in words
    assert "draft again" not in words
    same = replace(case, triage=case.triage.corrected_to("category", "delivery"))
    assert 'class="changed"' not in answer(WHY, view, same)


# --- colours as others see them ---

# Machado, Oliveira, Fernandes 2009, severity 1.0, on linear RGB.
CONES = {
    "all": np.eye(3),
    "no red": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "no green": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "no blue": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE = np.array([0.9505, 1.0, 1.089])


def _tint(colour: str, panel: str, strength: float) -> np.ndarray:
    """Return a colour laid over the panel, as shares of red, green and blue."""
    over, under = (
        np.array([int(c[i : i + 2], 16) for i in (1, 3, 5)]) / 255 for c in (colour, panel)
    )
    return np.asarray(strength * over + (1 - strength) * under)


def _linear(rgb: np.ndarray) -> np.ndarray:
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def _lab(linear: np.ndarray) -> np.ndarray:
    """Return CIE Lab."""
    xyz = _XYZ @ np.clip(linear, 0, 1) / _WHITE
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])
