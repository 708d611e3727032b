"""Inference servers: what turns a deployment into a command, an environment and probes."""

import math
from collections.abc import Mapping

from endpoints.domain.brought_servers import CustomServer, TritonServer
from endpoints.domain.inference_config import Route, Routes
from endpoints.domain.server_plans import Brought, InferenceServer, ServerInput, ServerPlan
from endpoints.enums import ServerKind

__all__ = ["AzureMLServer", "Brought", "InferenceServer", "ServerInput", "ServerPlan", "StudioServer", "server_for"]


class StudioServer:
    """Ours (`endpoints/runtime`): scoring scripts, and MLflow models without code."""

    liveness_path = "/live"
    readiness_path = "/ready"
    scoring_path = "/score"
    requirements: tuple[str, ...] = ()
    runs_runtime = True

    def routes(self, given: Brought) -> Routes:
        return Routes(
            liveness=Route(0, self.liveness_path),
            readiness=Route(0, self.readiness_path),
            scoring=Route(0, self.scoring_path),
        )

    def ports(self, given: Brought) -> tuple[int, ...]:
        return ()

    def plan(self, given: ServerInput) -> ServerPlan:
        return ServerPlan(
            command=(given.python, given.runtime, *self._options(given), *self._entry(given)),
            environment=self._environment(given),
            working_directory=given.code_dir or given.scratch_dir,
            liveness_path=self.liveness_path,
            readiness_path=self.readiness_path,
            scoring_path=self.scoring_path,
        )

    def _options(self, given: ServerInput) -> tuple[str, ...]:
        options = {
            "--socket": given.socket,
            "--workers": str(_workers(given)),
            "--request-timeout-ms": str(given.request_timeout_ms),
            "--max-request-bytes": str(given.max_request_bytes),
            "--max-concurrent": str(given.max_concurrent_requests),
            "--drain-seconds": str(given.drain_seconds),
        }
        if given.model_dir:
            options["--model-dir"] = given.model_dir
        return tuple(word for pair in options.items() for word in pair)

    def _entry(self, given: ServerInput) -> tuple[str, ...]:
        return ("--entry-script", f"{given.code_dir}/{given.scoring_script}") if given.code_dir else ("--mlflow",)

    def _environment(self, given: ServerInput) -> Mapping[str, str]:
        own = {
            "PATH": f"{given.python.rsplit('/', 1)[0]}:/usr/local/bin:/usr/bin:/bin",
            "HOME": given.scratch_dir,
            "TMPDIR": given.scratch_dir,
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        service = {"SERVICE_NAME": given.service_name} if given.service_name else {}
        model = {"AZUREML_MODEL_DIR": given.model_dir} if given.model_dir else {}
        return {**own, **service, **given.environment_variables, **model}


class AzureMLServer(StudioServer):
    """The application of the package `azureml-inference-server-http`, in the workers of our server.

    Instead of gunicorn, so that it listens on the replica's socket, is probed while `run()` is busy, and a time-out
    ends the work.
    """

    requirements: tuple[str, ...] = ("azureml-inference-server-http>=1.5,<2",)

    def _entry(self, given: ServerInput) -> tuple[str, ...]:
        return ("--azureml", *super()._entry(given))

    def _environment(self, given: ServerInput) -> Mapping[str, str]:
        """And what the package's own start would have set; its Swagger document names paths as callers see them."""
        prefix = {"SERVICE_PATH_PREFIX": given.service_name} if given.service_name else {}
        own = {"AML_APP_ROOT": given.code_dir, "AML_APP_INSIGHTS_ENABLED": "false"}
        return {**own, **prefix, **super()._environment(given)}


def _workers(given: ServerInput) -> int:
    """WORKER_COUNT as in Azure; unset, as many as run at once, but no more than there are cores for."""
    asked = given.environment_variables.get("WORKER_COUNT", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    return max(1, min(given.max_concurrent_requests, math.ceil(given.vcpu)))


_SERVERS: Mapping[str, InferenceServer] = {
    ServerKind.STUDIO: StudioServer(),
    ServerKind.AZUREML: AzureMLServer(),
    ServerKind.TRITON: TritonServer(),
    ServerKind.CUSTOM: CustomServer(),
}


def server_for(kind: str) -> InferenceServer:
    """Raises KeyError for a kind that there is no server for."""
    return _SERVERS[kind]
