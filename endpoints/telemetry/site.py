"""The studio's own parts on this machine: processes, broker and workers, disk, certificate."""

import contextlib
import json
import os
import platform
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from cryptography import x509
from kombu import Connection

from endpoints.domain.health_readings import CertificateReading, DiskReading, HostReading, ProgramsReading, QueueReading
from endpoints.telemetry.port import TelemetryUnreachable

SECONDS = 2.0  # for a part to answer
QUEUE, IN_HAND = "celery", "unacked"  # as Celery and kombu call them
GPUS = Path("/proc/driver/nvidia/gpus")  # a folder for each, where NVIDIA's driver is loaded
FOLDERS = ("logs", "traffic-log", "replicas")
SENT_AT = "studio_sent_at"  # a header of each task


class LocalSite:
    """`programs` asks the supervisor, `workers` counts those who answer; both raise OSError where nobody is there."""

    def __init__(
        self,
        *,
        programs: Callable[[], ProgramsReading],
        workers: Callable[[], int],
        broker_url: str,
        data_dir: Path,
        certificate: Path | None,
    ) -> None:
        self._programs = programs
        self._workers = workers
        self._broker_url = broker_url
        self._data_dir = data_dir
        self._certificate = certificate

    def programs(self) -> ProgramsReading:
        try:
            return self._programs()
        except OSError:
            return ProgramsReading()

    def queue(self) -> QueueReading:
        options = {"socket_timeout": SECONDS, "socket_connect_timeout": SECONDS, "max_retries": 1}
        try:
            with Connection(self._broker_url, transport_options=options, connect_timeout=SECONDS) as connection:
                channel: Any = connection.default_channel
                return _queue(channel.client, self._workers())
        except Exception as error:  # each transport has errors of its own
            raise TelemetryUnreachable(f"The broker does not answer ({type(error).__name__}).") from None

    def disk(self) -> DiskReading:
        try:
            space, files = shutil.disk_usage(self._data_dir), os.statvfs(self._data_dir)
        except OSError as error:
            raise TelemetryUnreachable(f"The data folder cannot be measured: {error.strerror}.") from None
        percent = files.f_favail * 100 / files.f_files if files.f_files else None
        return DiskReading(total_bytes=space.total, free_bytes=space.free, free_files_percent=percent)

    def host(self) -> HostReading:
        memory = psutil.virtual_memory()
        return HostReading(
            name=platform.node(),
            cpus=psutil.cpu_count() or 1,
            cpu_percent=psutil.cpu_percent(),
            memory_bytes=memory.total,
            memory_used_bytes=memory.total - memory.available,
            gpus=len(list(GPUS.glob("*"))) if GPUS.exists() else 0,
        )

    def folders(self) -> dict[str, int]:
        return {name: _bytes_in(self._data_dir / name) for name in FOLDERS}

    def certificate(self) -> CertificateReading | None:
        if self._certificate is None:
            return None
        try:
            found = x509.load_pem_x509_certificates(self._certificate.read_bytes())[0]
        except OSError as error:
            raise TelemetryUnreachable(f"{self._certificate} cannot be read: {error.strerror}.") from None
        except (ValueError, IndexError):
            raise TelemetryUnreachable(f"{self._certificate} holds no certificate.") from None
        return CertificateReading(names=_names(found), expires_at=found.not_valid_after_utc)


def _bytes_in(folder: Path) -> int:
    """What goes away meanwhile is not counted."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(where) / name).lstat().st_size
    return total


def _queue(client: Any, workers: int) -> QueueReading:
    facts = client.info()
    oldest = client.lindex(QUEUE, -1)
    return QueueReading(
        workers=workers,
        waiting=client.llen(QUEUE),
        in_hand=client.hlen(IN_HAND),
        oldest_at=_sent_at(oldest),
        version=_version(facts),
        memory_bytes=int(facts.get("used_memory", 0)),
        memory_limit=int(facts.get("maxmemory", 0)),
    )


def _version(facts: dict[str, Any]) -> str:
    """Valkey says both its own and the Redis that it is compatible with."""
    own = facts.get("valkey_version")
    return f"Valkey {own}" if own else f"Redis {facts.get('redis_version', '')}".strip()


def _sent_at(message: bytes | str | None) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(json.loads(message or "")["headers"][SENT_AT]), UTC)
    except (ValueError, KeyError, TypeError):
        return None


def _names(certificate: x509.Certificate) -> str:
    """Whom it is for."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return ", ".join(str(name.value) for name in names)
    except x509.ExtensionNotFound:
        return certificate.subject.rfc4514_string()
