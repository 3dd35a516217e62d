"""The models' files: one table, fetched once, checked by SHA-256, kept in the user's cache.

``table`` says what there is, ``sources`` knows where bytes come from, ``cache`` lets nothing in
that is not what the table says.
"""

from mmcs.weights.cache import State, check, fetch, fetch_gguf, fetch_row, recorded
from mmcs.weights.progress import Fetch, progress
from mmcs.weights.sources import stop
from mmcs.weights.table import CHAT_ROWS, File, Part, Row, row, rows

__all__ = [
    "CHAT_ROWS",
    "Fetch",
    "File",
    "Part",
    "Row",
    "State",
    "check",
    "fetch",
    "fetch_gguf",
    "fetch_row",
    "progress",
    "recorded",
    "row",
    "rows",
    "stop",
]
