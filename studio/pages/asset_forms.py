"""Forms for models, scoring code and environments."""

from typing import Any

from django import forms
from django.http import HttpRequest

from endpoints.domain.errors import Invalid
from endpoints.enums import ModelType
from endpoints.models import EnvironmentVersion
from endpoints.services.uploads import StagedUpload, staged
from studio.actors import signed_in
from studio.pages.forms import PairsField
from studio.pages.uploads import stage_request

PYTHON_VERSIONS = [(version, f"Python {version}") for version in ("3.9", "3.10", "3.11", "3.12", "3.13")]


class UploadForm(forms.Form):
    """Files come ahead of the form (`upload`), or with it where there is no JavaScript."""

    upload = forms.CharField(required=False, widget=forms.HiddenInput)

    def staged(self, request: HttpRequest) -> StagedUpload:
        """Raises Invalid and NotFound."""
        if self.cleaned_data.get("upload"):
            return staged(user=signed_in(request), upload_id=self.cleaned_data["upload"])
        if request.FILES:
            return stage_request(request)
        raise Invalid({"upload": "Choose files, a folder or an archive."})


class ModelForm(UploadForm):
    name = forms.CharField(max_length=100, help_text="A name that exists already gets its next version.")
    type = forms.ChoiceField(
        choices=ModelType.choices,
        help_text="An MLflow model holds a file MLmodel; a Triton repository is MODEL/VERSION/file.",
    )
    description = forms.CharField(required=False, max_length=500)
    tags = PairsField(help_text="One key=value in a line.")


class EnvironmentForm(forms.Form):
    name = forms.CharField(max_length=100, help_text="A name that exists already gets its next version.")
    format = forms.ChoiceField(choices=EnvironmentVersion.Format.choices)
    python_version = forms.ChoiceField(choices=PYTHON_VERSIONS, initial="3.11", help_text="A conda file names its own.")
    text = forms.CharField(
        label="Packages",
        strip=False,
        max_length=100_000,
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false", "class": "input code"}),
        help_text="One requirement in a line, such as scikit-learn==1.7.2; or the conda file.",
    )
    description = forms.CharField(required=False, max_length=500)

    def values(self) -> dict[str, Any]:
        return dict(self.cleaned_data)
