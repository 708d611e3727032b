"""What models, scoring code and environments have in common."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.response import Response

from endpoints import wiring
from endpoints.domain.errors import Invalid, NotFound
from endpoints.models import User
from endpoints.selectors.assets import latest_only, resolve
from endpoints.services.uploads import stage
from studio.api.paging import listed, paged
from studio.api.serializers.assets import AssetQuery, FileSerializer, VersionQuery
from studio.api.view import StudioView

# A selector: the versions that a person may see, of one workspace or of all.
Found = Callable[..., QuerySet[Any]]


def latest_versions(view: StudioView, found: Found, serializer: type[serializers.Serializer[Any]]) -> Response:
    query = view.query(AssetQuery)
    mine = latest_only(found(view.person, workspace=view.named_workspace(query.get("workspace", ""))))
    if query["search"]:
        mine = mine.filter(name__icontains=query["search"])
    return paged(view.request, mine, serializer, limit=query["limit"], ordering="name")


def versions_of(view: StudioView, found: Found, name: str, serializer: type[serializers.Serializer[Any]]) -> Response:
    """The newest first. NotFound where there is none."""
    query = view.query(VersionQuery)
    mine = _named(view, found, name, query.get("workspace", ""))
    if not mine.exists():
        raise NotFound(f"There is no “{name}”.")
    return paged(view.request, mine, serializer, limit=query["limit"], ordering="-version")


def version_of(view: StudioView, found: Found, name: str, version: str, *, workspace: str) -> Any:
    """`version` is a number, or `latest`. Raises NotFound; Invalid where it could be one of several."""
    reference = f"{name}@latest" if version == "latest" else f"{name}:{version}"
    return resolve(_named(view, found, name, workspace), reference)


def _named(view: StudioView, found: Found, name: str, workspace: str) -> QuerySet[Any]:
    mine = found(view.person, workspace=view.named_workspace(workspace)).filter(name=name)
    if len(set(mine.order_by().values_list("workspace", flat=True)[:2])) > 1:
        raise Invalid({"workspace": f"Several of your workspaces have “{name}”. Name one: ?workspace=NAME."})
    return mine


def files_of(digest: str) -> Response:
    try:
        files = wiring.store().files(digest)
    except KeyError:
        raise NotFound("Its files are not in the store any more. Register it again.") from None
    return listed(FileSerializer(files, many=True).data)


@contextmanager
def uploaded(user: User, body: dict[str, Any]) -> Iterator[Path]:
    """The folder of what was sent, for as long as it takes to register it. Takes `files` and `paths` out of the body."""
    files, paths = body.pop("files"), body.pop("paths", None)
    names = paths or [file.name for file in files]
    staged = stage(user=user, files=[(name, file.file) for name, file in zip(names, files, strict=True)])
    try:
        yield staged.folder
    finally:
        shutil.rmtree(staged.folder, ignore_errors=True)
