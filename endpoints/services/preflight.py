"""Everything that can be known of a deployment before any capacity is used for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from endpoints import wiring
from endpoints.domain.environments import EnvironmentSpec
from endpoints.domain.errors import Invalid
from endpoints.domain.preflight import Check, Outcome, foreign_wheels, version_conflicts
from endpoints.domain.scoring_script import ScriptFacts, not_installed, read_script
from endpoints.enums import BuildState
from endpoints.models import CodeVersion, Endpoint, Workspace
from endpoints.selectors.quota import arithmetic
from endpoints.services.capacity import budget_fault

if TYPE_CHECKING:
    from endpoints.services.deployments import Specification

_LARGEST_SCRIPT = 256 * 1024  # what is read of it takes a thousand times as much memory
_RESOLVED = {
    BuildState.SUCCEEDED: (Outcome.OK, "The requirements can be installed."),
    BuildState.BUILDING: (Outcome.RUNNING, "Whether the requirements can be installed is being found out."),
}


def preflight(specification: Specification, *, workspace: Workspace, endpoint: Endpoint | None = None) -> list[Check]:
    """Quick, and asked again while something is RUNNING. Never raises for what is wrong with the specification."""
    from endpoints.services.specification import check_specification, needed_environment

    try:
        check_specification(specification, workspace=workspace)
        needed = needed_environment(specification)
    except Invalid as error:
        return [
            Check(name="specification", outcome=Outcome.ERROR, message=message, field=field)
            for field, message in error.fields.items()
        ] or [Check(name="specification", outcome=Outcome.ERROR, message=str(error))]
    checks = [Check(name="specification", outcome=Outcome.OK, message="Names, numbers, files and probes fit together.")]
    checks += [*_capacity(specification, workspace, endpoint), *_script(specification, needed)]
    if needed is not None:
        checks += [_requirements(needed), *_versions(specification, needed), *_wheels(specification, needed)]
    return checks


def _capacity(specification: Specification, workspace: Workspace, endpoint: Endpoint | None) -> Iterator[Check]:
    """As it stands now: what others take meanwhile is found out at the creation."""
    if specification.instance_type is None:
        return
    lines = arithmetic(workspace, specification.instance_type, specification.instance_count)
    for line in lines:
        if not line.fits:
            yield Check(name="quota", outcome=Outcome.ERROR, message=line.told(), field="instance_count")
    if all(line.fits for line in lines):
        told = " ".join(line.told() for line in lines) or "No quota limits it."
        yield Check(name="quota", outcome=Outcome.OK, message=told)
    price = specification.instance_type.price_per_hour * specification.instance_count
    budget = budget_fault(workspace, endpoint, price)
    if budget:
        yield Check(name="budget", outcome=Outcome.ERROR, message=budget, field="instance_count")


def script_facts(code: CodeVersion, script: str, *, python_version: str) -> ScriptFacts:
    """Raises KeyError when the files are gone."""
    path = wiring.store().path(code.artifact_id) / script
    if path.stat().st_size > _LARGEST_SCRIPT:
        return ScriptFacts(error=f"{script} is larger than a script is: at most {_LARGEST_SCRIPT} bytes.")
    source = path.read_bytes().decode("utf-8", "replace")
    return read_script(source, filename=script, python_version=python_version)


def _script(specification: Specification, needed: EnvironmentSpec | None) -> Iterator[Check]:
    code, script = specification.code, specification.scoring_script
    if code is None or not script or needed is None:
        return
    facts = script_facts(code, script, python_version=needed.python_version)
    yield Check(name="script", outcome=Outcome.OK, message=f"{script} is Python, with init() and run().")
    files = wiring.store().files(code.artifact_id)
    own = frozenset(file.path.partition("/")[0].removesuffix(".py") for file in files)
    unknown = not_installed(facts.imports, requirements=needed.requirements, own=own)
    if unknown:
        yield Check(
            name="imports",
            outcome=Outcome.WARNING,
            message=f"{script} imports {', '.join(unknown)}, which the environment does not list. "
            "Add it, unless a listed package brings it.",
            field="environment",
        )


def _requirements(needed: EnvironmentSpec) -> Check:
    try:
        seen = wiring.builder().check(needed)
    except OSError as error:
        message = f"Whether the requirements can be installed could not be found out: {error}"
        return Check(name="requirements", outcome=Outcome.WARNING, message=message)
    outcome, message = _RESOLVED.get(seen.state, (Outcome.ERROR, f"They cannot be installed: {seen.error}"))
    field = "environment" if outcome == Outcome.ERROR else ""
    return Check(name="requirements", outcome=outcome, message=message, field=field)


def _versions(specification: Specification, needed: EnvironmentSpec) -> Iterator[Check]:
    """A pickle is read by the version that wrote it, or at one's own risk."""
    if specification.model is None:
        return
    saved_with = wiring.saved_versions(specification.model.artifact_id)
    conflicts = version_conflicts(saved_with, needed.requirements)
    for message in conflicts:
        advice = f"{message} Pin the version of the model, or save the model anew."
        yield Check(name="model_versions", outcome=Outcome.WARNING, message=advice, field="environment")
    if saved_with and not conflicts:
        libraries = ", ".join(f"{name} {version}" for name, version in saved_with.items())
        yield Check(name="model_versions", outcome=Outcome.OK, message=f"The model was saved with {libraries}.")


def _wheels(specification: Specification, needed: EnvironmentSpec) -> Iterator[Check]:
    files = wiring.store().files(specification.code.artifact_id) if specification.code else []
    paths = [file.path for file in files if file.path.endswith(".whl")]
    platforms = wiring.platforms()
    foreign = foreign_wheels(paths, python_version=needed.python_version, platforms=platforms)
    for message in foreign:
        yield Check(name="wheels", outcome=Outcome.ERROR, message=message, field="code")
    if paths and not foreign:
        yield Check(name="wheels", outcome=Outcome.OK, message="The wheels among the code are for this machine.")
