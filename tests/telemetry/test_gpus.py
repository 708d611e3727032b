"""GPUs as NVML tells of them: the library is another one here, since few machines have a driver."""

import os
from types import ModuleType, SimpleNamespace
from typing import Any

import pynvml
import pytest

from endpoints.telemetry.gpus import Gpu, NvidiaGpus, mean, of_processes
from endpoints.telemetry.processes import LocalProcesses

GIB = 1024**3


class Library(ModuleType):
    """What is asked of NVML, over devices that a test describes. Errors are the real library's."""

    NVMLError = pynvml.NVMLError

    def __init__(self, *devices: dict[str, Any]) -> None:
        super().__init__("pynvml")
        self.devices = list(devices)
        self.driver = True
        self.lost = False

    def nvmlInit(self) -> None:
        if not self.driver:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    def nvmlDeviceGetCount(self) -> int:
        if self.lost:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_UNINITIALIZED)
        return len(self.devices)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> dict[str, Any]:
        if self.devices[index].get("gone"):
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return self.devices[index]

    def nvmlDeviceGetComputeRunningProcesses(self, device: dict[str, Any]) -> list[SimpleNamespace]:
        return [SimpleNamespace(pid=pid, usedGpuMemory=None) for pid in device["pids"]]

    def nvmlDeviceGetMemoryInfo(self, device: dict[str, Any]) -> SimpleNamespace:
        return SimpleNamespace(used=device["used"], total=80 * GIB)

    def nvmlDeviceGetUtilizationRates(self, device: dict[str, Any]) -> SimpleNamespace:
        if device["busy"] is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return SimpleNamespace(gpu=device["busy"], memory=1)

    def nvmlDeviceGetUUID(self, device: dict[str, Any]) -> str:
        return f"GPU-{self.devices.index(device)}"

    def nvmlDeviceGetTotalEnergyConsumption(self, device: dict[str, Any]) -> int:
        if device["energy"] is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return int(device["energy"])


def device(
    *pids: int, busy: int | None = 50, used: int = 20 * GIB, energy: int | None = 7_000, **more: Any
) -> dict[str, Any]:
    return {"pids": pids, "busy": busy, "used": used, "energy": energy, **more}


def shares(gpus: list[Gpu], pids: list[int]) -> tuple[int | None, int | None]:
    own = of_processes(gpus, pids)
    return mean(gpu.busy for gpu in own), mean(gpu.memory for gpu in own)


def test_a_replica_has_what_its_devices_have_on_average() -> None:
    found = NvidiaGpus(Library(device(7, busy=90), device(7, 8, busy=30, used=60 * GIB), device(9, busy=1))).scrape()
    assert shares(found, [7]) == (6000, 5000)
    assert shares(found, [8, 100]) == (3000, 7500)
    assert shares(found, [100]) == (None, None)


def test_a_device_that_does_not_tell_how_busy_it_is_tells_of_its_memory() -> None:
    assert shares(NvidiaGpus(Library(device(7, busy=None))).scrape(), [7]) == (None, 2500)


def test_one_that_fell_off_the_bus_does_not_hide_the_others() -> None:
    found = NvidiaGpus(Library(device(7, gone=True), device(7, busy=20))).scrape()
    assert shares(found, [7]) == (2000, 2500)


def test_without_a_driver_there_is_none_until_there_is_one() -> None:
    library = Library(device(7))
    library.driver = False
    gpus = NvidiaGpus(library)
    assert gpus.scrape() == []
    library.driver = True
    assert len(gpus.scrape()) == 1
    library.lost = True
    assert gpus.scrape() == []
    library.lost = False
    assert len(gpus.scrape()) == 1


def test_the_real_library_without_a_driver_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        assert NvidiaGpus().scrape() == []
        assert caplog.records == []
    else:
        assert len(NvidiaGpus().scrape()) == pynvml.nvmlDeviceGetCount()


def test_a_process_is_told_with_its_disk_and_its_gpus() -> None:
    reading = LocalProcesses(NvidiaGpus(Library(device(os.getpid(), busy=40)))).scrape({"r-1": os.getpid()})["r-1"]
    assert (reading.gpu, reading.gpu_memory, reading.energy_mj) == (4000, 2500, {"GPU-0": 7_000})
    assert reading.disk is not None
    assert 0 <= reading.disk <= 10_000
    elsewhere = LocalProcesses(NvidiaGpus(Library(device(1)))).scrape({"r-1": os.getpid()})["r-1"]
    assert (elsewhere.gpu, elsewhere.gpu_memory, elsewhere.energy_mj) == (None, None, {})
    old = LocalProcesses(NvidiaGpus(Library(device(os.getpid(), energy=None)))).scrape({"r-1": os.getpid()})["r-1"]
    assert (old.gpu_memory, old.energy_mj) == (2500, {})
