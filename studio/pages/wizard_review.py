"""The last step: what will be, what it costs, and the same as YAML and over the API."""

import json
import shlex
from decimal import Decimal
from typing import Any

import yaml
from django.conf import settings

from endpoints.domain.errors import Invalid
from endpoints.domain.scaling import condition
from endpoints.domain.scaling_schema import parse
from endpoints.models import Deployment, Draft, Endpoint
from endpoints.services.brought_servers import BROUGHT
from studio.pages.capacity import HOURS_PER_MONTH, quota_table
from studio.pages.deployment_yaml import deployment_yaml, endpoint_yaml
from studio.pages.wizard_assets import autoscale, specification


def review(draft: Draft) -> dict[str, Any]:
    try:
        spec = specification(draft)
    except Invalid as error:
        return {"problem": str(error)}
    price = spec.instance_type.price_per_hour if spec.instance_type else Decimal(0)
    per_hour = price * spec.instance_count
    endpoint, deployment = _unsaved(draft, spec)
    documents = [] if draft.endpoint else [endpoint_yaml(endpoint)]
    documents.append(deployment_yaml(deployment))
    return {
        "spec": spec,
        "brought": spec.server in BROUGHT,
        "command": shlex.join(spec.command),
        "endpoint": endpoint,
        "deployment": deployment,
        "per_hour": per_hour,
        "per_month": per_hour * HOURS_PER_MONTH,
        "all_traffic": draft.data["compute"].get("all_traffic"),
        "autoscale": _autoscale(draft),
        "quota": quota_table(draft.workspace, spec.instance_type, spec.instance_count) if spec.instance_type else [],
        "snippets": [
            {"label": "YAML", "language": "yaml", "code": yaml.safe_dump_all(documents, sort_keys=False)},
            {"label": "REST", "language": "shell", "code": _rest(endpoint, documents, autoscale(draft))},
        ],
    }


def _autoscale(draft: Draft) -> dict[str, Any] | None:
    """Its bounds and its rules in words."""
    document = autoscale(draft)
    if document is None:
        return None
    profile = parse(document).profiles[0]
    return {"capacity": profile.capacity, "rules": [condition(rule.trigger) for rule in profile.rules]}


def _unsaved(draft: Draft, spec: Any) -> tuple[Endpoint, Deployment]:
    """Rows as they will be, to describe them; never saved."""
    endpoint = draft.endpoint or Endpoint(workspace=draft.workspace, **draft.data["basics"])
    fields = {name: getattr(spec, name) for name in spec.__slots__ if getattr(spec, name) is not None}
    return endpoint, Deployment(endpoint=endpoint, name=draft.data["compute"]["deployment_name"], **fields)


def _rest(endpoint: Endpoint, documents: list[dict[str, Any]], scaling: dict[str, Any] | None) -> str:
    base = f"{settings.STUDIO_PUBLIC_URL}/api/v1/endpoints/"
    created = f"{base}?workspace={endpoint.workspace.name}"
    urls = [created, f"{base}{endpoint.name}/deployments/"][-len(documents) :]
    calls = [_send("POST", url, document) for url, document in zip(urls, documents, strict=True)]
    if scaling is not None:
        calls.append(_send("PUT", f"{urls[-1]}{documents[-1]['name']}/autoscale/", scaling))
    return "\n\n".join(calls)


def _send(method: str, url: str, document: dict[str, Any]) -> str:
    left_out = ("$schema", "endpoint_name", "traffic")
    body = json.dumps({key: value for key, value in document.items() if key not in left_out})
    quoted = body.replace("'", "'\\''")
    head = f'curl -X {method} "{url}" \\\n  -H "Authorization: Bearer $STUDIO_TOKEN" \\\n'
    return f"{head}  -H 'Content-Type: application/json' \\\n  -d '{quoted}'"
