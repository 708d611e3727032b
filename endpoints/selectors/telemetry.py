"""What was measured, as pages and API show it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from endpoints.models import Deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    requests_per_minute: float | None = None
    error_percent: float | None = None
    p95_ms: float | None = None
    cost_today: Any = None
    sparkline: str = ""


def endpoint_summaries(deployments: Iterable[Deployment], *, now: datetime) -> dict[UUID, Summary]:
    return {}


def deployment_summaries(deployments: Iterable[Deployment], *, now: datetime) -> dict[UUID, Summary]:
    return {}
