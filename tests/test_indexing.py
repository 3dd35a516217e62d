"""Reading many articles: how far it is, stopped and killed in the middle."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mmcs.desk.files import Files
from mmcs.desk.page import open_page
from mmcs.desk.render import Step, View, evidence, header
from mmcs.domain import open_domain
from mmcs.models import Indexing, ModelState
from mmcs.roles import ROLES
from mmcs.settings import Settings
from mmcs.ticket import Case, Language, Message, Ticket

STATES = tuple(ModelState(role, "fake", "ready") for role in ROLES)


def view(settings: Settings, language: Language = "en") -> View:
    """Return what the page is drawn with."""
    return View(language, open_domain(settings.domain_folder), Files(settings, b"secret"))


def articles(folder: Path, many: int) -> Path:
    """Write so many articles, each a passage long."""
    folder.mkdir()
    for number in range(many):
        text = f"Lamp {number} is cleaned with a dry cloth. " * 12
        (folder / f"{number:03}.md").write_text(f"# Lamp {number}\n\n{text}\n", "utf-8")
    return folder


def test_models_are_not_said_to_be_ready_before_the_articles_are(fake_settings: Settings) -> None:
    """While articles are read the top says how many are, in the page's language; then, that all is
    ready."""
    reading = header(view(fake_settings), STATES, (), (), Indexing(112, 414))
    assert "Reading the help articles: 112 of 414" in reading
    assert "All models ready" not in reading
    assert 'class="models loading"' in reading
    uncounted = header(view(fake_settings), STATES, (), (), Indexing())
    assert "Reading the help articles" in uncounted
    assert "0" not in uncounted.partition("count")[2].partition("<")[0]
    chinese = header(view(fake_settings, "zh"), STATES, (), (), Indexing(112, 414))
    assert "414 篇中已读 112 篇" in chinese
    assert "All models ready" in header(view(fake_settings), STATES, ())


def test_a_ticket_that_waits_for_the_articles_says_how_far_they_are(
    fake_settings: Settings,
) -> None:
    """The step that looks for passages shows the articles that are read, of all."""
    case = Case(open_page({}).case, Ticket((Message("customer", "Is it lost?"),)))
    step = Step("retrieve", indexing=Indexing(3, 9))
    assert "Reading the help articles: 3 of 9" in evidence(case, view(fake_settings), step)
    assert "Searching" in evidence(case, view(fake_settings), Step("retrieve"))


INDEXING = """
import sys
from pathlib import Path
from mmcs.knowledge.index import open_index
from mmcs.roles import load
from mmcs.settings import from_environment

class Counting:
    def __init__(self, embedder):
        self.embedder, self.name, self.texts = embedder, embedder.name, 0
    def embed(self, texts):
        self.texts += len(texts)
        return self.embedder.embed(texts)

settings = from_environment()
counting = Counting(load("embedder", "minilm", settings))
tell = lambda done, total: print(done, total, flush=True)
open_index(Path(sys.argv[1]), counting, settings.cache, tell)
print(counting.texts)
"""


@pytest.mark.slow
def test_an_indexing_that_is_killed_is_gone_on_with(
    real_settings: Settings, tmp_path: Path
) -> None:
    """Killed in the middle, with the model that ships, what was read is not read again."""
    folder = articles(tmp_path / "articles", 160)
    command = [sys.executable, "-c", INDEXING, str(folder)]
    environment = real_settings.for_child()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as first:
        assert first.stdout
        told = next(line for line in first.stdout if int(line.split()[0]) >= 64)
        first.kill()
    kept = int(told.split()[0])
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    *counted, embedded = ran.stdout.splitlines()
    assert counted[-1] == "160 160"
    assert 0 < int(embedded) <= 160 - kept


@pytest.mark.slow
def test_ctrl_c_ends_a_command_that_reads_articles(real_settings: Settings, tmp_path: Path) -> None:
    """Standard error shows the articles that are read, standard output nothing; Ctrl-C ends the
    command long before they all are."""
    folder = articles(tmp_path / "articles", 600)
    command = [sys.executable, "-m", "mmcs", "run", "--json", "--text", "How do I clean lamp 7?"]
    with subprocess.Popen(
        [*command, "--knowledge", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=real_settings.for_child(chat="none"),
    ) as running:
        assert running.stderr and running.stdout
        seen = ""
        while "reading the help articles" not in seen:
            seen += running.stderr.read(1)
        running.send_signal(signal.SIGINT)
        rest, printed = running.stderr.read(), running.stdout.read()
    assert running.returncode == 1
    assert rest.splitlines()[-1] == "mmcs: stopped."
    assert "600/600" not in rest
    assert printed == ""
