"""The CUDA devices of this machine, asked of the driver itself: importing torch takes seconds."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

_LONGEST_NAME = 256  # bytes


@dataclass(frozen=True)
class Gpu:
    """One CUDA device."""

    name: str
    memory: int  # bytes


def gpus(driver: Any = None) -> tuple[Gpu, ...]:
    """Return what the driver shows; nothing if there is none, or it does not work.

    Args:
        driver: NVIDIA's driver library (CUDA driver API); found by its name if not given.
    """
    if driver is None:
        try:
            driver = ctypes.CDLL("libcuda.so.1")
        except OSError:
            return ()
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return ()
    return tuple(_gpu(driver, number) for number in range(count.value))


def _gpu(driver: Any, number: int) -> Gpu:
    device, memory = ctypes.c_int(0), ctypes.c_size_t(0)
    name = ctypes.create_string_buffer(_LONGEST_NAME)
    driver.cuDeviceGet(ctypes.byref(device), number)
    driver.cuDeviceGetName(name, _LONGEST_NAME, device)
    driver.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    return Gpu(name.value.decode("utf-8", "replace"), memory.value)
