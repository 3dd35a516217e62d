"""Which files of the project a Space gets, and whether it has them already."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from huggingface_hub.hf_api import RepoFile

from mmcs.errors import UsageError


@dataclass(frozen=True)
class SpaceFile:
    """One file that a Space gets."""

    path: str  # in the project, with "/"
    size: int  # bytes


def project_files(root: Path, left_out: Sequence[str]) -> tuple[SpaceFile, ...]:
    """Return the files that git tracks, as they are on the disk; without git, all that .gitignore
    does not name.

    Args:
        root: the project.
        left_out: files and folders that the Space does not need.

    Raises:
        UsageError: there is nothing to deploy.
    """
    paths = _tracked(root) if (root / ".git").exists() else _not_ignored(root)
    kept = [
        path
        for path in sorted(set(paths))
        if not any(path == part or path.startswith(f"{part.rstrip('/')}/") for part in left_out)
        and (root / path).is_file()  # tracked, and deleted just now
    ]
    if not kept:
        raise UsageError(f"There are no files to deploy in {root}.")
    return tuple(SpaceFile(path, (root / path).stat().st_size) for path in kept)


def same(file: Path, theirs: RepoFile) -> bool:
    """Say whether a Space has a file's very bytes, by the sum that its hub tells."""
    ours = file.read_bytes()
    if theirs.lfs is not None:
        return hashlib.sha256(ours).hexdigest() == theirs.lfs.sha256
    head = f"blob {len(ours)}\0".encode()  # how git counts
    return hashlib.sha1(head + ours, usedforsecurity=False).hexdigest() == theirs.blob_id


def _tracked(root: Path) -> list[str]:
    git = shutil.which("git")
    if git is None:
        raise UsageError("This project is kept by git, which is not installed here.")
    listed = subprocess.run(  # noqa: S603  # nobody's input
        [git, "-C", str(root), "ls-files", "-z"], capture_output=True, check=False
    )
    if listed.returncode:
        raise UsageError(f"git cannot list the files of {root}.")
    return [os.fsdecode(path) for path in listed.stdout.split(b"\0") if path]


def _not_ignored(root: Path) -> Iterator[str]:
    """Yield what .gitignore does not name. It is read as plain names and patterns of one name, at
    any depth; a project without git has nothing finer to say."""
    ignored = {".git"}
    if (root / ".gitignore").is_file():
        lines = (root / ".gitignore").read_text("utf-8").splitlines()
        ignored |= {line.strip().strip("/") for line in lines if line.strip()[:1] not in ("", "#")}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not any(fnmatch(name, p) for p in ignored)]
        for name in names:
            if not any(fnmatch(name, pattern) for pattern in ignored):
                yield (Path(folder) / name).relative_to(root).as_posix()
