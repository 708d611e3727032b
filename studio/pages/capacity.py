"""What a form's instances make of the quotas, and what they cost: shown before anything is asked for."""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from endpoints.domain.quota import Line, amount, heading
from endpoints.models import Deployment, Draft, InstanceType, Workspace
from endpoints.selectors.quota import arithmetic, lines_of, scopes_of, site_limits_row, size_of
from studio.pages.forms import whole_number

if TYPE_CHECKING:
    from studio.pages.wizard_forms import ComputeStepForm

HOURS_PER_MONTH = 730  # as Azure's price lists reckon
MOST = 10_000  # instances that arithmetic is made for


def quota_table(
    workspace: Workspace, instance_type: InstanceType, count: int, *, deployment: Deployment | None = None
) -> list[dict[str, Any]]:
    """The arithmetic of every quota, as people read it."""
    return [_row(line) for line in arithmetic(workspace, instance_type, count, deployment=deployment)]


def _row(line: Line) -> dict[str, Any]:
    names = ("asked", "reserve", "in_use", "limit", "left")
    told = {name: amount(line.resource, getattr(line, name)) for name in names}
    return {"label": heading(line.resource), "scope": line.scope, "fits": line.fits, **told}


def prices(instance_type: InstanceType, count: int) -> dict[str, Decimal]:
    per_hour = Decimal(instance_type.price_per_hour) * count
    return {"per_hour": per_hour, "per_month": per_hour * HOURS_PER_MONTH}


def capacity_of(
    workspace: Workspace, instance_type: InstanceType | None, count: int, *, deployment: Deployment | None = None
) -> dict[str, Any]:
    """What components/capacity.html shows."""
    if instance_type is None:
        return {}
    rows = quota_table(workspace, instance_type, count, deployment=deployment)
    fits = all(row["fits"] for row in rows)
    return {"rows": rows, "fits": fits, "count": count, "type": instance_type, **prices(instance_type, count)}


def compute_capacity(draft: Draft, form: "ComputeStepForm") -> dict[str, Any]:
    """Of the form as it stands, which learns from it what is impossible."""
    count = count_of(form["instance_count"].value())
    form.reasons = impossible(draft.workspace, count)
    chosen = next((tile["name"] for tile in form.instance_tiles() if tile["checked"]), "")
    found = InstanceType.objects.filter(name=chosen, enabled=True).first()
    return capacity_of(draft.workspace, found, count)


def impossible(workspace: Workspace, count: int) -> dict[str, str]:
    """By name of the instance type: why so many of it do not fit."""
    scopes, percent = scopes_of(workspace), site_limits_row().reserve_percent
    reasons = {}
    for item in InstanceType.objects.filter(enabled=True):
        lines = lines_of(scopes, size_of(item), count, percent=percent)
        if short := next((line for line in lines if not line.fits), None):
            rest = max(Decimal(0), short.limit - short.in_use)
            needed, left = amount(short.resource, short.needed), amount(short.resource, rest)
            reasons[item.name] = f"Needs {needed} {short.label}, reserve included; {left} left of {short.scope}."
    return reasons


def deployment_capacity(deployment: Deployment, given: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Of a deployment, as it is or as the form says."""
    given = given or {}
    named = InstanceType.objects.filter(name=given.get("instance_type", ""), enabled=True).first()
    kind, workspace = named or deployment.instance_type, deployment.endpoint.workspace
    count = count_of(given.get("instance_count", deployment.instance_count))
    return capacity_of(workspace, kind, count, deployment=deployment)


def count_of(value: Any) -> int:
    """One, for what is no number of instances."""
    number = whole_number(str(value or "").strip())
    return min(number, MOST) if number else 1
