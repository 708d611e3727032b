"""The form over which requests of an endpoint are kept."""

from typing import Any

from django import forms

from endpoints.domain.traffic_log import LEAST_PERCENT, MOST_PERCENT
from endpoints.enums import TrafficLogMode
from endpoints.models import Endpoint
from studio.pages.limit_forms import VersionedForm


class TrafficLogForm(VersionedForm):
    mode = forms.ChoiceField(label="Requests that are kept", choices=TrafficLogMode.choices)
    percent = forms.IntegerField(
        label="Of a sample (%)",
        required=False,
        min_value=LEAST_PERCENT,
        max_value=MOST_PERCENT,
        help_text="Chosen by chance. What fails is kept beside it.",
    )


def traffic_log_form(endpoint: Endpoint, data: Any = None) -> TrafficLogForm:
    initial = {
        "mode": endpoint.traffic_log,
        "percent": endpoint.traffic_log_percent,
        "expected_version": endpoint.settings_version,
    }
    return TrafficLogForm(data, initial=initial)
