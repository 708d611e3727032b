"""Budgets: set by who answers for what they cover, and evaluated from what is billed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from endpoints.domain.actor import SYSTEM, Actor
from endpoints.domain.budgets import Seen, crossed, faults, has_news, money, period, resets
from endpoints.domain.errors import Invalid, NotFound, StaleVersion
from endpoints.enums import BudgetAction
from endpoints.models import Budget, BudgetCrossing, Deployment, Endpoint, User, Workspace
from endpoints.permissions import Action, require, require_staff
from endpoints.selectors.budgets import spent_of, spent_under
from endpoints.services import events
from endpoints.services.budget_notices import announce_crossings
from endpoints.services.routes import next_revision

MAX_NAME = 60
CHANGEABLE = ("name", "amount", "thresholds", "action", "action_percent", "committed_hours")
TAKEN = "There is a budget of this name here already."


def create_budget(
    *,
    actor: Actor,
    workspace: Workspace | None = None,
    endpoint: Endpoint | None = None,
    owner: User | None = None,
    name: str,
    amount: Decimal,
    **others: Any,
) -> Budget:
    """Of one endpoint, of a workspace, or of all endpoints of an owner; per month in UTC. What is spent of the month
    already counts."""
    workspace = endpoint.workspace if endpoint else workspace
    budget = Budget(workspace=workspace, endpoint=endpoint, owner=owner, created_by=actor.user)
    _require(actor, budget)
    _set(budget, {"name": name, "amount": amount, **others})
    try:
        with transaction.atomic():
            budget.save(force_insert=True)
            _tell(actor, budget, "budget.created", after=_described(budget))
    except IntegrityError:
        raise Invalid({"name": TAKEN}) from None
    evaluate(budget.pk, now=timezone.now())
    return _fresh(budget)


def update_budget(*, actor: Actor, budget: Budget, expected_version: int | None = None, **changes: Any) -> Budget:
    """Any of CHANGEABLE. What acts is lifted where the budget is not used up any more."""
    _require(actor, budget)
    try:
        with transaction.atomic():
            locked = _locked(budget.pk)
            if expected_version not in (None, locked.version):
                raise StaleVersion(
                    f"The budget was changed meanwhile: it is at version {locked.version}, your change was made "
                    f"against {expected_version}."
                )
            before, refused = _described(locked), _refuses(locked)
            _set(locked, changes)
            if before != (after := _described(locked)):
                locked.version += 1
                if before["action"] != after["action"]:
                    locked.acting_since = None
                locked.save()
                _tell(actor, locked, "budget.updated", before=before, after=after)
                _follow(refused, locked)
    except IntegrityError:
        raise Invalid({"name": TAKEN}) from None
    evaluate(budget.pk, now=timezone.now())
    return _fresh(budget)


def delete_budget(*, actor: Actor, budget: Budget) -> None:
    """What it refused is let through again; what it stopped can be started."""
    _require(actor, budget)
    with transaction.atomic():
        stopped = Deployment.objects.filter(stopped_by=budget).update(stopped_by=None)  # locked first, as everywhere
        locked = _locked(budget.pk)
        _tell(actor, locked, "budget.deleted", before=_described(locked))
        refused = _refuses(locked)
        locked.delete()
        if refused or stopped:
            next_revision()


def _require(actor: Actor, budget: Budget) -> None:
    """Who answers for the workspace, or the endpoint; IT for all, and for the budgets of people alone."""
    if actor.user is not None and actor.user.is_staff and actor.user.is_active:
        return
    scope = budget.endpoint or budget.workspace
    if scope is None:
        require_staff(actor.user)
    else:
        require(actor.user, Action.MANAGE_WORKSPACE, scope)


def _set(budget: Budget, changes: Mapping[str, Any]) -> None:
    if unknown := set(changes) - set(CHANGEABLE):
        raise Invalid(dict.fromkeys(unknown, "There is no such field."))
    for name, value in changes.items():
        setattr(budget, name, value)
    budget.name, budget.thresholds = str(budget.name).strip(), sorted(set(budget.thresholds))
    budget.amount = Decimal(budget.amount)
    problems = faults(
        amount=budget.amount,
        thresholds=budget.thresholds,
        action_percent=budget.action_percent,
        committed_hours=budget.committed_hours,
    )
    if not (1 <= len(budget.name) <= MAX_NAME and budget.name.isprintable()):
        problems["name"] = f"From 1 to {MAX_NAME} characters that can be printed."
    if budget.action not in BudgetAction.values:
        problems["action"] = f"Use {', '.join(BudgetAction.values)}."
    if problems:
        raise Invalid(problems)


def _described(budget: Budget) -> dict[str, Any]:
    plain = {name: getattr(budget, name) for name in CHANGEABLE}
    return plain | {"amount": f"{budget.amount.normalize():f}"}


def _locked(budget_id: UUID) -> Budget:
    rows = Budget.objects.select_for_update(of=("self",), no_key=True)
    found = rows.select_related("workspace", "endpoint__workspace", "owner").filter(pk=budget_id).first()
    if found is None:
        raise NotFound("There is no such budget any more.")
    return found


def _fresh(budget: Budget) -> Budget:
    return Budget.objects.select_related("workspace", "endpoint__workspace", "owner", "created_by").get(pk=budget.pk)


def _tell(
    actor: Actor,
    budget: Budget,
    verb: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
) -> None:
    events.record(
        actor=actor,
        verb=verb,
        workspace=budget.workspace,
        endpoint=budget.endpoint,
        subject=f"budget {budget.name}",
        before=before,
        after=after,
        reason=reason,
    )


def note_spent(*, now: datetime, every: timedelta) -> list[UUID]:
    """What is spent under each budget that is due, written at once; those about which there is more to do. Five
    queries, however many there are. Nothing is locked while it is summed up: whoever starts something waits for it."""
    due = (
        Q(evaluated_at=None)
        | Q(evaluated_at__lte=now - every)
        | Q(evaluated_at__gt=now)
        | ~Q(period_start=period(now)[0])
    )
    rows = Budget.objects.filter(due).exclude(endpoint__deleted_at__isnull=False)
    budgets = list(rows.order_by("pk"))
    if not budgets:
        return []
    spent, told = spent_of(budgets, now=now), _told(budgets, now)
    news = [each.pk for each in budgets if has_news(_seen(each, told[each.pk, each.amount]), spent[each.pk], now)]
    _write_spent(rows.exclude(pk__in=news), spent, now)
    return news


def _write_spent(due: QuerySet[Budget], spent: Mapping[UUID, Decimal], now: datetime) -> None:
    """What is locked this moment, or was looked at meanwhile, is left as it is."""
    with transaction.atomic():
        locked = due.filter(pk__in=spent).select_for_update(of=("self",), no_key=True, skip_locked=True)
        quiet = list(locked.order_by("pk"))
        for budget in quiet:
            budget.spent, budget.evaluated_at = round(spent[budget.pk], 10), now
        Budget.objects.bulk_update(quiet, ["spent", "evaluated_at"])


def _told(budgets: Iterable[Budget], now: datetime) -> dict[tuple[UUID, Decimal], set[int]]:
    found: dict[tuple[UUID, Decimal], set[int]] = defaultdict(set)
    rows = BudgetCrossing.objects.filter(budget__in=budgets, period_start=period(now)[0]).exclude(notified_at=None)
    for budget, amount, percent in rows.values_list("budget_id", "amount", "percent"):
        found[budget, amount].add(percent)
    return found


def _seen(budget: Budget, told: Iterable[int]) -> Seen:
    acts_at = next(iter(_acting_percent(budget)), None)
    return Seen(
        period_start=budget.period_start,
        amount=budget.amount,
        thresholds=(*budget.thresholds, *_acting_percent(budget)),
        acts_at=acts_at,
        acts=budget.acting_since is not None,
        told=frozenset(told),
    )


def evaluate(budget_id: UUID, *, now: datetime) -> None:
    """What is spent of the month, which thresholds that reaches, and whether it acts: all in one transaction, so that
    what was told was told once, whoever ends on the way."""
    with transaction.atomic():
        budget = _locked(budget_id)
        refused = _refuses(budget)
        _begin(budget, now)
        budget.spent = round(spent := spent_under(budget, now=now), 10)
        _note_crossings(budget, spent, now)
        _act(budget, spent, now)
        announce_crossings(budget, now=now)
        budget.evaluated_at = now
        budget.save(update_fields=["period_start", "spent", "evaluated_at", "acting_since"])
        _follow(refused, budget)


def _begin(budget: Budget, now: datetime) -> None:
    """A new month: it starts from nothing, and what acted is lifted."""
    start, _ = period(now)
    if budget.period_start == start:
        return
    if budget.period_start is not None:
        before = {"spent": f"{budget.spent}", "acted": budget.acting_since is not None}
        _tell(SYSTEM, budget, "budget.reset", before=before, reason=f"A new month: {start:%Y-%m}.")
    budget.period_start, budget.acting_since = start, None


def _note_crossings(budget: Budget, spent: Decimal, now: datetime) -> None:
    assert budget.period_start is not None
    for percent in crossed(spent, budget.amount, [*budget.thresholds, *_acting_percent(budget)]):
        _, new = BudgetCrossing.objects.get_or_create(
            budget=budget,
            period_start=budget.period_start,
            amount=budget.amount,
            percent=percent,
            defaults={"spent": budget.spent, "at": now},
        )
        if new:
            reached = {"percent": percent, "spent": f"{budget.spent}", "amount": f"{budget.amount}"}
            _tell(SYSTEM, budget, "budget.reached", after=reached, reason=f"{percent} % of {money(budget.amount)}.")


def _acting_percent(budget: Budget) -> Iterable[int]:
    return () if budget.action == BudgetAction.NOTIFY else (budget.action_percent,)


def _act(budget: Budget, spent: Decimal, now: datetime) -> None:
    due = bool(crossed(spent, budget.amount, _acting_percent(budget)))
    if due and budget.acting_since is None:
        budget.acting_since = now
        action = {"action": budget.action, "resets_at": period(now)[1].isoformat()}
        _tell(SYSTEM, budget, "budget.acts", after=action, reason=reason_of(budget, now=now))
    elif not due and budget.acting_since is not None:
        budget.acting_since = None
        _tell(SYSTEM, budget, "budget.lifted", reason="It is not used up any more.")


def reason_of(budget: Budget, *, now: datetime) -> str:
    """Why something was stopped or refused."""
    return f"Budget “{budget.name}” of {money(budget.amount)} is used up. {resets(period(now)[1])}"


def _refuses(budget: Budget) -> tuple[datetime | None, str] | None:
    """What the gateway says of it, or of what it stopped; None where it refuses nothing."""
    if budget.action != BudgetAction.REFUSE or budget.acting_since is None:
        return (None, budget.name) if Deployment.objects.filter(stopped_by=budget).exists() else None
    return budget.period_start, budget.name


def _follow(before: tuple[datetime | None, str] | None, budget: Budget) -> None:
    """The gateway, where what it refuses changed. Call last: its row stays locked."""
    if _refuses(budget) != before:
        next_revision()
