"""Creates or updates a Space. Without ``go`` it only says what would be done."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from httpx2 import HTTPError
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, SpaceHardware
from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError
from huggingface_hub.hf_api import RepoFile

from mmcs.errors import SpaceError, UsageError
from mmcs.space.card import Card, check, read_card
from mmcs.space.files import SpaceFile, project_files, same

OF_THE_HUB = frozenset({".gitattributes"})  # the hub makes it; it is no file of ours
FREE = frozenset({"cpu-basic", "zero-a10g"})
MESSAGE = "Deploy the desk"


@dataclass(frozen=True)
class Present:
    """A Space as it is."""

    files: Mapping[str, RepoFile]
    variables: Mapping[str, str]
    hardware: str  # empty: not known


@dataclass(frozen=True)
class Deployment:
    """What a Space gets, and how that differs from what it has."""

    space: str
    address: str
    done: bool
    files: tuple[SpaceFile, ...]
    size: int  # bytes of all files
    hardware: str
    private: bool  # said of a new Space only
    variables: Mapping[str, str]
    compared: str  # empty if the Space was looked at, else why not
    new: bool = False  # there is no such Space yet
    uploads: tuple[str, ...] = ()  # files that are new or changed
    deletes: tuple[str, ...] = ()  # files that only the Space has
    changed_variables: tuple[str, ...] = ()
    old_hardware: str = ""  # where another is asked for

    def lines(self) -> list[str]:
        """Return it for people."""
        price = "free" if self.hardware in FREE else "billed by the hour"
        return [
            *(f"{file.size / 1000:10.1f} kB  {file.path}" for file in self.files),
            f"{self.size / 1000:10.1f} kB  in {len(self.files)} files",
            f"Hardware: {self.hardware} ({price})",
            *(f"Variable: {name}={value}" for name, value in self.variables.items()),
            *self._differences(),
            f"Deployed to {self.address}"
            if self.done
            else f"Nothing was done. Add --go to deploy to {self.address}",
        ]

    def _differences(self) -> Iterator[str]:
        if self.compared:
            yield f"Not compared with the Space: {self.compared}"
        elif self.new:
            seen = "seen by its owner alone" if self.private else "seen by everybody"
            yield f"There is no Space {self.space} yet; it begins {seen}."
        else:
            yield f"{len(self.uploads)} files are new or changed."
            yield from (f"Goes away: {path}" for path in self.deletes)
            yield from (f"Variable set anew: {name}" for name in self.changed_variables)
            if self.old_hardware:
                yield f"Hardware was {self.old_hardware}."


def deploy(root: Path, space: str, hub: str, go: bool = False) -> Deployment:
    """Say what a Space would get; with ``go``, create or update it.

    Args:
        root: the project.
        space: OWNER/NAME.
        hub: the hub's address. The token is the hub library's own login.
        go: whether to do it.

    Raises:
        UsageError: the name, space.yaml or README means nothing, or they differ.
        SpaceError: with ``go``: no login, no permission, no network.
    """
    if not re.fullmatch(r"[\w][\w.-]*/[\w][\w.-]*", space):
        raise UsageError(f"{space!r} names no Space; write OWNER/NAME.")
    if not hub:
        raise UsageError("MMCS_HUB is empty, which means no hub; deploying needs one.")
    if differences := check(root).differences:
        raise UsageError(f"{differences[0]} `python -m mmcs space check` tells all.")
    card = read_card(root)
    files = project_files(root, card.left_out)
    plan = Deployment(
        space=space,
        address=f"{hub.rstrip('/')}/spaces/{space}",
        done=False,
        files=files,
        size=sum(file.size for file in files),
        hardware=card.hardware,
        private=card.private,
        variables=card.variables,
        compared="",
    )
    api = HfApi(endpoint=hub)
    try:
        with _plainly(space, hub):
            plan = _compared(plan, _present(api, space), root)
    except SpaceError as error:
        if go:
            raise
        return replace(plan, compared=str(error))
    if not go:
        return plan
    with _plainly(space, hub):
        _carry_out(api, plan, card, root)
    return replace(plan, done=True)


def _present(api: HfApi, space: str) -> Present | None:
    """Return a Space as it is; None if there is none, or none that this login may see."""
    api.whoami()  # first, and at once: no login, no network
    if not api.repo_exists(space, repo_type="space"):
        return None
    entries = api.list_repo_tree(space, recursive=True, repo_type="space")
    runtime = api.get_space_runtime(space)
    return Present(
        {e.path: e for e in entries if isinstance(e, RepoFile) and e.path not in OF_THE_HUB},
        {name: variable.value for name, variable in api.get_space_variables(space).items()},
        runtime.requested_hardware or runtime.hardware or "",
    )


def _compared(plan: Deployment, present: Present | None, root: Path) -> Deployment:
    names = [file.path for file in plan.files]
    if present is None:
        return replace(plan, new=True, uploads=tuple(names), changed_variables=(*plan.variables,))
    theirs = present.files
    return replace(
        plan,
        uploads=tuple(n for n in names if n not in theirs or not same(root / n, theirs[n])),
        deletes=tuple(sorted(theirs.keys() - set(names))),
        changed_variables=tuple(
            name for name, value in plan.variables.items() if present.variables.get(name) != value
        ),
        old_hardware=present.hardware if present.hardware != plan.hardware else "",
    )


def _carry_out(api: HfApi, plan: Deployment, card: Card, root: Path) -> None:
    """Make the Space what the plan says. A new Space gets hardware and variables at its birth: an
    account without a subscription may not even begin on free hardware."""
    hardware = SpaceHardware(plan.hardware)
    if plan.new:
        api.create_repo(
            plan.space,
            repo_type="space",
            space_sdk=card.front_matter["sdk"],
            private=plan.private,
            space_hardware=hardware,
            space_variables=[{"key": k, "value": v} for k, v in plan.variables.items()],
        )
    else:
        for name in plan.changed_variables:
            api.add_space_variable(plan.space, name, plan.variables[name])
        if plan.old_hardware:
            api.request_space_hardware(plan.space, hardware)
    changes: list[CommitOperationAdd | CommitOperationDelete] = [
        *(CommitOperationAdd(path, root / path) for path in plan.uploads),
        *(CommitOperationDelete(path) for path in plan.deletes),
    ]
    if changes:
        api.create_commit(plan.space, changes, commit_message=MESSAGE, repo_type="space")


@contextmanager
def _plainly(space: str, hub: str) -> Iterator[None]:
    """Turn the hub library's errors into sentences for whoever deploys; none holds the token."""
    try:
        yield
    except LocalTokenNotFoundError as error:
        raise SpaceError(
            "You are not logged in to Hugging Face; run `hf auth login`, then try again."
        ) from error
    except HfHubHTTPError as error:
        raise SpaceError(_refusal(error, space)) from error
    except (HTTPError, OSError) as error:
        raise SpaceError(
            f"{hub} cannot be reached; look at the network, then try again."
        ) from error
    except ValueError as error:  # what the hub says of README's front matter
        words = " ".join(str(error).split())
        raise SpaceError(f"Hugging Face does not accept the Space: {words}") from error


def _refusal(error: HfHubHTTPError, space: str) -> str:
    owner = space.partition("/")[0]
    status = error.response.status_code
    sentences = {
        401: "Hugging Face does not accept your login; run `hf auth login` again.",
        402: f"The account {owner} may not have this Space: Spaces with a server need a PRO, Team "
        "or Enterprise subscription, or hardware that is paid for.",
        403: f"Your login may not write to {owner}; use a token with write access to it.",
        404: f"There is no {space} that your login may see.",
    }
    said = " ".join((error.server_message or "").split())
    return sentences.get(status, f"Hugging Face answered with status {status}. {said}".strip())
