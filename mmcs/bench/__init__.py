"""Speed and memory against the budgets, beside the plain engines in the same process."""

from mmcs.bench.figures import Benchmark, Figure
from mmcs.bench.measure import measure

__all__ = ["Benchmark", "Figure", "measure"]
