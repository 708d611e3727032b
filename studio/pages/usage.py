"""What the workspace costs, by endpoint, deployment or owner."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse

from endpoints.domain.errors import NotFound
from endpoints.domain.pricing import total
from endpoints.models import Deployment, Workspace
from endpoints.selectors.cost import DeploymentCost, costs, month, usage_of
from studio.pages.charts import Money, by_deployment, cost
from studio.pages.cost import asked_window, tiles, told, toolbar
from studio.pages.figures import changed, csv_file, figure_answer, figure_page
from studio.pages.page import page, show
from studio.workspaces import current_workspace

SLOTS = 8  # colours, after which they begin again
MOST = 12  # segments of a bar; the rest is one


def _owner(deployment: Deployment) -> str:
    return str(deployment.endpoint.created_by or "system")


GROUPS: dict[str, Callable[[Deployment], str]] = {
    "endpoint": lambda deployment: deployment.endpoint.name,
    "deployment": lambda deployment: f"{deployment.endpoint.name}/{deployment.name}",
    "owner": _owner,
}


@page
def usage(request: HttpRequest) -> HttpResponse:
    """`?range=`, `?by=hour`, `?group=` one of GROUPS."""
    workspace = current_workspace(request)
    if workspace is None:
        return show(request, "endpoints/no_workspace.html")
    shown, group = asked_window(request), _group(request)
    rows = usage_of(workspace)
    found = costs(rows, shown)
    query = request.GET.urlencode()
    whole, forecast = total(item.total for item in found), month(rows, now=shown.end)
    context = {
        **toolbar(request, shown),
        "groups": [
            {"label": f"By {name}", "url": changed(request, group=name), "current": name == group} for name in GROUPS
        ],
        "group": group,
        "rows": _table(found, group),
        "total": whole,
        "hours": sum(item.time.total_seconds() for item in found) / 3600,
        "tiles": tiles(whole, forecast),
        "chart_url": f"{reverse('usage_figure')}?{query}",
        "csv_url": f"{reverse('usage_csv')}?{query}",
    }
    return show(request, "usage/page.html", context)


def _group(request: HttpRequest) -> str:
    asked = request.GET.get("group", "")
    return asked if asked in GROUPS else "endpoint"


def _table(found: Iterable[DeploymentCost], group: str) -> list[dict[str, Any]]:
    together: dict[str, list[DeploymentCost]] = defaultdict(list)
    for item in found:
        together[GROUPS[group](item.deployment)].append(item)
    whole = total(item.total for items in together.values() for item in items)
    rows = [
        {
            "name": name,
            "owner": ", ".join(sorted({_owner(item.deployment) for item in items})),
            "hours": sum(item.time.total_seconds() for item in items) / 3600,
            "amount": (amount := total(item.total for item in items)),
            "percent": float(amount * 100 / whole) if whole else 0,
            "url": _url(items, group),
        }
        for name, items in together.items()
    ]
    return sorted(rows, key=lambda row: (-row["amount"], row["name"]))


def _url(items: list[DeploymentCost], group: str) -> str:
    """Only to what is still there."""
    endpoint = items[0].deployment.endpoint
    return "" if group == "owner" or endpoint.deleted_at else reverse("endpoint_cost", args=[endpoint.name])


@figure_page
def usage_figure(request: HttpRequest) -> HttpResponse:
    shown, group = asked_window(request), _group(request)
    found = costs(usage_of(_workspace(request)), shown)
    parts = by_deployment(found, endpoint_names=True) if group == "deployment" else _parts(found, group)
    return figure_answer(cost(_fewer(parts), shown, told(found)))


def _parts(found: Iterable[DeploymentCost], group: str) -> list[Money]:
    amounts: dict[str, dict[datetime, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for item in found:
        for at, amount in item.amounts.items():
            amounts[GROUPS[group](item.deployment)][at] += amount
    ordered = sorted(amounts.items(), key=lambda pair: (-total(pair[1].values()), pair[0]))
    return [
        Money(name=name, meta={"slot": number % SLOTS}, amounts=points) for number, (name, points) in enumerate(ordered)
    ]


def _fewer(parts: list[Money]) -> list[Money]:
    if len(parts) <= MOST:
        return parts
    rest: dict[datetime, Decimal] = defaultdict(Decimal)
    for part in parts[MOST:]:
        for at, amount in part.amounts.items():
            rest[at] += amount
    return [*parts[:MOST], Money(name=f"{len(parts) - MOST} others", meta={"tone": "idle"}, amounts=rest)]


@page
def usage_csv(request: HttpRequest) -> HttpResponse:
    """A line per deployment and hour or day, with all digits."""
    workspace = _workspace(request)
    lines = [
        [at.isoformat(), item.deployment.endpoint.name, item.deployment.name, _owner(item.deployment), f"{amount:.10f}"]
        for item in costs(usage_of(workspace), asked_window(request))
        for at, amount in item.amounts.items()
    ]
    head = ["from (UTC)", "endpoint", "deployment", "owner", "USD"]
    return csv_file(head, sorted(lines), f"{workspace.name}-usage")


def _workspace(request: HttpRequest) -> Workspace:
    workspace = current_workspace(request)
    if workspace is None:
        raise NotFound("You are in no workspace yet. An Owner of one can add you.")
    return workspace


urlpatterns = [
    path("usage/", usage, name="usage"),
    path("usage/usage.json", usage_figure, name="usage_figure"),
    path("usage/usage.csv", usage_csv, name="usage_csv"),
]
