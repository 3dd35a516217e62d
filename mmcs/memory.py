"""What this process keeps of the memory that it took.

Reading an image takes hundreds of megabytes for a second. As it comes, glibc's malloc keeps them,
once for each thread that ever read one: 3.5 GB after fifty images, where 1.9 are enough. To take
them anew costs each image a tenth of its time. Elsewhere than in glibc nothing here does anything.
"""

from __future__ import annotations

import ctypes
import sys

# By the numbers of its malloc.h.
SETTINGS = {
    -8: 2,  # M_ARENA_MAX, for all threads together
    -3: 8 << 20,  # M_MMAP_THRESHOLD, bytes; from 1 MB on, reading would take a fifth longer
    -1: 8 << 20,  # M_TRIM_THRESHOLD, bytes that may stay free at an arena's end
}
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_GLIBC = _LIBC if hasattr(_LIBC, "mallopt") and hasattr(_LIBC, "malloc_trim") else None


def bound() -> None:
    """Let malloc keep little, whatever thread takes it; before anything large is taken."""
    if _GLIBC:
        for parameter, value in SETTINGS.items():
            _GLIBC.mallopt(parameter, value)


def give_back() -> None:
    """Give back what is free between blocks that are not; takes some milliseconds."""
    if _GLIBC:
        _GLIBC.malloc_trim(0)
