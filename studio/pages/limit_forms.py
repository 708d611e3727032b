"""Forms over what an endpoint lets through."""

from typing import Any

from django import forms

from endpoints.domain.limits import LARGEST_LIMIT, LONGEST_MAX_AGE, METHODS
from endpoints.models import Endpoint
from endpoints.selectors.limits import cors_of, site_limits
from studio.pages.forms import LinesField


class VersionedForm(forms.Form):
    """Of an endpoint's settings: what it was opened with is refused once they are others."""

    expected_version = forms.IntegerField(widget=forms.HiddenInput, required=False)


class LimitsForm(VersionedForm):
    requests_per_second = forms.IntegerField(
        label="Requests per second", required=False, min_value=1, max_value=LARGEST_LIMIT
    )
    kilobytes_per_second = forms.IntegerField(
        label="Bandwidth (KiB per second)", required=False, min_value=1, max_value=LARGEST_LIMIT
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        site = site_limits()
        self.fields[
            "requests_per_second"
        ].help_text = f"One more is refused with 429. Empty: {_words(site.requests_per_second)}, the site's default."
        self.fields["kilobytes_per_second"].help_text = (
            "In each direction; what is over it is delayed, not refused. "
            f"Empty: {_words(site.kilobytes_per_second)}, the site's default."
        )


def _words(limit: int | None) -> str:
    return f"{limit:,}" if limit else "no limit"


def limits_form(endpoint: Endpoint, data: Any = None) -> LimitsForm:
    names = ("requests_per_second", "kilobytes_per_second")
    initial = {name: getattr(endpoint, name) for name in names} | {"expected_version": endpoint.settings_version}
    return LimitsForm(data, initial=initial)


class CorsForm(VersionedForm):
    origins = LinesField(
        label="Allowed origins",
        required=False,
        help_text="One in a line, such as https://app.example.org; or * alone. Empty: no page of another origin.",
    )
    methods = forms.MultipleChoiceField(
        label="Allowed methods",
        required=False,
        choices=[(method, method) for method in METHODS],
        widget=forms.CheckboxSelectMultiple,
    )
    headers = LinesField(label="Allowed headers", required=False, help_text="One in a line: what a page may send.")
    max_age_seconds = forms.IntegerField(
        label="Preflight kept for (s)",
        required=False,
        min_value=0,
        max_value=LONGEST_MAX_AGE,
        help_text="For so long a browser need not ask again.",
    )


def cors_form(endpoint: Endpoint, data: Any = None) -> CorsForm:
    present = cors_of(endpoint)
    initial = {
        "origins": list(present.origins),
        "methods": list(present.methods),
        "headers": list(present.headers),
        "max_age_seconds": present.max_age_seconds,
        "expected_version": endpoint.settings_version,
    }
    return CorsForm(data, initial=initial)
