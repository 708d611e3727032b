"""The forms of alert rules and notification channels."""

from collections import defaultdict
from typing import Any

from django import forms

from endpoints.domain.alerts import OPERATOR_WORDS, SIGNALS, WINDOWS
from endpoints.enums import ChannelKind, Severity
from endpoints.models import AlertRule, Deployment, Endpoint, User, Workspace
from endpoints.selectors.alerts import channels_of
from endpoints.selectors.endpoints import endpoints_for
from endpoints.services.alerts import LONGEST_NAME, RuleSettings

WAITS = [
    (0, "at once"),
    (60, "1 minute"),
    (120, "2 minutes"),
    (300, "5 minutes"),
    (900, "15 minutes"),
    (3600, "1 hour"),
]
SILENCES = [(1, "1 hour"), (4, "4 hours"), (24, "1 day"), (168, "7 days")]
Places = dict[str, Workspace | Endpoint | Deployment]


class RuleForm(forms.Form):
    """`about` is chosen when the rule is made, and stays."""

    name = forms.CharField(max_length=LONGEST_NAME, help_text="As it stands in the message, such as “Errors of churn”.")
    about = forms.ChoiceField(help_text="The workspace, an endpoint with all its deployments, or one deployment.")
    signal = forms.ChoiceField(label="Watch")
    operator = forms.ChoiceField(label="Fires when it is", choices=list(OPERATOR_WORDS.items()))
    threshold = forms.FloatField(help_text="In the unit of what is watched: %, ms, USD, a number.")
    recovery = forms.FloatField(
        required=False,
        label="Recovery threshold",
        help_text="Once it fires, it must come back past this one. Empty: the same threshold.",
    )
    window_seconds = forms.TypedChoiceField(label="Measured over", coerce=int, choices=list(WINDOWS.items()))
    fire_after_seconds = forms.TypedChoiceField(
        label="Fires after", coerce=int, choices=WAITS, help_text="It must hold for this long."
    )
    resolve_after_seconds = forms.TypedChoiceField(label="Resolves after", coerce=int, choices=WAITS)
    severity = forms.ChoiceField(choices=[(value, f"{value} {label}") for value, label in Severity.choices])
    channels = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, label="Tell", help_text="Without any, it only shows here."
    )
    notify_no_data = forms.BooleanField(required=False, label="Tell, too, when there is no data")
    enabled = forms.BooleanField(required=False, label="Enabled")

    def __init__(self, *args: Any, workspace: Workspace, places: Places, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.places = places
        channels = [(row.name, f"{row.name} ({row.get_kind_display()})") for row in channels_of(workspace)]
        for name, choices in {
            "about": grouped_places(places),
            "signal": grouped_signals(),
            "channels": channels,
        }.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices
        if not channels:
            del self.fields["channels"]

    def settings(self) -> RuleSettings:
        return RuleSettings(**{name: value for name, value in self.cleaned_data.items() if name != "about"})

    def place(self) -> Workspace | Endpoint | Deployment:
        return self.places[self.cleaned_data["about"]]


class ChannelForm(forms.Form):
    kind = forms.ChoiceField(choices=ChannelKind.choices)
    name = forms.CharField(max_length=60, help_text="As rules call it, such as “On call”.")
    target = forms.CharField(
        max_length=2000,
        label="Address",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="An e-mail address, or the URL of the webhook. Kept encrypted, and not shown again.",
    )


def places_of(user: User, workspace: Workspace) -> Places:
    """What a rule can be about, by the value in the form."""
    places: Places = {"workspace": workspace}
    for endpoint in endpoints_for(user, workspace=workspace).order_by("name"):
        places[endpoint.name] = endpoint
        for deployment in endpoint.live_deployments:  # type: ignore[attr-defined]
            deployment.endpoint = endpoint
            places[f"{endpoint.name}/{deployment.name}"] = deployment
    return places


def grouped_places(places: Places) -> list[tuple[str, Any]]:
    groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for value, place in places.items():
        if isinstance(place, Workspace):
            groups["Workspace"].append((value, f"All of {place}"))
        else:
            groups[value.partition("/")[0]].append((value, value if "/" in value else f"{value}: the endpoint"))
    return list(groups.items())


def grouped_signals() -> list[tuple[str, Any]]:
    groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, signal in SIGNALS.items():
        unit = f" ({signal.unit})" if signal.unit else ""
        groups[signal.group].append((name, f"{signal.words[:1].upper()}{signal.words[1:]}{unit}"))
    return list(groups.items())


def initial_of(rule: AlertRule) -> dict[str, Any]:
    plain = {name: getattr(rule, name) for name in RuleForm.base_fields if name not in ("about", "channels")}
    about = rule.subject if rule.endpoint_id else "workspace"
    return {**plain, "about": about, "channels": rule.channel_names}


USUAL = {
    "signal": "ErrorPercentage",
    "operator": "GreaterThan",
    "threshold": 5,
    "window_seconds": 300,
    "fire_after_seconds": 0,
    "resolve_after_seconds": 60,
    "severity": Severity.WARNING,
    "enabled": True,
}
