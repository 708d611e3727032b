"""What the wizard's steps register on the way, and the specification that they add up to."""

from typing import Any

from django import forms
from django.http import HttpRequest

from endpoints.domain.errors import Invalid
from endpoints.domain.inference_config import NAMES
from endpoints.domain.scaling_presets import Bounds, Preset, Simple, simple_document
from endpoints.enums import ServerKind
from endpoints.models import (
    CodeVersion,
    Deployment,
    Draft,
    Endpoint,
    EnvironmentVersion,
    InstanceType,
    ModelVersion,
)
from endpoints.services.assets import register_code, register_environment, register_model
from endpoints.services.brought_servers import BROUGHT
from endpoints.services.deployments import Specification
from endpoints.services.uploads import stage_text
from studio.actors import actor_of, signed_in
from studio.pages.asset_forms import UploadForm
from studio.pages.brought_forms import brought_initial

SETTINGS = (
    "instance_count",
    "request_timeout_ms",
    "max_concurrent_requests_per_instance",
    "max_request_bytes",
    "environment_variables",
    "egress_public_network_access",
    "liveness_probe",
    "readiness_probe",
    "max_surge",
    "progress_deadline_seconds",
)
COLOURS = ("blue", "green", "amber", "violet", "rose", "teal", "slate")


def registered(request: HttpRequest, draft: Draft, step: str, form: forms.Form) -> dict[str, Any]:
    """The step's cleaned fields, with what was uploaded or written as registered assets. Raises Invalid, NotFound."""
    if step == "model":
        return _model(request, draft, form)
    if step != "code":
        return form.cleaned_data
    server = form.cleaned_data["server"]
    if server == "script":
        return _code(request, draft, form)
    return {"server": "mlflow"} if server == "mlflow" else _brought(request, draft, form)


def _brought(request: HttpRequest, draft: Draft, form: forms.Form) -> dict[str, Any]:
    """Only what belongs to the server that was chosen; code and environment of a command are as of a script."""
    cleaned, server = form.cleaned_data, form.cleaned_data["server"]
    names = {
        "triton": ("image", "scoring_route"),
        "command": ("command", *NAMES),
        "image": ("image", "command", "model_mount_path", *NAMES),
    }[server]
    kept = {"server": server, **{name: cleaned[name] for name in names}}
    if server != "command":
        return kept
    environment = _chosen_environment(request, draft, cleaned)
    return {
        **kept,
        "code_source": "none" if cleaned["code_source"] == "none" else "registered",
        "code": _chosen_code(request, draft, form),
        "environment_source": "registered" if environment else "write",
        "environment": environment,
        "requirements": "",
    }


def _model(request: HttpRequest, draft: Draft, form: forms.Form) -> dict[str, Any]:
    cleaned = form.cleaned_data
    if cleaned["source"] != "upload":
        return {"source": cleaned["source"], "model": cleaned["model"] if cleaned["source"] == "registered" else None}
    assert isinstance(form, UploadForm)
    model = register_model(
        actor=actor_of(request),
        workspace=draft.workspace,
        name=cleaned["name"],
        type=cleaned["type"],
        folder=form.staged(request).folder,
    )
    return {"source": "registered", "model": model}


def _code(request: HttpRequest, draft: Draft, form: forms.Form) -> dict[str, Any]:
    cleaned = form.cleaned_data
    environment = _chosen_environment(request, draft, cleaned)
    return {
        "server": "script",
        "code_source": "registered",
        "code": _chosen_code(request, draft, form),
        "scoring_script": cleaned["scoring_script"] or "score.py",
        "inference_server": cleaned["inference_server"] or ServerKind.STUDIO,
        "environment_source": "registered",
        "environment": environment,
    }


def _chosen_code(request: HttpRequest, draft: Draft, form: forms.Form) -> CodeVersion | None:
    source = form.cleaned_data["code_source"]
    if source == "none":
        return None
    chosen: CodeVersion = form.cleaned_data["code"] if source == "registered" else _written(request, draft, form)
    return chosen


def _chosen_environment(request: HttpRequest, draft: Draft, cleaned: dict[str, Any]) -> EnvironmentVersion | None:
    """None where no package was listed."""
    if cleaned["environment_source"] != "write":
        registered: EnvironmentVersion = cleaned["environment"]
        return registered
    return _environment(request, draft, cleaned) if cleaned["requirements"].strip() else None


def _environment(request: HttpRequest, draft: Draft, cleaned: dict[str, Any]) -> EnvironmentVersion:
    try:
        return register_environment(
            actor=actor_of(request),
            workspace=draft.workspace,
            name=_asset_name(draft),
            text=cleaned["requirements"].replace("\r\n", "\n"),
            format=cleaned["format"] or "requirements",
            python_version=cleaned["python_version"] or "3.11",
        )
    except Invalid as error:
        raise Invalid({"requirements": str(error)}) from error


def _written(request: HttpRequest, draft: Draft, form: forms.Form) -> CodeVersion:
    cleaned = form.cleaned_data
    if cleaned["code_source"] == "upload":
        assert isinstance(form, UploadForm)
        upload = form.staged(request)
    else:
        name = cleaned["scoring_script"] or "score.py"
        if "/" in name or not name.endswith(".py"):
            raise Invalid({"scoring_script": "A script that is written here is one file, such as score.py."})
        text = cleaned["script"].replace("\r\n", "\n")
        upload = stage_text(user=signed_in(request), filename=name, text=text)
    return register_code(
        actor=actor_of(request), workspace=draft.workspace, name=_asset_name(draft), folder=upload.folder
    )


def _asset_name(draft: Draft) -> str:
    endpoint = draft.endpoint.name if draft.endpoint else draft.data.get("basics", {}).get("name", "endpoint")
    return f"{endpoint}-scoring"


def specification(draft: Draft) -> Specification:
    """Of a draft whose steps are all done. What was removed meanwhile is Invalid."""
    model, code, compute = (draft.data[step] for step in ("model", "code", "compute"))
    return Specification(
        **_server(code),
        model=_row(ModelVersion, draft, model.get("model")),
        code=_row(CodeVersion, draft, code.get("code")),
        scoring_script=code.get("scoring_script", ""),
        environment=_row(EnvironmentVersion, draft, code.get("environment")),
        instance_type=InstanceType.objects.filter(name=compute["instance_type"], enabled=True).first(),
        **{name: compute[name] for name in SETTINGS if name in compute},
    )


def _server(code: dict[str, Any]) -> dict[str, Any]:
    """Of the step's stored fields, those of a Specification that say which server it is."""
    chosen = code["server"]
    if chosen in ("mlflow", "script"):
        return {"server": code.get("inference_server", ServerKind.STUDIO)}
    config = {name: code[name] for name in NAMES if code.get(name)}
    kept = {name: code[name] for name in ("command", "image", "model_mount_path") if code.get(name)}
    return {
        "server": ServerKind.TRITON if chosen == "triton" else ServerKind.CUSTOM,
        "inference_config": config,
        **kept,
    }


def _row(table: Any, draft: Draft, key: int | None) -> Any:
    if key is None:
        return None
    found = table.objects.filter(pk=key, workspace=draft.workspace, archived_at=None).first()
    if found is None:
        raise Invalid({"": "Something that you chose was archived meanwhile. Go back and choose again."})
    return found


def autoscale(draft: Draft) -> dict[str, Any] | None:
    """The setting that the compute step asks for; None for a fixed number of instances."""
    compute = draft.data["compute"]
    if not compute.get("autoscale"):
        return None
    bounds = Bounds(
        minimum=compute["autoscale_minimum"],
        maximum=compute["autoscale_maximum"],
        default=compute["instance_count"],
    )
    return simple_document(
        Simple(bounds=bounds, preset=Preset(compute["autoscale"]), target=compute["autoscale_target"])
    )


def draft_like(deployment: Deployment) -> dict[str, Any]:
    """A draft's data that gives the same deployment again."""
    code: dict[str, Any] = {"server": "mlflow"}
    if deployment.server in BROUGHT:
        code = _brought_like(deployment)
    elif deployment.code_id:
        code = {
            "server": "script",
            "code_source": "registered",
            "code": deployment.code_id,
            "scoring_script": deployment.scoring_script,
            "inference_server": deployment.server,
            "environment_source": "registered",
            "environment": deployment.environment_id,
        }
    compute = {name: getattr(deployment, name) for name in SETTINGS}
    return {
        "model": {"source": "registered" if deployment.model_id else "none", "model": deployment.model_id},
        "code": code,
        "compute": {**compute, "instance_type": deployment.instance_type.name},
    }


def _brought_like(deployment: Deployment) -> dict[str, Any]:
    own = "image" if deployment.image else "command"
    return {
        "server": "triton" if deployment.server == ServerKind.TRITON else own,
        **brought_initial(deployment),
        "code_source": "registered" if deployment.code_id else "none",
        "code": deployment.code_id,
        "environment_source": "registered" if deployment.environment_id else "write",
        "environment": deployment.environment_id,
        "requirements": "",
    }


def free_name(endpoint: Endpoint) -> str:
    """The next colour that the endpoint has no deployment of."""
    used = set(endpoint.deployments.present().values_list("name", flat=True))
    return next((colour for colour in COLOURS if colour not in used), f"deployment-{len(used) + 1}")
