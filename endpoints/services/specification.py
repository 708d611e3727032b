"""Whether a deployment's specification holds together, before anything starts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from endpoints import wiring
from endpoints.domain.environments import EnvironmentSpec, EnvironmentSpecError, for_mlflow, with_runtime
from endpoints.domain.errors import Invalid
from endpoints.domain.mlflow import MLmodelError
from endpoints.domain.names import checked_variables
from endpoints.domain.rollouts import deadline_fault, surge_fault
from endpoints.domain.servers import server_for
from endpoints.enums import ModelType, NetworkAccess, ServerKind
from endpoints.models import CodeVersion, EnvironmentVersion, ModelVersion, Workspace
from endpoints.selectors.quota import site_limits_row
from endpoints.services.brought_servers import BROUGHT, brought_problems
from endpoints.services.preflight import script_facts

if TYPE_CHECKING:
    from endpoints.services.deployments import Specification

SMALLEST_REQUEST, LARGEST_REQUEST = 1024, 1024**3  # bytes
MAX_PROBE_SECONDS = 3600
MAX_PROBE_TRIES = 1000
MAX_WORKERS = 64
NEEDS_CODE = "Without an MLflow model a deployment needs scoring code with a scoring script."
# Of the azureml package's own start, which is not used here: what they would have done, something else does.
NOT_OF_AZUREML = {
    "WORKER_TIMEOUT": "WORKER_TIMEOUT has no effect here: request_timeout_ms ends what takes too long. Leave it out.",
    "WORKER_PRELOAD": "WORKER_PRELOAD has no effect here: each worker loads the script by itself. Leave it out.",
    "AZUREML_ENTRY_SCRIPT": "AZUREML_ENTRY_SCRIPT is the scoring_script of the deployment. Leave it out.",
    **{
        name: f"{name} has no effect here: the server listens on a socket that is its replica's own. Leave it out."
        for name in ("SERVER_PORT", "HEALTH_PORT", "SEPERATE_HEALTH_ENDPOINT")
    },
}
_PROBE_FIELDS = frozenset({"initial_delay", "period", "timeout", "success_threshold", "failure_threshold"})


def check_specification(specification: Specification, *, workspace: Workspace) -> Specification:
    """The same, if it can run; else Invalid with every field that is wrong."""
    problems = {
        **_numbers(specification),
        **_variables(specification.environment_variables),
        **_assets(specification, workspace),
        **_server(specification),
        **_probe("liveness_probe", specification.liveness_probe),
        **_probe("readiness_probe", specification.readiness_probe),
    }
    problems |= _egress(specification.egress_public_network_access) | _once_known(specification)
    problems |= _rollout(specification)
    if specification.instance_type is None or not specification.instance_type.enabled:
        problems["instance_type"] = "Choose an instance type that is available."
    if problems:
        raise Invalid(problems)
    needed_environment(specification)
    return specification


def _once_known(specification: Specification) -> dict[str, str]:
    return brought_problems(specification) if specification.server in ServerKind.values else {}


def _server(specification: Specification) -> dict[str, str]:
    try:
        server_for(specification.server)
    except KeyError:
        return {"server": f"There is no server “{specification.server}”. Use {', '.join(ServerKind.values)}."}
    if specification.server != ServerKind.AZUREML:
        return {}
    if specification.code is None:
        return {"server": "The azureml server runs a scoring script. Choose its code, or the server studio."}
    idle = [why for name, why in NOT_OF_AZUREML.items() if name in specification.environment_variables]
    return {"environment_variables": idle[0]} if idle else {}


def _numbers(specification: Specification) -> dict[str, str]:
    site = site_limits_row()
    ranges = {
        "instance_count": (1, site.instances_per_deployment),
        "request_timeout_ms": (1, site.request_timeout_ms),
        "max_concurrent_requests_per_instance": (1, 1000),
        "max_request_bytes": (SMALLEST_REQUEST, LARGEST_REQUEST),
    }
    return {
        name: f"A whole number from {low} to {high}."
        for name, (low, high) in ranges.items()
        if not (_is_whole(value := getattr(specification, name)) and low <= value <= high)
    }


def _rollout(specification: Specification) -> dict[str, str]:
    faults = {
        "max_surge": surge_fault(specification.max_surge),
        "progress_deadline_seconds": deadline_fault(specification.progress_deadline_seconds),
    }
    return {name: fault for name, fault in faults.items() if fault}


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _variables(variables: object) -> dict[str, str]:
    try:
        given = checked_variables(dict(variables) if isinstance(variables, Mapping) else variables)
    except Invalid as error:
        return error.fields
    workers = given.get("WORKER_COUNT", "1")
    if not (workers.isdecimal() and 1 <= int(workers) <= MAX_WORKERS):
        return {"environment_variables": f"WORKER_COUNT is a whole number from 1 to {MAX_WORKERS}."}
    return {}


def _probe(name: str, probe: Mapping[str, float]) -> dict[str, str]:
    if set(probe) != _PROBE_FIELDS or not all(_is_number(value) for value in probe.values()):
        return {name: f"A probe has these numbers: {', '.join(sorted(_PROBE_FIELDS))}."}
    minimum = {"initial_delay": 0}
    low = [key for key, value in probe.items() if value < minimum.get(key, 1)]
    if low:
        return {name: f"{', '.join(sorted(low))}: at least 1."}
    high = [
        key for key, value in probe.items() if value > (MAX_PROBE_TRIES if "threshold" in key else MAX_PROBE_SECONDS)
    ]
    if high:
        most = f"at most {MAX_PROBE_SECONDS} seconds, or {MAX_PROBE_TRIES} tries"
        return {name: f"{', '.join(sorted(high))}: {most}."}
    if name == "liveness_probe" and probe["success_threshold"] != 1:
        return {name: "success_threshold of the liveness probe is always 1."}
    return {}


def _egress(access: str) -> dict[str, str]:
    """Refused where nothing would keep it."""
    name = "egress_public_network_access"
    if access not in NetworkAccess.values:
        return {name: f"Use {' or '.join(NetworkAccess.values)}."}
    isolation = wiring.compute().isolation()
    if access == NetworkAccess.DISABLED and not isolation.boxed:
        return {name: f"Egress cannot be closed here. {isolation.reason}"}
    return {}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _assets(specification: Specification, workspace: Workspace) -> dict[str, str]:
    problems = {}
    for name in ("model", "code", "environment"):
        asset = getattr(specification, name)
        if asset is not None and asset.workspace_id != workspace.pk:
            problems[name] = f"There is no {name} of this name in “{workspace}”."
        elif asset is not None and asset.archived_at is not None:
            problems[name] = f"{asset} is archived. Choose another version."
        elif asset is not None and not _is_stored(asset):
            problems[name] = f"The files of {asset} are not in the store any more. Register it again."
    if specification.server in BROUGHT or is_triton(specification.model):
        return problems
    return problems or _scoring_problems(specification)


def _is_stored(asset: ModelVersion | CodeVersion | EnvironmentVersion) -> bool:
    """An environment has no files of its own."""
    if isinstance(asset, EnvironmentVersion):
        return True
    try:
        wiring.store().path(asset.artifact_id)
    except KeyError:
        return False
    return True


def is_triton(model: ModelVersion | None) -> bool:
    return model is not None and model.type == ModelType.TRITON


def _is_mlflow(model: ModelVersion | None) -> bool:
    return model is not None and model.type == ModelType.MLFLOW


def _scoring_problems(specification: Specification) -> dict[str, str]:
    """An MLflow model needs neither code nor environment; with code, its own environment is what the code finds."""
    script, alone = specification.scoring_script, _is_mlflow(specification.model)
    if specification.code is None:
        if alone and not script:
            return {}
        return {"code": "A scoring script needs the code that it is in." if alone else NEEDS_CODE}
    if specification.environment is None and not alone:
        return {"environment": "A scoring script needs an environment: the packages that it imports."}
    files = wiring.store().files(specification.code.artifact_id)
    scripts = [file.path for file in files if file.path.endswith(".py")]
    if script not in scripts:
        return {"scoring_script": f"“{script}” is not in {specification.code}. There is: {', '.join(scripts[:10])}."}
    return _script_problems(specification.code, script, specification.environment)


def _script_problems(code: CodeVersion, script: str, environment: EnvironmentVersion | None) -> dict[str, str]:
    """What its own server would say when it had been started."""
    facts = script_facts(code, script, python_version=environment.python_version if environment else "")
    if facts.error:
        return {"scoring_script": f"The script is not valid Python. {facts.error}"}
    if facts.missing:
        names = " and ".join(f"{name}()" for name in facts.missing)
        return {"scoring_script": f"“{script}” does not define {names}. A scoring script defines init() and run(data)."}
    return {}


def needed_environment(specification: Specification) -> EnvironmentSpec | None:
    """None where nothing must be installed: an image, or a command that needs no packages."""
    if specification.server in BROUGHT and specification.environment is None:
        return None
    return environment_spec(specification)


def environment_spec(specification: Specification) -> EnvironmentSpec:
    """What must be installed: the environment asked for, else the model's own, and our server's needs."""
    needs = wiring.server_requirements(specification.server)
    try:
        if specification.environment is not None:
            return with_runtime(_spec_of(specification.environment), needs)
        if specification.model is None:
            raise Invalid({"environment": "Choose an environment."})
        model = wiring.inspect_mlflow(specification.model.artifact_id)
        return with_runtime(for_mlflow(model), needs)
    except EnvironmentSpecError as error:
        raise Invalid({"environment": str(error)}) from error
    except MLmodelError as error:
        raise Invalid({"model": str(error)}) from error
    except KeyError as error:
        raise Invalid({"model": "The model's files are not in the store any more. Register it again."}) from error


def _spec_of(environment: EnvironmentVersion) -> EnvironmentSpec:
    return EnvironmentSpec(python_version=environment.python_version, requirements=tuple(environment.requirements))


def built_hash(environment: EnvironmentVersion) -> str:
    """Under which the environment is built for a deployment: with our server's own needs."""
    return with_runtime(_spec_of(environment), wiring.runtime_requirements()).hash
