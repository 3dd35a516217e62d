"""Articles to passages, and the search that finds the ones that help."""

from mmcs.knowledge.search import Knowledge
from mmcs.knowledge.signals import Query

__all__ = ["Knowledge", "Query"]
