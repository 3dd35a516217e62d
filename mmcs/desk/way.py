"""A ticket's way through the pipeline as the page follows it: what is there, and what comes now."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace

from mmcs.desk.late import Runs
from mmcs.desk.reasons import Reason
from mmcs.desk.render import Step, steps_of
from mmcs.desk.tickets import PERCEPTION, covers, merged
from mmcs.desk.turns import Turns
from mmcs.errors import MMCSError
from mmcs.intake import Request, take
from mmcs.roles import Role
from mmcs.ticket import Case, Claim, Evidence

LEAST_WAIT = 0.08  # seconds between two looks at a draft that is being written
# Ten agents who draft every two minutes come 12 s apart, and a model's draft takes about as long.
# Whoever waits longer than this has a draft to work with, and lets the next one have their turn.
PATIENCE = 12.0  # seconds from the instant draft to the turn at the language model
OTHERS_WAITED = (
    "Others were waiting for the language model; the draft is made of the articles' own sentences. "
    "Press Draft again for the model's."
)
QUEUED = Step("queue")
WRITING = Step("draft")
ROLE_OF_STAGE: Mapping[str, Role] = {
    "transcribe": "transcriber",
    "read": "reader",
    "tag": "tagger",
    "triage": "triager",
    "retrieve": "embedder",
    "instant": "embedder",
}


@dataclass(frozen=True)
class Progress:
    """A Case, and what is being worked on; None if nothing is."""

    case: Case
    now: Step | None


class Way:
    """Runs tickets through each half of the way: finding what helps, up to the instant draft, one
    ticket at a time; and writing the model's, as many at a time as the model writes. One ticket's
    evidence is looked for while another's draft is written.

    A run that was stopped may still be in its last stage when Gradio's lane is free again; so each
    half takes turns besides.
    """

    def __init__(self, pipeline: Runs) -> None:
        self._pipeline = pipeline
        self._engine = threading.Lock()
        self._writers = Turns(lambda: pipeline.models.drafts_at_once)

    @property
    def most_drafts(self) -> int:
        """How many drafts may be written at once."""
        return self._pipeline.models.most_drafts

    def find(self, case: Case) -> Generator[Progress]:
        """Yield the Case as it grows, up to the instant draft. Evidence that is there is not looked
        for again."""
        with self._engine:
            ticket = case.ticket
            evidence = merged(Evidence(), case.evidence, ticket)
            if ticket.attachments and covers(evidence, ticket):
                yield from self._understood(case, evidence)
            elif evidence.transcripts or evidence.images:
                yield from self._with_new_files(case, evidence)
            else:
                yield from self._found(case, None)

    def doubts(self, case: Case, reply: str) -> tuple[Claim, ...]:
        """Return the sentences of an agent's reply that nothing supports, and that may be wrong. It
        waits for no other ticket."""
        return self._pipeline.doubts(case, reply)

    @property
    def explains(self) -> bool:
        """Whether whoever files tickets can say why."""
        return self._pipeline.explains

    def explain(self, case: Case, question: str) -> Reason:
        """Return why a Case was filed as it was, or the sentence that says why nobody can tell. It
        takes its turn with the tickets that are being understood."""
        with self._engine:
            try:
                return Reason(question, self._pipeline.explain(case, question))
            except MMCSError as error:
                return Reason(question, problem=str(error))

    def after(self, found: Case, ahead: int = 0) -> Step | None:
        """Return what comes when everything is found, with ``ahead`` others waiting before; None if
        there is nothing to write."""
        if not self._pipeline.writes(found):
            return None
        if self._writers.free and not ahead:
            return WRITING
        return replace(QUEUED, ahead=ahead + 1)  # … and whoever has the turn now

    def write(self, found: Case, since: float) -> Generator[Progress]:
        """Yield the Case as the model's draft grows, or with a Problem if its turn came too late.

        Args:
            found: what ``find`` has found.
            since: when that was, by ``time.monotonic()``.
        """
        with self._writers.one():
            if time.monotonic() - since > PATIENCE:
                yield Progress(found.with_problem("draft", OTHERS_WAITED), WRITING)
                return
            yield Progress(found, WRITING)  # a run that was stopped while it waited ends here
            shown = 0.0
            with closing(self._pipeline.write(found)) as growing:
                for grown in growing:
                    being_written = grown.alternatives and "draft" not in grown.seconds
                    if being_written and time.monotonic() - shown < LEAST_WAIT:
                        continue
                    shown = time.monotonic()
                    yield Progress(grown, WRITING)

    def whole(self, text: str, audio: tuple[str, ...], images: tuple[str, ...]) -> Case:
        """Return the whole Case of what a script sent; scripts have patience."""
        request = Request("", text, audio, images)
        ticket, problems = take(request, self._pipeline.settings)
        case = Case("", ticket, problems=problems)
        with self._engine:
            for grown in self._pipeline.find(ticket, problems=problems):
                case = grown
        with self._writers.one():
            for grown in self._pipeline.write(case):
                case = grown
        return case

    def _understood(self, case: Case, evidence: Evidence) -> Generator[Progress]:
        """Make only the draft anew; what the evidence took is kept."""
        before = {s: t for s, t in case.seconds.items() if s in PERCEPTION}
        with closing(self._found(case, evidence)) as growing:
            for progress in growing:
                seconds = {**before, **progress.case.seconds}
                yield replace(progress, case=replace(progress.case, seconds=seconds))

    def _with_new_files(self, case: Case, evidence: Evidence) -> Generator[Progress]:
        """Look at the new files first; then draft from them and the evidence that was there."""
        found = case
        with closing(self._found(case, None)) as growing:
            for progress in growing:
                found = progress.case
                if "entities" in found.seconds:
                    break
                yield progress
        yield from self._understood(found, merged(found.evidence, evidence, case.ticket))

    def _found(self, case: Case, evidence: Evidence | None) -> Generator[Progress]:
        stages = {"attach"} if evidence is None else {"attach", *PERCEPTION}
        problems = tuple(p for p in case.problems if p.stage in stages)
        steps = steps_of(case, understood=evidence is not None)
        decided = case.triage if case.triage and case.triage.corrected else None
        growing = self._pipeline.find(case.ticket, evidence, case.id, problems, decided)
        with closing(growing):
            before, number = None, -1
            for grown in growing:
                number += grown is not before  # the same one again waits for the articles
                before = grown
                now = steps[number] if number < len(steps) else WRITING
                indexing = self._pipeline.indexing if now.stage == "retrieve" else None
                loading = self._loads(now.stage)
                yield Progress(grown, replace(now, loading=loading, indexing=indexing))

    def _loads(self, stage: str) -> bool:
        """Say whether a stage has to wait for its model."""
        return stage in ROLE_OF_STAGE and not self._pipeline.models.ready(ROLE_OF_STAGE[stage])
