"""A desk for other articles than the sample shop's: neutral until its domain says otherwise."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mmcs.backends.fake import FakeEmbedder, FakeReading
from mmcs.backends.similarity import Likeness
from mmcs.desk import build
from mmcs.desk.files import Files
from mmcs.desk.runs import Runs
from mmcs.desk.tickets import Tickets
from mmcs.domain import categories_of, domain_of, open_domain, open_samples
from mmcs.draft import Checker, instant_draft
from mmcs.models import Models
from mmcs.pipeline import Pipeline
from mmcs.settings import ASSETS, Settings
from mmcs.store import Store
from mmcs.ticket import Case, Message, Passage, Ticket

SHOP = open_domain(ASSETS / "domains" / "retail")
ARTICLES = {
    "boats/borrow-a-boat.md": "---\ntitle: Borrow a boat\n---\n\nMembers may borrow a rowing boat "
    "for two hours a day. Write your name into the book in the boathouse before you leave.\n",
    "boats/clean-a-boat.md": "# Clean a boat\n\nWash the hull with fresh water and dry it with a "
    "cloth. Put the oars back on the rack by number.\n",
    "membership/join-the-club.md": "# Join the club\n\nA membership costs 120 euros a year. Fill "
    "in the form at the boathouse and bring a photo.\n",
    "membership/leave-the-club.md": "# Leave the club\n\nA membership ends on 31 December if you "
    "write to us by the end of September.\n",
    "zh/boats/borrow-a-boat.md": "# 借船\n\n会员每天可以借用一条赛艇两个小时。"
    "出发前请在船库的登记簿上写下您的名字。\n",
    "zh/membership/join-the-club.md": "# 加入俱乐部\n\n会费每年 120 欧元。"
    "请在船库填写表格，并带一张照片。\n",
}


@pytest.fixture
def club(tmp_path: Path) -> Path:
    """The help centre of a rowing club, in two languages."""
    for name, text in ARTICLES.items():
        file = tmp_path / "club" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return tmp_path / "club"


def of_the_shop() -> set[str]:
    """Return the sample shop's names and phrases, that no other desk may utter."""
    spoken = [SHOP.title, SHOP.tone.signature, *(c.acknowledgement for c in SHOP.categories)]
    asked = {text for c in SHOP.categories for text in (c.ask.en, c.ask.zh) if text}
    return {text for words in spoken for text in words.values()} | asked | {"Northlight", "北光"}


def labels_of(folder: Path) -> list[str]:
    """Return the labels of a folder's categories."""
    return [category.label for category in categories_of(folder)]


def written(folder: Path, *names: str) -> Path:
    """Write an article under each name."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("Text.\n", "utf-8")
    return folder


def test_categories_are_the_folders_of_the_articles(club: Path) -> None:
    """Each folder is a category in its own words, with the titles as its examples, whatever the
    language; last comes the one for the rest."""
    boats, membership, rest = categories_of(club)
    assert (boats.label, boats.name["en"], membership.label) == ("boats", "boats", "membership")
    assert set(boats.examples["en"]) == {"boats", "Borrow a boat", "Clean a boat", "借船"}
    assert rest.label == "general"
    assert not any(rest.examples.values())


def test_a_folder_around_all_is_no_category(tmp_path: Path) -> None:
    """A folder that holds most articles, and one named for a language, are looked into."""
    folder = written(tmp_path / "kb", "LICENSE.md", "content/Store_Support/pay.md")
    written(folder, "content/My account/password.md", "content/My account/deep/er/mail.md")
    assert labels_of(folder) == ["My account", "Store_Support", "general"]
    assert categories_of(folder)[1].name["en"] == "Store Support"
    assert labels_of(written(tmp_path / "flat", "a.md", "b.md")) == ["general"]
    assert labels_of(written(tmp_path / "two", "en/a.md", "zh-CN/b.md")) == ["general"]
    assert labels_of(written(tmp_path / "own", "general/a.md", "it/b.md", ".git/c.md", "d.md")) == [
        "it",
        "general",
    ]


def test_a_label_without_examples_is_chosen_only_where_there_is_no_other(tmp_path: Path) -> None:
    """Folders can be told apart by likeness; a single category needs nothing to be alike."""
    club = written(tmp_path / "kb", "boats/oars and hull.md", "membership/fee a year.md")
    many = Likeness.of(categories_of(club), FakeEmbedder())
    assert many.labels == ("boats", "membership")
    one = Likeness.of(categories_of(tmp_path / "nothing"), FakeEmbedder())
    assert one.verdict("hello", FakeEmbedder().embed(["hello"])[0], True).label == "general"


def test_other_articles_make_a_neutral_desk(fake_settings: Settings, club: Path) -> None:
    """Articles alone bring no shop: no name, no codes, no sample tickets, on the page neither. A
    domain that is named stays, whatever its articles."""
    settings = replace(fake_settings, knowledge=str(club))
    domain = domain_of(settings)
    assert domain.name == "neutral"
    assert domain.entities == {}
    assert not of_the_shop() & set(domain.courtesies)
    assert open_samples(settings.domain_folder) == ()
    pipeline = Pipeline(settings, Models(settings))
    store, files = Store(settings), Files(settings, b"secret")
    blocks = build(Runs(pipeline, Tickets(settings, store, files)), store, files)
    assert blocks.title == "Customer Support · MMCS"
    named = domain_of(replace(settings, domain="retail"))
    assert named == domain_of(fake_settings) == SHOP


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_desk_is_signed_as_its_settings_say(
    fake_settings: Settings, club: Path, language: str
) -> None:
    """A reply ends without a name, with the name that is set, or with the signature; the shop's own
    gives way as well."""
    settings = replace(fake_settings, knowledge=str(club))
    plain = {"en": "Kind regards", "zh": "祝您生活愉快！"}[language]
    signed = {"en": "Kind regards,\n", "zh": "祝您生活愉快！\n"}[language]
    assert domain_of(settings).tone.closing[language] == plain
    named = domain_of(replace(settings, name="Lake Club"))
    assert named.title[language] == "Lake Club"
    assert named.tone.closing[language] == f"{signed}Lake Club"
    both = replace(fake_settings, name="Lake Club", signature="The boathouse")
    assert domain_of(both).tone.closing[language] == f"{signed}The boathouse"


def test_a_draft_without_an_acknowledgement_has_no_gap(fake_settings: Settings, club: Path) -> None:
    """What a neutral domain doesn't say leaves no empty line, and its closing needs no support."""
    domain = domain_of(replace(fake_settings, knowledge=str(club)))
    text = "Members may borrow a rowing boat for two hours a day."
    case = Case(
        "1",
        Ticket((Message("customer", "How long may I borrow a boat?"),)),
        passages=(Passage("boats/borrow-a-boat", "Borrow a boat", text, 0.9, language="en"),),
    )
    checker = Checker(case, FakeEmbedder(), FakeReading(), domain.courtesies)
    draft = instant_draft(case, domain, checker)
    assert draft.text == f"Hello,\n\n{text}\n\nKind regards"
    assert all(claim.supported for claim in draft.claims)


def test_a_domain_may_leave_out_all_but_its_own_words(tmp_path: Path, club: Path) -> None:
    """A domain.yaml of one line has its articles' folders as categories, and neutral words for the
    rest; what it does say stands."""
    folder = tmp_path / "rowing"
    folder.mkdir()
    (folder / "domain.yaml").write_text("title: {en: Lake Club}\ntone: {greeting: {en: Ahoy!}}\n")
    club.rename(folder / "knowledge")
    domain = open_domain(folder)
    assert (domain.name, domain.title["en"]) == ("rowing", "Lake Club")
    assert [category.label for category in domain.categories][:2] == ["boats", "membership"]
    assert domain.tone.greeting == {"en": "Ahoy!", "zh": "您好，"}
    assert [level.label for level in domain.urgency] == ["low", "normal", "high", "urgent"]


@pytest.mark.slow
def test_a_strangers_tickets_are_answered_without_the_shop(
    real_settings: Settings, club: Path, tmp_path: Path
) -> None:
    """With the models that ship, replies have no word of the shop, categories are the folders,
    urgency and mood are the trained net's, and the JSON is that of the contract."""
    tickets = tmp_path / "tickets.jsonl"
    asked = {
        "en": "How long may I borrow a rowing boat?",
        "fee": "What does a membership of the club cost a year?",
        "zh": "会员可以借船多久？",
        "none": "Do you sell bicycles?",
    }
    lines = (json.dumps({"id": name, "text": text}) for name, text in asked.items())
    tickets.write_text("\n".join(lines), "utf-8")
    command = [sys.executable, "-m", "mmcs", "run", "--batch", str(tickets), "--json"]
    command += ["--explain", "urgency"]
    environment = real_settings.for_child(chat="none")
    ran = subprocess.run(
        [*command, "--knowledge", str(club)],
        capture_output=True,
        encoding="utf-8",
        env=environment,
        check=True,
    )
    cases = {case["id"]: case for case in map(json.loads, ran.stdout.splitlines())}
    assert cases.keys() == asked.keys()
    for case in cases.values():
        assert not [words for words in of_the_shop() if words in case["draft"]["text"]]
        assert case["triage"]["category"]["label"] in {"boats", "membership"}
        assert case["triage"]["engine"].endswith("category by similarity to examples")
        contract = {"id", "ticket", "evidence", "triage", "passages", "draft", "alternatives"}
        assert case.keys() == contract | {"problems", "seconds", "explanation"}
        assert case["explanation"]["neighbours"] == []  # those are the shop's tickets
        assert case["problems"] == []
    assert cases["en"]["triage"]["category"]["label"] == "boats"
    assert cases["fee"]["triage"]["category"]["label"] == "membership"
    assert "two hours" in cases["en"]["draft"]["text"]
    assert "120 euros" in cases["fee"]["draft"]["text"]
    assert "两个小时" in cases["zh"]["draft"]["text"]
    assert cases["none"]["draft"]["refused"]
