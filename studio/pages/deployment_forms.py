"""Forms over a deployment's specification."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator

from endpoints.domain.limits import most_pending
from endpoints.domain.rollouts import deadline_fault, surge_fault
from endpoints.enums import NetworkAccess, ServerKind
from endpoints.models import (
    AutoscaleSetting,
    CodeVersion,
    Deployment,
    EnvironmentVersion,
    InstanceType,
    ModelVersion,
    Workspace,
    default_probe,
)
from endpoints.models.deployments import DEFAULT_REQUEST_BYTES, DEFAULT_SURGE
from endpoints.selectors.quota import site_limits_row
from endpoints.services.brought_servers import BROUGHT
from studio.pages.brought_forms import BroughtForm, brought, brought_initial
from studio.pages.capacity import HOURS_PER_MONTH
from studio.pages.forms import MebibytesField, PairsField

PROBE_FIELDS = {
    "initial_delay": "Initial delay (s)",
    "period": "Period (s)",
    "timeout": "Time-out (s)",
    "success_threshold": "Successes",
    "failure_threshold": "Failures",
}


# One line each: what there is to choose between.
SCRIPT_SERVERS = [
    (
        ServerKind.STUDIO.value,
        "Studio: fast, replaces a worker that hangs or crashes, speaks the Open Inference Protocol too",
    ),
    (
        ServerKind.AZUREML.value,
        "Azure ML: the package azureml-inference-server-http itself, for answers that are Azure's to the letter",
    ),
]


EGRESS = [
    (NetworkAccess.ENABLED.value, "Enabled: replicas may open connections, to fetch features or call a service"),
    (NetworkAccess.DISABLED.value, "Disabled: replicas reach nothing, and are reached through the gateway alone"),
]


def script_server_field() -> forms.ChoiceField:
    return forms.ChoiceField(
        label="Inference server",
        required=False,
        choices=SCRIPT_SERVERS,
        widget=forms.RadioSelect,
        initial=ServerKind.STUDIO,
        help_text="Scripts that were written for Azure run on both.",
    )


class ProbeField(forms.MultiValueField):
    """The five numbers of a probe, as the dict that a specification holds."""

    def __init__(self, **options: Any) -> None:
        parts = [forms.IntegerField(min_value=0 if name == "initial_delay" else 1) for name in PROBE_FIELDS]
        widget = ProbeWidget([forms.NumberInput(attrs={"aria-label": label}) for label in PROBE_FIELDS.values()])
        super().__init__(parts, widget=widget, require_all_fields=True, initial=default_probe(), **options)

    def compress(self, data_list: list[Any]) -> dict[str, Any]:
        return dict(zip(PROBE_FIELDS, data_list, strict=True))


class ProbeWidget(forms.MultiWidget):
    template_name = "deployments/probe_widget.html"
    use_fieldset = True

    def decompress(self, value: Any) -> list[Any]:
        probe = value or default_probe()
        return [probe[name] for name in PROBE_FIELDS]

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        labels = PROBE_FIELDS.values()
        for part, label in zip(context["widget"]["subwidgets"], labels, strict=True):
            part["label"] = label
        return context


def _refuse(fault: str) -> None:
    if fault:
        raise forms.ValidationError(fault)


class ComputeForm(forms.Form):
    """Size and settings; the same in the wizard and in an update. `reasons`: why an instance type is impossible."""

    reasons: Mapping[str, str] = MappingProxyType({})
    instance_type = forms.ModelChoiceField(InstanceType.objects.none(), empty_label=None)
    instance_count = forms.IntegerField(
        label="Replicas", min_value=1, initial=1, help_text="Three or more survive the loss of one."
    )
    request_timeout_ms = forms.IntegerField(label="Request time-out (ms)", min_value=1, initial=5000)
    max_concurrent_requests_per_instance = forms.IntegerField(
        label="Concurrent requests per replica",
        min_value=1,
        max_value=1000,
        initial=1,
        help_text="When more than twice as many wait, callers get 429.",
    )
    max_request_bytes = MebibytesField(
        label="Largest request (MiB)",
        required=False,
        initial=DEFAULT_REQUEST_BYTES,
        help_text="A larger one gets 413; if empty, 16.",
    )
    environment_variables = PairsField(help_text="One NAME=value in a line.")
    egress_public_network_access = forms.ChoiceField(
        label="Outbound network",
        choices=EGRESS,
        widget=forms.RadioSelect,
        initial=NetworkAccess.ENABLED,
        required=False,
    )
    liveness_probe = ProbeField(help_text="A replica that fails it is restarted.")
    readiness_probe = ProbeField(help_text="A replica that fails it gets no requests.")
    max_surge = forms.CharField(
        label="Surge",
        required=False,
        max_length=5,
        initial=DEFAULT_SURGE,
        help_text="How many replicas an update may run beyond their number: 2, or 25% of them.",
    )
    progress_deadline_seconds = forms.IntegerField(
        label="Progress deadline (s)",
        required=False,
        help_text="An update that gets no further for so long stops; if empty, as long as the probes allow.",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        queryset(self, "instance_type", InstanceType.objects.filter(enabled=True))
        self.fields["instance_type"].to_field_name = "name"  # type: ignore[attr-defined]
        site = site_limits_row()
        at_most(self, "instance_count", site.instances_per_deployment)
        at_most(self, "request_timeout_ms", site.request_timeout_ms)
        self.fields["request_timeout_ms"].help_text = f"At most {site.request_timeout_ms:,}."

    def clean_max_request_bytes(self) -> int:
        given: int | None = self.cleaned_data["max_request_bytes"]
        return DEFAULT_REQUEST_BYTES if given is None else given

    def clean_egress_public_network_access(self) -> str:
        return self.cleaned_data["egress_public_network_access"] or NetworkAccess.ENABLED

    def clean_max_surge(self) -> str:
        surge: str = self.cleaned_data["max_surge"] or DEFAULT_SURGE
        _refuse(surge_fault(surge))
        return surge

    def clean_progress_deadline_seconds(self) -> int | None:
        seconds: int | None = self.cleaned_data["progress_deadline_seconds"]
        _refuse(deadline_fault(seconds))
        return seconds

    def instance_tiles(self) -> list[dict[str, Any]]:
        """What components/instance_tile.html shows; the first that is possible is chosen when nothing is."""
        found = list(InstanceType.objects.filter(enabled=True))
        possible = [item.name for item in found if item.name not in self.reasons] or [item.name for item in found]
        chosen = str(self["instance_type"].value() or next(iter(possible), ""))
        return [
            {
                "name": item.name,
                "vcpus": item.vcpu.normalize().to_eng_string(),
                "memory": f"{item.memory_mib / 1024:g} GiB",
                "gpu": f"{item.gpu} GPU" if item.gpu else "",
                "price": f"${item.price_per_hour.normalize():f}",
                "quota": f"${item.price_per_hour * HOURS_PER_MONTH:,.2f} per month",
                "checked": item.name == chosen,
                "reason": self.reasons.get(item.name, ""),
            }
            for item in found
        ]


class DeploymentUpdateForm(ComputeForm):
    """Everything about a deployment that can be changed in place."""

    description = forms.CharField(required=False, max_length=500)
    tags = PairsField(help_text="One key=value in a line.")
    model = forms.ModelChoiceField(ModelVersion.objects.none(), required=False)
    code = forms.ModelChoiceField(CodeVersion.objects.none(), required=False, empty_label="None (MLflow, no code)")
    scoring_script = forms.CharField(required=False, max_length=200)
    server = script_server_field()
    environment = forms.ModelChoiceField(
        EnvironmentVersion.objects.none(), required=False, empty_label="The model's own (MLflow)"
    )
    generation = forms.IntegerField(widget=forms.HiddenInput)

    field_order: tuple[str, ...] = ("description", "tags", "model", "code", "scoring_script", "server", "environment")

    def __init__(self, *args: Any, deployment: Deployment, **options: Any) -> None:
        super().__init__(*args, **options)
        narrow_to(self, deployment.endpoint.workspace)
        if AutoscaleSetting.objects.filter(deployment=deployment, enabled=True).exists():
            self.leave_count_to_autoscale()
        concurrent, instances = deployment.max_concurrent_requests_per_instance, deployment.instance_count
        self.fields["max_concurrent_requests_per_instance"].help_text = (
            f"At most 2 × {concurrent} × {instances} replicas = "
            f"{most_pending(max_concurrent=concurrent, instances=instances)} requests are in flight now; "
            "one more gets 429."
        )

    def leave_count_to_autoscale(self) -> None:
        """What the form was opened with may be long past."""
        self.fields["instance_count"].disabled = True
        self.fields["instance_count"].required = False
        self.fields["instance_count"].help_text = "Autoscale sets it: see Scaling."

    def changes(self) -> dict[str, Any]:
        """Arguments of services.deployments.update_deployment."""
        cleaned = dict(self.cleaned_data)
        if self.fields["instance_count"].disabled:
            del cleaned["instance_count"]
        if not cleaned["server"]:
            del cleaned["server"]  # one that no script is served by stays
        return {"expected_generation": cleaned.pop("generation"), **cleaned}


class BroughtUpdateForm(BroughtForm, DeploymentUpdateForm):
    """Of a deployment whose server is not ours."""

    field_order = ("description", "tags", "model", "code", "environment", *BroughtForm.base_fields)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        del self.fields["scoring_script"], self.fields["server"]
        for name in ("code", "environment"):
            self.fields[name].empty_label = "None"  # type: ignore[attr-defined]

    def changes(self) -> dict[str, Any]:
        self.cleaned_data["server"] = ""
        every = super().changes()
        plain = {name: value for name, value in every.items() if name not in BroughtForm.base_fields}
        return {**plain, **brought(every)}


def update_form(deployment: Deployment, data: Any = None) -> DeploymentUpdateForm:
    kind = BroughtUpdateForm if deployment.server in BROUGHT else DeploymentUpdateForm
    return kind(data, initial=update_initial(deployment), deployment=deployment)


def narrow_to(form: forms.Form, workspace: Workspace) -> None:
    """Only this workspace's assets can be chosen."""
    for name, table in (("model", ModelVersion), ("code", CodeVersion), ("environment", EnvironmentVersion)):
        if name in form.fields:
            queryset(form, name, table.objects.filter(workspace=workspace, archived_at=None))


def at_most(form: forms.Form, name: str, most: int) -> None:
    """As the site's limits say now."""
    field = form.fields[name]
    field.validators = [*field.validators, MaxValueValidator(most)]
    field.widget.attrs["max"] = most


def queryset(form: forms.Form, name: str, found: Any) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ModelChoiceField)
    field.queryset = found


def update_initial(deployment: Deployment) -> dict[str, Any]:
    names = [name for name in DeploymentUpdateForm.base_fields if name != "instance_type"]
    return {
        **brought_initial(deployment),
        **{name: getattr(deployment, name) for name in names},
        "instance_type": deployment.instance_type.name,
    }
