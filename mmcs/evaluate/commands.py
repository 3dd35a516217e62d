"""``python -m mmcs eval …``: what the command line takes, and which measurement it starts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from mmcs.errors import BadInput
from mmcs.settings import Settings


class Report(Protocol):
    """What a measurement found; a frozen dataclass."""

    def lines(self) -> list[str]:
        """Return it for people."""


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """Add what ``eval`` takes to its parser."""
    parser.add_argument(
        "what",
        choices=EVALUATIONS,
        help="; ".join(f"{what}: {measured}" for what, (measured, _) in EVALUATIONS.items()),
    )
    parser.add_argument("--data", required=True, metavar="DIR|FILE", type=Path)
    parser.add_argument(
        "--engine",
        action="append",
        choices=("article", "shown", "model", "plain"),
        help="which drafts to judge, several if given again (default: article, shown, model)",
    )
    parser.add_argument(
        "--page", metavar="FILE.html", type=Path, help="drafts, triage: all of it on one page"
    )
    parser.add_argument(
        "--weights", action="append", default=[], metavar="FILE", type=Path, help="triage: a net"
    )
    parser.add_argument(
        "--explained",
        type=int,
        default=0,
        metavar="N",
        help="triage: measure the explanations too, on so many tickets (3 s each)",
    )


def evaluate(asked: argparse.Namespace, settings: Settings) -> Report:
    """Start the measurement that was asked for.

    Raises:
        BadInput: there is nothing at the data's path.
    """
    if not asked.data.exists():
        raise BadInput(f"There is nothing at {asked.data}; name a folder or file of labelled data.")
    return EVALUATIONS[asked.what][1](asked, settings)


# Each imports its models when it is asked for: that takes seconds.


def _speech(asked: argparse.Namespace, settings: Settings) -> Report:
    from mmcs.evaluate.speech import evaluate

    return evaluate(asked.data, settings)


def _images(asked: argparse.Namespace, settings: Settings) -> Report:
    from mmcs.evaluate.images import evaluate

    return evaluate(asked.data, settings)


def _retrieval(asked: argparse.Namespace, settings: Settings) -> Report:
    from mmcs.evaluate.retrieval import evaluate

    return evaluate(asked.data, settings, settings.knowledge_folder)


def _drafts(asked: argparse.Namespace, settings: Settings) -> Report:
    from mmcs.evaluate.drafts import evaluate
    from mmcs.evaluate.drafts_page import write_page

    def tell(line: str) -> None:
        sys.stderr.write(f"{line}\n")

    engines = asked.engine or ["article", "shown", "model"]
    report = evaluate(asked.data, settings, engines, tell)
    if asked.page:
        write_page(report, asked.page)
    return report


def _claims(asked: argparse.Namespace, settings: Settings) -> Report:
    from mmcs.evaluate.claims import evaluate

    return evaluate(asked.data, settings)


def _triage(asked: argparse.Namespace, settings: Settings) -> Report:
    from mmcs.evaluate.triage_page import evaluate_on_page

    return evaluate_on_page(asked.data, settings, asked.weights, asked.page, asked.explained)


EVALUATIONS: Mapping[str, tuple[str, Callable[[argparse.Namespace, Settings], Report]]] = {
    "speech": ("how well speech is heard", _speech),
    "images": ("how well images are read and recognised", _images),
    "retrieval": ("how well articles are found", _retrieval),
    "drafts": ("how good drafts are", _drafts),
    "claims": ("how well the check tells what a source supports", _claims),
    "triage": ("how well tickets are filed", _triage),
}
