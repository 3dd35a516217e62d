"""Which of the two drafts is shown first."""

from __future__ import annotations

from dataclasses import replace

from mmcs.draft.facts import find_facts, is_admission
from mmcs.ticket import Claim, Draft

LEAST_KEPT = 0.6  # share of the instant draft's statements that the model's must rest on


def choose(instant: Draft, written: Draft) -> tuple[Draft, Draft]:
    """Return the draft to show and the other one, each saying why.

    The instant draft invents nothing, so the model's takes its place only if nothing in it is
    unsupported and it says, in the customer's language, most of what the articles say there. A
    model that finds no answer in the articles makes both doubtful.
    """
    claims = [claim for claim in written.claims if not claim.courtesy]
    marked = [claim for claim in claims if not claim.supported]
    if instant.refused:
        fault = "no article answers this"
    elif any(is_admission(claim.text) for claim in written.claims):
        fault = "it says that the articles don't answer"
        instant = replace(instant, doubtful=True)
        written = replace(written, doubtful=True)
    elif not claims:
        fault = "it says nothing that an article supports"
    elif marked:
        fault = f"{len(marked)} of its {len(claims)} sentences rest on nothing"
    elif any(_echoes(claim) for claim in claims):
        fault = "it tells the customer what the customer said"
    elif left_out := _left_out(instant, written):
        fault = f"it leaves out {left_out} of the articles' statements"
    elif written.language != instant.language:
        fault = "it is not in the customer's language"
    else:
        chosen = replace(written, why=f"All {len(claims)} sentences are supported. {written.why}")
        return chosen, replace(instant, why=f"Not chosen: the model's draft passed. {instant.why}")
    return instant, replace(written, why=f"Not chosen: {fault}. {written.why}")


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
