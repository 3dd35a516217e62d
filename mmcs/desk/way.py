"""A ticket's way through the pipeline as the page follows it: what is there, and what comes now."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace

from mmcs.desk.late import Runs
from mmcs.desk.render import Step, steps_of
from mmcs.desk.tickets import PERCEPTION, covers, merged
from mmcs.intake import Request, take
from mmcs.roles import Role
from mmcs.ticket import Case, Evidence

LEAST_WAIT = 0.08  # seconds between two looks at a draft that is being written
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
    """A Case, and what is being worked on."""

    case: Case
    now: Step


class Way:
    """Runs one ticket at a time, also when a run that was stopped is still in its last stage."""

    def __init__(self, pipeline: Runs) -> None:
        self._pipeline = pipeline
        self._engine = threading.Lock()  # Gradio's lane is free as soon as a run is cancelled

    def go(self, case: Case) -> Generator[Progress]:
        """Yield the Case as it grows. Evidence that is there is not looked for again."""
        with self._engine:
            ticket = case.ticket
            evidence = merged(Evidence(), case.evidence, ticket)
            if ticket.attachments and covers(evidence, ticket):
                yield from self._understood(case, evidence)
            elif evidence.transcripts or evidence.images:
                yield from self._with_new_files(case, evidence)
            else:
                yield from self._run(case, None)

    def whole(self, text: str, audio: tuple[str, ...], images: tuple[str, ...]) -> Case:
        """Return the whole Case of what a script sent."""
        request = Request("", text, audio, images)
        ticket, problems = take(request, self._pipeline.settings)
        case = Case("", ticket, problems=problems)
        with self._engine:
            for grown in self._pipeline.run(ticket, problems=problems):
                case = grown
        return case

    def _understood(self, case: Case, evidence: Evidence) -> Generator[Progress]:
        """Make only the draft anew; what the evidence took is kept."""
        before = {s: t for s, t in case.seconds.items() if s in PERCEPTION}
        with closing(self._run(case, evidence)) as growing:
            for progress in growing:
                seconds = {**before, **progress.case.seconds}
                yield replace(progress, case=replace(progress.case, seconds=seconds))

    def _with_new_files(self, case: Case, evidence: Evidence) -> Generator[Progress]:
        """Look at the new files first; then draft from them and the evidence that was there."""
        found = case
        with closing(self._run(case, None)) as growing:
            for progress in growing:
                found = progress.case
                if "entities" in found.seconds:
                    break
                yield progress
        yield from self._understood(found, merged(found.evidence, evidence, case.ticket))

    def _run(self, case: Case, evidence: Evidence | None) -> Generator[Progress]:
        stages = {"attach"} if evidence is None else {"attach", *PERCEPTION}
        problems = tuple(p for p in case.problems if p.stage in stages)
        steps = steps_of(case, understood=evidence is not None)
        shown = 0.0
        growing = self._pipeline.run(case.ticket, evidence, case.id, problems)
        with closing(growing):
            for number, grown in enumerate(growing):
                now = steps[number] if number < len(steps) else WRITING
                writing = now is WRITING and "draft" not in grown.seconds
                if writing and grown.alternatives and time.monotonic() - shown < LEAST_WAIT:
                    continue
                shown = time.monotonic()
                yield Progress(grown, replace(now, loading=self._loads(now.stage)))

    def _loads(self, stage: str) -> bool:
        """Say whether a stage has to wait for its model."""
        return stage in ROLE_OF_STAGE and not self._pipeline.models.ready(ROLE_OF_STAGE[stage])
