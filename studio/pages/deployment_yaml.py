"""Endpoints and deployments as Azure's YAML (AML/reference-yaml-deployment-managed-online)."""

from typing import Any

from endpoints.enums import ServerKind
from endpoints.models import Deployment, Endpoint
from endpoints.models.deployments import DEFAULT_REQUEST_BYTES, DEFAULT_SURGE

SCHEMAS = "https://azuremlschemas.azureedge.net/latest"
HIDDEN = "<not shown>"


def endpoint_yaml(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "$schema": f"{SCHEMAS}/managedOnlineEndpoint.schema.json",
        "name": endpoint.name,
        "description": endpoint.description,
        "tags": endpoint.tags,
        "auth_mode": endpoint.auth_mode,
        "traffic": endpoint.traffic,
        **({"mirror_traffic": endpoint.mirror_traffic} if endpoint.mirror_traffic else {}),
    }


def deployment_yaml(deployment: Deployment) -> dict[str, Any]:
    """Values of environment variables stay out: they may be secrets. What Azure does not have stands there only where
    it is not the default."""
    document: dict[str, Any] = {
        "$schema": f"{SCHEMAS}/managedOnlineDeployment.schema.json",
        "name": deployment.name,
        "endpoint_name": deployment.endpoint.name,
        "description": deployment.description,
        "tags": deployment.tags,
        "model": f"azureml:{deployment.model}" if deployment.model else None,
    }
    if deployment.code:
        document["code_configuration"] = {
            "code": f"azureml:{deployment.code}",
            "scoring_script": deployment.scoring_script,
        }
    if deployment.server != ServerKind.STUDIO:
        document["server"] = str(deployment.server)
    document |= {
        "command": list(deployment.command),
        "model_mount_path": deployment.model_mount_path,
        **_environment(deployment),
        "environment_variables": dict.fromkeys(sorted(deployment.environment_variables), HIDDEN),
        "instance_type": deployment.instance_type.name,
        "instance_count": deployment.instance_count,
        "egress_public_network_access": str(deployment.egress_public_network_access),
        "request_settings": {
            "request_timeout_ms": deployment.request_timeout_ms,
            "max_concurrent_requests_per_instance": deployment.max_concurrent_requests_per_instance,
            **_unless("max_request_bytes", deployment.max_request_bytes, DEFAULT_REQUEST_BYTES),
        },
        "liveness_probe": deployment.liveness_probe,
        "readiness_probe": deployment.readiness_probe,
        **_unless("max_surge", deployment.max_surge, DEFAULT_SURGE),
        "progress_deadline_seconds": deployment.progress_deadline_seconds,
    }
    return {key: value for key, value in document.items() if value not in (None, "", {}, [])}


def _unless(name: str, value: Any, default: Any) -> dict[str, Any]:
    return {} if value == default else {name: value}


def _environment(deployment: Deployment) -> dict[str, Any]:
    """An image stands where Azure has it, with its routes."""
    if deployment.image:
        routes = {"inference_config": deployment.inference_config} if deployment.inference_config else {}
        return {"environment": {"image": deployment.image, **routes}}
    registered = f"azureml:{deployment.environment}" if deployment.environment else None
    return {"environment": registered, "inference_config": deployment.inference_config}
