"""Does a sentence say that something was done? No article can know that of one customer.

Told by grammar, not by a list of samples: by the tense and aspect of the main clause, and by who
acts in it. A policy speaks in the present ("Refunds are sent …"), of what may be ("If your parcel
was damaged, …", "Once we have received it, …") or of a kind of thing ("Orders placed before 2 pm
…"); a deed is past, perfect or under way ("is on its way"; 已, 了 or 正在).
"""

from __future__ import annotations

import re
from functools import lru_cache

from mmcs.draft.deeds import chinese, english
from mmcs.draft.deeds.deed import Deed
from mmcs.sentences import script

__all__ = ["Deed", "find_deeds"]

MOST = 1_000  # characters of a sentence that are looked at; a longer one is none

_QUOTED = re.compile(
    r"[“\"«「『][^”\"»」』]{0,80}[”\"»」』]|(?<!\w)['‘][^'’]{1,60}['’](?!\w)|`[^`]{0,80}`"
)


@lru_cache(4096)
def find_deeds(text: str) -> tuple[Deed, ...]:
    """Return what a sentence says was done. What a question asks is left out."""
    plain = _QUOTED.sub(" quote ", text.strip()[:MOST])
    if plain.endswith(("?", "？")):  # "We refunded you, didn't we?" says the first part
        plain = re.sub(r"(?:^|[,，;；:：])[^,，;；:：]*$", "", plain)
    found = chinese.deeds(plain) if script(text) == "zh" else english.deeds(plain)
    return tuple(dict.fromkeys(found))
