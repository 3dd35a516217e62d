"""The README's words for the page are the page's own."""

from __future__ import annotations

import re
from dataclasses import fields

from mmcs.desk.texts import EN
from mmcs.domain import open_samples
from mmcs.settings import PROJECT, Settings


def test_the_readme_names_what_is_on_the_page() -> None:
    """Every button and sample that "Try it in a minute" tells a newcomer to press is there, under
    that very name."""
    readme = (PROJECT / "README.md").read_text("utf-8")
    _, _, section = readme.partition("## Try it in a minute")
    section, _, _ = section.partition("\n## ")
    buttons = {text for field in fields(EN) if isinstance(text := getattr(EN, field.name), str)}
    samples = {sample.title["en"] for sample in open_samples(Settings().domain_folder)}
    pressed = set(re.findall(r"\*\*(.+?)\*\*", section))
    picked = set(re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", section))
    assert pressed and pressed <= buttons
    assert picked and picked <= samples
