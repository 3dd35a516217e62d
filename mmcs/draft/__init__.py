"""Case to Draft: what to say, who says it, and what each sentence rests on."""

from mmcs.draft.check import Checker
from mmcs.draft.choose import another_may_pass, choose
from mmcs.draft.instant import draft_language, instant_draft
from mmcs.draft.prompt import (
    WORDINGS,
    lesson_messages,
    model_draft,
    plain_draft,
    warm_up_messages,
)
from mmcs.draft.reply import check_reply

__all__ = [
    "WORDINGS",
    "Checker",
    "another_may_pass",
    "check_reply",
    "choose",
    "draft_language",
    "instant_draft",
    "lesson_messages",
    "model_draft",
    "plain_draft",
    "warm_up_messages",
]
