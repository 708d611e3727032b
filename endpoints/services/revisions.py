"""Back to what a deployment was."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Conflict
from endpoints.models import Deployment, Operation
from endpoints.selectors.revisions import revision_of
from endpoints.services.deployments import (
    BESIDE_REPLICAS,
    Specification,
    differences,
    specification_of,
    update_deployment,
)

SET, ANOTHER = "set", "another value"


def roll_back(
    *, actor: Actor, deployment: Deployment, generation: int, expected_generation: int | None = None, reason: str = ""
) -> tuple[Deployment, Operation]:
    """A new generation with the specification of that one, rolled out as any other. How many replicas there are, and
    how they are rolled out, stays as it is now.

    Raises NotFound where it is not kept, Conflict where nothing differs, and what update_deployment raises.
    """
    past = specification_of(revision_of(deployment, generation))
    names = [item.name for item in fields(Specification) if item.name not in BESIDE_REPLICAS]
    changed, operation = update_deployment(
        actor=actor,
        deployment=deployment,
        expected_generation=expected_generation,
        reason=reason or f"Back to generation {generation}.",
        rolled_back_to=generation,
        **{name: getattr(past, name) for name in names},
    )
    if operation is None:
        raise Conflict(f"{deployment.name} is specified as in generation {generation} already.")
    return changed, operation


def compared(before: Specification, after: Specification) -> list[dict[str, Any]]:
    """[{field, before, after}] of what differs, for people; no value of an environment variable, which may be a
    secret: only whether it is there, or is another."""
    plain = [item for item in differences(before, after) if item[0] != "environment_variables"]
    rows = [{"field": name, "before": old, "after": new} for name, old, new in plain]
    return [*rows, *_variables(before.environment_variables, after.environment_variables)]


def _variables(before: Mapping[str, str], after: Mapping[str, str]) -> Iterable[dict[str, Any]]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            old, new = (SET if name in before else None), (SET if name in after else None)
            yield {"field": f"environment_variables.{name}", "before": old, "after": ANOTHER if old and new else new}
