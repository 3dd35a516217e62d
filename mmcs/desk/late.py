"""A pipeline whose stages are imported when the page is already served: they take seconds."""

from __future__ import annotations

import threading
from collections.abc import Generator
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from mmcs.domain import Domain, domain_of
from mmcs.explanation import Explanation
from mmcs.models import Indexing, Models
from mmcs.settings import Settings
from mmcs.ticket import Case, Claim, Evidence, Problem, Ticket, Triage

if TYPE_CHECKING:
    from mmcs.pipeline import Pipeline


class Stages(Protocol):
    """What the desk needs of a pipeline; ``mmcs.pipeline.Pipeline`` is one."""

    settings: Settings
    models: Models
    domain: Domain

    @property
    def article_notes(self) -> tuple[str, ...]:
        """What is wrong with the folder of articles, as far as it is known."""

    @property
    def indexing(self) -> Indexing | None:
        """How many of the articles are read; None once they are searchable, or can't be."""

    def find(
        self,
        ticket: Ticket,
        evidence: Evidence | None = None,
        case_id: str | None = None,
        problems: tuple[Problem, ...] = (),
        decided: Triage | None = None,
    ) -> Generator[Case, None, Case]:
        """Yield the Case as it grows, up to the instant draft, and return it."""

    def writes(self, case: Case) -> bool:
        """Say whether ``write`` has anything to add to what ``find`` has found."""

    def write(self, found: Case) -> Generator[Case, None, None]:
        """Yield the Case with the model's draft as it grows, then with the chosen one."""

    def doubts(self, case: Case, reply: str) -> tuple[Claim, ...]:
        """Return the sentences of an agent's reply that nothing supports, and that may be wrong."""

    @property
    def explains(self) -> bool:
        """Whether whoever files tickets can say why."""

    def explain(self, case: Case, question: str) -> Explanation:
        """Return why a Case was filed as it was."""


class LatePipeline:
    """Knows its domain at once, and its stages when the first ticket comes."""

    def __init__(self, settings: Settings) -> None:
        """Read the domain.

        Raises:
            KnowledgeError, UsageError: the domain cannot be used.
        """
        self.settings = settings
        self.models = Models(settings)
        self.domain: Domain = domain_of(settings)
        self._once = threading.Lock()

    def start(self) -> None:
        """Begin to load the models, and to import the stages, behind the page."""
        self.models.start()
        begin = lambda: self._pipeline.start()  # noqa: E731  # importing the stages takes seconds
        threading.Thread(target=begin, name="mmcs-stages", daemon=True).start()

    @property
    def article_notes(self) -> tuple[str, ...]:
        """What is wrong with the folder of articles; see ``Pipeline.article_notes``."""
        made = self.__dict__.get("_made")  # a look at the page imports no stage
        return made.article_notes if made else ()

    @property
    def indexing(self) -> Indexing | None:
        """How many of the articles are read; see ``Pipeline.indexing``."""
        made = self.__dict__.get("_made")
        return made.indexing if made else Indexing()

    def stop(self) -> None:
        """Read no more articles; see ``Pipeline.stop``."""
        made = self.__dict__.get("_made")
        if made:
            made.stop()

    def find(
        self,
        ticket: Ticket,
        evidence: Evidence | None = None,
        case_id: str | None = None,
        problems: tuple[Problem, ...] = (),
        decided: Triage | None = None,
    ) -> Generator[Case, None, Case]:
        """Yield the Case as it grows, up to the instant draft; see ``Pipeline.find``."""
        return (yield from self._pipeline.find(ticket, evidence, case_id, problems, decided))

    def writes(self, case: Case) -> bool:
        """Say whether there is anything to write; see ``Pipeline.writes``."""
        return self._pipeline.writes(case)

    def write(self, found: Case) -> Generator[Case, None, None]:
        """Yield the Case with the model's draft as it grows; see ``Pipeline.write``."""
        yield from self._pipeline.write(found)

    def doubts(self, case: Case, reply: str) -> tuple[Claim, ...]:
        """Return what is doubtful in a reply, nothing before the stages are imported; see
        ``Pipeline.doubts``."""
        made = self.__dict__.get("_made")
        return made.doubts(case, reply) if made else ()

    @property
    def explains(self) -> bool:
        """Whether whoever files tickets can say why; see ``Pipeline.explains``."""
        made = self.__dict__.get("_made")
        return made is not None and made.explains

    def explain(self, case: Case, question: str) -> Explanation:
        """Return why a Case was filed as it was; see ``Pipeline.explain``."""
        return self._pipeline.explain(case, question)

    @property
    def _pipeline(self) -> Pipeline:
        with self._once:
            return self._made

    @cached_property
    def _made(self) -> Pipeline:
        from mmcs.pipeline import Pipeline

        return Pipeline(self.settings, self.models, wait_for_chat=False)
