"""Models, code, environments, builds and instance types, as one person may see them."""

from typing import Any, TypeVar

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from endpoints.domain.errors import NotFound
from endpoints.models import (
    CodeVersion,
    EnvironmentBuild,
    EnvironmentVersion,
    InstanceType,
    ModelVersion,
    User,
    VersionedAsset,
    Workspace,
)
from endpoints.selectors.endpoints import workspaces_for

AssetT = TypeVar("AssetT", bound=VersionedAsset)
_IN_USE = Count("deployments", filter=Q(deployments__deleted_at=None), distinct=True)


def models_for(user: User, *, workspace: Workspace | None = None) -> QuerySet[ModelVersion]:
    """Every version not archived, newest first, with `in_use` deployments counted."""
    return _own(ModelVersion.objects.select_related("artifact", "created_by", "workspace"), user, workspace)


def code_for(user: User, *, workspace: Workspace | None = None) -> QuerySet[CodeVersion]:
    return _own(CodeVersion.objects.select_related("artifact", "created_by", "workspace"), user, workspace)


def environments_for(user: User, *, workspace: Workspace | None = None) -> QuerySet[EnvironmentVersion]:
    return _own(EnvironmentVersion.objects.select_related("created_by", "workspace"), user, workspace)


def _own(found: QuerySet[AssetT], user: User, workspace: Workspace | None) -> QuerySet[AssetT]:
    own = found.filter(workspace__in=workspaces_for(user), archived_at=None)
    if workspace is not None:
        own = own.filter(workspace=workspace)
    counted: QuerySet[Any] = own.annotate(in_use=_IN_USE)
    return counted.order_by("name", "-version")


def resolve(found: Any, reference: str) -> Any:
    """`name:version`, `name@latest` or `azureml:name:version` (Azure's ways to name an asset). Raises NotFound."""
    plain = reference.removeprefix("azureml:")
    name, _, version = plain.partition(":")
    if not version:
        name = plain.removesuffix("@latest")
        asset = found.filter(name=name).order_by("-version").first()
    else:
        asset = found.filter(name=name, version=version).first() if version.isdecimal() else None
    if asset is None:
        raise NotFound(f"There is no “{reference}”. Name it as name:version, or name@latest.")
    return asset


def latest_only(found: Any) -> Any:
    """One row per name: its newest version."""
    same = found.model.objects.filter(workspace=OuterRef("workspace"), name=OuterRef("name"), archived_at=None)
    return found.filter(version=Subquery(same.order_by("-version").values("version")[:1]))


def build_of(spec_hash: str) -> EnvironmentBuild | None:
    return EnvironmentBuild.objects.filter(pk=spec_hash).first()


def instance_types() -> QuerySet[InstanceType]:
    return InstanceType.objects.filter(enabled=True)
