"""What a customer sent, as files and words, to a Ticket. A file that can't be kept becomes a
Problem, and the rest of the ticket stays."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from mmcs.attachments import (
    MAX_ATTACHMENTS,
    MAX_TEXT,
    check_count,
    check_text,
    keep,
    safe_name,
)
from mmcs.boundary import foreseen
from mmcs.errors import BadInput, MMCSError
from mmcs.settings import Settings
from mmcs.ticket import Attachment, AttachmentKind, Case, Message, Problem, Ticket
from mmcs.wellformed import parse_json, well_formed

PEEKED = 1024  # bytes of a batch that tell text from what is none
_MUST_BE = {
    "id": "a text or a number",
    "text": "a text",
    "audio": "a list of paths",
    "images": "a list of paths",
}


@dataclass(frozen=True)
class Request:
    """One ticket as scripts give it. ``fault`` says why a line of a batch is no ticket."""

    id: str
    text: str = ""
    audio: tuple[str, ...] = ()  # paths
    images: tuple[str, ...] = ()  # paths
    fault: str = ""


def take(
    request: Request, settings: Settings, earlier: Sequence[Message] = ()
) -> tuple[Ticket, tuple[Problem, ...]]:
    """Keep the files of a request and return its Ticket, with a Problem for each bad file.

    Args:
        request: what the customer sent now.
        settings: where attachments are kept.
        earlier: the turns of the conversation before.
    """
    attachments: list[Attachment] = []
    problems = [Problem("ticket", request.fault)] if request.fault else []
    names = {a.name for message in earlier for a in message.attachments}
    files: list[tuple[AttachmentKind, str]] = [("audio", path) for path in request.audio]
    files += [("image", path) for path in request.images]
    for kind, path in files:
        try:
            with foreseen(request.id):
                kept = keep(Path(path), kind, settings)
        except MMCSError as error:
            problems.append(Problem("ticket", str(error)))
        else:
            kept = replace(kept, name=unused_name(kept.name, names))
            names.add(kept.name)
            attachments.append(kept)
    message = Message("customer", well_formed(request.text), tuple(attachments))
    return Ticket((*earlier, message)), tuple(problems)


def read_batch(path: Path) -> Iterator[Request]:
    """Yield the tickets of a batch file, one JSON object a line, in UTF-8 or whatever Unicode
    encoding its first bytes show; paths are relative to the file. What is no ticket has a fault.

    Raises:
        BadInput: the file cannot be read, or is no text.
    """
    try:
        with path.open("rb") as file:
            start = file.peek(PEEKED)[:PEEKED]
            encoding = json.detect_encoding(start)
            if not start.decode(encoding, "replace").lstrip("\ufeff \r\n").startswith("{"):
                encoding = "utf-8-sig"  # it was a guess
            if "\0" in start.decode(encoding, "replace"):
                raise BadInput(f"{path} is no text; give a file with one JSON ticket a line.")
            with io.TextIOWrapper(file, encoding, errors="replace") as lines:
                for number, line in enumerate(lines, 1):
                    text = line.lstrip("\ufeff")  # also where files were joined
                    if text.strip():
                        yield _request(text, number, path)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise BadInput(
            f"{path} cannot be read; give a file with one JSON ticket a line."
        ) from error


def _request(line: str, number: int, path: Path) -> Request:
    """Return the ticket in a line, or one with the fault of the line; without an id it is called by
    its number."""
    named, shown = str(number), f"Line {number} of {safe_name(path.name)}"
    try:
        with foreseen(named):
            given = {"id": named, **_keys(line, shown)}
            if isinstance(given["id"], str):
                named = well_formed(given["id"])
            request = _typed(given, shown)
            return Request(
                named,
                request.text,
                tuple(str(path.parent / name) for name in request.audio),
                tuple(str(path.parent / name) for name in request.images),
            )
    except MMCSError as error:
        return Request(named, fault=str(error))


def _keys(line: str, shown: str) -> dict[str, Any]:
    """Return what a line says; null and an empty text are as good as nothing, and the digits of an
    id are its text."""
    try:
        given = parse_json(line)
    except ValueError as error:
        raise BadInput(f"{shown} is not JSON; write one ticket a line.") from error
    if not isinstance(given, dict):
        raise BadInput(f"{shown} is no JSON object; write one ticket a line.")
    said = {key: given[key] for key in _MUST_BE if given.get(key) not in (None, "")}
    if type(said.get("id")) in (int, float):
        said["id"] = str(said["id"])
    return said


def _typed(given: dict[str, Any], shown: str) -> Request:
    try:
        return TypeAdapter(Request).validate_python(given)
    except ValidationError as error:
        key = str(error.errors()[0]["loc"][0])
        raise BadInput(f"{shown}: {key} must be {_MUST_BE[key]}.") from error


def unused_name(name: str, names: set[str]) -> str:
    """Return the name, numbered if the ticket has it already: sources are told by it."""
    path, number = Path(name), 2
    while name in names:
        name = f"{path.stem}-{number}{path.suffix}"
        number += 1
    return name


def within_limits(case: Case) -> Case:
    """Return the Case with what is within the limits, and a Problem for what is not."""
    messages: list[Message] = []
    for message in case.ticket.messages:
        try:
            check_text(message.text)
        except MMCSError as error:
            case = case.with_problem("ticket", str(error))
            message = replace(message, text=message.text[:MAX_TEXT])
        try:
            check_count(len(message.attachments))
        except MMCSError as error:
            case = case.with_problem("ticket", str(error))
            message = replace(message, attachments=message.attachments[:MAX_ATTACHMENTS])
        messages.append(message)
    return replace(case, ticket=replace(case.ticket, messages=tuple(messages)))
