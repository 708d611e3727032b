"""What the workspace costs, by endpoint, deployment, owner or tag."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone

from endpoints.domain.pricing import total
from endpoints.domain.statements import TAG, UNALLOCATED
from endpoints.models import Deployment
from endpoints.selectors.budgets import budgets_of
from endpoints.selectors.cost import DeploymentCost, costs, month, month_course, usage_of
from studio.pages.budgets import shown_budget
from studio.pages.charts import Money, by_deployment, cost
from studio.pages.cost import asked_window, tiles, told, toolbar
from studio.pages.figures import csv_file, figure_answer, figure_page
from studio.pages.month_chart import month_answer
from studio.pages.page import page, show
from studio.pages.statement import group_choices
from studio.workspaces import current_workspace, open_workspace

SLOTS = 8  # colours, after which they begin again
MOST = 12  # segments of a bar; the rest is one
TAGS = 8  # names of tags that are offered
BUDGETS = 8  # lines in the chart of the month
CSV_HEAD = ["from (UTC)", "endpoint", "deployment", "owner", "USD", "azuremlendpoint", "azuremldeployment"]
By = Callable[[Deployment], str]


def _owner(deployment: Deployment) -> str:
    maker = deployment.endpoint.created_by
    return maker.email if maker else UNALLOCATED


GROUPS: dict[str, By] = {
    "endpoint": lambda deployment: deployment.endpoint.name,
    "deployment": lambda deployment: f"{deployment.endpoint.name}/{deployment.name}",
    "owner": _owner,
}


@page
def usage(request: HttpRequest) -> HttpResponse:
    """`?range=`, `?by=hour`, `?group=` one of GROUPS, or tag:NAME."""
    if current_workspace(request) is None:
        return show(request, "endpoints/no_workspace.html")
    workspace = open_workspace(request)
    shown, group = asked_window(request), _group(request)
    rows = usage_of(workspace)
    found = costs(rows, shown)
    query = request.GET.urlencode()
    whole, forecast = total(item.total for item in found), month(rows, now=shown.end)
    context = {
        **toolbar(request, shown),
        "groups": group_choices(request, GROUPS, _tags(found), group),
        "group": group.removeprefix(TAG),
        "linked": group in ("endpoint", "deployment"),
        "rows": _table(found, group),
        "total": whole,
        "hours": sum(item.time.total_seconds() for item in found) / 3600,
        "tiles": tiles(whole, forecast),
        "budgets": [shown_budget(each) for each in budgets_of(workspace).filter(endpoint=None)[:BUDGETS]],
        "chart_url": f"{reverse('usage_figure')}?{query}",
        "csv_url": f"{reverse('usage_csv')}?{query}",
    }
    return show(request, "usage/page.html", context)


def _group(request: HttpRequest) -> str:
    asked = request.GET.get("group", "")
    return asked if asked in GROUPS or asked.removeprefix(TAG) != asked != TAG else "endpoint"


def _name_of(group: str) -> By:
    if group in GROUPS:
        return GROUPS[group]
    tag = group.removeprefix(TAG)
    return lambda deployment: str(_tags_of(deployment).get(tag) or UNALLOCATED)


def _tags_of(deployment: Deployment) -> dict[str, str]:
    return {**deployment.endpoint.tags, **deployment.tags}


def _tags(found: Iterable[DeploymentCost]) -> list[str]:
    return sorted({name for item in found for name in _tags_of(item.deployment)})[:TAGS]


def _table(found: Iterable[DeploymentCost], group: str) -> list[dict[str, Any]]:
    """The dearest first; what is unallocated last."""
    together, name_of = defaultdict[str, list[DeploymentCost]](list), _name_of(group)
    for item in found:
        together[name_of(item.deployment)].append(item)
    whole = total(item.total for items in together.values() for item in items)
    rows = [
        {
            "name": name,
            "unallocated": name == UNALLOCATED,
            "owner": ", ".join(sorted({_owner(item.deployment) for item in items})),
            "hours": sum(item.time.total_seconds() for item in items) / 3600,
            "amount": (amount := total(item.total for item in items)),
            "percent": float(amount * 100 / whole) if whole else 0,
            "url": _url(items, group),
        }
        for name, items in together.items()
    ]
    return sorted(rows, key=lambda row: (row["unallocated"], -row["amount"], row["name"]))


def _url(items: list[DeploymentCost], group: str) -> str:
    """Only to what is still there."""
    endpoint = items[0].deployment.endpoint
    if group not in ("endpoint", "deployment") or endpoint.deleted_at:
        return ""
    return reverse("endpoint_cost", args=[endpoint.name])


@figure_page
def usage_figure(request: HttpRequest) -> HttpResponse:
    shown, group = asked_window(request), _group(request)
    found = costs(usage_of(open_workspace(request)), shown)
    parts = by_deployment(found, endpoint_names=True) if group == "deployment" else _parts(found, group)
    return figure_answer(cost(_fewer(parts), shown, told(found)))


def _parts(found: Iterable[DeploymentCost], group: str) -> list[Money]:
    amounts, name_of = defaultdict[str, dict[datetime, Decimal]](lambda: defaultdict(Decimal)), _name_of(group)
    for item in found:
        for at, amount in item.amounts.items():
            amounts[name_of(item.deployment)][at] += amount
    ordered = sorted(amounts.items(), key=lambda pair: (pair[0] == UNALLOCATED, -total(pair[1].values()), pair[0]))
    return [
        Money(
            name=name,
            meta={"tone": "idle"} if name == UNALLOCATED else {"slot": number % SLOTS},
            amounts=points,
        )
        for number, (name, points) in enumerate(ordered)
    ]


def _fewer(parts: list[Money]) -> list[Money]:
    if len(parts) <= MOST:
        return parts
    rest: dict[datetime, Decimal] = defaultdict(Decimal)
    for part in parts[MOST:]:
        for at, amount in part.amounts.items():
            rest[at] += amount
    return [*parts[:MOST], Money(name=f"{len(parts) - MOST} others", meta={"tone": "idle"}, amounts=rest)]


@figure_page
def usage_month(request: HttpRequest) -> HttpResponse:
    """How the month goes, with the budgets of the workspace itself."""
    workspace = open_workspace(request)
    course = month_course(usage_of(workspace), now=timezone.now())
    return month_answer(course, budgets_of(workspace).filter(endpoint=None)[:BUDGETS])


@page
def usage_csv(request: HttpRequest) -> HttpResponse:
    """A line per deployment and hour or day, with all digits, and the tags by which Azure's exports are read."""
    workspace = open_workspace(request)
    lines = [
        [at.isoformat(), *place, _owner(item.deployment), f"{amount:.10f}", *place]
        for item in costs(usage_of(workspace), asked_window(request))
        for place in [(item.deployment.endpoint.name, item.deployment.name)]
        for at, amount in item.amounts.items()
    ]
    return csv_file(CSV_HEAD, sorted(lines), f"{workspace.name}-usage")


urlpatterns = [
    path("usage/", usage, name="usage"),
    path("usage/usage.json", usage_figure, name="usage_figure"),
    path("usage/month.json", usage_month, name="usage_month"),
    path("usage/usage.csv", usage_csv, name="usage_csv"),
]
