"""What alert rules read now: a number of queries that does not grow with the number of rules."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, Sum

from endpoints.domain.alerts import (
    COST_MONTH,
    COST_PER_HOUR,
    COST_TODAY,
    FAILED_OPERATIONS,
    REPLICAS_MISSING,
    REPLICAS_READY,
    RESTARTS,
)
from endpoints.domain.pricing import month_start
from endpoints.domain.scaling_metrics import METRICS
from endpoints.domain.scaling_rules import MISSING, MetricTrigger, Operator, Reading, Scope
from endpoints.enums import OperationState, ProvisioningState, ReplicaState, SleepState
from endpoints.models import AlertRule, Deployment, Event, Operation, Replica
from endpoints.selectors.autoscale import readings
from endpoints.selectors.cost import cost_since

GRAIN = timedelta(minutes=1)
Rules = list[AlertRule]
Found = dict[int, Reading]  # by rule
Watched = Mapping[int, list[Deployment]]  # by rule: the present deployments that it is about


def alert_readings(rules: Iterable[AlertRule], *, now: datetime) -> Found:
    """By rule. Where it is not known, a reading that is missing."""
    by_signal: dict[str, Rules] = defaultdict(list)
    every = list(rules)
    for rule in every:
        by_signal[rule.signal].append(rule)
    watched = _watched(every)
    found: Found = dict.fromkeys((rule.pk for rule in every), MISSING)
    found |= _metrics([rule for name in METRICS for rule in by_signal[name]], watched, now)
    readers: Mapping[str, Callable[[Rules, Watched, datetime], Found]] = {
        REPLICAS_READY: _ready,
        REPLICAS_MISSING: _missing,
        RESTARTS: _restarts,
        FAILED_OPERATIONS: _failed_operations,
        COST_TODAY: lambda asked, of, at: _cost(asked, of, at.replace(hour=0, minute=0, second=0, microsecond=0)),
        COST_MONTH: lambda asked, of, at: _cost(asked, of, month_start(at)),
        COST_PER_HOUR: _rate,
    }
    for signal, reader in readers.items():
        if asked := by_signal[signal]:
            found |= reader(asked, watched, now)
    return found


def _watched(rules: Rules) -> dict[int, list[Deployment]]:
    """One query."""
    workspaces = {rule.workspace_id for rule in rules if rule.endpoint_id is None}
    endpoints = {rule.endpoint_id for rule in rules if rule.endpoint_id}
    rows = Deployment.objects.present().filter(Q(endpoint__in=endpoints) | Q(endpoint__workspace__in=workspaces))
    keys: dict[Any, list[Deployment]] = defaultdict(list)
    for row in rows.select_related("endpoint", "instance_type"):
        for key in (row.pk, row.endpoint_id, ("workspace", row.endpoint.workspace_id)):
            keys[key].append(row)
    return {rule.pk: keys[_key(rule)] for rule in rules}


def _key(rule: AlertRule) -> Any:
    return rule.deployment_id or rule.endpoint_id or ("workspace", rule.workspace_id)


def _metrics(rules: Rules, watched: Watched, now: datetime) -> Found:
    """As autoscale reads them. An endpoint is read through any of its deployments; one without any has no data."""
    asked: dict[UUID, tuple[Deployment, set[MetricTrigger]]] = {}
    places: dict[int, tuple[UUID, MetricTrigger]] = {}
    for rule in rules:
        for deployment in watched[rule.pk][:1]:
            trigger = _trigger(rule)
            asked.setdefault(deployment.pk, (deployment, set()))[1].add(trigger)
            places[rule.pk] = (deployment.pk, trigger)
    read = readings(asked, now=now) if asked else {}
    return {key: read[deployment][trigger] for key, (deployment, trigger) in places.items()}


def _trigger(rule: AlertRule) -> MetricTrigger:
    window = timedelta(seconds=rule.window_seconds)
    return MetricTrigger(
        metric=rule.signal,
        scope=Scope.DEPLOYMENT if rule.deployment_id else Scope.ENDPOINT,
        grain=window,
        window=window,
        operator=Operator.GREATER_THAN,
        threshold=0,
    )


def _ready(rules: Rules, watched: Watched, now: datetime) -> Found:
    counts = _ready_counts(rules, watched)
    return {rule.pk: _sum(rule, watched, counts) for rule in rules}


def _missing(rules: Rules, watched: Watched, now: datetime) -> Found:
    """One that sleeps wants none; one that is on its way in or out is not missed."""
    ready = _ready_counts(rules, watched)
    steady = (ProvisioningState.SUCCEEDED, ProvisioningState.FAILED)
    counts = {
        row.pk: max(row.instance_count - ready.get(row.pk, 0), 0)
        if row.state in steady and row.sleep == SleepState.AWAKE
        else 0
        for rule in rules
        for row in watched[rule.pk]
    }
    return {rule.pk: _sum(rule, watched, counts) for rule in rules}


def _ready_counts(rules: Rules, watched: Watched) -> dict[UUID, int]:
    rows = Replica.objects.filter(deployment__in=_ids(rules, watched), state=ReplicaState.READY, stopping_at=None)
    return dict(rows.order_by().values_list("deployment").annotate(count=Count("pk")))


def _restarts(rules: Rules, watched: Watched, now: datetime) -> Found:
    events = Event.objects.filter(verb__in=("replica.ended", "replica.lost"), deployment_id__in=_ids(rules, watched))
    times = events.filter(created_at__gt=now - _longest(rules)).values_list("deployment_id", "created_at")
    return _counted(rules, watched, times, now)


def _failed_operations(rules: Rules, watched: Watched, now: datetime) -> Found:
    failed = Operation.objects.filter(state=OperationState.FAILED, deployment__in=_ids(rules, watched))
    times = failed.filter(finished_at__gt=now - _longest(rules)).values_list("deployment_id", "finished_at")
    return _counted(rules, watched, times, now)


def _longest(rules: Rules) -> timedelta:
    return timedelta(seconds=max(rule.window_seconds for rule in rules))


def _counted(rules: Rules, watched: Watched, times: Iterable[tuple[Any, Any]], now: datetime) -> Found:
    when: dict[UUID, list[datetime]] = defaultdict(list)
    for deployment, at in times:
        when[deployment].append(at)
    found = {}
    for rule in rules:
        start = now - timedelta(seconds=rule.window_seconds)
        count = sum(at > start for row in watched[rule.pk] for at in when[row.pk])
        found[rule.pk] = Reading(value=float(count))
    return found


def _cost(rules: Rules, watched: Watched, start: datetime) -> Found:
    """What was deleted since has cost something, too."""
    ever = _ever(rules)
    costs = cost_since({pk for keys in ever.values() for pk in keys}, start)
    return {
        rule.pk: Reading(value=float(sum((costs.get(pk, Decimal(0)) for pk in ever[_key(rule)]), Decimal(0))))
        for rule in rules
    }


def _ever(rules: Rules) -> dict[Any, list[UUID]]:
    """By what a rule is about: its deployments, deleted ones among them. One query."""
    places = Q(pk__in=[rule.deployment_id for rule in rules if rule.deployment_id])
    places |= Q(endpoint__in=[rule.endpoint_id for rule in rules if rule.endpoint_id])
    places |= Q(endpoint__workspace__in=[rule.workspace_id for rule in rules if not rule.endpoint_id])
    keys: dict[Any, list[UUID]] = defaultdict(list)
    rows = Deployment.objects.filter(places).values_list("pk", "endpoint_id", "endpoint__workspace_id")
    for pk, endpoint, workspace in rows:
        for key in (pk, endpoint, ("workspace", workspace)):
            keys[key].append(pk)
    return keys


def _rate(rules: Rules, watched: Watched, now: datetime) -> Found:
    """Of the replicas that hold resources."""
    rows = Replica.objects.filter(deployment__in=_ids(rules, watched)).exclude(state=ReplicaState.STOPPED)
    prices = dict(rows.order_by().values_list("deployment").annotate(price=Sum("instance_type__price_per_hour")))
    return {rule.pk: _sum(rule, watched, prices) for rule in rules}


def _ids(rules: Rules, watched: Watched) -> set[UUID]:
    return {row.pk for rule in rules for row in watched[rule.pk]}


def _sum(rule: AlertRule, watched: Watched, values: Mapping[UUID, Any]) -> Reading:
    return Reading(value=float(sum(values.get(row.pk) or 0 for row in watched[rule.pk])))
