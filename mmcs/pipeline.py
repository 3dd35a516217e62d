"""The order of the stages: a Ticket goes in, an ever fuller Case comes out.

Only here, in ``boundary`` and in ``writing`` do errors become Problems: a bad file, a model that
can't be had, or what nobody foresaw costs its own part of the Case and nothing else.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, partial
from itertools import chain
from typing import Any, TypeVar

from mmcs import cache, perceive
from mmcs.boundary import contained, foreseen
from mmcs.domain import Domain, domain_of
from mmcs.draft import (
    WORDINGS,
    Checker,
    check_reply,
    draft_language,
    instant_draft,
    warm_up_messages,
)
from mmcs.entities import find_conflicts, find_entities
from mmcs.errors import BadInput, KnowledgeError, MMCSError, ModelUnavailable, Unforeseen
from mmcs.explanation import Explanation
from mmcs.intake import within_limits
from mmcs.knowledge import Knowledge
from mmcs.models import Indexing, Models
from mmcs.retrieve import retrieve
from mmcs.roles import (
    ChatModel,
    ChatOptions,
    Embedder,
    Explaining,
    Ranker,
    Remembering,
    RememberingVerifier,
    Role,
    Verifier,
)
from mmcs.settings import Settings
from mmcs.ticket import (
    Attachment,
    Case,
    Claim,
    Evidence,
    Picture,
    Problem,
    Reading,
    Ticket,
    Triage,
)
from mmcs.turns import to_answer
from mmcs.writing import Writer

T = TypeVar("T")

PASSAGES = 5  # kept for a Case
LOOK = 0.5  # seconds between two looks at whether the articles are searchable by now
NOTHING_TO_ANSWER = (
    "There is nothing to answer yet: type a message, or add a voice note or a photo."
)
CANNOT_SAY_WHY = "The examples of the domain decided; only a trained triage can say why."
STOPPED = "The desk was stopped."
STILL_LOADING = (
    "The language model is still loading; the draft is made of the articles' own sentences."
)


@dataclass(frozen=True)
class Stage:
    """One step of the way, and the name under which its seconds and Problems are shown."""

    name: str
    step: Callable[[Case], Case]

    def run(self, case: Case) -> Case:
        """Return the fuller Case; the Case with a Problem if the step could not be done."""
        begun = time.perf_counter()
        try:
            with foreseen(case.id):
                case = self.step(case)
        except MMCSError as error:
            case = case.with_problem(self.name, str(error))
        spent = case.seconds.get(self.name, 0.0) + time.perf_counter() - begun
        return case.timed(self.name, spent)


class Pipeline:
    """One desk's way from Ticket to Case: its models, its domain and its articles."""

    def __init__(self, settings: Settings, models: Models, wait_for_chat: bool = True) -> None:
        """Read the domain.

        Args:
            settings: where things are.
            models: what plays each role; may still be loading.
            wait_for_chat: whether a ticket waits for a language model that is still loading.

        Raises:
            KnowledgeError, UsageError: the domain cannot be used.
        """
        self.settings = settings
        self.models = models
        self.wait_for_chat = wait_for_chat
        self.domain: Domain = domain_of(settings)
        self._articles = settings.knowledge_folder
        self._starting: tuple[Future[object], ...] = ()
        self._reader = ThreadPoolExecutor(1, "mmcs-articles")
        self._opening: Future[Knowledge] | None = None
        self._lock = threading.Lock()  # the articles are indexed once, whoever asks first
        self._articles_read = Indexing()
        self._stopped = False

    def start(self) -> None:
        """Load everything behind the page: models, index, and the prompt's constant part."""
        self.models.start()
        opening = self._open_articles()
        self._starting = (
            self._reader.submit(lambda: self._embed_ahead(opening.result())),
            self.models.then("chat", self._read_prefixes),
        )

    def wait(self) -> None:
        """Return when everything that ``start`` began is there, or has failed."""
        wait(self._starting)

    def stop(self) -> None:
        """Read no more articles; the next start goes on where this one was."""
        self._stopped = True

    def _read_prefixes(self, chat: ChatModel) -> None:
        """Let the language model read what every prompt begins with, the first language last:
        what was read last is the quickest to come back to."""
        for language in reversed(self.domain.languages):
            if language in WORDINGS:
                messages = warm_up_messages(self.domain, language, chat)
                for _ in chat.chat(messages, ChatOptions(max_tokens=1)):
                    pass

    @cached_property
    def _embedder(self) -> Embedder:
        return Remembering(self.models.get("embedder"))

    @cached_property
    def _ranker(self) -> Ranker | None:
        """The model that reads articles; None if it can't be had, of which ``models`` tells."""
        try:
            ranker: Ranker = self.models.get("ranker")
        except ModelUnavailable:
            return None
        return ranker

    @cached_property
    def _verifier(self) -> Verifier | None:
        """The model of the check; None if it can't be had, of which ``models`` tells."""
        try:
            return RememberingVerifier(self.models.get("verifier"))
        except ModelUnavailable:
            return None

    @property
    def knowledge(self) -> Knowledge:
        """The articles, indexed when they are first needed.

        Raises:
            KnowledgeError, ModelUnavailable: the articles or the embedder cannot be used.
        """
        return self._open_articles().result()

    @property
    def indexing(self) -> Indexing | None:
        """How many of the articles are read; None once they are searchable, or can't be, and before
        anybody needs them."""
        opening = self._opening
        return None if opening is None or opening.done() else self._articles_read

    def _open_articles(self) -> Future[Knowledge]:
        """Return the opening of the articles; a new one if the one before has failed."""
        with self._lock:
            opening = self._opening
            if opening is None or (opening.done() and opening.exception()):
                opening = self._opening = self._reader.submit(self._index_articles)
            return opening

    def _index_articles(self) -> Knowledge:
        embedder = self.models.get("embedder")  # the index remembers what it embeds by itself
        knowledge = Knowledge.open(self._articles, embedder, self.settings.cache, self._tell)
        return replace(knowledge, embedder=self._embedder)

    def _tell(self, done: int, total: int) -> None:
        if self._stopped:
            raise KnowledgeError(STOPPED)
        self._articles_read = Indexing(done, total)

    def _embed_ahead(self, knowledge: Knowledge) -> None:
        """Embed what makes questions quicker; for Chinese customers first the articles that have
        no Chinese twin."""
        across = knowledge.across.grow() if "zh" in self.domain.languages else ()
        for _ in chain(across, knowledge.index.grow()):
            if self._stopped:
                return

    def _until_searchable(self) -> Iterator[None]:
        """Yield now and then until the articles are searchable, or can't be."""
        opening = self._open_articles()
        while wait([opening], LOOK).not_done:
            yield

    def run(
        self,
        ticket: Ticket,
        evidence: Evidence | None = None,
        case_id: str | None = None,
        problems: tuple[Problem, ...] = (),
    ) -> Generator[Case, None, None]:
        """Yield the Case each time that it has grown; the last one is whole. Closing stops it.

        It is ``find`` and then ``write``, with the arguments of ``find``.
        """
        found = yield from self.find(ticket, evidence, case_id, problems)
        yield from self.write(found)

    @property
    def article_notes(self) -> tuple[str, ...]:
        """What is wrong with the folder of articles; nothing while it is not indexed yet."""
        opening = self._opening
        if opening is None or not opening.done():
            return ()
        failed = opening.exception()
        if failed is not None:
            return (str(failed),) if isinstance(failed, MMCSError) else ()
        return opening.result().problems

    def find(
        self,
        ticket: Ticket,
        evidence: Evidence | None = None,
        case_id: str | None = None,
        problems: tuple[Problem, ...] = (),
        decided: Triage | None = None,
    ) -> Generator[Case, None, Case]:
        """Yield the Case as it grows, up to the instant draft, and return it. The language model
        has no part in it. While the articles are still being read, the same Case comes again and
        again, so that whoever waits for them can stop.

        Args:
            ticket: what the customer sent.
            evidence: what the agent has corrected; then nothing is heard, read or seen again.
            case_id: the Case's id; a random one if None.
            problems: what is known to be wrong already, such as a file that was refused.
            decided: the triage so far; what the agent has corrected in it stands.
        """
        case = Case(case_id or secrets.token_hex(6), ticket, triage=decided, problems=problems)
        return (yield from contained(case, "ticket", self._find(case, evidence)))

    def _find(self, case: Case, evidence: Evidence | None) -> Generator[Case, None, None]:
        ticket = case.ticket
        if not (ticket.customer_text or ticket.attachments or case.problems):
            case = case.with_problem("ticket", NOTHING_TO_ANSWER)
        case = self._with_news(case)
        if not ticket.customer_text and not ticket.attachments:
            yield case
            return
        case = within_limits(case)
        grown = replace(case, ticket=ticket)
        yield grown
        if evidence is not None:
            case = replace(case, evidence=evidence)
        stages = [] if evidence is not None else self._perception(case.ticket)
        stages += [
            Stage("entities", self._find_entities),
            Stage("triage", self._triage),
            Stage("retrieve", self._retrieve),
            Stage("instant", self._instant),
        ]
        for stage in stages:
            if stage.name == "retrieve":
                for _ in self._until_searchable():
                    yield grown
            case = self._with_news(stage.run(case))
            grown = replace(case, ticket=ticket)
            yield grown

    def writes(self, case: Case) -> bool:
        """Say whether ``write`` has anything to add to what ``find`` has found."""
        drafted = case.draft is not None and any(not c.courtesy for c in case.draft.claims)
        return drafted and self.models.state("chat").phase != "off"

    def write(self, found: Case) -> Generator[Case, None, None]:
        """Yield the Case with the model's draft as it grows, then with the one of the two drafts
        that was chosen; nothing if there is nothing to write. Closing stops the model.

        Args:
            found: the last Case that ``find`` yielded.
        """
        yield from contained(found, "draft", self._write(found))

    def _write(self, found: Case) -> Generator[Case, None, None]:
        if not self.writes(found):
            return
        if not self.wait_for_chat and self.models.waits("chat"):
            yield found.with_problem("draft", STILL_LOADING)
            return
        writer = Writer(self.settings, self.models, self.domain, self._checker)
        for case in writer.write(within_limits(found)):
            yield self._with_news(replace(case, ticket=found.ticket))

    def doubts(self, case: Case, reply: str) -> tuple[Claim, ...]:
        """Return the sentences of an agent's reply that state a fact, a deed or a promise which
        nothing supports. It waits for no model."""
        case, courtesies = within_limits(case), self.domain.courtesies
        loaded = self.models.ready("embedder") and not self.models.waits("verifier")
        checker = Checker(case, self._embedder, self._verifier, ()) if loaded else None
        return check_reply(case, reply, checker, courtesies)

    @property
    def explains(self) -> bool:
        """Whether ``explain`` has an answer: not every triager has, and none that still loads."""
        models = self.models
        return models.ready("triager") and isinstance(models.get("triager"), Explaining)

    def explain(self, case: Case, question: str) -> Explanation:
        """Return why a Case was filed as it was, in category, urgency or sentiment.

        Raises:
            ModelUnavailable: whoever filed it can't say.
            Unforeseen: something else went wrong.
        """
        with foreseen(case.id):
            triager = self.models.get("triager")
            if not isinstance(triager, Explaining):
                raise ModelUnavailable(CANNOT_SAY_WHY)
            case = to_answer(within_limits(case))
            return triager.explain(case.ticket, case.evidence, question)

    def _with_news(self, case: Case) -> Case:
        """Return the Case with what is known by now of models that can't be had, and of a cache
        that can't be written."""
        full = cache.news(self.settings.cache)
        known = (*self.models.problems, *([Problem("cache", full)] if full else []))
        news = tuple(p for p in known if p not in case.problems)
        return replace(case, problems=(*case.problems, *news)) if news else case

    def _perception(self, ticket: Ticket) -> list[Stage]:
        stages = []
        for attachment in ticket.attachments:
            if attachment.kind == "audio":
                stages.append(Stage("transcribe", partial(self._hear, attachment)))
        for attachment in ticket.attachments:
            if attachment.kind == "image":
                view = perceive.View(attachment, self.settings)
                stages.append(Stage("read", partial(self._read, view)))
                stages.append(Stage("tag", partial(self._look, view)))
        return stages

    def _hear(self, attachment: Attachment, case: Case) -> Case:
        hear = lambda model: perceive.hear(attachment, model, self.settings)  # noqa: E731
        case, heard = self._or_standby("transcriber", "transcribe", case, hear)
        transcripts = (*case.evidence.transcripts, heard)
        if not heard.segments:
            case = case.with_problem(
                "transcribe", f"Nobody is heard speaking in {heard.attachment}."
            )
        return replace(case, evidence=replace(case.evidence, transcripts=transcripts))

    def _read(self, view: perceive.View, case: Case) -> Case:
        reading = Reading(())
        try:
            with foreseen(case.id):
                reading = perceive.read(view, self.models.get("reader"))
        except BadInput:
            raise
        except MMCSError as error:  # what the image shows can still be told
            case = case.with_problem("read", str(error))
        return _with_picture(case, perceive.unseen(view, reading))

    def _look(self, view: perceive.View, case: Case) -> Case:
        name = view.attachment.name
        found = [p for p in case.evidence.images if p.attachment == name]
        if not found:  # it could not be decoded, and the Case says so already
            return case
        reading = Reading(found[0].lines)
        tagger = self.models.get("tagger")
        look = lambda captioner: perceive.look(view, reading, tagger, captioner)  # noqa: E731
        case, picture = self._or_standby("captioner", "tag", case, look)
        return _with_picture(case, picture)

    def _or_standby(
        self, role: Role, stage: str, case: Case, use: Callable[[Any], T]
    ) -> tuple[Case, T]:
        """Return what a model finds. The embedded one steps in where it fails at work, which is a
        Problem, and on the page until it is loaded."""
        if not self.models.has_standby(role):
            return case, use(self.models.get(role))
        if self.models.waits(role) and not self.wait_for_chat:
            return case, use(self.models.standby(role))
        try:
            with foreseen(case.id):
                return case, use(self.models.get(role))
        except (ModelUnavailable, Unforeseen) as error:
            case = case.with_problem(stage, str(error))
            return case, use(self.models.standby(role))

    def _find_entities(self, case: Case) -> Case:
        patterns = self.domain.entities
        entities = find_entities(case.ticket, case.evidence, patterns, date.today())
        conflicts = find_conflicts(entities, case.evidence)
        evidence = replace(case.evidence, entities=entities, conflicts=conflicts)
        return replace(case, evidence=evidence)

    def _triage(self, case: Case) -> Case:
        triager = self.models.get("triager")
        latest = to_answer(case)
        triage: Triage = triager.triage(latest.ticket, latest.evidence)
        return replace(case, triage=triage.after(case.triage))

    def _retrieve(self, case: Case) -> Case:
        language = draft_language(case, self.domain)
        threshold = self.domain.threshold
        knowledge = replace(self.knowledge, ranker=self._ranker)
        passages = retrieve(case, knowledge, language, PASSAGES, threshold)
        return replace(case, passages=passages)

    def _instant(self, case: Case) -> Case:
        return replace(case, draft=instant_draft(case, self.domain, self._checker(case)))

    def _checker(self, case: Case) -> Checker:
        return Checker(case, self._embedder, self._verifier, self.domain.courtesies)


def _with_picture(case: Case, picture: Picture) -> Case:
    others = [p for p in case.evidence.images if p.attachment != picture.attachment]
    return replace(case, evidence=replace(case.evidence, images=(*others, picture)))
