"""What the channels of a workspace are told of its budgets."""

from datetime import datetime

from django.conf import settings

from endpoints.domain.budgets import money, period, resets
from endpoints.domain.notices import Notice
from endpoints.enums import BudgetAction
from endpoints.models import Budget, BudgetCrossing
from endpoints.services.notifications import announce, announce_to


def announce_crossings(budget: Budget, *, now: datetime) -> None:
    """What was reached this month and is not told yet, once: in the transaction that holds the budget's lock. By the
    channels of the workspace; an owner's budget by e-mail to the owner. Where there are no channels, nobody is left to
    be told later."""
    assert budget.period_start is not None
    untold = budget.crossings.filter(notified_at=None, period_start=budget.period_start).order_by("percent")
    for crossing in untold:
        if budget.workspace is not None:
            channels = budget.workspace.notification_channels.filter(enabled=True)
            announce(notice_of(budget, crossing, now=now), channels, key=f"budget:{crossing.pk}", now=now)
        elif budget.owner is not None and budget.owner.is_active and not budget.owner.is_service:
            announce_to(notice_of(budget, crossing, now=now), budget.owner.email, key=f"budget:{crossing.pk}", now=now)
        crossing.notified_at = now
        crossing.save(update_fields=["notified_at"])


def notice_of(budget: Budget, crossing: BudgetCrossing, *, now: datetime) -> Notice:
    spent, amount = money(crossing.spent), money(crossing.amount)
    facts = {
        "About": _about(budget),
        **({"Workspace": str(budget.workspace)} if budget.workspace else {}),
        "Spent": spent,
        "Amount": amount,
        "Reached": f"{crossing.percent} %",
        "What it does": _done(budget),
    }
    return Notice(
        kind="budget.reached",
        title=f"Budget “{budget.name}”: {crossing.percent} % reached",
        text=f"{spent} of {amount} spent this month. {_done(budget)}. {resets(period(now)[1])}",
        at=f"{now:%Y-%m-%dT%H:%M:%SZ}",
        tone="warning" if budget.acting_since is None else "firing",
        url=f"{settings.STUDIO_PUBLIC_URL}{f'/usage/budgets/{budget.pk}/' if budget.workspace else '/usage/'}",
        facts=facts,
    )


def _about(budget: Budget) -> str:
    if budget.workspace is None:
        return f"all endpoints of {budget.owner}"
    return f"endpoint {budget.endpoint.name}" if budget.endpoint else f"workspace {budget.workspace}"


def _done(budget: Budget) -> str:
    action = BudgetAction(budget.action).label
    if budget.action == BudgetAction.NOTIFY:
        return action
    when = f"At {budget.action_percent} %" if budget.acting_since is None else "Now"
    return f"{when}: {action[0].lower()}{action[1:]}"
