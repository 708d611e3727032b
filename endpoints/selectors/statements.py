"""Statements of a workspace, or of the whole site, from the usage rows. Callers hand in what the person may see."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db.models import Min, QuerySet

from endpoints.domain.meters import MICROSECOND
from endpoints.domain.statements import Entry, Month, Statement, month_of, statement
from endpoints.enums import UsagePhase
from endpoints.models import Deployment, Usage, Workspace
from endpoints.selectors.cost import summed, usage_of

ALIKE = ("deployment_id", "instance_type", "phase", "job")


def workspace_statement(workspace: Workspace, month: Month) -> Statement:
    return statement(_entries(usage_of(workspace), month))


def site_statement(month: Month) -> Statement:
    """Of every workspace one, and their sum."""
    return statement(_entries(Usage.objects.all(), month))


def _entries(usage: QuerySet[Usage], month: Month) -> Iterator[Entry]:
    """Two queries, however much was used: sums of what is alike, and whose it is. What was deleted is part of it."""
    within = usage.filter(started_at__gte=month.start, started_at__lt=month.end)
    found = list(summed(within, *ALIKE))
    rows = Deployment.objects.filter(pk__in={key[0] for key, _, _ in found})
    deployments = {row.pk: row for row in rows.select_related("endpoint__workspace", "endpoint__created_by")}
    for (pk, item, phase, job), amount, _ in found:
        deployment = deployments[pk]
        endpoint = deployment.endpoint
        yield Entry(
            workspace=endpoint.workspace.name,
            endpoint=endpoint.name,
            deployment=deployment.name,
            owner=endpoint.created_by.email if endpoint.created_by else "",
            tags={**endpoint.tags, **deployment.tags},
            meter=amount.meter,
            item=item,
            phase=UsagePhase(phase),
            job=job,
            unit_price=amount.unit_price,
            quantity=amount.quantity,
        )


def months_with_usage(usage: QuerySet[Usage], *, now: datetime) -> list[Month]:
    """From the first that has any to the present one, the newest first; two years at most."""
    first = usage.aggregate(first=Min("started_at"))["first"] or now
    found = [month_of(now)]
    while found[-1].start > first and len(found) < 24:
        found.append(month_of(found[-1].start - MICROSECOND))
    return found


def tag_names(rows: Iterable[Entry]) -> list[str]:
    return sorted({name for row in rows for name in row.tags})
