"""Forms over quotas and the site's limits."""

from typing import Any

from django import forms

from endpoints.domain.quota import LARGEST, RESOURCES
from endpoints.models import Quota, SiteLimits
from endpoints.services.quota import MAX_REASON, RANGES, RATES


def _amount(label: str, **options: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, min_value=0, max_value=LARGEST, **options)


class AmountsForm(forms.Form):
    """Of every resource a number, or nothing. Names are those of domain.quota."""

    vcpu = forms.DecimalField(
        label="vCPU", required=False, min_value=0, max_value=LARGEST, max_digits=12, decimal_places=2
    )
    memory_mib = _amount("Memory (MiB)")
    gpu = _amount("GPU")
    endpoints = _amount("Endpoints")
    deployments = _amount("Deployments")

    def limits(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in RESOURCES}


class QuotaForm(AmountsForm):
    """IT's editor. Empty is no limit."""

    expected_version = forms.IntegerField(widget=forms.HiddenInput, required=False)


def quota_form(quota: Quota, data: Any = None) -> QuotaForm:
    initial = {name: getattr(quota, name) for name in RESOURCES}
    return QuotaForm(data, initial=initial | {"expected_version": quota.version})


class AskForm(AmountsForm):
    """A member's request. Empty leaves a limit as it is."""

    reason = forms.CharField(
        label="What for",
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 3, "class": "input"}),
        help_text="IT reads it, and answers here.",
    )


class DecisionForm(forms.Form):
    decision = forms.ChoiceField(choices=[("approve", "Approve"), ("deny", "Deny")])
    note = forms.CharField(required=False, max_length=MAX_REASON)


_WORDS = {
    "reserve_percent": ("Reserve for upgrades (%)", "Kept beside what is asked for. Azure keeps 20 %."),
    "deployments_per_endpoint": ("Deployments per endpoint", ""),
    "instances_per_deployment": ("Instances per deployment", "The most that autoscale may have, too."),
    "request_timeout_ms": ("Longest request time-out (ms)", "The most that a deployment may have."),
    "requests_per_second": (
        "Requests per second of an endpoint",
        "Where it has no limit of its own. 0: none; empty: as the studio was started with.",
    ),
    "kilobytes_per_second": (
        "Bandwidth of an endpoint (KiB per second)",
        "Where it has no limit of its own. 0: none; empty: as the studio was started with.",
    ),
}


class SiteLimitsForm(forms.Form):
    expected_version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, (low, high) in RANGES.items():
            label, words = _WORDS[name]
            self.fields[name] = forms.IntegerField(
                label=label, help_text=words, min_value=low, max_value=high, required=name not in RATES
            )


def site_limits_form(row: SiteLimits, data: Any = None) -> SiteLimitsForm:
    initial = {name: getattr(row, name) for name in RANGES}
    return SiteLimitsForm(data, initial=initial | {"expected_version": row.version})
