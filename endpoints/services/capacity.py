"""Whether capacity may be taken: quotas and budgets, asked under locks, so that two at once do not pass one together.

Locks in the order that everybody keeps: endpoint and deployment, then the row of the site's limits, then budgets, and
the gateway's revision last.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils import timezone

from endpoints.domain.budgets import Commitment, hours_ahead, money, period, resets
from endpoints.domain.errors import BudgetExceeded, OutOfQuota
from endpoints.domain.quota import OF_INSTANCES, Line, Standing, instances_told, per_hour, taken, with_reserve
from endpoints.enums import BudgetAction
from endpoints.models import Budget, Deployment, Endpoint, SiteLimits, Workspace
from endpoints.selectors.budgets import budgets_of, budgets_on, covers, deployments_under, spent_under
from endpoints.selectors.quota import Scope, scopes_of, site_limits_row, standings

NOBODY: Mapping[str, Decimal] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What a deployment took, and what it cost by the hour, before it was changed."""

    taken: Mapping[str, Decimal]
    per_hour: Decimal


NOTHING = Before(taken=NOBODY, per_hour=Decimal(0))


def lock_capacity() -> SiteLimits:
    """Call inside atomic(). Whoever takes capacity takes turns until the transaction ends."""
    SiteLimits.objects.get_or_create(id=1)
    return SiteLimits.objects.select_for_update(no_key=True).get(id=1)


def as_it_stands(deployment: Deployment) -> Before:
    standing = _standing(deployment)
    return Before(taken=taken(standing, site_limits_row().reserve_percent), per_hour=per_hour(standing))


def check_capacity(deployment: Deployment, before: Before = NOTHING, *, waking: bool = False) -> None:
    """Call inside atomic(), once the deployment is written as it is wanted and before a revision is taken. Raises
    OutOfQuota, BudgetExceeded; what takes no more than before always may."""
    percent = lock_capacity().reserve_percent
    standing = _standing(deployment)
    _check_quota(deployment, standing, before, percent)
    check_budgets(deployment.endpoint, per_hour(standing) - before.per_hour, besides=deployment, waking=waking)


def check_endpoint_room(workspace: Workspace) -> None:
    """For one more endpoint; call inside atomic(), before anything else is locked."""
    lock_capacity()
    lines = [_one_more(scope) for scope in scopes_of(workspace) if "endpoints" in scope.limits]
    if short := [line for line in lines if not line.fits]:
        raise OutOfQuota(f"{short[0].told()} Delete an endpoint, or ask for more quota.")


def _one_more(scope: Scope) -> Line:
    return Line(
        resource="endpoints",
        scope=scope.name,
        limit=scope.limits["endpoints"],
        in_use=scope.in_use["endpoints"],
        asked=Decimal(1),
    )


def _standing(deployment: Deployment) -> Standing:
    return standings(Deployment.objects.filter(pk=deployment.pk))[deployment.pk].standing


def _check_quota(deployment: Deployment, standing: Standing, before: Before, percent: int) -> None:
    needed = taken(standing, percent)
    grown = {name for name, amount in needed.items() if amount > before.taken.get(name, Decimal(0))}
    if not grown:
        return
    for scope in scopes_of(deployment.endpoint.workspace, besides=deployment.pk):
        for name in grown & scope.limits.keys():
            line = _line(name, scope, needed[name], standing)
            if not line.fits:
                raise OutOfQuota(_refused(line, standing, percent))


def _line(name: str, scope: Scope, needed: Decimal, standing: Standing) -> Line:
    plain = standing.count * Decimal(getattr(standing.size, name)) if name in OF_INSTANCES else needed
    asked = min(plain, needed)
    return Line(
        resource=name,
        scope=scope.name,
        limit=scope.limits[name],
        in_use=scope.in_use[name],
        asked=asked,
        reserve=needed - asked,
    )


def _refused(line: Line, standing: Standing, percent: int) -> dict[str, str]:
    if line.resource not in OF_INSTANCES:
        return {"": f"{line.told()} Delete a deployment, or ask for more quota."}
    sums = instances_told(standing.count, standing.size, percent)
    kept = with_reserve(standing.count, percent) * Decimal(getattr(standing.size, line.resource))
    update = "" if line.needed <= kept else " While an update runs, old and new instances are there at once."
    advice = "Ask for fewer or smaller instances, or for more quota."
    return {"instance_count": f"{line.told()} {sums}{update} {advice}"}


def check_autoscale_maximum(deployment: Deployment, maximum: int) -> None:
    """A maximum that no quota would ever let it reach, whatever else there is. Raises OutOfQuota."""
    percent, size = site_limits_row().reserve_percent, _standing(deployment).size
    kept = with_reserve(maximum, percent)
    for scope in scopes_of(deployment.endpoint.workspace, besides=deployment.pk):
        for name in OF_INSTANCES:
            needed = kept * Decimal(getattr(size, name))
            if name in scope.limits and needed > scope.limits[name]:
                line = _line(name, scope, needed, Standing(count=maximum, size=size))
                raise OutOfQuota(
                    {"profiles": f"{line.told()} {instances_told(maximum, size, percent)} Lower the maximum."}
                )


def check_budgets(
    endpoint: Endpoint, more: Decimal, *, besides: Deployment | None = None, waking: bool = False
) -> None:
    """Whether `more` per hour may start under every budget of the endpoint. Call inside atomic(), after
    lock_capacity(). Raises BudgetExceeded."""
    if more <= 0:
        return
    for budget in _locked_budgets(endpoint):
        if waking and budget.action == BudgetAction.STOP_SCALE_OUT:
            continue
        if fault := _fault(budget, more, now=timezone.now(), besides=besides):
            raise BudgetExceeded(fault)


def budget_fault(workspace: Workspace, endpoint: Endpoint | None, more: Decimal) -> str:
    """What would forbid it now, without a lock: for whoever wants to know before. Of an endpoint that is to be made,
    only the workspace's budgets are known."""
    found = budgets_on(endpoint) if endpoint else budgets_of(workspace).filter(endpoint=None)
    faults = (_fault(budget, more, now=timezone.now()) for budget in found)
    return next((fault for fault in faults if fault), "") if more > 0 else ""


def _fault(budget: Budget, more: Decimal, *, now: datetime, besides: Deployment | None = None) -> str:
    if budget.action == BudgetAction.NOTIFY:
        return ""
    if acts(budget, now=now):
        action = budget.get_action_display().lower()
        return f"Budget “{budget.name}” of {money(budget.amount)} is used up: {action}. {resets(period(now)[1])}"
    found = commitment(budget, more, now=now, besides=besides)
    return "" if found.fits else found.told()


def _locked_budgets(endpoint: Endpoint) -> list[Budget]:
    """One of its creator's are among them."""
    ids = [budget.pk for budget in budgets_on(endpoint)]
    return list(Budget.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk"))


def acts(budget: Budget, *, now: datetime) -> bool:
    """What acted last month does no more, although nobody has looked since."""
    return budget.acting_since is not None and budget.period_start == period(now)[0]


def commitment(budget: Budget, more: Decimal, *, now: datetime, besides: Deployment | None = None) -> Commitment:
    """What is spent, and the cost to come of what runs and of what would start."""
    others = deployments_under(budget).exclude(pk=besides.pk) if besides else deployments_under(budget)
    running = sum((per_hour(placed.standing) for placed in standings(others).values()), Decimal(0))
    own = Decimal(0)
    if besides is not None and covers(budget, besides.endpoint):
        own = per_hour(_standing(besides)) - more
    hours = hours_ahead(budget.committed_hours, now)
    return Commitment(
        name=budget.name,
        limit=budget.amount * budget.action_percent / 100,
        spent=spent_under(budget, now=now),
        committed=(running + own) * hours,
        asked=more * hours,
        resets_at=period(now)[1],
    )
