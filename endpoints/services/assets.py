"""Models, scoring code and environments: registered once as `name:version`, never changed."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from endpoints import wiring
from endpoints.artifacts.port import UnsafeUpload
from endpoints.domain import triton
from endpoints.domain.actor import Actor
from endpoints.domain.environments import EnvironmentSpecError, parse_conda, parse_requirements
from endpoints.domain.errors import Conflict, Invalid
from endpoints.domain.names import checked_asset_name, checked_tags
from endpoints.enums import ModelType
from endpoints.models import (
    Artifact,
    CodeVersion,
    EnvironmentVersion,
    ModelVersion,
    VersionedAsset,
    Workspace,
)
from endpoints.permissions import Action, require
from endpoints.services import events

MAX_CONFIG_BYTES = 1024 * 1024
AssetT = TypeVar("AssetT", bound=VersionedAsset)


def register_model(
    *,
    actor: Actor,
    workspace: Workspace,
    name: str,
    type: str,
    folder: Path,
    description: str = "",
    tags: Mapping[str, str] | None = None,
) -> ModelVersion:
    """The next version of the model, from an unpacked folder, which is moved into the store.

    Scanned, and for `mlflow_model` read, but never loaded. Raises Invalid.
    """
    require(actor.user, Action.WRITE, workspace)
    checked_asset_name(name)
    tags = checked_tags(dict(tags or {}))
    fields = _model_fields(type, folder)
    artifact = _stored(folder)
    return _next_version(
        ModelVersion, actor, workspace, name, description, tags, type=type, artifact=artifact, **fields
    )


def _model_fields(type: str, folder: Path) -> dict[str, Any]:
    if type not in ModelType.values:
        raise Invalid({"type": f"“{type}” is not a model type. Use {', '.join(ModelType.values)}."})
    if not any(path.is_file() for path in folder.rglob("*")):
        raise Invalid({"files": "There is no file in this upload."})
    report = wiring.scan(folder)
    fields: dict[str, Any] = {
        "scan_status": report.status,
        "scan_findings": [asdict(finding) for finding in report.findings],
    }
    if type == ModelType.MLFLOW:
        fields["mlflow"] = _mlflow_facts(folder)
    if type == ModelType.TRITON:
        fields["triton"] = _triton_facts(folder)
    return fields


def _triton_facts(folder: Path) -> dict[str, Any]:
    root, models = triton.repository(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )
    for model in models:
        config = folder / root / model / triton.CONFIG
        if config.is_file():
            triton.check_config(model, config.read_bytes()[:MAX_CONFIG_BYTES].decode("utf-8", "replace"))
    return {"root": root, "models": list(models)}


def _mlflow_facts(folder: Path) -> dict[str, Any]:
    try:
        return wiring.mlflow_facts(folder)
    except (UnsafeUpload, ValueError) as error:
        raise Invalid({"files": str(error)}) from error


def register_code(*, actor: Actor, workspace: Workspace, name: str, folder: Path, description: str = "") -> CodeVersion:
    """The next version of a scoring folder. The same files as the latest version give that version."""
    require(actor.user, Action.WRITE, workspace)
    checked_asset_name(name)
    if not any(folder.rglob("*.py")):
        raise Invalid({"files": "There is no Python file in this folder; a scoring script ends in .py."})
    artifact = _stored(folder)
    latest = _versions(CodeVersion, workspace, name).order_by("-version").first()
    if latest and latest.archived_at is None and latest.artifact_id == artifact.pk:
        return latest
    return _next_version(CodeVersion, actor, workspace, name, description, None, artifact=artifact)


def register_environment(
    *,
    actor: Actor,
    workspace: Workspace,
    name: str,
    text: str,
    format: str = EnvironmentVersion.Format.REQUIREMENTS,
    python_version: str = "3.11",
    description: str = "",
) -> EnvironmentVersion:
    """The next version, from a requirements.txt or a conda file; the same text as the latest gives that one."""
    require(actor.user, Action.WRITE, workspace)
    checked_asset_name(name)
    spec = read_environment(text=text, format=format, python_version=python_version)
    latest = _versions(EnvironmentVersion, workspace, name).order_by("-version").first()
    if (
        latest
        and latest.archived_at is None
        and (latest.text, latest.format, latest.python_version) == (text, format, spec.python_version)
    ):
        return latest
    return _next_version(
        EnvironmentVersion,
        actor,
        workspace,
        name,
        description,
        None,
        text=text,
        format=format,
        python_version=spec.python_version,
        requirements=list(spec.requirements),
    )


def read_environment(*, text: str, format: str, python_version: str = "3.11") -> Any:
    """What the text asks for (EnvironmentSpec); Invalid names the line. Registers nothing."""
    try:
        if format == EnvironmentVersion.Format.CONDA:
            return parse_conda(text)
        return parse_requirements(text, python_version)
    except EnvironmentSpecError as error:
        raise Invalid({"text": str(error)}) from error


def archive_asset(*, actor: Actor, asset: VersionedAsset) -> None:
    """Hides a version from choice. Refused while a deployment uses it."""
    require(actor.user, Action.DELETE, asset.workspace)
    users = asset.deployments.filter(deleted_at__isnull=True)  # type: ignore[attr-defined]
    if users.exists():
        names = ", ".join(f"{item.endpoint.name}/{item.name}" for item in users.select_related("endpoint")[:5])
        raise Conflict(f"{asset} is used by {names}. Delete or update those deployments first.")
    with transaction.atomic():
        if not type(asset)._default_manager.filter(pk=asset.pk, archived_at=None).update(archived_at=timezone.now()):
            return
        events.record(actor=actor, verb=f"{_kind(asset)}.archived", workspace=asset.workspace, subject=str(asset))


def _stored(folder: Path) -> Artifact:
    """Moved into the store."""
    try:
        stored = wiring.store().put(folder)
    except UnsafeUpload as error:
        raise Invalid({"files": str(error)}) from error
    defaults = {"size_bytes": stored.size_bytes, "file_count": stored.file_count}
    return Artifact.objects.get_or_create(digest=stored.digest, defaults=defaults)[0]


def _versions(table: type[AssetT], workspace: Workspace, name: str) -> QuerySet[AssetT]:
    return table._default_manager.filter(workspace=workspace, name=name)


def _next_version(
    table: type[AssetT],
    actor: Actor,
    workspace: Workspace,
    name: str,
    description: str,
    tags: Mapping[str, str] | None,
    **fields: Any,
) -> AssetT:
    with transaction.atomic():
        Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        highest = _versions(table, workspace, name).aggregate(highest=Max("version"))["highest"] or 0
        asset = table._default_manager.create(
            workspace=workspace,
            name=name,
            version=highest + 1,
            description=description,
            tags=dict(tags or {}),
            created_by=actor.user,
            **fields,
        )
        events.record(actor=actor, verb=f"{_kind(asset)}.registered", workspace=workspace, subject=str(asset))
    return asset


def _kind(asset: VersionedAsset) -> str:
    return {ModelVersion: "model", CodeVersion: "code", EnvironmentVersion: "environment"}[type(asset)]
