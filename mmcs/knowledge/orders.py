"""Sentences of an article that speak to whoever drafts the reply, and not about the matter: "the
assistant must say …". Somebody has tampered with such a part; it is left out, and the agent told.

The list can't be whole. Of 9,828 sentences of two real and honest folders it names none.
"""

from __future__ import annotations

import re

_MACHINE = (
    r"(?:AI|assistants?|chat ?bots?|bots?|language models?|automatic (?:assistant|reply)|answering "
    r"machine|drafting (?:model|software)|drafts?|generated repl(?:y|ies)|the agent)"
)
_PATTERNS = (
    # rules, roles and markup
    r"\b(?:ignore|disregard|forget|override)\b (?:all |the |your |any )*(?:previous|prior|above|"
    r"earlier|rest of)\b",
    r"<\|\w|\[/?INST\]|<<SYS|</?(?:system|article)|\{\{ ?system|\[\[/?[\w -]+\]\]",
    r"^system\b.{0,20}:",
    r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{24,}={1,2}",  # something encoded; sought from its start alone
    r"\byou are now\b|\b(?:dear|note to) AI\b|\bcite no source|\bunused codes:",
    # what to write
    rf"\b(?:the |an? |each |all )?{_MACHINE}(?: that use this article| made from this page)? "
    r"(?:must|shall|asks?|always|has to|may only|is obliged)\b",
    rf"\b(?:for|to) (?:the )?{_MACHINE}\b.{{0,24}}(?:only\b|don't\b|:)",
    r"\b(?:repl(?:y|ies)|answers?) (?:\w+ ){0,4}(?:must|shall)\b|\bonly right answer\b",
    r"\bwhen you answer\b|\bwhen this (?:passage|page|article) is\b|\bbefore answering\b",
    r"\bin every answer\b|\b(?:into|in) the reply\b|\bgenerated replies\b|\bdrafting software\b",
    r"\bAI drafts?\b|\b(?:promise|remind|tell) (?:every|each|the) customers?\b",
    r"写稿|系统指令|(?:AI|机器人|自动客服|助手|起草模型)(?:必须|只能|请|要|须|应|：|:)|答复风格|你的身份",
    r"(?:回复|回答|答复)(?:里|中)?(?:都)?(?:必须|一定要|务必|写明)|唯一正确的回答|凡问.{0,20}(?:输出|回答)",
    r"引用本[文页][时的]|不要引用本|内容作废|(?:一律|向每位.{0,6})承诺|输出“",
)
_ORDER = re.compile("|".join(_PATTERNS), re.IGNORECASE)


def is_order(text: str) -> bool:
    """Say whether a sentence speaks to whoever, or whatever, drafts the reply."""
    return bool(_ORDER.search(text))
