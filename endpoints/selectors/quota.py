"""Quotas, what is taken of them, and who asks for more. Callers hand in what the person may see."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, F, QuerySet

from endpoints.domain.errors import NotFound
from endpoints.domain.quota import (
    RESOURCES,
    Amounts,
    Line,
    Size,
    Standing,
    heading,
    of_instances,
    taken,
    together,
    with_reserve,
)
from endpoints.domain.rollouts import surge_of
from endpoints.enums import ProvisioningState, ReplicaState, RequestState
from endpoints.models import (
    Deployment,
    DeploymentRevision,
    Endpoint,
    InstanceType,
    Quota,
    QuotaRequest,
    Replica,
    SiteLimits,
    User,
    Workspace,
)
from endpoints.models.deployments import AT_ZERO
from endpoints.permissions import require_staff
from endpoints.selectors.endpoints import workspaces_for

SITE_DEFAULTS = {"endpoints": 100, "deployments": 500}  # Azure's, per region
MOVING = (ProvisioningState.CREATING, ProvisioningState.UPDATING, ProvisioningState.SCALING)


def site_limits_row() -> SiteLimits:
    return SiteLimits.objects.filter(pk=1).first() or SiteLimits()


def site_quota() -> Quota:
    """Azure's numbers until somebody sets others."""
    return Quota.objects.filter(workspace=None).first() or Quota(version=0, **SITE_DEFAULTS)


def quota_of(workspace: Workspace) -> Quota:
    """No limits until somebody sets some."""
    return Quota.objects.filter(workspace=workspace).first() or Quota(workspace=workspace, version=0)


def limits_in(quota: Quota) -> dict[str, Decimal]:
    """Only those that there are."""
    found = {name: getattr(quota, name) for name in RESOURCES}
    return {name: Decimal(value) for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A deployment's standing, and where it counts."""

    workspace: int
    endpoint: UUID
    owner: int | None
    standing: Standing


_ROW = (
    *("pk", "state", "sleep", "instance_count", "serving_count", "serving_generation", "generation", "max_surge"),
    *("instance_type_id", "endpoint_id", "endpoint__workspace_id", "endpoint__created_by_id"),
)


def standings(deployments: QuerySet[Deployment]) -> dict[UUID, Placed]:
    """By their id. Four queries, however many."""
    present = deployments.filter(deleted_at=None)
    sizes = {item.pk: size_of(item) for item in InstanceType.objects.all()}
    serving = DeploymentRevision.objects.filter(
        deployment__in=present, generation=F("deployment__serving_generation")
    ).exclude(generation=F("deployment__generation"))
    before = dict(serving.order_by().values_list("deployment_id", "instance_type_id"))
    held = _held(present, sizes)
    return {row["pk"]: _placed(row, sizes, before.get(row["pk"]), held[row["pk"]]) for row in present.values(*_ROW)}


def size_of(instance_type: InstanceType) -> Size:
    return Size(
        vcpu=Decimal(instance_type.vcpu),
        memory_mib=instance_type.memory_mib,
        gpu=instance_type.gpu,
        price_per_hour=Decimal(instance_type.price_per_hour),
    )


def _held(present: QuerySet[Deployment], sizes: Mapping[int, Size]) -> dict[UUID, dict[Size, int]]:
    found: dict[UUID, dict[Size, int]] = defaultdict(dict)
    rows = Replica.objects.filter(deployment__in=present).exclude(state=ReplicaState.STOPPED).order_by()
    for deployment, kind, count in rows.values_list("deployment_id", "instance_type_id").annotate(n=Count("pk")):
        if kind is not None:
            found[deployment][sizes[kind]] = found[deployment].get(sizes[kind], 0) + count
    return found


def _placed(row: Mapping[str, Any], sizes: Mapping[int, Size], before: int | None, held: Mapping[Size, int]) -> Placed:
    size, count, serving = sizes[row["instance_type_id"]], row["instance_count"], row["serving_count"]
    another = row["serving_generation"] not in (None, row["generation"])
    standing = Standing(
        count=count,
        size=size,
        serving_count=serving,
        serving_size=(sizes[before] if before else size) if another else None,
        surge=surge_of(row["max_surge"], max(count, serving)),
        moving=row["state"] in MOVING,
        settled=row["state"] == ProvisioningState.SUCCEEDED,
        zero=row["state"] == ProvisioningState.DELETING or row["sleep"] in AT_ZERO,
        held=held,
    )
    return Placed(
        workspace=row["endpoint__workspace_id"],
        endpoint=row["endpoint_id"],
        owner=row["endpoint__created_by_id"],
        standing=standing,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A quota, and what is taken of it."""

    name: str  # for people
    limits: Amounts
    in_use: Amounts


def scopes_of(workspace: Workspace, *, besides: UUID | None = None) -> list[Scope]:
    """The workspace's quota and the site's, each with what everything but one deployment takes. Where nothing is
    limited, nothing is counted."""
    quotas = [
        (f"workspace “{workspace}”", quota_of(workspace), Deployment.objects.filter(endpoint__workspace=workspace)),
        ("the site", site_quota(), Deployment.objects.all()),
    ]
    return [_scope(name, quota, among, besides) for name, quota, among in quotas if limits_in(quota)]


def _scope(name: str, quota: Quota, among: QuerySet[Deployment], besides: UUID | None) -> Scope:
    limits = limits_in(quota)
    endpoints = Endpoint.objects.present()
    if quota.workspace_id is not None:
        endpoints = endpoints.filter(workspace=quota.workspace_id)
    others = among.exclude(pk=besides) if besides else among
    counts = {"endpoints": Decimal(endpoints.count()), "deployments": Decimal(others.filter(deleted_at=None).count())}
    if limits.keys() <= counts.keys():
        return Scope(name=name, limits=limits, in_use=counts)
    percent = site_limits_row().reserve_percent
    used = together(taken(placed.standing, percent) for placed in standings(others).values())
    return Scope(name=name, limits=limits, in_use={**used, **counts})


def arithmetic(
    workspace: Workspace, instance_type: InstanceType, count: int, *, deployment: Deployment | None = None
) -> list[Line]:
    """What so many instances would make of every quota that there is, before they are asked for: of a deployment, or
    of one more."""
    scopes = scopes_of(workspace, besides=deployment.pk if deployment else None)
    return lines_of(scopes, size_of(instance_type), count, percent=site_limits_row().reserve_percent)


def lines_of(scopes: Iterable[Scope], size: Size, count: int, *, percent: int) -> list[Line]:
    asked = of_instances({size: count}) | {"deployments": Decimal(1)}
    needed = of_instances({size: with_reserve(count, percent)}) | {"deployments": Decimal(1)}
    return [
        Line(
            resource=name,
            scope=scope.name,
            limit=limit,
            in_use=scope.in_use.get(name, Decimal(0)),
            asked=asked[name],
            reserve=needed[name] - asked[name],
        )
        for scope in scopes
        for name, limit in scope.limits.items()
        if needed.get(name)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A quota beside what is taken of it, resource by resource; a limit of None is none."""

    workspace: Workspace | None
    quota: Quota
    used: Amounts

    def rows(self) -> list[dict[str, object]]:
        return [self._row(name) for name in RESOURCES]

    def _row(self, name: str) -> dict[str, object]:
        limit, used = getattr(self.quota, name), self.used[name]
        share = 0 if not limit else min(999, int(used * 100 / Decimal(limit)))
        over = limit is not None and used > limit
        return {"resource": name, "label": heading(name), "used": used, "limit": limit, "percent": share, "over": over}


def account_of(workspace: Workspace) -> Account:
    return accounts([workspace])[0]


def accounts(workspaces: Iterable[Workspace]) -> list[Account]:
    """Of each of them. Seven queries, however many."""
    found = list(workspaces)
    quotas = {quota.workspace_id: quota for quota in Quota.objects.filter(workspace__in=found)}
    used = _used(Deployment.objects.filter(endpoint__workspace__in=found), Endpoint.objects.filter(workspace__in=found))
    return [
        Account(
            workspace=each, quota=quotas.get(each.pk) or Quota(workspace=each, version=0), used=together(used[each.pk])
        )
        for each in found
    ]


def site_account() -> Account:
    used = _used(Deployment.objects.all(), Endpoint.objects.all())
    return Account(workspace=None, quota=site_quota(), used=together(part for parts in used.values() for part in parts))


def _used(deployments: QuerySet[Deployment], endpoints: QuerySet[Endpoint]) -> dict[int, list[Amounts]]:
    percent = site_limits_row().reserve_percent
    used: dict[int, list[Amounts]] = defaultdict(list)
    for placed in standings(deployments).values():
        used[placed.workspace].append(taken(placed.standing, percent))
    counts = endpoints.filter(deleted_at=None).order_by().values_list("workspace_id").annotate(n=Count("pk"))
    for workspace, count in counts:
        used[workspace].append({"endpoints": Decimal(count)})
    return used


def requests_of(workspace: Workspace) -> QuerySet[QuotaRequest]:
    """The newest first."""
    return QuotaRequest.objects.filter(workspace=workspace).select_related("workspace", "created_by", "decided_by")


def pending_requests(user: User) -> QuerySet[QuotaRequest]:
    """Of all workspaces, the oldest first: for IT."""
    require_staff(user)
    pending = QuotaRequest.objects.filter(state=RequestState.PENDING).order_by("id")
    return pending.select_related("workspace", "created_by", "decided_by")


def quota_request_for(user: User, request_id: int) -> QuotaRequest:
    """IT's, or of a workspace that the person may read. Raises NotFound."""
    found = QuotaRequest.objects.select_related("workspace", "created_by", "decided_by").filter(pk=request_id)
    if not user.is_staff:
        found = found.filter(workspace__in=workspaces_for(user))
    request = found.first()
    if request is None:
        raise NotFound("There is no such request.")
    return request
