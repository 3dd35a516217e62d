"""What a process of the desk keeps of the memory that it took."""

import subprocess
import sys
import xml.etree.ElementTree as Xml

import pytest

from mmcs.settings import PROJECT

# Threads hold small blocks all at once, as those that read images do; one block is large.
HOLD = """
import mmcs, ctypes, threading
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = (ctypes.c_size_t,)
both = threading.Barrier(9)
def hold():
    libc.malloc(1000)
    both.wait()
    both.wait()
for _ in range(8):
    threading.Thread(target=hold).start()
both.wait()
libc.malloc(20_000_000)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
both.wait()
"""


def test_threads_share_what_malloc_keeps() -> None:
    """Whatever of the desk is imported, eight threads have two arenas between them, and a large
    block is one of its own that goes back when it is freed."""
    if sys.platform != "linux":
        pytest.skip("malloc is not glibc's")
    ran = subprocess.run([sys.executable, "-c", HOLD], cwd=PROJECT, capture_output=True, check=True)
    told = Xml.fromstring(ran.stdout)  # noqa: S314  # malloc's own words
    assert len(told.findall("heap")) <= 2
    large = told.find("total[@type='mmap']")
    assert large is not None and int(large.attrib["size"]) >= 20_000_000
