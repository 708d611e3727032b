"""The collector's counters that never go back, for monitoring systems that take their own samples."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from endpoints.domain.rollups import SampleValues
from endpoints.domain.totals import Totals, from_json, to_json
from endpoints.models import DeploymentTotals
from endpoints.models.upserts import upsert


def add_totals(found: Mapping[UUID, SampleValues], deployments: Iterable[UUID], *, now: datetime) -> None:
    """Of one pass, inside its transaction. Two queries, and only what is different is written."""
    rows = DeploymentTotals.objects.filter(deployment__in=list(deployments))
    known = dict(rows.values_list("deployment_id", "values"))
    before = {deployment: from_json(values) for deployment, values in known.items()}
    after = {
        deployment: before.get(deployment, Totals()).grown(found.get(deployment))
        for deployment in before.keys() | found.keys()
    }
    changed = [
        {"deployment_id": deployment, "since": now, "values": to_json(totals)}
        for deployment, totals in after.items()
        if totals != before.get(deployment)
    ]
    upsert(DeploymentTotals, changed, keys=["deployment_id"], update=["values"])
