"""Fields of servers that are not ours: what to run, and where it answers."""

import shlex
from typing import Any

from django import forms

from endpoints.domain.errors import Invalid
from endpoints.domain.inference_config import NAMES
from endpoints.models import Deployment


class CommandField(forms.CharField):
    """One line as a shell would read it, as a list of words. No shell runs it."""

    def prepare_value(self, value: Any) -> Any:
        return shlex.join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        try:
            return shlex.split(str(value or ""))
        except ValueError as error:
            raise forms.ValidationError(f"This is no command line: {error}.") from error


class RouteField(forms.CharField):
    """PORT/path as {"port": int, "path": text}; None when it is empty."""

    def prepare_value(self, value: Any) -> Any:
        return f"{value['port']}{value['path']}" if isinstance(value, dict) else value

    def to_python(self, value: Any) -> Any:
        text = str(value or "").strip()
        if not text:
            return None
        port, slash, path = text.partition("/")
        if not slash or not (port.isascii() and port.isdigit() and len(port) <= 5):
            raise forms.ValidationError("Write the port and the path, such as 8080/ready.")
        return {"port": int(port), "path": f"/{path}"}


class BroughtForm(forms.Form):
    """Beside the rest of a deployment's form; all of it may be empty."""

    command = CommandField(
        required=False,
        max_length=10_000,
        help_text="Such as: python server.py --port {port}. $PORT is the same, and the model is in $AZUREML_MODEL_DIR.",
    )
    image = forms.CharField(required=False, max_length=512, help_text="Of a container, such as ghcr.io/team/model:1.")
    model_mount_path = forms.CharField(
        required=False,
        max_length=300,
        label="Model mount path",
        help_text="Where the container finds its model; if empty, $AZUREML_MODEL_DIR says where.",
    )
    liveness_route = RouteField(required=False, help_text="PORT/path that answers 200 while the server lives.")
    readiness_route = RouteField(required=False, help_text="PORT/path that answers 200 once it can take requests.")
    scoring_route = RouteField(required=False, help_text="PORT/path of requests to the endpoint's /score.")


def brought(cleaned: dict[str, Any]) -> dict[str, Any]:
    """The form's fields, as those of services.deployments.Specification."""
    config = {name: cleaned[name] for name in NAMES if cleaned.get(name)}
    names = ("command", "image", "model_mount_path")
    return {**{name: cleaned[name] for name in names}, "inference_config": config}


def brought_initial(deployment: Deployment) -> dict[str, Any]:
    names = ("command", "image", "model_mount_path")
    return {**{name: getattr(deployment, name) for name in names}, **deployment.inference_config}


def at_their_fields(error: Invalid) -> Invalid:
    """A problem of the routes stands at the route that it names."""
    text = error.fields.get("inference_config")
    if text is None:
        return error
    route = next((name for name in NAMES if name in text), "scoring_route")
    return Invalid({route if name == "inference_config" else name: message for name, message in error.fields.items()})
