"""Form fields that several pages share, and a service's problems put at their fields."""

from typing import Any

from django import forms

from endpoints.domain.errors import Invalid
from endpoints.services.specification import LARGEST_REQUEST, SMALLEST_REQUEST

MEBIBYTE = 1024 * 1024


def add_problems(form: forms.Form, error: Invalid) -> None:
    """Each problem at its field; one whose field the form does not have, above the form."""
    for name, message in error.fields.items():
        form.add_error(name if name in form.fields else None, message)


def whole_number(text: str) -> int | None:
    """None for what is not a number of up to 18 digits: str.isdigit() also takes what int() refuses."""
    return int(text) if len(text) <= 18 and text.isascii() and text.isdigit() else None


class MebibytesField(forms.FloatField):
    """The size of a request in bytes, shown and typed in MiB."""

    def prepare_value(self, value: Any) -> Any:
        return f"{value / MEBIBYTE:.15g}" if isinstance(value, int) else value

    def to_python(self, value: Any) -> Any:
        mebibytes = super().to_python(value)
        if mebibytes is None:
            return None
        if not SMALLEST_REQUEST <= mebibytes * MEBIBYTE <= LARGEST_REQUEST:
            raise forms.ValidationError("From 0.001 (1 KiB) to 1024 (1 GiB).")
        return round(mebibytes * MEBIBYTE)


class LinesField(forms.CharField):
    """Lines of text, as a list without the empty ones."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("widget", forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "class": "input code"}))
        super().__init__(**options)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]


class PairsField(forms.CharField):
    """Lines of NAME=value, as a dict of text."""

    widget = forms.Textarea

    def __init__(self, **options: Any) -> None:
        options.setdefault("required", False)
        options.setdefault("widget", forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "class": "input code"}))
        super().__init__(strip=False, **options)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(f"{name}={text}" for name, text in value.items()) if isinstance(value, dict) else value

    def to_python(self, value: Any) -> Any:
        pairs = {}
        for number, line in enumerate(str(value or "").splitlines(), 1):
            if not line.strip():
                continue
            name, equals, text = line.partition("=")
            if not equals:
                raise forms.ValidationError(f"Line {number}: write NAME=value.")
            pairs[name.strip()] = text.strip()
        return pairs
