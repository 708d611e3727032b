"""The steps of the wizard, each validated alone. `initial` and `cleaned` are JSON, as the draft keeps them."""

from typing import Any

from django import forms

from endpoints.domain.errors import Invalid
from endpoints.domain.inference_config import NAMES
from endpoints.domain.names import NAME_RULE, checked_name
from endpoints.enums import AuthMode, EndpointKind, ModelType
from endpoints.models import CodeVersion, Endpoint, EnvironmentVersion, InstanceType, ModelVersion, Workspace
from studio.pages.asset_forms import PYTHON_VERSIONS, UploadForm
from studio.pages.authentication import CHOICES
from studio.pages.autoscale_forms import AutoscaleChoice
from studio.pages.brought_forms import BroughtForm
from studio.pages.deployment_forms import ComputeForm, queryset, script_server_field
from studio.pages.forms import PairsField

SCORE_TEMPLATE = '''import json
import os
from pathlib import Path

import joblib

model = None


def init():
    """Called once, when the replica starts."""
    global model
    model = joblib.load(Path(os.environ["AZUREML_MODEL_DIR"]) / "model.joblib")


def run(raw_data):
    """Called for each request, with its body."""
    rows = json.loads(raw_data)["input_data"]
    return model.predict(rows).tolist()
'''


def _checked(name: str) -> str:
    try:
        return checked_name(name)
    except Invalid as error:
        raise forms.ValidationError(str(error)) from error


class BasicsForm(forms.Form):
    """The endpoint itself."""

    name = forms.CharField(max_length=32, help_text=f"{NAME_RULE.capitalize()}. Unique on this site; part of the URL.")
    kind = forms.ChoiceField(
        choices=[(EndpointKind.ONLINE.value, "Online: answers each request at once")],
        widget=forms.RadioSelect,
        initial=EndpointKind.ONLINE,
    )
    auth_mode = forms.ChoiceField(
        label="Authentication",
        choices=[(mode.value, words) for mode, words in CHOICES.items()],
        widget=forms.RadioSelect,
        initial=AuthMode.KEY,
    )
    description = forms.CharField(required=False, max_length=500)
    tags = PairsField(help_text="One key=value in a line.")

    def clean_name(self) -> str:
        name = _checked(self.cleaned_data["name"])
        if Endpoint.objects.present().filter(name__iexact=name).exists():
            raise forms.ValidationError(f"The name “{name}” is taken: endpoint names are unique on this site.")
        return name


class ModelStepForm(UploadForm):
    """A registered model, a new one, or none where the scoring script needs none."""

    source = forms.ChoiceField(
        label="Model",
        choices=[("registered", "A registered model"), ("upload", "Upload a model"), ("none", "No model: code alone")],
        widget=forms.RadioSelect,
        initial="registered",
    )
    model = forms.ModelChoiceField(ModelVersion.objects.none(), required=False, label="Registered model")
    name = forms.CharField(required=False, max_length=100, label="Name of the new model")
    type = forms.ChoiceField(
        required=False,
        label="Type of the new model",
        choices=ModelType.choices,
    )

    def __init__(self, *args: Any, workspace: Workspace, **options: Any) -> None:
        super().__init__(*args, **options)
        queryset(self, "model", ModelVersion.objects.filter(workspace=workspace, archived_at=None))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("source") == "registered" and not cleaned.get("model"):
            self.add_error("model", "Choose a model, or upload one.")
        if cleaned.get("source") == "upload" and not cleaned.get("name"):
            self.add_error("name", "Give the new model a name.")
        return cleaned


class CodeStepForm(BroughtForm, UploadForm):
    """How the model is served: without code, by a scoring script in an environment, or by a server that is brought."""

    server = forms.ChoiceField(
        label="Server",
        choices=[
            ("mlflow", "No code: MLflow serves the model"),
            ("script", "A scoring script"),
            ("triton", "Triton, for a Triton model repository"),
            ("command", "A server of your own: a command"),
            ("image", "A server of your own: a container image"),
        ],
        widget=forms.RadioSelect,
    )
    code_source = forms.ChoiceField(
        label="Scoring code",
        required=False,
        choices=[
            ("write", "Write it here"),
            ("upload", "Upload files"),
            ("registered", "Registered code"),
            ("none", "None"),
        ],
        widget=forms.RadioSelect,
        initial="write",
    )
    script = forms.CharField(required=False, strip=False, max_length=500_000, initial=SCORE_TEMPLATE)
    code = forms.ModelChoiceField(CodeVersion.objects.none(), required=False, label="Registered code")
    scoring_script = forms.CharField(required=False, initial="score.py", max_length=200)
    inference_server = script_server_field()
    environment_source = forms.ChoiceField(
        label="Environment",
        required=False,
        choices=[("write", "List the packages"), ("registered", "A registered environment")],
        widget=forms.RadioSelect,
        initial="write",
    )
    requirements = forms.CharField(required=False, strip=False, max_length=100_000, initial="scikit-learn\njoblib\n")
    format = forms.ChoiceField(required=False, choices=EnvironmentVersion.Format.choices)
    python_version = forms.ChoiceField(required=False, choices=PYTHON_VERSIONS, initial="3.11")
    environment = forms.ModelChoiceField(
        EnvironmentVersion.objects.none(), required=False, label="Registered environment"
    )

    field_order = ("server", "code_source")

    def __init__(self, *args: Any, workspace: Workspace, model_type: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self._model_type = model_type
        by_type = {ModelType.MLFLOW.value: "mlflow", ModelType.TRITON.value: "triton"}
        self.fields["server"].initial = by_type.get(model_type, "script")
        queryset(self, "code", CodeVersion.objects.filter(workspace=workspace, archived_at=None))
        queryset(self, "environment", EnvironmentVersion.objects.filter(workspace=workspace, archived_at=None))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        server = cleaned.get("server")
        if server == "mlflow" and self._model_type != ModelType.MLFLOW:
            self.add_error("server", "Only an MLflow model is served without code. Choose a scoring script.")
        if (server == "triton") != (self._model_type == ModelType.TRITON) and server in ("triton", "mlflow", "script"):
            self.add_error("server", "Triton serves Triton model repositories, and nothing else does.")
        if server in ("command", "image"):
            self._need(cleaned, "server", server, server, "Say what to run.")
            for route in NAMES:
                self._need(cleaned, "server", server, route, "Say where the server answers, such as 8080/ready.")
        if server == "command":
            self._need(cleaned, "code_source", "registered", "code", "Choose the code.")
            self._need(cleaned, "environment_source", "registered", "environment", "Choose the environment.")
        if server == "script":
            if cleaned.get("code_source") == "none":
                self.add_error("code_source", "A scoring script is code: write, upload or choose it.")
            self._need(cleaned, "code_source", "registered", "code", "Choose the code.")
            self._need(cleaned, "code_source", "write", "script", "Write the scoring script.")
            self._need(cleaned, "environment_source", "registered", "environment", "Choose the environment.")
            self._need(cleaned, "environment_source", "write", "requirements", "List the packages.")
        return cleaned

    def _need(self, cleaned: dict[str, Any], source: str, value: str, field: str, message: str) -> None:
        if cleaned.get(source) == value and not cleaned.get(field):
            self.add_error(field, message)


class ComputeStepForm(AutoscaleChoice, ComputeForm):
    """The deployment's own name, its size and its settings."""

    deployment_name = forms.CharField(
        max_length=32, initial="blue", help_text=f"{NAME_RULE.capitalize()}. Often a colour: blue, green."
    )
    all_traffic = forms.BooleanField(required=False, label="Send it all traffic as soon as it is ready", initial=False)
    field_order = ["deployment_name", "instance_type", "instance_count"]

    def __init__(self, *args: Any, endpoint: Endpoint | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._endpoint = endpoint

    def clean_deployment_name(self) -> str:
        name = _checked(self.cleaned_data["deployment_name"])
        if self._endpoint and self._endpoint.deployments.present().filter(name__iexact=name).exists():
            raise forms.ValidationError(f"“{self._endpoint.name}” has a deployment “{name}” already.")
        return name


def stored(cleaned: dict[str, Any]) -> dict[str, Any]:
    """As JSON: rows by their key."""
    return {key: _plain(value) for key, value in cleaned.items()}


def _plain(value: Any) -> Any:
    return value.name if isinstance(value, InstanceType) else getattr(value, "pk", value)
