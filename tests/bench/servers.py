"""One scikit-learn model behind three servers, one worker each, the same body: requests per second and latency.

Ours against `azureml-inference-server-http` with the same scoring script, and against `mlflow models serve` with the
same MLflow model. All run at once and are loaded in turn, so that what else the machine does hits them alike.
"""

import asyncio
import json
import os
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvloop

from tests.bench.load import LoadResult, load
from tests.runtime import environment
from tests.runtime.serving import RUNTIME

ROUNDS = 3
SECONDS = 2.0
CONCURRENCIES = (1, 8)
STARTUP_LIMIT = 180.0

TRAINING = """
import sys, joblib, mlflow
from mlflow.models import infer_signature
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression

features, target = load_diabetes(return_X_y=True, as_frame=True)
model = LinearRegression().fit(features, target)
mlflow.sklearn.save_model(
    model, sys.argv[1] + "/mlflow", signature=infer_signature(features, model.predict(features)),
    pip_requirements=["scikit-learn"], serialization_format="cloudpickle",
)
joblib.dump(LinearRegression().fit(features.to_numpy(), target), sys.argv[1] + "/model.joblib")
with open(sys.argv[1] + "/body.json", "w") as body:
    body.write('{"dataframe_split": ' + features.head(1).to_json(orient="split") + "}")
"""

SCORE = """
import json, os, joblib, numpy

def init():
    global model
    model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.joblib"))

def run(raw_data):
    return model.predict(numpy.array(json.loads(raw_data)["dataframe_split"]["data"])).tolist()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    address: str
    path: str
    health: str


def run() -> list[dict[str, object]]:
    """One row per server and concurrency: medians of three rounds. Times in milliseconds."""
    with tempfile.TemporaryDirectory(prefix="es-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        contenders = _contenders(folder)
        for contender in contenders:
            stack.enter_context(_running(contender, folder))
        body = (folder / "body.json").read_bytes()
        for contender in contenders:
            _check_answer(contender, body)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return [row for concurrency in CONCURRENCIES for row in runner.run(_compare(contenders, body, concurrency))]


def _contenders(folder: Path) -> list[Contender]:
    ours = environment.build(folder / "ours", "scikit-learn", "mlflow-skinny", "pandas")
    azureml = environment.build(folder / "azureml", "scikit-learn", "azureml-inference-server-http", with_runtime=False)
    mlflow = environment.build(folder / "mlflow-env", "scikit-learn", "mlflow", with_runtime=False)
    (folder / "score.py").write_text(SCORE)
    subprocess.run([ours, "-c", TRAINING, folder], check=True, capture_output=True)
    server = (str(ours), str(RUNTIME), "--max-concurrent", "64")
    script = ("--entry-script", str(folder / "score.py"), "--model-dir", str(folder))
    no_code = ("--mlflow", "--model-dir", str(folder / "mlflow"))
    ports = [str(port) for port in _free_ports(4)]
    return [
        _contender("studio, script", ours, ports[0], "/score", "/ready", (*server, "--port", ports[0], *script)),
        _contender(
            "azureml-inference-server-http, script",
            azureml,
            ports[1],
            "/score",
            "/",
            (str(azureml.parent / "azmlinfsrv"), "--entry_script", "score.py", "--port", ports[1]),
            AZUREML_MODEL_DIR=str(folder),
        ),
        _contender("studio, MLflow", ours, ports[2], "/invocations", "/ready", (*server, "--port", ports[2], *no_code)),
        _contender(
            "mlflow models serve, MLflow",
            mlflow,
            ports[3],
            "/invocations",
            "/ping",
            (
                *(str(mlflow.parent / "mlflow"), "models", "serve", "--model-uri", str(folder / "mlflow")),
                *("--env-manager", "local", "--port", ports[3], "--workers", "1"),
            ),
        ),
    ]


def _contender(
    name: str, python: Path, port: str, path: str, health: str, command: tuple[str, ...], **variables: str
) -> Contender:
    return Contender(
        name=name,
        command=command,
        environment={
            **os.environ,
            "PATH": f"{python.parent}:{os.environ['PATH']}",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            **variables,
        },
        address=f"http://127.0.0.1:{port}",
        path=path,
        health=health,
    )


@contextmanager
def _running(contender: Contender, folder: Path) -> Iterator[None]:
    with (folder / f"{contender.name}.log").open("wb") as log:
        process = subprocess.Popen(
            contender.command,
            env=contender.environment,
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_until_healthy(contender, process, folder)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # the whole group: these servers start others
        process.wait()


def _wait_until_healthy(contender: Contender, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    end = time.monotonic() + STARTUP_LIMIT
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(contender.address + contender.health, timeout=10).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    log = (folder / f"{contender.name}.log").read_text()
    raise RuntimeError(f"{contender.name} did not start:\n{log}")


def _check_answer(contender: Contender, body: bytes) -> None:
    """All must have computed the same, or the figures compare nothing."""
    headers = {"content-type": "application/json"}
    answer = httpx.post(contender.address + contender.path, content=body, headers=headers, timeout=60).json()
    predictions = answer["predictions"] if isinstance(answer, dict) else answer
    if round(predictions[0]) != 206:
        raise RuntimeError(f"{contender.name} answered {json.dumps(answer)}")


async def _compare(contenders: list[Contender], body: bytes, concurrency: int) -> list[dict[str, object]]:
    results: dict[str, list[LoadResult]] = {contender.name: [] for contender in contenders}
    for _ in range(ROUNDS):
        for contender in contenders:
            results[contender.name].append(await _load(contender, body, concurrency))
    return [_row(name, concurrency, rounds) for name, rounds in results.items()]


async def _load(contender: Contender, body: bytes, concurrency: int) -> LoadResult:
    return await load(
        contender.address,
        path=contender.path,
        body=body,
        headers={"content-type": "application/json"},
        concurrency=concurrency,
        seconds=SECONDS,
    )


def _row(name: str, concurrency: int, rounds: list[LoadResult]) -> dict[str, object]:
    return {
        "server": name,
        "concurrency": concurrency,
        "rps": round(statistics.median(one.rps for one in rounds)),
        "p50_ms": round(statistics.median(one.p50_ms for one in rounds), 2),
        "p99_ms": round(statistics.median(one.p99_ms for one in rounds), 2),
        "failures": sum(one.failures for one in rounds),
    }


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]


if __name__ == "__main__":
    for row in run():
        print(row)
