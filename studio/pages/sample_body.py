"""A request body to begin with: from the model's own example or signature, or from what its server says."""

import json
from typing import Any

from endpoints.models import Deployment, TestCall
from endpoints.selectors.schemas import request_schema

PLACEHOLDER: dict[str, Any] = {"input_data": []}


def sample_body(deployments: list[Deployment], history: list[TestCall] | None = None) -> Any:
    """The sample of the first model or server that has one; else what was sent last and answered; else an empty
    frame."""
    for deployment in deployments:
        sample = (deployment.model.mlflow or {}).get("sample") if deployment.model else None
        sample = sample or request_schema(deployment).sample
        if sample:
            return sample
    for call in history or []:
        if call.status == 200 and (body := _parsed(call.request_body)) is not None:
            return body
    return PLACEHOLDER


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
