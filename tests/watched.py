"""Runs a command and tells what it and all its children asked of the system: whom they spoke to,
and which files they wrote.

Where there is strace, it records system calls. Else a network namespace of its own records packets:
its only way out is the loopback, on which everything that was sent can be seen.
"""

from __future__ import annotations

import ipaddress
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

WATCHERS = ("strace", "a network namespace")
SPEAKING = "connect,sendto,sendmsg,sendmmsg"
WRITING = "?open,openat,?openat2,?creat,?mkdir,mkdirat,?rename,?renameat,renameat2,?link,linkat"
NAME_PORTS = frozenset({"53", "853", "5353"})  # of whoever tells the address of a name
NAME_SOCKETS = ("resolve", "avahi")  # … and what their local sockets are called
TIME_OUT = 540  # seconds

_ADDRESS = re.compile(r'sin6?_port=htons\((\d+)\).*?(?:inet_addr\(|AF_INET6, )"([^"]+)"')
_SOCKET = re.compile(r'sun_path=@?"([^"]+)"')
_PATH = re.compile(r'(?:\d+|AT_FDCWD)<([^>]*)>, "([^"]*)"|\("([^"]*)"')

# Within a new network namespace: raise the loopback (SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP), make it
# the way to everywhere (SIOCADDRT of struct rtentry, RTF_UP), and print whoever is sent something
# while the command runs (ETH_P_ALL; an IPv4 header's protocol, address and port).
NAMESPACE = """
import ctypes, fcntl, os, select, socket, struct, subprocess, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    flags = struct.unpack("16sh", fcntl.ioctl(s, 0x8913, struct.pack("16sh", b"lo", 0)))[1]
    fcntl.ioctl(s, 0x8914, struct.pack("16sh", b"lo", flags | 1))
    device = ctypes.create_string_buffer(b"lo")
    anywhere = struct.pack("H14x", socket.AF_INET)
    route = struct.pack("L16s16s16sHhLB7xhP3L", 0, anywhere, anywhere, anywhere, 1, 0, 0, 0, 0,
                        ctypes.addressof(device), 0, 0, 0)
    fcntl.ioctl(s, 0x890B, route)
seen = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
child = subprocess.Popen(sys.argv[2:])
with open(sys.argv[1], "w") as log:
    while child.poll() is None:
        if not select.select([seen], [], [], 0.2)[0]:
            continue
        packet, origin = seen.recvfrom(65536)
        if origin[1] == 0x0800:
            start = 4 * (packet[0] & 15)
            port = struct.unpack_from("!H", packet, start + 2)[0] if packet[9] in (6, 17) else 0
            print(port, socket.inet_ntoa(packet[16:20]), file=log, flush=True)
sys.exit(child.returncode)
"""


@dataclass(frozen=True)
class Seen:
    """What was asked of the system."""

    spoken_to: frozenset[str]  # addresses beyond the loopback, and whoever was asked for a name
    written: frozenset[Path] | None  # files and folders; None where only packets are recorded


def watched(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    watchers: Sequence[str] = WATCHERS,
) -> tuple[subprocess.CompletedProcess[str], Seen]:
    """Run a command to its end and return how it ended, and what was seen; skip the test where
    nothing can watch it.

    Args:
        command: what is run.
        environment: all of its variables.
        folder: where the record is kept.
        watchers: who may watch; the first that can does.
    """
    log = folder / "seen.log"
    for watcher, before in _ways(log):
        tried = subprocess.run([*before, "true"], capture_output=True, check=False)
        if watcher in watchers and tried.returncode == 0:
            ran = subprocess.run(
                [*before, *command],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=TIME_OUT,
            )
            lines = log.read_text("utf-8", "replace").splitlines()
            return ran, _called(lines) if watcher == "strace" else _sent(lines)
    pytest.skip(f"neither {' nor '.join(watchers)} can watch here")


def _ways(log: Path) -> Iterator[tuple[str, list[str]]]:
    if shutil.which("strace"):
        calls = f"trace={SPEAKING},{WRITING}"
        before = ["strace", "-f", "-qq", "-y", "--seccomp-bpf", "-o", str(log), "-e", calls]
        yield "strace", before
    if shutil.which("unshare"):
        inside = [sys.executable, "-c", NAMESPACE, str(log)]
        yield "a network namespace", ["unshare", "--net", *inside]
        yield "a network namespace", ["unshare", "--map-root-user", "--net", *inside]


def _called(lines: Sequence[str]) -> Seen:
    spoken_to: set[str] = set()
    written: set[Path] = set()
    for name, text in _calls(lines):
        if name in SPEAKING.split(","):
            spoken_to.update(beyond(port, address) for port, address in _ADDRESS.findall(text))
            spoken_to.update(
                path for path in _SOCKET.findall(text) if any(n in path for n in NAME_SOCKETS)
            )
        elif _writes(name, text):
            written.update(Path(at, path) for at, path in _paths(text))
    return Seen(frozenset(spoken_to - {""}), frozenset(written))


def _calls(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each call's name and text, put together where another one's stands in between."""
    begun: dict[str, str] = {}
    for line in lines:
        process, _, text = line.partition(" ")
        text = text.strip()
        if text.endswith("<unfinished ...>"):
            begun[process] = text.removesuffix("<unfinished ...>")
            continue
        if resumed := re.match(r"<\.\.\. \w+ resumed>(.*)", text):
            text = begun.pop(process, "") + resumed[1]
        yield text.partition("(")[0], text
    for text in begun.values():  # of processes that ended within a call
        yield text.partition("(")[0], text


def _writes(name: str, text: str) -> bool:
    failed = re.search(r"= -1 E\w+ \(.*\)$", text)
    opened = name in {"open", "openat", "openat2"}
    return not failed and (not opened or re.search("O_WRONLY|O_RDWR|O_CREAT", text) is not None)


def _paths(text: str) -> Iterator[tuple[str, str]]:
    """Yield the folder that a path is relative to, and the path."""
    for at, relative, absolute in _PATH.findall(text):
        yield at, relative or absolute


def _sent(lines: Sequence[str]) -> Seen:
    pairs = (line.split() for line in lines)
    return Seen(frozenset(beyond(port, address) for port, address in pairs) - {""}, None)


def beyond(port: str, address: str) -> str:
    """Return address and port if they lie beyond this machine, or tell what a name stands for."""
    found = ipaddress.ip_address(address)
    near = found.is_loopback or found.is_unspecified
    return "" if near and port not in NAME_PORTS else f"{address} port {port}"
