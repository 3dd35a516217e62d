"""What a customer sent, as files and words, to a Ticket. A file that can't be kept becomes a
Problem, and the rest of the ticket stays."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from mmcs.attachments import MAX_ATTACHMENTS, MAX_TEXT, check_count, check_text, keep
from mmcs.errors import BadInput, MMCSError
from mmcs.settings import Settings
from mmcs.ticket import Attachment, AttachmentKind, Case, Message, Problem, Ticket


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
            kept = keep(Path(path), kind, settings)
        except BadInput as error:
            problems.append(Problem("ticket", str(error)))
        else:
            kept = replace(kept, name=unused_name(kept.name, names))
            names.add(kept.name)
            attachments.append(kept)
    message = Message("customer", request.text, tuple(attachments))
    return Ticket((*earlier, message)), tuple(problems)


def read_batch(path: Path) -> Iterator[Request]:
    """Yield the tickets of a batch file, one JSON object a line; paths are relative to the file.

    Raises:
        BadInput: the file cannot be read.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _request(line, number, path)
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read; give a file with one JSON ticket a line."
        ) from error


def _request(line: str, number: int, path: Path) -> Request:
    shown = f"Line {number} of {path.name}"
    try:
        given = json.loads(line)
    except ValueError:
        return Request(str(number), fault=f"{shown} is not JSON; write one ticket a line.")
    try:
        request = TypeAdapter(Request).validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"]) or "it"
        named = given.get("id") if isinstance(given, dict) else None
        fault = f"{shown}: {where}: {first['msg'].lower()}."
        return Request(str(named or number), fault=fault)
    return replace(
        request,
        audio=tuple(str(path.parent / name) for name in request.audio),
        images=tuple(str(path.parent / name) for name in request.images),
    )


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
