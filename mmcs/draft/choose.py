"""Which of the two drafts is shown first."""

from __future__ import annotations

from dataclasses import replace

from mmcs.draft.facts import find_facts, is_admission
from mmcs.ticket import Claim, Draft

NO_ANSWER = "it says that the articles don't answer"
LEAST_KEPT = 0.6  # share of the instant draft's statements that the model's must rest on


def choose(instant: Draft, written: Draft) -> tuple[Draft, Draft]:
    """Return the draft to show and the other one, each saying why.

    The instant draft invents nothing, so the model's takes its place only if nothing in it is
    unsupported and it says, in the customer's language, most of what the articles say there. A
    model that finds no answer in the articles makes both doubtful.
    """
    fault = _fault(instant, written)
    if not fault:
        said = sum(not claim.courtesy for claim in written.claims)
        chosen = replace(written, why=f"All {said} sentences are supported. {written.why}")
        return chosen, replace(instant, why=f"Not chosen: the model's draft passed. {instant.why}")
    if fault == NO_ANSWER:
        instant, written = replace(instant, doubtful=True), replace(written, doubtful=True)
    return instant, replace(written, why=f"Not chosen: {fault}. {written.why}")


def another_may_pass(instant: Draft, written: Draft) -> bool:
    """Say whether the model's draft failed by how it was written, so that another one may not."""
    return not instant.refused and _fault(instant, written) not in {"", NO_ANSWER}


def _fault(instant: Draft, written: Draft) -> str:
    """Return why the model's draft doesn't take the instant one's place; empty if it does."""
    claims = [claim for claim in written.claims if not claim.courtesy]
    marked = [claim for claim in claims if not claim.supported]
    if instant.refused:
        return "no article answers this"
    if any(is_admission(claim.text) for claim in written.claims):
        return NO_ANSWER
    if not claims:
        return "it says nothing that an article supports"
    if marked:
        return f"{len(marked)} of its {len(claims)} sentences rest on nothing"
    if any(_echoes(claim) for claim in claims):
        return "it tells the customer what the customer said"
    if left_out := _left_out(instant, written):
        return f"it leaves out {left_out} of the articles' statements"
    return "" if written.language == instant.language else "it is not in the customer's language"


def _left_out(instant: Draft, written: Draft) -> int:
    """Return how many of the articles' sentences the instant draft quotes and the model's doesn't
    rest on; 0 if it keeps enough of them."""
    wanted = {claim.support[0] for claim in instant.claims if claim.support}
    kept = wanted & {support for claim in written.claims for support in claim.support}
    return 0 if len(kept) >= LEAST_KEPT * len(wanted) else len(wanted - kept)


def _echoes(claim: Claim) -> bool:
    """Say whether nothing but the customer's own words carries a claim, and no fact needs them."""
    kinds = {support.kind for support in claim.support}
    return bool(kinds) and kinds <= {"text", "transcript"} and not find_facts(claim.text)
