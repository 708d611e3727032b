"""The monthly statement of a workspace: lines that add up to the cent, as a page and as CSV."""

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone

from endpoints.domain.errors import Invalid
from endpoints.domain.statements import (
    TAG,
    UNALLOCATED,
    Group,
    Line,
    Month,
    Statement,
    grouped,
    grouping,
    read_month,
)
from endpoints.enums import UsagePhase
from endpoints.selectors.cost import usage_of
from endpoints.selectors.statements import months_with_usage, tag_names, workspace_statement
from studio.pages.figures import changed, csv_file
from studio.pages.page import page, show
from studio.workspaces import current_workspace, open_workspace

HEAD = (
    "month,workspace,endpoint,deployment,owner,meter,item,phase,job,quantity,unit,unit_price,amount,currency,"
    "azuremlendpoint,azuremldeployment,Tags"
).split(",")
MOST_LINES, MOST_GROUPS = 300, 200  # of a page; the CSV has all
SHOWN_GROUPS = ("endpoint", "deployment", "owner", "meter", "job")


@page
def statement(request: HttpRequest) -> HttpResponse:
    """`?month=2026-11`, `?group=` one of SHOWN_GROUPS or tag:NAME."""
    if current_workspace(request) is None:
        return show(request, "endpoints/no_workspace.html")
    workspace = open_workspace(request)
    month = asked_month(request)
    context = statement_context(request, workspace_statement(workspace, month), month, SHOWN_GROUPS)
    context["months"] = month_choices(request, months_with_usage(usage_of(workspace), now=timezone.now()), month)
    context["csv_url"] = f"{reverse('usage_statement_csv')}?{request.GET.urlencode()}"
    return show(request, "usage/statement.html", context)


@page
def statement_csv(request: HttpRequest) -> HttpResponse:
    workspace, month = open_workspace(request), asked_month(request)
    return csv_of(workspace_statement(workspace, month), month, f"{workspace.name}-statement-{month}")


def asked_month(request: HttpRequest) -> Month:
    """The present one, where what was asked for is none."""
    now = timezone.now()
    try:
        return read_month(request.GET.get("month", ""), now=now)
    except Invalid:
        return read_month("", now=now)


def asked_group(request: HttpRequest, default: str) -> str:
    asked = request.GET.get("group", "")
    try:
        grouping(asked)
    except Invalid:
        return default
    return asked


def statement_context(request: HttpRequest, found: Statement, month: Month, choices: tuple[str, ...]) -> dict[str, Any]:
    """What usage/_statement.html shows. The first of `choices` is the usual group."""
    group = asked_group(request, choices[0])
    rows = [_row(each, found.total) for each in grouped(found.lines, group)]
    return {
        "month": month,
        "over": month.is_over(timezone.now()),
        "statement": found,
        "group": group.removeprefix(TAG),
        "asked_group": request.GET.get("group", "") and group,
        "groups": group_choices(request, choices, tag_names(line.entry for line in found.lines), group),
        "rows": rows[:MOST_GROUPS],
        "left_out": max(0, len(rows) - MOST_GROUPS),
        "with_lines": len(found.lines) <= MOST_LINES,
        "phases": _hours(found.lines),
    }


def group_choices(
    request: HttpRequest, names: Iterable[str], tags: Iterable[str], current: str
) -> list[dict[str, Any]]:
    named = [(name, f"By {name}") for name in names] + [(f"{TAG}{tag}", f"By tag {tag}") for tag in tags]
    return [{"label": label, "url": changed(request, group=name), "current": name == current} for name, label in named]


def month_choices(request: HttpRequest, months: Iterable[Month], current: Month) -> list[dict[str, Any]]:
    return [{"value": str(each), "words": each.words, "current": each == current} for each in months]


def _row(group: Group, total: Decimal) -> dict[str, Any]:
    percent = float(group.amount * 100 / total) if total else 0
    return {
        "name": group.name,
        "amount": group.amount,
        "percent": percent,
        "lines": group.lines,
        "unallocated": group.name == UNALLOCATED,
    }


def _hours(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Of all instances, by what was done with them; in the order in which it happens."""
    hours = Group(name="", lines=tuple(lines)).phases
    return [{"phase": phase, "hours": hours[phase.value]} for phase in UsagePhase if phase.value in hours]


def csv_of(found: Statement, month: Month, filename: str) -> HttpResponse:
    """A line of the statement each; amounts add up to its total. Tags are Azure's, and those of endpoint and
    deployment."""
    return csv_file(HEAD, (_cells(line, month) for line in found.lines), filename)


def _cells(line: Line, month: Month) -> list[str]:
    entry = line.entry
    azure = {"azuremlendpoint": entry.endpoint, "azuremldeployment": entry.deployment}
    what = [entry.meter.value, entry.item, entry.phase.value, entry.job]
    price = [f"{line.units:f}", line.unit, f"{entry.unit_price:f}", f"{line.amount:f}", "USD"]
    place = [str(month), entry.workspace, entry.endpoint, entry.deployment, entry.owner]
    return [*place, *what, *price, *azure.values(), json.dumps({**entry.tags, **azure}, sort_keys=True)]


urlpatterns = [
    path("usage/statement/", statement, name="usage_statement"),
    path("usage/statement/statement.csv", statement_csv, name="usage_statement_csv"),
]
