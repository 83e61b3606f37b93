"""What this machine has to compute with.

    >>> [kind.name for kind in detect() if kind.is_found]
    ['cpu']
    >>> core_groups(2)
    [[0, 1, 2, 3], [4, 5, 6, 7]]

and `DevicePool`, which shares work among devices of any kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar, cast

from tidemill import _native
from tidemill._listed import listed
from tidemill._native import DeviceKind, FoundDevice, RoofKernels, Roofs
from tidemill.device_pool import DevicePool, DeviceStatistics, Strategy, Worker

Answer = TypeVar("Answer")


def detect(*, timeout_s: float = 10) -> list[DeviceKind]:
    """Every kind of device, found or not: processors, CUDA, ROCm, Vulkan, Metal, DirectML.  Run-time libraries are loaded in
    child processes that end after `timeout_s` seconds, so that one which crashes or hangs does no harm here."""
    return _native.detect_devices(timeout_s)


def n_sockets() -> int:
    """Sockets that this process may run on."""
    return _native.n_sockets()


def core_groups(n_groups: int) -> list[list[int]]:
    """The processors that this process may run on in so many groups of nearly one size, none of which lies on two sockets
    where that can be.  Raises ArgumentError below 1."""
    return _native.core_groups(n_groups)


def run_on(processors: Sequence[int], work: Callable[[], Answer]) -> Answer:
    """What `work()` gives on a thread that stays on these processors, as all threads do that it starts: an engine that is
    loaded there computes there, and its memory is theirs.  Raises what `work` raises."""
    return cast(Answer, _native.run_on_processors(listed("processors", processors), work))


def measure_roofs(threads: int = 0) -> Roofs:
    """What reading memory and computing reach here at best on so many threads, 0: all processors.  Takes about a second
    and 512 MB."""
    return _native.measure_roofs(threads or _native.cpu_info().n_cores)


def roof_kernels() -> RoofKernels:
    """The instructions that `measure_roofs` uses."""
    return _native.roof_kernels()


__all__ = [
    "DeviceKind",
    "DevicePool",
    "DeviceStatistics",
    "FoundDevice",
    "RoofKernels",
    "Roofs",
    "Strategy",
    "Worker",
    "core_groups",
    "detect",
    "measure_roofs",
    "n_sockets",
    "roof_kernels",
    "run_on",
]
