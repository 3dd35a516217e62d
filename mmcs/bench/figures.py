"""What was measured, beside its budget and its peer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One thing that was measured."""

    what: str
    measured: float
    unit: str
    budget: float | None = None
    at_most: bool = True  # False: the budget is a floor
    peer: str = ""  # the plain engine that ran beside
    peer_measured: float | None = None

    @property
    def kept(self) -> bool | None:
        """Whether the budget is kept; None if there is none."""
        if self.budget is None:
            return None
        return self.measured <= self.budget if self.at_most else self.measured >= self.budget


@dataclass(frozen=True)
class Benchmark:
    """All figures of one run."""

    machine: str
    figures: tuple[Figure, ...]

    def lines(self) -> list[str]:
        """Return it for people, as a Markdown table."""
        rows = [
            self.machine,
            "",
            "| what | measured | budget | | plain engine | ratio |",
            "|---|---|---|---|---|---|",
        ]
        for f in self.figures:
            sign = "at most" if f.at_most else "at least"
            budget = f"{sign} {f.budget:g} {f.unit}" if f.budget is not None else ""
            mark = {True: "kept", False: "**missed**", None: ""}[f.kept]
            peer = f"{f.peer}: {f.peer_measured:.3g} {f.unit}" if f.peer_measured else ""
            ratio = f"{f.measured / f.peer_measured:.2f}" if f.peer_measured else ""
            row = (f.what, f"{f.measured:.3g} {f.unit}", budget, mark, peer, ratio)
            rows.append(f"| {' | '.join(row)} |")
        return rows
