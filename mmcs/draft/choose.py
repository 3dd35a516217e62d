"""Which of the two drafts is shown first."""

from __future__ import annotations

from dataclasses import replace

from mmcs.ticket import Draft


def choose(instant: Draft, written: Draft) -> tuple[Draft, Draft]:
    """Return the draft to show and the other one, each saying why.

    The instant draft invents nothing, so the model's takes its place only if nothing in it is
    unsupported and it carries something beyond courtesies, in the customer's language.
    """
    claims = [claim for claim in written.claims if not claim.courtesy]
    marked = [claim for claim in claims if not claim.supported]
    if instant.refused:
        fault = "no article answers this"
    elif not claims:
        fault = "it says nothing that an article supports"
    elif marked:
        fault = f"{len(marked)} of its {len(claims)} sentences rest on nothing"
    elif written.language != instant.language:
        fault = "it is not in the customer's language"
    else:
        chosen = replace(written, why=f"All {len(claims)} sentences are supported. {written.why}")
        return chosen, replace(instant, why=f"Not chosen: the model's draft passed. {instant.why}")
    return instant, replace(written, why=f"Not chosen: {fault}. {written.why}")
