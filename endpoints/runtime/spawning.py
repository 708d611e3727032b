"""A worker's process, and the socket that leads to it. Imports little: it is the first thing that a server does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from .options import Options


class Spawned(NamedTuple):
    process: subprocess.Popen[bytes]
    connection: socket.socket  # our end
    at: float  # monotonic


def spawn(options: Options) -> Spawned:
    """Raises OSError."""
    ours, theirs = socket.socketpair()
    at = time.monotonic()
    try:
        with theirs:
            process = subprocess.Popen(
                [sys.executable, str(Path(__file__).parent), "--worker", _settings(options, theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                env=_environment(options),
                start_new_session=True,  # so that what it starts can be ended with it
            )
    except OSError:
        ours.close()
        raise
    return Spawned(process, ours, at)


def _settings(options: Options, descriptor: int) -> str:
    return json.dumps(
        {
            "descriptor": descriptor,
            "parent": os.getpid(),
            "entry_script": options.entry_script,
            "model_dir": options.model_dir,
            "mlflow": options.mlflow,
            "azureml": options.azureml,
            "service_name": options.service_name,
        }
    )


def _environment(options: Options) -> dict[str, str]:
    environment = dict(os.environ)
    if options.model_dir:
        environment["AZUREML_MODEL_DIR"] = options.model_dir
    return environment
