"""Budgets, what is spent of them, and what they forbid now. Callers hand in what the person may see."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from endpoints.domain.budgets import period
from endpoints.domain.errors import NotFound
from endpoints.domain.meters import Amount, cost
from endpoints.enums import BudgetAction, SleepState
from endpoints.models import Budget, Deployment, Endpoint, Usage, User, Workspace
from endpoints.selectors.cost import spent_between, summed
from endpoints.selectors.endpoints import readable_endpoints, workspaces_for


def budgets_of(workspace: Workspace) -> QuerySet[Budget]:
    """The workspace's own, and those of its endpoints."""
    return _with_names(Budget.objects.filter(workspace=workspace))


def budgets_on(endpoint: Endpoint) -> QuerySet[Budget]:
    """Every budget under which the endpoint spends."""
    whose = Q(workspace=endpoint.workspace_id, endpoint=None) | Q(endpoint=endpoint)
    if endpoint.created_by_id is not None:
        whose |= Q(owner=endpoint.created_by_id)
    return _with_names(Budget.objects.filter(whose))


def budgets_shown(user: User, endpoint: Endpoint) -> QuerySet[Budget]:
    """Of these, what the person may see: what is spent elsewhere is for who may look there."""
    if user.is_staff:
        return budgets_on(endpoint)
    mine = Q(endpoint=endpoint) | Q(workspace__in=workspaces_for(user)) | Q(owner=user)
    return budgets_on(endpoint).filter(mine)


def owner_budgets() -> QuerySet[Budget]:
    """Of people, over all workspaces: IT's."""
    return _with_names(Budget.objects.exclude(owner=None))


def _with_names(budgets: QuerySet[Budget]) -> QuerySet[Budget]:
    return budgets.select_related("workspace", "endpoint__workspace", "owner", "created_by")


def budget_for(user: User, budget_id: UUID | str) -> Budget:
    """One that the person may see: of their workspaces and endpoints; a person's own; every one, for IT."""
    seen = Q(workspace__in=workspaces_for(user)) | Q(endpoint__in=readable_endpoints(user)) | Q(owner=user)
    found = _with_names(Budget.objects.all() if user.is_staff else Budget.objects.filter(seen))
    try:
        budget = found.filter(pk=budget_id).first()
    except ValidationError:
        budget = None
    if budget is None:
        raise NotFound("There is no such budget.")
    return budget


def usage_under(budget: Budget) -> QuerySet[Usage]:
    return Usage.objects.filter(deployment__in=deployments_under(budget))


def deployments_under(budget: Budget) -> QuerySet[Deployment]:
    """Deleted ones too: what they cost was spent."""
    if budget.endpoint_id is not None:
        return Deployment.objects.filter(endpoint=budget.endpoint_id)
    if budget.workspace_id is not None:
        return Deployment.objects.filter(endpoint__workspace=budget.workspace_id)
    return Deployment.objects.filter(endpoint__created_by=budget.owner_id)


def spent_under(budget: Budget, *, now: datetime) -> Decimal:
    """This month, exactly."""
    start, end = period(now)
    return spent_between(usage_under(budget), start, end)


def spent_of(budgets: Iterable[Budget], *, now: datetime) -> dict[UUID, Decimal]:
    """This month, exactly, of each. One query, however many there are."""
    every, (start, end) = list(budgets), period(now)
    places = Q(deployment__endpoint__in=[each.endpoint_id for each in every if each.endpoint_id])
    places |= Q(
        deployment__endpoint__workspace__in=[
            each.workspace_id for each in every if each.workspace_id and not each.endpoint_id
        ]
    )
    places |= Q(deployment__endpoint__created_by__in=[each.owner_id for each in every if each.owner_id])
    rows = Usage.objects.filter(places, started_at__gte=start, started_at__lt=end)
    keys = ("deployment__endpoint_id", "deployment__endpoint__workspace_id", "deployment__endpoint__created_by_id")
    amounts: dict[tuple[str, Any], list[Amount]] = defaultdict(list)
    for (endpoint, workspace, owner), amount, _ in summed(rows, *keys):
        for key in (("endpoint", endpoint), ("workspace", workspace), ("owner", owner)):
            amounts[key].append(amount)
    return {each.pk: cost(amounts[_place(each)]) for each in every}


def _place(budget: Budget) -> tuple[str, Any]:
    if budget.endpoint_id is not None:
        return "endpoint", budget.endpoint_id
    return ("workspace", budget.workspace_id) if budget.workspace_id is not None else ("owner", budget.owner_id)


def deployments_stopped_by(budgets: Iterable[Budget]) -> list[tuple[Budget, Deployment]]:
    """What runs, and should not under one of these: each deployment once. One query."""
    every = list(budgets)
    places = Q(endpoint__in=[each.endpoint_id for each in every if each.endpoint_id])
    places |= Q(
        endpoint__workspace__in=[each.workspace_id for each in every if each.workspace_id and not each.endpoint_id]
    )
    places |= Q(endpoint__created_by__in=[each.owner_id for each in every if each.owner_id])
    running = Deployment.objects.filter(places, deleted_at=None).exclude(sleep=SleepState.STOPPED)
    rows = running.select_related("endpoint__workspace").order_by("pk") if every else ()
    return [(budget, row) for row in rows if (budget := _first(every, row.endpoint)) is not None]


def refusing(endpoints: Iterable[Endpoint]) -> dict[UUID, Budget]:
    """By endpoint, the budget that refuses its requests now. One query; none is asked where no budget acts."""
    acting = list(Budget.objects.filter(action=BudgetAction.REFUSE).exclude(acting_since=None).order_by("pk"))
    return {each.pk: found for each in endpoints if (found := _first(acting, each)) is not None} if acting else {}


def _first(budgets: Iterable[Budget], endpoint: Endpoint) -> Budget | None:
    return next((budget for budget in budgets if covers(budget, endpoint)), None)


def covers(budget: Budget, endpoint: Endpoint) -> bool:
    if budget.endpoint_id is not None:
        return bool(budget.endpoint_id == endpoint.pk)
    if budget.workspace_id is not None:
        return bool(budget.workspace_id == endpoint.workspace_id)
    return bool(budget.owner_id == endpoint.created_by_id)
