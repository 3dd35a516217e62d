"""Every sentence of the source that can become a Problem, found in the source itself."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mmcs import errors

PACKAGE = Path(__file__).resolve().parent.parent / "mmcs"
ROOMS = (
    *("attachments", "media", "decoder", "perceive", "pipeline", "models", "roles", "backends"),
    *("knowledge", "weights", "store", "intake", "retrieve", "writing", "triage"),
    *("cache", "errors"),
)
# The command line's own: they measure, fit and train, and no ticket goes through them.
APART = {"knowledge/questions.py", "triage/labelled.py", "backends/fake.py"}
RAISED = {name for name in vars(errors) if not name.startswith("_")} | {"SourceFailed"}
HOLE = "17"  # stands for what is only known when the program runs

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Module


@dataclass(frozen=True)
class Said:
    """A sentence as an agent may read it."""

    where: str
    text: str


@cache
def sentences() -> tuple[Said, ...]:
    """Return what is given to an error or a Problem, and every other text that is a sentence."""
    found: dict[Said, None] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name.split("/")[0].removesuffix(".py") in ROOMS and name not in APART:
            found |= dict.fromkeys(_of(ast.parse(path.read_text("utf-8")), name))
    return tuple(found)


def _of(module: ast.Module, name: str) -> Iterator[Said]:
    constants = _texts(module)
    for scope in ast.walk(module):
        if not isinstance(scope, Function):
            continue
        known = {**constants, **_texts(scope)}
        documentation = ast.get_docstring(scope, clean=False)
        prompts = _given(scope, {"ChatMessage"})  # what only a language model reads
        for node in _inside(scope):
            if (
                not _is_text(node)
                or node in prompts
                or (isinstance(node, ast.Constant) and node.value == documentation)
            ):
                continue
            texts = _filled(node, known)
            if any(_is_sentence(text) for text in texts) or node in _given(scope, RAISED):
                yield from (Said(f"{name}:{node.lineno}", text) for text in texts)


def _inside(scope: Function) -> Iterator[ast.expr]:
    """Yield the expressions of a function or a module, without those of functions inside it."""
    waiting: list[ast.AST] = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        if isinstance(node, Function | ast.ClassDef):
            continue
        if isinstance(node, ast.expr):
            yield node
        if not isinstance(node, ast.JoinedStr):
            waiting += ast.iter_child_nodes(node)


def _given(scope: Function, called_so: set[str]) -> set[ast.expr]:
    """Return what is given to those that are called so; with errors, also what is given to a
    Problem or ``with_problem``."""
    given: set[ast.expr] = set()
    for node in _inside(scope):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
            if name in called_so:
                given |= set(node.args)
            elif called_so is RAISED and name in {"Problem", "with_problem"}:
                given |= set(node.args[1:])
    return given


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _is_sentence(text: str) -> bool:
    return bool(re.fullmatch(r"\S.* .*\.", text) and re.search("[a-z]{3}", text))


def _texts(scope: Function) -> dict[str, list[ast.expr]]:
    """Return the texts that names of a function or a module are given."""
    texts: dict[str, list[ast.expr]] = {}
    waiting: list[ast.AST] = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        if isinstance(node, Function | ast.ClassDef):
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Assign) and _is_text(node.value):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    texts.setdefault(target.id, []).append(node.value)
    return texts


def _filled(node: ast.expr, known: dict[str, list[ast.expr]]) -> list[str]:
    """Return a text with its holes filled: by what a name stands for, else by ``HOLE``."""
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    assert isinstance(node, ast.JoinedStr)
    pieces = [_piece(part, known) for part in node.values]
    return ["".join(chosen) for chosen in itertools.product(*pieces)]


def _piece(part: ast.expr, known: dict[str, list[ast.expr]]) -> list[str]:
    if isinstance(part, ast.Constant):
        return [str(part.value)]
    assert isinstance(part, ast.FormattedValue)
    inner = part.value
    if isinstance(inner, ast.Name) and inner.id in known:
        return [text for value in known[inner.id] for text in _filled(value, known)]
    return [HOLE]
