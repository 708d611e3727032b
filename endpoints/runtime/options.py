"""The command line."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """What one server runs. Times in seconds, sizes in bytes."""

    entry_script: str = ""
    model_dir: str = ""
    mlflow: bool = False
    azureml: bool = False
    service_name: str = "model"  # the model's name in the Open Inference Protocol, and the title of its documents
    socket: str = ""  # a unix socket's path; empty: host and port
    host: str = "127.0.0.1"
    port: int = 5001
    workers: int = 1
    request_timeout: float = 5.0
    max_request_bytes: int = 16 * 1024 * 1024
    max_concurrent: int = 1
    drain_seconds: float = 30.0

    @property
    def max_pending(self) -> int:
        """Requests that may run or wait at once; Azure's rule of twice max_concurrent_requests_per_instance."""
        return max(2 * self.max_concurrent, self.workers)


def parse(arguments: list[str]) -> Options:
    """Exits with status 2, as argparse does, when something is wrong."""
    parser = _parser()
    found = parser.parse_args(arguments)
    if not found.mlflow and not found.entry_script:
        parser.error("--entry-script is needed (or --mlflow)")
    if found.mlflow and not found.model_dir:
        parser.error("--mlflow needs --model-dir")
    return Options(
        entry_script="" if found.mlflow else str(Path(found.entry_script).absolute()),
        model_dir=str(Path(found.model_dir).absolute()) if found.model_dir else "",
        mlflow=found.mlflow,
        azureml=found.azureml,
        service_name=found.service_name,
        socket=found.socket,
        host=found.host,
        port=found.port,
        workers=found.workers,
        request_timeout=found.request_timeout_ms / 1000,
        max_request_bytes=found.max_request_bytes,
        max_concurrent=found.max_concurrent or found.workers,
        drain_seconds=found.drain_seconds,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="runtime", description="Serve a scoring script or an MLflow model.")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--socket", default="", help="listen on this unix socket")
    where.add_argument("--port", type=_whole, default=5001, help="listen on this port (0: any free one)")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--entry-script", default=os.environ.get("AZUREML_ENTRY_SCRIPT", ""))
    parser.add_argument("--model-dir", default=os.environ.get("AZUREML_MODEL_DIR", ""))
    parser.add_argument("--mlflow", action="store_true", help="serve the MLflow model in --model-dir")
    parser.add_argument("--azureml", action="store_true", help="by the package azureml-inference-server-http")
    parser.add_argument("--service-name", default=os.environ.get("SERVICE_NAME") or "model")
    parser.add_argument("--workers", type=_positive, default=os.environ.get("WORKER_COUNT") or 1)
    parser.add_argument("--request-timeout-ms", type=_positive, default=5000)
    parser.add_argument("--max-request-bytes", type=_positive, default=16 * 1024 * 1024)
    parser.add_argument("--max-concurrent", type=_positive, help="default: as many as workers")
    parser.add_argument("--drain-seconds", type=float, default=30.0)
    return parser


def _positive(text: str) -> int:
    if (value := _whole(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return value


def _whole(text: str) -> int:
    if not str(text).isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is not a whole number")
    return int(text)
