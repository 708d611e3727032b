"""Environment builds on this machine, one per specification."""

from endpoints.domain.environments import EnvironmentSpec
from endpoints.enums import BuildState
from endpoints.models import EnvironmentBuild


def ensure_build(spec: EnvironmentSpec) -> EnvironmentBuild:
    """The build's row; one that failed is asked for again. The reconciler starts it."""
    build, created = EnvironmentBuild.objects.get_or_create(
        spec_hash=spec.hash,
        defaults={"python_version": spec.python_version, "requirements": list(spec.requirements)},
    )
    if not created and build.state == BuildState.FAILED:
        build.state, build.error = BuildState.PENDING, ""
        build.save()
    return build


def spec_of(build: EnvironmentBuild) -> EnvironmentSpec:
    return EnvironmentSpec(python_version=build.python_version, requirements=tuple(build.requirements))
