"""GPUs are found without importing an engine."""

from __future__ import annotations

import ctypes
from typing import Any

from mmcs.cuda import Gpu, gpus


class FakeDriver:
    """Answers like NVIDIA's driver library on a machine with the given devices."""

    def __init__(self, devices: tuple[Gpu, ...], status: int = 0) -> None:
        self.devices = devices
        self.status = status  # of the library's start; 0 is success

    def cuInit(self, flags: int) -> int:  # noqa: N802  # the driver's own names
        """Start."""
        return self.status

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        """Write how many devices there are."""
        count._obj.value = len(self.devices)
        return 0

    def cuDeviceGet(self, device: Any, number: int) -> int:  # noqa: N802
        """Write the handle of a device."""
        device._obj.value = number
        return 0

    def cuDeviceGetName(self, name: Any, length: int, device: ctypes.c_int) -> int:  # noqa: N802
        """Write the name of a device."""
        name.value = self.devices[device.value].name.encode()[: length - 1]
        return 0

    def cuDeviceTotalMem_v2(self, memory: Any, device: ctypes.c_int) -> int:  # noqa: N802
        """Write the memory of a device."""
        memory._obj.value = self.devices[device.value].memory
        return 0


def test_each_device_has_its_name_and_memory() -> None:
    """Two devices are told apart, and 80 GB are not cut to 32 bits."""
    devices = (Gpu("NVIDIA H100 80GB HBM3", 85_520_809_984), Gpu("Tesla T4", 15_835_660_288))
    assert gpus(FakeDriver(devices)) == devices


def test_a_driver_that_does_not_start_shows_nothing() -> None:
    """A driver without a device, or one that fails, is a machine without a GPU."""
    assert gpus(FakeDriver(())) == ()
    assert gpus(FakeDriver((Gpu("Tesla T4", 1),), status=100)) == ()
