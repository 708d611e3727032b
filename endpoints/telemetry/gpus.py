"""NVIDIA GPUs of this machine, as their driver's library (NVML) tells of them.

A machine without the driver has none, and that is no error: it is looked for again at each scrape, which costs nothing.
"""

import logging
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType

import pynvml

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One device, and whose it is. Shares in hundredths of a percent; None where the device does not tell.

    `energy_mj` is what it has used since its driver was loaded, in millijoules.
    """

    uuid: str
    pids: frozenset[int]
    busy: int | None
    memory: int | None
    energy_mj: int | None


class NvidiaGpus:
    def __init__(self, library: ModuleType = pynvml) -> None:
        self._nvml = library
        self._ready = False

    def scrape(self) -> list[Gpu]:
        if not self._started():
            return []
        try:
            count = self._nvml.nvmlDeviceGetCount()
        except self._nvml.NVMLError as error:
            logger.warning("The GPUs' driver does not answer: %s", error)
            self._ready = False
            return []
        return list(self._devices(count))

    def _started(self) -> bool:
        if not self._ready:
            try:
                self._nvml.nvmlInit()
                self._ready = True
            except self._nvml.NVMLError as error:
                logger.debug("There is no NVIDIA driver: %s", error)
        return self._ready

    def _devices(self, count: int) -> Iterator[Gpu]:
        """One that fell off the bus is left out; the others still tell."""
        for index in range(count):
            try:
                yield self._gpu(self._nvml.nvmlDeviceGetHandleByIndex(index))
            except self._nvml.NVMLError as error:
                logger.warning("GPU %d does not answer: %s", index, error)

    def _gpu(self, device: object) -> Gpu:
        found = self._nvml.nvmlDeviceGetComputeRunningProcesses(device)
        memory = self._nvml.nvmlDeviceGetMemoryInfo(device)
        return Gpu(
            uuid=self._nvml.nvmlDeviceGetUUID(device),
            pids=frozenset(process.pid for process in found),
            busy=self._busy(device),
            memory=memory.used * 10_000 // memory.total if memory.total else None,
            energy_mj=self._energy(device),
        )

    def _busy(self, device: object) -> int | None:
        """A device that is cut into instances does not tell."""
        try:
            return int(self._nvml.nvmlDeviceGetUtilizationRates(device).gpu) * 100
        except self._nvml.NVMLError:
            return None

    def _energy(self, device: object) -> int | None:
        """Devices before Volta do not tell."""
        try:
            return int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(device))
        except self._nvml.NVMLError:
            return None


def of_processes(gpus: Iterable[Gpu], pids: Collection[int]) -> list[Gpu]:
    """The devices on which one of these processes works."""
    return [gpu for gpu in gpus if not gpu.pids.isdisjoint(pids)]


def mean(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known)) if known else None
