"""Speed and memory against the budgets, beside the plain engines in the same process."""

from mmcs.bench.measure import Benchmark, Figure, measure

__all__ = ["Benchmark", "Figure", "measure"]
