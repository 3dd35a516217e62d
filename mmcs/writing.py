"""The second half of the way: the model's draft beside the instant one, and which of them is shown.

As in ``pipeline``, errors become Problems here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import dataclass, replace

from mmcs import perceive
from mmcs.boundary import contained, foreseen
from mmcs.domain import Domain
from mmcs.draft import Checker, another_may_pass, choose, model_draft
from mmcs.errors import BadInput, MMCSError, ModelUnavailable, Unforeseen
from mmcs.models import Models
from mmcs.roles import ChatModel, ChatOptions, Image
from mmcs.settings import Settings
from mmcs.ticket import Case

MOST_IMAGES = 3  # that a multimodal model looks at; each costs it about a thousand tokens
# A draft that the check doesn't let through is written once more, more freely, by an engine that
# writes several at a time and took no longer than this for the first.
SECOND_WITHIN = 5.0  # seconds
SECOND = ChatOptions(temperature=0.7)
STANDBY = "The embedded language model writes this draft instead."


@dataclass(frozen=True)
class Writer:
    """Lets the language model draft, with the check beside it."""

    settings: Settings
    models: Models
    domain: Domain
    checker_of: Callable[[Case], Checker]

    def write(self, case: Case) -> Generator[Case, None, None]:
        """Yield the Case as the language model writes; if it fails, the embedded one begins anew,
        and the Case says so. Closing stops the model.

        Args:
            case: with the instant draft.
        """
        try:
            with foreseen(case.id):
                yield from self._written_by(self.models.get("chat"), case)
        except MMCSError as error:
            case = case.with_problem("draft", str(error))
            failed = isinstance(error, ModelUnavailable | Unforeseen)
            if not (failed and self.models.has_standby("chat")):
                yield case
                return
            case = case.with_problem("draft", STANDBY)
            yield case
            yield from contained(case, "draft", self._by_standby(case))

    def _by_standby(self, case: Case) -> Generator[Case, None, None]:
        yield from self._written_by(self.models.standby("chat"), case)

    def _written_by(self, chat: ChatModel, case: Case) -> Generator[Case, None, None]:
        begun = time.perf_counter()
        instant = case.draft
        assert instant is not None  # noqa: S101  # the pipeline has seen to it
        checker = self.checker_of(case)
        images = self._shown(case) if chat.images else ()
        with closing(model_draft(case, self.domain, chat, checker, images)) as growing:
            for written in growing:
                if "first_token" not in case.seconds:
                    case = case.timed("first_token", time.perf_counter() - begun)
                yield replace(case, alternatives=(written,))
        quick = chat.at_once > 1 and time.perf_counter() - begun <= SECOND_WITHIN
        if quick and another_may_pass(instant, written):
            case = replace(case, alternatives=(written,))
            with closing(model_draft(case, self.domain, chat, checker, images, SECOND)) as growing:
                for grown in growing:
                    second = grown
                    yield case  # the first stays in view, and whoever reads may close this
            if choose(instant, second)[0].engine == second.engine:
                written = replace(second, why=f"The second that was written. {second.why}")
        chosen, other = choose(instant, written)
        case = replace(case, draft=chosen, alternatives=(other,))
        yield case.timed("draft", time.perf_counter() - begun)

    def _shown(self, case: Case) -> tuple[Image, ...]:
        """Return the latest images that the customer sent, for a model that looks at them itself.
        One that can't be decoded is a Problem of the Case already."""
        shown: list[Image] = []
        for attachment in case.ticket.attachments[::-1]:
            if attachment.kind == "image" and len(shown) < MOST_IMAGES:
                with suppress(BadInput):
                    shown.append(perceive.View(attachment, self.settings).image)
        return tuple(shown[::-1])
