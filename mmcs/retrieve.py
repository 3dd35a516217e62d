"""A Case to the passages that help: what the customer wrote, said and showed last is asked."""

from __future__ import annotations

from mmcs.knowledge import Knowledge, Query
from mmcs.ticket import Case, Passage
from mmcs.turns import asks_nothing, to_answer


def retrieve(
    case: Case, knowledge: Knowledge, language: str, top_k: int, threshold: float | None = None
) -> tuple[Passage, ...]:
    """Return the passages that help with a Case, likeliest first; none if none is likely to answer.

    Args:
        case: what the customer wrote, said and showed.
        knowledge: the articles.
        language: in which the reply will be, ISO 639-1.
        top_k: at most so many passages.
        threshold: chance of the best passage from which an article helps; None: the fitted one.
    """
    if asks_nothing(case):
        return ()
    latest = to_answer(case)
    whole, *parts = queries_of(latest, language)
    found = knowledge.search(whole, top_k, threshold, parts)
    earlier = [m.text for m in latest.ticket.messages[:-1] if m.author == "customer"]
    before = "\n".join(earlier)
    if found or not before.strip():
        return found
    return knowledge.search(Query(written=before, language=language), top_k, threshold)


def queries_of(case: Case, language: str) -> list[Query]:
    """Return what a Case asks: all of it together, then what was written and what was said, since
    either may ask by itself."""
    written = case.ticket.customer_text
    spoken = " ".join(heard.text for heard in case.evidence.transcripts)
    shown = " ".join(line.text for image in case.evidence.images for line in image.lines)
    entities = tuple(entity.value for entity in case.evidence.entities)
    whole = Query(written, spoken, shown, entities, language)
    if sum(bool(part.strip()) for part in (written, spoken, shown)) < 2:
        return [whole]
    alone = (part for part in (written, spoken) if part.strip())
    return [whole, *(Query(written=part, language=language) for part in alone)]
