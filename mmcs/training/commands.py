"""``python -m mmcs train …``: what the command line takes, and which training it starts."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mmcs.errors import BadInput, UsageError
from mmcs.settings import ASSETS, Settings

if TYPE_CHECKING:
    from mmcs.training.drafter import DrafterReport  # imports torch: it takes seconds
    from mmcs.training.reader import ReaderReport
    from mmcs.training.triage import TrainingReport
    from mmcs.training.triage_desk import DeskReport


def add_train(parser: argparse.ArgumentParser) -> None:
    """Add what ``train`` takes to its parser."""
    parser.add_argument(
        "what",
        choices=("triage", "drafter", "reader"),
        help="what is trained: the triage of tickets, an adapter for the language model (of "
        "MMCS_CHAT_MODEL), with which it drafts, or the net that reads whether a passage says a "
        "claim and answers a question",
    )
    parser.add_argument(
        "--data",
        metavar="DIR|FILE",
        type=Path,
        help="labelled tickets, one JSON object a line; of a folder, val*.jsonl is held out. For "
        "the drafter: lines of id, facts, asked, reply, language. For the reader: a folder of "
        "public sets, NAME/{train,dev,test}.jsonl.gz",
    )
    parser.add_argument(
        "--from-desk",
        action="store_true",
        help="go on from the net in use with what agents corrected and confirmed; the new net is "
        "used if it is better on tickets of the desk that were held out",
    )
    parser.add_argument(
        "--take-back", action="store_true", help="return to the net before the last --from-desk"
    )
    parser.add_argument(
        "--fusion",
        default="late",
        metavar="early|intermediate|late|all",
        help="how modalities are fused (default: late); all: the best of them is kept",
    )
    parser.add_argument(
        "--label",
        action="append",
        default=[],
        metavar="QUESTION",
        help="train this question alone, several if given again (default: all in the data)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="where the net goes (default: assets/weights/triage.safetensors; its card and "
        "learning curves go beside it), the adapter (default: assets/weights/drafter.gguf), or "
        "the reader (default: assets/weights/reader.safetensors)",
    )
    parser.add_argument(
        "--questions",
        nargs=2,
        action="append",
        default=[],
        type=Path,
        metavar=("FILE", "FOLDER"),
        help="reader: customers' questions (.jsonl) and the articles that answer them, to learn "
        "from too; several if given again",
    )
    parser.add_argument("--pairs", type=int, help="reader: how many it learns from (60,000)")
    parser.add_argument("--epochs", type=int, help="at most (default: 40; drafter: 1)")
    parser.add_argument("--licence", default="", help="of the data, for the card")


@dataclass(frozen=True)
class TakenBack:
    """The net that is in use again."""

    used: str  # its file

    def lines(self) -> list[str]:
        """Return it for people."""
        return [f"{self.used} is used from the desk's next start on."]


def train(
    asked: argparse.Namespace, settings: Settings
) -> TrainingReport | DeskReport | TakenBack | DrafterReport | ReaderReport:
    """Start the training that was asked for.

    Raises:
        UsageError: not exactly one way to train was named, or one that triage alone has.
        BadInput: there is nothing at the data's path.
    """
    if asked.what == "drafter":
        return _train_drafter(asked, settings)
    if asked.what == "reader":
        return _train_reader(asked, settings)
    if [asked.data is not None, asked.from_desk, asked.take_back].count(True) != 1:
        raise UsageError("Give one of --data, --from-desk and --take-back.")
    if asked.take_back:
        from mmcs.triage.shelf import take_back

        return TakenBack(str(take_back(settings)))
    if asked.from_desk:
        from mmcs.training.triage_desk import learn_from_desk

        return learn_from_desk(settings)
    if not asked.data.exists():
        raise BadInput(f"There is nothing at {asked.data}; name a folder or file of labelled data.")
    from mmcs.training import triage
    from mmcs.training.triage_fit import Options

    options = Options(epochs=asked.epochs) if asked.epochs else Options()
    return triage.train(
        triage.Asked(
            asked.data,
            asked.out or ASSETS / "weights" / "triage.safetensors",
            triage.parse_fusions(asked.fusion),
            tuple(asked.label),
            asked.licence,
            options,
        ),
        settings,
    )


def _train_drafter(asked: argparse.Namespace, settings: Settings) -> DrafterReport:
    if asked.data is None or asked.from_desk or asked.take_back or asked.label:
        raise UsageError("The drafter is trained from --data FILE.jsonl alone.")
    if not asked.data.is_file():
        raise BadInput(f"There is no file {asked.data}; name a .jsonl of facts and replies.")
    from mmcs.training import drafter

    out = asked.out or ASSETS / "weights" / "drafter.gguf"
    return drafter.train(asked.data, out, settings, asked.epochs or drafter.EPOCHS)


def _train_reader(asked: argparse.Namespace, settings: Settings) -> ReaderReport:
    if asked.data is None or asked.from_desk or asked.take_back or asked.label or asked.epochs:
        raise UsageError("The reader is trained from --data DIR, --questions and --pairs alone.")
    if asked.pairs is not None and asked.pairs < 1:
        raise UsageError("Give --pairs a number from 1.")
    if not asked.data.is_dir():
        raise BadInput(f"There is no folder {asked.data}; name one of public sets of pairs.")
    from mmcs.training import reader
    from mmcs.training.reader_state import Options
    from mmcs.weights import fetch

    given = reader.Asked(
        asked.data,
        asked.out or ASSETS / "weights" / "reader.safetensors",
        tuple((file, folder) for file, folder in asked.questions),
        options=Options(pairs=asked.pairs) if asked.pairs else Options(),
    )
    return reader.train(given, fetch("mpnet", settings), settings)
