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
from studio.api.serializers.assets import FileSerializer
from studio.api.view import StudioView

# A selector: the versions that a person may see, of one workspace or of all.
Found = Callable[..., QuerySet[Any]]


def latest_versions(view: StudioView, found: Found, serializer: type[serializers.Serializer[Any]]) -> Response:
    """A page of them; asked with an AssetQuery."""
    mine = latest_only(found(view.person, workspace=view.asked_workspace()))
    return paged(view, mine.filter(name__icontains=view.asked["search"]), serializer, ordering="name")


def versions_of(view: StudioView, found: Found, name: str, serializer: type[serializers.Serializer[Any]]) -> Response:
    """A page of them, the newest first; asked with a VersionQuery. NotFound where there is none."""
    mine = _named(view, found, name)
    if not mine.exists():
        raise NotFound(f"There is no “{name}”.")
    return paged(view, mine, serializer, ordering="-version")


def version_of(view: StudioView, found: Found, name: str, version: str) -> Any:
    """`version` is a number, or `latest`. Raises NotFound; Invalid where it could be one of several."""
    reference = f"{name}@latest" if version == "latest" else f"{name}:{version}"
    return resolve(_named(view, found, name), reference)


def _named(view: StudioView, found: Found, name: str) -> QuerySet[Any]:
    mine = found(view.person, workspace=view.asked_workspace()).filter(name=name)
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
    """The folder of what was sent, until it is registered. Takes `files` and `paths` out of the body."""
    files, paths = body.pop("files"), body.pop("paths", None)
    names = paths or [file.name for file in files]
    staged = stage(user=user, files=[(name, file.file) for name, file in zip(names, files, strict=True)])
    try:
        yield staged.folder
    finally:
        shutil.rmtree(staged.folder, ignore_errors=True)
