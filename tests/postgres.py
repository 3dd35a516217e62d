"""A real PostgreSQL of the tests' own, in a temporary folder: ``pytest_plugins = ["postgres"]``."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

USER, PASSWORD = "desk", "s3cr@t/word"
UNPRIVILEGED = ("postgres", "nobody")  # PostgreSQL refuses to run as root
WITHIN = 60.0  # seconds
OPTIONS = ("fsync=off", "full_page_writes=off")  # a test may crash the server, never the machine


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server on a free port of the loopback."""

    programs: Path  # the folder of initdb and pg_ctl
    folder: Path
    user: str | None  # whom it runs as; None: whoever runs the tests
    port: int
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def address(self, database: str = "postgres", password: str = PASSWORD) -> str:
        """Return a database's address, as a host hands it out."""
        return f"postgresql://{USER}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def empty_database(self) -> str:
        """Empty the database that tests use in turn, and return its address; a new one for each
        takes a second to make and to remove. What earlier tests left connected is cut off."""
        others = "datname = current_database() AND pid != pg_backend_pid()"
        cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"  # noqa: S608  # ours
        with self.connected() as connection:
            connection.execute(cut.encode())
            connection.execute("DROP TABLE IF EXISTS cases, secrets, hidden")
        return self.address()

    def new_database(self, options: str = "") -> str:
        """Make a database like no other and return its address."""
        name = f"desk{next(self._numbers)}"
        with self.connected() as connection:
            connection.execute(f"CREATE DATABASE {name} {options}".encode())
        return self.address(name)

    @contextmanager
    def connected(self, address: str = "") -> Iterator[psycopg.Connection]:
        """Speak to the server past the store; each statement stands for itself."""
        with psycopg.connect(address or self.address(), autocommit=True) as connection:
            yield connection

    def blocked(self, address: str) -> int:
        """Wait until a connection to a database waits for another's lock, and return its number."""
        name, until = address.rpartition("/")[2], time.monotonic() + WITHIN
        query = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
        with self.connected() as connection:
            while time.monotonic() < until:
                if found := connection.execute(query, [name]).fetchone():
                    return int(found[0])
        raise TimeoutError(f"nobody waited for a lock in {name}")

    def initialise(self) -> None:
        """Make the folder in which it keeps everything."""
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        if self.user:
            for path in (self.folder, secret):
                shutil.chown(path, self.user)
        login = ("--username", USER, "--auth", "scram-sha-256", "--pwfile", str(secret))
        data = ("--pgdata", str(self.folder / "data"))
        self._run("initdb", *data, *login, "--encoding", "UTF8", "--no-locale", "--no-sync")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = ["listen_addresses=127.0.0.1", "unix_socket_directories=", *OPTIONS]
        told = " ".join([f"-p {self.port}", *(f"-c {option}" for option in options)])
        log = ("--log", str(self.folder / "log"))
        self._control("start", *log, "--options", told)

    def stop(self) -> None:
        """Stop it as a crash would: no connection is told."""
        self._control("stop", "--mode", "immediate")

    def _control(self, order: str, *options: str) -> None:
        self._run("pg_ctl", order, "--pgdata", str(self.folder / "data"), "--wait", *options)

    def _run(self, program: str, *options: str) -> None:
        subprocess.run(
            [str(self.programs / program), *options],
            cwd=self.folder,
            user=self.user,
            group=pwd.getpwnam(self.user).pw_gid if self.user else None,
            extra_groups=[] if self.user else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a pipe would stay open as long as the server runs
            stderr=subprocess.DEVNULL,
            check=True,
        )


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server for the whole session; each test makes databases of its own."""
    programs, user = _programs(), _user()
    # Not under pytest's own folder, which nobody but whoever runs the tests may enter.
    with tempfile.TemporaryDirectory(prefix="mmcs-postgres-") as folder:
        server = Server(programs, Path(folder), user, _free_port())
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _programs() -> Path:
    """Return the folder of PostgreSQL's programs; Debian keeps them out of PATH."""
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    newest_first = sorted(debian, key=lambda folder: float(folder.parent.name), reverse=True)
    places = [os.environ.get("PATH", ""), *map(str, newest_first)]
    found = shutil.which("initdb", path=os.pathsep.join(places))
    if not found:
        pytest.skip("no PostgreSQL was found; on Debian or Ubuntu: apt-get install postgresql")
    return Path(found).resolve().parent


def _user() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in UNPRIVILEGED:
        if name in known:
            return name
    pytest.skip("PostgreSQL does not run as root, and there is nobody else to run it as")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
