"""Which words the page needs in each language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mmcs.ticket import EntityKind, ImageKind

Words = Mapping[str, str]  # a key of the code -> what people read


@dataclass(frozen=True)
class Texts:
    """The words of one language."""

    # the top
    product: str
    roles: Words  # by Role
    phases: Words  # by Phase, and "fetching"
    ready_count: str
    all_ready: str
    articles_read: str
    article_notes: str
    language_label: str

    # the ticket
    ticket: str
    new: str
    message: str
    attach: str
    attach_hint: str
    drop: str
    record: str
    stop_recording: str
    draft: str
    draft_again: str
    stop: str
    samples: str
    mine: str
    no_tickets: str
    conversation: str
    authors: Words  # by Author
    statuses: Words
    shows: str
    afresh: str
    afresh_hint: str
    remove: str
    untitled: str

    # the evidence
    evidence: str
    evidence_empty: str
    steps: Words  # by stage: what it will bring
    working: Words  # by stage: what it is doing now
    waiting_turn: str
    ahead: str
    stopped: str
    seconds: str
    play: str
    no_speech: str
    no_lines: str
    lines: str
    editable: str
    corrected: str
    zoom: str
    no_preview: str
    found: str
    nothing_found: str
    conflict: str
    conflict_values: str
    kinds: Mapping[EntityKind, str]
    image_kinds: Mapping[ImageKind, str]
    triage: str
    verdicts: Words
    languages: Words
    passages: str
    no_passages: str
    problems: str
    stages: Words  # by stage: where a Problem arose
    source_text: str
    source_reply: str
    source_audio: str
    source_line: str
    sure: str

    # why a ticket was filed so
    decided_by: str
    choose: Words  # by question: what the list of labels is for
    filed_by_agent: str
    filed: str
    why: str
    why_this: Words  # by question
    why_working: str
    why_answer: str
    why_most: str
    why_alone: str
    why_changed: str
    why_corrected: str
    why_parts: Words
    why_nothing: str
    why_together: str
    channels: Words  # by Channel
    channels_many: Words
    speaks: Words  # for it, or against it
    in_points: str
    points: str
    why_region: str
    why_stretch: str
    alike: str

    # the draft
    drafts: str
    draft_empty: str
    legend_good: str
    legend_bad: str
    instant: str
    being_written: str
    reading: str
    use: str
    unsupported: str
    unsupported_words: str
    refused: str
    thanked: str
    doubtful: str
    rests_on: str
    first_word: str
    written_in: str
    stopped_draft: str
    claims_one: str
    claims_good: str
    claims_bad: str

    # the reply
    reply: str
    reply_hint: str
    joined: str
    copy: str
    copied: str
    send: str
    send_note: str
    sent: str
    warn: str
    send_anyway: str
    back: str
    nothing_to_send: str
    elsewhere: Words  # by TextName
    elsewhere_empty: str
    elsewhere_keep: str
    elsewhere_take: str

    # the admin part of a Space
    admin: str
    admin_seen_by: str
    admin_models: str
    admin_tickets: str
    admin_articles: str
    admin_no_notes: str
    admin_machine: str
    admin_again: str
