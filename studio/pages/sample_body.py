"""A request body to begin with: from the model's own example or signature, or from what its server says."""

import json
from collections.abc import Mapping
from typing import Any

from endpoints.models import Deployment, TestCall
from endpoints.selectors.schemas import request_schema

PLACEHOLDER: dict[str, Any] = {"input_data": []}


def sample_body(deployments: list[Deployment]) -> Any:
    """The sample of the first model or server that has one, else an empty frame."""
    for deployment in deployments:
        if sample := _own_sample(deployment) or request_schema(deployment).sample:
            return sample
    return PLACEHOLDER


def last_answered(history: list[TestCall]) -> Any:
    """What was sent last and answered well; None where that was no JSON."""
    for call in history:
        if call.status == 200 and (body := _parsed(call.request_body)) is not None:
            return body
    return None


def sample_and_schema(deployments: list[Deployment]) -> tuple[Any, Mapping[str, Any]]:
    """Of the first model or server that has a sample; (None, {}) where none has."""
    for deployment in deployments:
        known = request_schema(deployment)
        if sample := _own_sample(deployment) or known.sample:
            return sample, known.schema
    return None, {}


def _own_sample(deployment: Deployment) -> Any:
    return (deployment.model.mlflow or {}).get("sample") if deployment.model else None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
