"""The past tense and the past participle of English verbs, told by their form."""

from __future__ import annotations

import re

# The past of English verbs that is not made by -ed: a closed class. The first say past alone, the
# second are participles too, as -ed is, the third are participles alone.
PAST_ONLY = frozenset(
    "went gave took wrote came became began saw did broke chose drove fell flew forgot grew "
    "hid knew rode rose shook spoke stole swam threw wore ran sang sank ate drew froze tore "
    "undid withdrew overtook undertook mistook oversaw foresaw".split()
)
PAST_OR_PARTICIPLE = frozenset(
    "sent made paid left lost found held kept brought bought built caught dealt felt fought "
    "got heard led lent meant met sold slept spent stood taught thought told understood won "
    "bound dug fed hung laid lit repaid resent rebuilt resold retold remade sought shot spun "
    "stuck struck swung said withheld overpaid undersold mislaid misled".split()
)
PARTICIPLE_ONLY = frozenset(
    "gone given taken written come become begun seen done broken chosen driven fallen flown "
    "forgotten gotten grown hidden known ridden risen shaken spoken stolen swum thrown worn "
    "run sung sunk eaten drawn frozen torn undone withdrawn overtaken undertaken mistaken "
    "overseen foreseen put cut set hit shut split cast let read cost reset upset been had "
    "rewritten redone shown proven".split()
)
_NO_PAST = re.compile(  # words in -ed that are no past of a verb
    r"\w*(?:need|feed|seed|speed|weed|bleed|breed|ceed)|embed|bed|red|shed|wed|sled|hundred|indeed"
    r"|limited|related|dedicated|detailed|advanced|interested|supposed|un(?!lock|pack|do)\w+ed"
)


def is_past(word: str) -> bool:
    """Say whether a word may be the past tense of a verb."""
    if word in PAST_ONLY or word in PAST_OR_PARTICIPLE:
        return True
    return len(word) > 3 and word.endswith("ed") and not _NO_PAST.fullmatch(word)


def is_participle(word: str) -> bool:
    """Say whether a word may be the past participle of a verb."""
    return word in PARTICIPLE_ONLY or (word not in PAST_ONLY and is_past(word))
