"""``python -m mmcs …``: the desk without its page, for scripts and for measuring.

With --json, standard output is JSON alone; what people read goes to standard error. Exit status: 0
something was printed, 1 nothing could be done (one line says why), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from mmcs import private
from mmcs.errors import BadInput, MMCSError, UsageError
from mmcs.evaluate.commands import Report, add_evaluate, evaluate
from mmcs.explanation import Explanation
from mmcs.intake import Request, read_batch, take
from mmcs.settings import PROJECT, Settings, from_environment
from mmcs.ticket import Case, to_json
from mmcs.training.commands import add_train, train

if TYPE_CHECKING:
    from mmcs.models import Indexing
    from mmcs.pipeline import Pipeline  # imported by the commands that need it: it takes seconds
    from mmcs.weights import Row


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    _show_every_character()
    asked = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace, Settings], int] = asked.command
    try:
        settings = from_environment().with_flags(
            domain=getattr(asked, "domain", None), knowledge=getattr(asked, "knowledge", None)
        )
        private.close(settings.home, settings.cache)
        return command(asked, settings)
    except MMCSError as error:
        print(f"mmcs: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except BrokenPipeError:  # whoever reads has read enough, as ``| head`` does
        _drop_output()
        return 0
    except KeyboardInterrupt:
        from mmcs import weights

        weights.stop()  # a model that loads on a thread of its own may be fetching
        print("\nmmcs: stopped.", file=sys.stderr)  # below a progress bar that was just begun
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mmcs")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="draft a reply to one ticket, or to a file of them")
    run.add_argument("--text", help="the customer's message")
    run.add_argument("--audio", action="append", default=[], metavar="FILE", help="a voice note")
    run.add_argument("--image", action="append", default=[], metavar="FILE", help="a photo")
    run.add_argument("--batch", metavar="FILE.jsonl", help="one ticket a line")
    run.add_argument(
        "--explain",
        nargs="?",
        const="category",
        choices=("category", "urgency", "sentiment"),
        help="say why the ticket has this label (default: category); in JSON as explanation",
    )
    run.set_defaults(command=_run)

    evaluation = commands.add_parser("eval", help="measure quality on labelled data")
    add_evaluate(evaluation)
    evaluation.set_defaults(command=lambda asked, s: _print_report(evaluate(asked, s), asked.json))

    training = commands.add_parser("train", help="train a model on labelled data")
    add_train(training)
    training.set_defaults(command=lambda asked, s: _print_report(train(asked, s), asked.json))

    for command in (run, evaluation):
        command.add_argument("--domain", metavar="NAME|DIR")
        command.add_argument("--knowledge", metavar="DIR", help="a folder of Markdown articles")

    bench = commands.add_parser("bench", help="measure speed and memory against the budgets")
    bench.add_argument("--gpu", action="store_true", help="the multimodal model alone")
    bench.set_defaults(command=_bench)

    doctor = commands.add_parser("doctor", help="say what this machine has and what it will use")
    doctor.set_defaults(command=_doctor)

    weights = commands.add_parser("weights", help="fetch all weights ahead of time")
    weights.add_argument("--check", action="store_true", help="verify what is there")
    weights.set_defaults(command=_weights)

    space = commands.add_parser("space", help="the Hugging Face Space that space.yaml describes")
    space.add_argument("what", choices=("write", "check", "deploy"))
    space.add_argument("space", nargs="?", metavar="OWNER/NAME", help="what deploy makes")
    space.add_argument("--go", action="store_true", help="deploy; without it, say what would be")
    space.set_defaults(command=_space)

    for command in (run, evaluation, training, bench, doctor, weights, space):
        command.add_argument("--json", action="store_true", help="JSON alone on standard output")
    return parser


def _run(asked: argparse.Namespace, settings: Settings) -> int:
    from mmcs.models import Models
    from mmcs.pipeline import Pipeline

    single = asked.text is not None or bool(asked.audio or asked.image)
    if single == bool(asked.batch):
        raise UsageError(
            "Give --text, --audio or --image for one ticket, or --batch FILE for many."
        )
    requests: Iterator[Request]
    if single:
        request = Request("", asked.text or "", tuple(asked.audio), tuple(asked.image))
        requests = iter([request])
    else:
        requests = read_batch(Path(asked.batch))
    first = next(requests, None)
    if first is None:
        raise BadInput(f"{asked.batch} holds no ticket; write one JSON object a line.")
    pipeline = Pipeline(settings, Models(settings))
    fetch_missing(settings)
    pipeline.models.start()
    try:
        _run_all(itertools.chain([first], requests), pipeline, asked)
    finally:
        pipeline.stop()
    return 0


def _run_all(requests: Iterable[Request], pipeline: Pipeline, asked: argparse.Namespace) -> None:
    """Print the Case of each request."""
    single = not asked.batch
    for request in requests:
        case = _case_of(request, pipeline)
        if single and case.draft is None:
            raise BadInput(" ".join(problem.message for problem in case.problems))
        why = None
        if asked.explain and case.triage:
            why, case = _explained(case, asked.explain, pipeline)
        told = {**to_json(case), **({"explanation": to_json(why)} if why else {})}
        _print(told if asked.json else _shown(case, why))


def _case_of(request: Request, pipeline: Pipeline) -> Case:
    """Return the whole Case of a request, telling on standard error which stage is done."""
    ticket, problems = take(request, pipeline.settings)
    case = Case(request.id, ticket)
    told: set[str] = set()
    with closing(ArticlesBar()) as bar:
        for case in pipeline.run(ticket, case_id=request.id or None, problems=problems):
            bar.show(pipeline.indexing)
            for stage in case.seconds.keys() - told:
                print(f"{stage}: {case.seconds[stage]:.2f} s", file=sys.stderr)
                told.add(stage)
    return case


class ArticlesBar:
    """Draws on standard error how many of the help articles are read, while they are."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None

    def show(self, indexing: Indexing | None) -> None:
        """Draw how far it is; nothing any more once there is nothing to wait for."""
        if indexing is None:
            self.close()
        elif indexing.total:
            if self._bar is None:
                words = "reading the help articles"
                self._bar = tqdm(total=indexing.total, desc=words, unit="article")
            self._bar.update(indexing.done - self._bar.n)

    def close(self) -> None:
        """Leave the bar as it is, and the line below it to others."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _explained(case: Case, question: str, pipeline: Pipeline) -> tuple[Explanation | None, Case]:
    """Return why a Case has its label; None, and the Case with a Problem, if nobody can say."""
    try:
        return pipeline.explain(case, question), case
    except MMCSError as error:
        return None, case.with_problem("triage", str(error))


def _shown(case: Case, why: Explanation | None) -> str:
    """Return a Case for people: why it has its label, the draft, what each sentence rests on, and
    the Problems."""
    lines = [*why.lines(), ""] if why else []
    if case.draft:
        lines += [case.draft.text, "", f"— {case.draft.engine}: {case.draft.why}"]
        for claim in case.draft.claims:
            if claim.courtesy:
                continue
            mark = "✓" if claim.supported else "✗ nothing supports"
            refs = ", ".join(dict.fromkeys(support.ref for support in claim.support))
            lines.append(f"{mark} {claim.text} [{refs}]")
    lines += [f"! {problem.stage}: {problem.message}" for problem in case.problems]
    return "\n".join(lines)


def _bench(asked: argparse.Namespace, settings: Settings) -> int:
    if asked.gpu:
        from mmcs.bench import gpu

        return _print_report(gpu.measure(settings), bool(asked.json))
    from mmcs.bench import measure

    return _print_report(measure(settings), bool(asked.json))


def _doctor(asked: argparse.Namespace, settings: Settings) -> int:
    from mmcs.doctor import examine

    return _print_report(examine(settings), bool(asked.json))


def _print_report(report: Report, as_json: bool) -> int:
    _print(to_json(report) if as_json else "\n".join(report.lines()))
    return 0


def _weights(asked: argparse.Namespace, settings: Settings) -> int:
    from mmcs import weights

    if not asked.check:
        fetch_missing(settings)
    states = weights.check(settings)
    if asked.json:
        _print([to_json(state) for state in states])
    else:
        for state in states:
            size = f"{state.size / 1e6:8.1f} MB"
            needed = "" if state.embedded else "  (optional)"
            _print(f"{state.state:8} {size}  {state.title}{needed}  {state.folder}")
    return 0 if all(state.state == "ready" for state in states if state.embedded) else 1


def _space(asked: argparse.Namespace, settings: Settings) -> int:
    from mmcs.space import check, deploy, write

    if (asked.what == "deploy") != bool(asked.space) or (asked.go and asked.what != "deploy"):
        raise UsageError("Write space write, space check, or space deploy OWNER/NAME [--go].")
    if asked.what == "write":
        return _print_report(write(PROJECT), bool(asked.json))
    if asked.what == "check":
        checked = check(PROJECT)
        _print_report(checked, bool(asked.json))
        return 1 if checked.differences else 0
    return _print_report(deploy(PROJECT, asked.space, settings.hub, asked.go), bool(asked.json))


def _show_every_character() -> None:
    """Let the terminal show as an escape what its encoding lacks, as standard error does."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _print(told: object) -> None:
    """Print a text, or other values as a line of JSON, at once. JSON is in UTF-8, or in ASCII where
    standard output has another encoding.

    Raises:
        BrokenPipeError: nobody reads any more.
        MMCSError: standard output cannot be written.
    """
    utf8 = (getattr(sys.stdout, "encoding", None) or "").lower() in {"utf-8", "utf8"}
    text = told if isinstance(told, str) else json.dumps(told, ensure_ascii=not utf8)
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        _drop_output()
        raise MMCSError(f"Standard output cannot be written: {error.strerror or error}.") from error


def _drop_output() -> None:
    """Let Python find nothing to complain about when it closes standard output at the end."""
    with suppress(OSError, ValueError):  # a stream of a test has no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def fetch_missing(settings: Settings) -> None:
    """Fetch what the embedded engines need and the cache lacks, with a progress bar a model; say
    on standard error why one can't be had, and go on."""
    from mmcs.models import needed_weights

    for name in needed_weights(settings):
        try:
            _fetch_with_bar(name, settings)
        except MMCSError as error:
            print(f"mmcs: {error}", file=sys.stderr)


def _fetch_with_bar(name: str, settings: Settings) -> None:
    """Fetch on a thread that a pressed Ctrl-C doesn't wait for: it may hang on a connection."""
    from mmcs import weights

    row = weights.row(name)
    failures: list[MMCSError] = []

    def fetch() -> None:
        try:
            weights.fetch(name, settings)
        except MMCSError as failure:
            failures.append(failure)

    fetching = threading.Thread(target=fetch, daemon=True)
    fetching.start()
    try:
        _wait_with_bar(fetching, row)
    except KeyboardInterrupt:
        weights.stop()
        fetching.join(0.5)  # s; enough to end downloads by pip
        raise
    for failure in failures:
        raise failure


def _wait_with_bar(fetching: threading.Thread, row: Row) -> None:
    from mmcs import weights

    fetching.join(0.5)  # s; what is there already needs no bar
    if not fetching.is_alive():
        return
    with tqdm(total=row.size, desc=row.title, unit="B", unit_scale=True) as bar:
        while fetching.is_alive():
            now = [fetch.done_bytes for fetch in weights.progress() if fetch.name == row.name]
            bar.update(max([bar.n, *now]) - bar.n)
            fetching.join(0.5)
