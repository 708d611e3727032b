"""Environments for real models, built once and shared by parallel test processes."""

import fcntl
import subprocess
from pathlib import Path

import uv

from tests.runtime.serving import RUNTIME


def build(folder: Path, *packages: str, with_runtime: bool = True) -> Path:
    """The interpreter of a new environment in `folder`, or of the one that is there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    python = folder / "bin" / "python"
    with Path(f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            runtime = ["-r", str(RUNTIME / "requirements.txt")] if with_runtime else []
            _uv("venv", "--clear", "--python", "3.11", str(folder))
            _uv("pip", "install", "--python", str(python), *packages, *runtime)
            (folder / "complete").touch()
    return python


def _uv(*arguments: str) -> None:
    done = subprocess.run([uv.find_uv_bin(), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
