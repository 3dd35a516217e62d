"""What a sentence says was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Agent = Literal["shop", "customer", "other"]


@dataclass(frozen=True)
class Deed:
    """Something that a sentence says was done, or is under way."""

    agent: Agent  # who did it; of a passive that names nobody, the shop
    sure: bool = True  # False: the words may also be a policy or a heading
    personal: bool = True  # of one transaction, or said to somebody: no article can know it
    verb: str = ""  # what was done; empty where it isn't one English word
    denied: bool = False  # "we have not refunded you"

    @property
    def is_of_one_customer(self) -> bool:
        """Whether it is what the shop surely did for one customer: no article can know it."""
        return self.agent == "shop" and self.sure and self.personal
