"""Environment builds: the builder's word, written to our rows."""

from django.db.models import F, Q

from endpoints import wiring
from endpoints.enums import BuildState
from endpoints.models import Deployment, DeploymentRevision, EnvironmentBuild
from endpoints.services.builds import spec_of

_SEEN = ("state", "error", "started_at", "finished_at", "size_bytes")


def start(spec_hash: str) -> None:
    """From here on a failure that is seen is a new one."""
    build = EnvironmentBuild.objects.get(pk=spec_hash)
    wiring.builder().start(spec_of(build))
    EnvironmentBuild.objects.filter(pk=spec_hash, state=BuildState.PENDING).update(state=BuildState.BUILDING)


def sync(build: EnvironmentBuild) -> None:
    """A failure that was asked to be tried again stays PENDING until the builder has started on it."""
    seen = wiring.builder().observe(build.pk)
    if build.state == BuildState.PENDING and seen.state == BuildState.FAILED:
        return
    if all(getattr(build, name) == getattr(seen, name) for name in _SEEN):
        return
    for name in _SEEN:
        setattr(build, name, getattr(seen, name))
    build.save(update_fields=_SEEN)


def take_up() -> None:
    """Environments of what serves, where they are to be built and no operation asks for it: after a restore."""
    present = Deployment.objects.present().exclude(serving_generation=None)
    serving = DeploymentRevision.objects.filter(deployment__in=present, generation=F("deployment__serving_generation"))
    needed = Q(pk__in=present.values("environment_hash")) | Q(pk__in=serving.values("environment_hash"))
    for build in EnvironmentBuild.objects.filter(needed, state=BuildState.PENDING):
        start(build.pk)


def sync_running() -> None:
    for build in EnvironmentBuild.objects.filter(state__in=[BuildState.PENDING, BuildState.BUILDING]):
        sync(build)
