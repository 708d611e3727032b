"""Whether a deployment whose server is not ours can run: routes, command, image, Triton."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from endpoints import wiring
from endpoints.domain.brought_servers import command_faults
from endpoints.domain.errors import Invalid
from endpoints.domain.images import checked_image
from endpoints.domain.inference_config import FIELD, checked_config
from endpoints.domain.server_plans import Brought
from endpoints.domain.servers import server_for
from endpoints.enums import ModelType, NetworkAccess, ServerKind

if TYPE_CHECKING:
    from endpoints.domain.inference_config import Routes
    from endpoints.models import Deployment
    from endpoints.services.deployments import Specification

BROUGHT = (ServerKind.CUSTOM, ServerKind.TRITON)
MAX_WORDS, MAX_WORD = 200, 4000
NO_TRITON = (
    "There is no tritonserver on the PATH of the studio. Install it, name it in STUDIO_TRITON, "
    "or give an image that has it, such as nvcr.io/nvidia/tritonserver:24.08-py3."
)
RUNTIME_ROUTES = (
    "A deployment that serves keeps its scoring and readiness routes, so that no request fails while it changes. "
    "Make a new deployment beside it, and shift the traffic."
)


def brought_problems(specification: Specification) -> dict[str, str]:
    """Of every server: what belongs to another is said, not ignored."""
    if specification.server not in BROUGHT:
        return _not_brought(specification)
    problems = _image(specification) | _mount(specification)
    if specification.server == ServerKind.CUSTOM:
        problems |= _custom(specification)
    else:
        problems |= _triton(specification)
    return problems or _routes(specification)


def brought_of(specification: Specification | Deployment) -> Brought:
    """What decides where the server listens."""
    model = specification.model
    return Brought(
        command=tuple(specification.command),
        image=specification.image,
        inference_config=specification.inference_config,
        triton_models=tuple(model.triton.get("models", ())) if model else (),
    )


def routes_of(specification: Specification | Deployment) -> Routes:
    """Raises Invalid where they are not all known."""
    return server_for(specification.server).routes(brought_of(specification))


def kept_routes(before: Specification, after: Specification) -> dict[str, str]:
    """Both generations are behind the gateway at once, under the same routes."""
    try:
        old, new = routes_of(before), routes_of(after)
    except Invalid:
        return {}
    if (old.scoring.path, old.readiness.path) == (new.scoring.path, new.readiness.path):
        return {}
    return {"server" if before.server != after.server else FIELD: RUNTIME_ROUTES}


def _not_brought(specification: Specification) -> dict[str, str]:
    model = specification.model
    if model is not None and model.type == ModelType.TRITON:
        return {"server": "A Triton model is served by the server triton. Choose that."}
    given: dict[str, Any] = {
        "command": specification.command,
        "image": specification.image,
        FIELD: specification.inference_config,
        "model_mount_path": specification.model_mount_path,
    }
    why = "It belongs to the servers custom and triton. Choose one of them, or leave it out."
    return {name: why for name, value in given.items() if value}


def _image(specification: Specification) -> dict[str, str]:
    if not specification.image:
        return {}
    try:
        checked_image(specification.image)
    except Invalid as error:
        return error.fields
    engine = wiring.compute().containers()
    if not engine.available:
        return {"image": engine.reason}
    problems = {}
    if specification.environment is not None:
        problems["environment"] = "An image brings its own packages. Leave the environment out, or the image."
    if specification.egress_public_network_access == NetworkAccess.DISABLED:
        problems["egress_public_network_access"] = "Egress of a container cannot be closed here. Use a command instead."
    return problems


def _mount(specification: Specification) -> dict[str, str]:
    path = specification.model_mount_path
    if not path:
        return {}
    if not specification.image:
        why = "Only a container has folders of its own. A process finds its model at AZUREML_MODEL_DIR; leave it out."
        return {"model_mount_path": why}
    if specification.model is None:
        return {"model_mount_path": "There is no model that would stand there."}
    plain = path.startswith("/") and path != "/" and ":" not in path and path.isprintable()
    if not plain or any(part in ("", ".", "..") for part in path.split("/")[1:]) or len(path) > 300:
        return {"model_mount_path": "An absolute path such as /var/models, without “..” and “:”."}
    return {}


def _custom(specification: Specification) -> dict[str, str]:
    if not specification.command and not specification.image:
        return {"command": "Say what to run: a command, or an image."}
    return _command(specification.command) | _script(specification)


def _command(command: object) -> dict[str, str]:
    if not isinstance(command, list | tuple) or not all(isinstance(word, str) for word in command):
        return {"command": 'A list of words, such as ["python", "server.py", "--port", "{port}"].'}
    if len(command) > MAX_WORDS or any(len(word) > MAX_WORD or "\0" in word for word in command):
        return {"command": f"At most {MAX_WORDS} words of {MAX_WORD} characters each."}
    if command and not command[0].strip():
        return {"command": "The first word is the program."}
    return {}


def _script(specification: Specification) -> dict[str, str]:
    if specification.scoring_script:
        return {"scoring_script": "A server of your own has no scoring script: the command says what to run."}
    return {}


def _triton(specification: Specification) -> dict[str, str]:
    model = specification.model
    if model is None or model.type != ModelType.TRITON:
        return {"model": "Triton serves a model of the type triton_model."}
    problems = {
        name: why
        for name, value, why in (
            (
                "command",
                specification.command,
                "Triton's command is made here. Leave it out, or use the server custom.",
            ),
            ("code", specification.code, "Triton runs no scoring script. Leave the code out."),
        )
        if value
    }
    if not specification.image and not wiring.triton():
        problems["server"] = NO_TRITON
    return problems


def _routes(specification: Specification) -> dict[str, str]:
    try:
        config = checked_config(specification.inference_config)
        if specification.server == ServerKind.TRITON and set(config) - {"scoring_route"}:
            return {FIELD: "Triton's own routes are known; only scoring_route can be said."}
        routes = routes_of(specification)
    except Invalid as error:
        return error.fields
    if specification.image and any("{socket}" in word for word in specification.command):
        return {"command": "A container listens on ports: there is no {socket} for it."}
    fault = command_faults(tuple(specification.command), routes)
    return {"command": fault} if fault else {}
