"""Whether a difference between two ways of doing the same tickets is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000
AT_ONCE = 500  # resamples that are held in memory together
SEED = 20261122


@dataclass(frozen=True)
class Difference:
    """A mean difference with its 95 % interval (percentile bootstrap over pairs, Efron 1979)."""

    what: str
    difference: float
    low: float
    high: float

    def line(self) -> str:
        """Return it for people."""
        sure = "" if self.low > 0 or self.high < 0 else " (may be chance)"
        return f"{self.what}: {self.difference:+.3f} [{self.low:+.3f}, {self.high:+.3f}]{sure}"


def paired_bootstrap(what: str, mine: Sequence[float], theirs: Sequence[float]) -> Difference:
    """Return how much more ``mine`` is than ``theirs``, ticket by ticket."""
    pairs = np.array(mine, dtype=float) - np.array(theirs, dtype=float)
    random = np.random.default_rng(SEED)
    shape = (AT_ONCE, len(pairs))
    drawn = [random.choice(pairs, size=shape).mean(axis=1) for _ in range(RESAMPLES // AT_ONCE)]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Difference(what, float(pairs.mean()), float(low), float(high))
