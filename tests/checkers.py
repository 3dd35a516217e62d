"""What makes the check of a Case, with courtesies of one's own."""

from collections.abc import Callable, Iterable

from mmcs.draft import Checker
from mmcs.ticket import Case

CheckerOf = Callable[[Case, Iterable[str]], Checker]
