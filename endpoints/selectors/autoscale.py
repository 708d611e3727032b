"""How deployments scale, and what autoscale's rules read now. Callers hand in what the person may see."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from endpoints.domain.errors import NotFound
from endpoints.domain.rollups import SampleValues
from endpoints.domain.scaling_metrics import Size, reading, resolution_of, since
from endpoints.domain.scaling_rules import AutoscaleSpec, MetricTrigger, Reading, Readings, Scope
from endpoints.domain.scaling_schema import Place, parse
from endpoints.enums import ProvisioningState, SleepState
from endpoints.models import AutoscaleSetting, Deployment, ScaleDecision
from endpoints.selectors.samples import measured

Asked = Mapping[UUID, tuple[Deployment, Iterable[MetricTrigger]]]  # by deployment: whose triggers are to be read
_Names = Mapping[UUID, Mapping[UUID, str]]  # of each endpoint, its deployments
LARGEST_COUNT = 1000  # that can be stored
_Points = Mapping[UUID, Mapping[datetime, SampleValues]]


def autoscale_of(deployment: Deployment) -> AutoscaleSetting | None:
    return AutoscaleSetting.objects.select_related("updated_by").filter(deployment=deployment).first()


def existing_autoscale(deployment: Deployment) -> AutoscaleSetting:
    """Raises NotFound."""
    found = autoscale_of(deployment)
    if found is None:
        raise NotFound(f"{deployment.name} has no autoscale setting: its number of instances is {_fixed(deployment)}.")
    return found


def _fixed(deployment: Deployment) -> str:
    return f"{deployment.instance_count} until somebody changes it"


def spec_of(row: AutoscaleSetting) -> AutoscaleSpec:
    """What was stored was right when it was; what a later rule forbids still holds."""
    return parse(row.setting, Place(lowest=0, highest=LARGEST_COUNT))


def decisions_of(deployment: Deployment) -> QuerySet[ScaleDecision]:
    """The newest first."""
    return ScaleDecision.objects.filter(deployment=deployment).select_related("operation")


def settings_at_work() -> QuerySet[AutoscaleSetting]:
    """Of present deployments that are awake, those that are switched on. One that sleeps has no load to follow: a
    request wakes it, and then it has its instances again."""
    at_work = AutoscaleSetting.objects.filter(
        enabled=True, deployment__deleted_at=None, deployment__sleep=SleepState.AWAKE
    )
    return (
        at_work.exclude(deployment__state=ProvisioningState.DELETING)
        .select_related("deployment__endpoint__workspace", "deployment__instance_type", "last_decision")
        .order_by("pk")
    )


def readings(asked: Asked, *, now: datetime) -> dict[UUID, Readings]:
    """By deployment. Three queries at most, however many deployments and rules."""
    wanted = {key: (deployment, frozenset(triggers)) for key, (deployment, triggers) in asked.items()}
    names = _names(wanted.values())
    by_resolution: dict[int, set[MetricTrigger]] = defaultdict(set)
    for trigger in frozenset[MetricTrigger]().union(*(triggers for _, triggers in wanted.values())):
        by_resolution[resolution_of(trigger)].add(trigger)
    points = {resolution: _points(resolution, names, found, now) for resolution, found in by_resolution.items()}
    return {
        key: {trigger: _read(trigger, deployment, names, points[resolution_of(trigger)], now) for trigger in triggers}
        for key, (deployment, triggers) in wanted.items()
    }


def _names(wanted: Iterable[tuple[Deployment, frozenset[MetricTrigger]]]) -> _Names:
    """Of each endpoint, its deployments that must be looked at: all of them where a rule follows the endpoint."""
    names: dict[UUID, dict[UUID, str]] = defaultdict(dict)
    whole = set()
    for deployment, triggers in wanted:
        names[deployment.endpoint_id][deployment.pk] = deployment.name
        if any(trigger.scope == Scope.ENDPOINT for trigger in triggers):
            whole.add(deployment.endpoint_id)
    if whole:
        rows = Deployment.objects.present().filter(endpoint__in=whole)
        for endpoint, key, name in rows.values_list("endpoint_id", "pk", "name"):
            names[endpoint][key] = name
    return names


def _points(resolution: int, names: _Names, triggers: Iterable[MetricTrigger], now: datetime) -> _Points:
    start = min(since(trigger, now) for trigger in triggers)
    points: dict[UUID, dict[datetime, SampleValues]] = defaultdict(dict)
    deployments = [key for found in names.values() for key in found]
    for deployment, at, values in measured(deployments, resolution=resolution, start=start):
        points[deployment][at] = values
    return points


def _read(trigger: MetricTrigger, deployment: Deployment, names: _Names, points: _Points, now: datetime) -> Reading:
    siblings = names[deployment.endpoint_id] if trigger.scope == Scope.ENDPOINT else {deployment.pk: deployment.name}
    samples = {name: points[key] for key, name in siblings.items() if key in points}
    size = Size(vcpu=deployment.instance_type.vcpu, memory_mib=deployment.instance_type.memory_mib)
    return reading(trigger, samples, size=size, now=now)
