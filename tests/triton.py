"""A real Triton on the CPU for tests, with its Python backend: from a wheel (55 MB), in a folder of its own."""

import fcntl
import shutil
import subprocess
from pathlib import Path

from tests.runtime.environment import build

# Its Python backend knows numpy 1 alone.
PACKAGES = ("nvidia-pytriton==0.7.0", "numpy==1.26.4")
START = """#!/bin/sh
export LD_LIBRARY_PATH={libraries}:{python}
export PATH={folder}/bin:$PATH
exec {tritonserver} "$@"
"""
HALF = """
import numpy
import triton_python_backend_utils as utils

class TritonPythonModel:
    def execute(self, requests):
        found = [utils.get_input_tensor_by_name(each, "x").as_numpy() for each in requests]
        return [utils.InferenceResponse([utils.Tensor("y", numpy.float32(x / 2))]) for x in found]
"""
CONFIG = """
name: "half"
backend: "python"
input [{ name: "x" data_type: TYPE_FP32 dims: [-1] }]
output [{ name: "y" data_type: TYPE_FP32 dims: [-1] }]
instance_group [{ kind: KIND_CPU }]
"""


def tritonserver(shared: Path) -> Path:
    """The program, as distributions lay it out: bin/tritonserver, with backends beside bin. Kept in `shared`."""
    folder = shared / "-".join(("triton", *PACKAGES)).replace("=", "")
    python = build(folder, "--no-deps", *PACKAGES, with_runtime=False)
    program = folder / "bin" / "tritonserver"
    with Path(f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            _assemble(folder, python, program)
    return program


def _assemble(folder: Path, python: Path, program: Path) -> None:
    (site,) = (folder / "lib").glob("python*/site-packages")
    own = site / "pytriton" / "tritonserver"
    backend = folder / "backends" / "python"
    shutil.copytree(own / "backends" / "python", backend, dirs_exist_ok=True)
    stub = backend / "triton_python_backend_stub"
    shutil.copy(own / "python_backend_stubs" / "3.11" / stub.name, stub)
    for executable in (stub, own / "bin" / "tritonserver"):
        executable.chmod(0o755)
    asked = (str(python), "-c", "import sysconfig; print(sysconfig.get_config_var('LIBDIR'))")
    library = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    text = START.format(
        libraries=site / "nvidia_pytriton.libs",
        python=library,
        folder=folder,
        tritonserver=own / "bin" / "tritonserver",
    )
    program.write_text(text)
    program.chmod(0o755)
