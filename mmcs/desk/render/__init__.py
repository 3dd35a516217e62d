"""Case to HTML. Nothing here decides anything; all text is escaped."""

from mmcs.desk.render.cards import Step, steps_of
from mmcs.desk.render.choice import choice, follow
from mmcs.desk.render.drafts import drafts
from mmcs.desk.render.evidence import evidence, problems
from mmcs.desk.render.parts import View
from mmcs.desk.render.side import (
    SETTLED,
    attachments,
    conversation,
    header,
    lists,
    remark,
    saved,
    title,
    warning,
)
from mmcs.desk.render.why import labels_of

__all__ = [
    "SETTLED",
    "Step",
    "View",
    "attachments",
    "choice",
    "conversation",
    "drafts",
    "evidence",
    "follow",
    "header",
    "labels_of",
    "lists",
    "problems",
    "remark",
    "saved",
    "steps_of",
    "title",
    "warning",
]
