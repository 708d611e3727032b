"""Autoscale's simple form: bounds, one target, and times with bounds of their own."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms

from endpoints.domain.scaling_presets import MAX_TIMES, Bounds, Dated, Preset, Simple, Weekly
from endpoints.domain.scaling_schema import MIN_INSTANCES
from endpoints.domain.schedules import DAYS, zone_of
from endpoints.selectors.autoscale import LARGEST_COUNT

if TYPE_CHECKING:
    FormSet = forms.BaseFormSet["TimesForm"]
else:
    FormSet = forms.BaseFormSet

CHOICES = [
    (Preset.CPU.value, "CPU of the instances, in percent"),
    (Preset.IN_FLIGHT.value, "Requests in flight per instance"),
    (Preset.NONE.value, "Nothing: the schedule alone"),
]


def _instances(label: str, help_text: str = "", *, required: bool = True) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=MIN_INSTANCES, max_value=LARGEST_COUNT, help_text=help_text, required=required
    )


class BoundsForm(forms.Form):
    minimum = _instances("Minimum")
    maximum = _instances("Maximum")
    default = _instances("Default", "When a metric cannot be read.")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        low, high, default = (cleaned.get(name) for name in ("minimum", "maximum", "default"))
        if low and high and low > high:
            self.add_error("maximum", f"Not under the minimum of {low}.")
        elif low and high and default and not low <= default <= high:
            self.add_error("default", f"From the minimum to the maximum: {low} to {high}.")
        return cleaned

    def bounds(self) -> Bounds:
        return Bounds(**{name: self.cleaned_data[name] for name in ("minimum", "maximum", "default")})


class AutoscaleForm(BoundsForm):
    enabled = forms.BooleanField(required=False, initial=True, label="Scale by itself")
    preset = forms.ChoiceField(
        label="Follow",
        choices=CHOICES,
        widget=forms.RadioSelect,
        initial=Preset.CPU.value,
    )
    target = forms.FloatField(
        min_value=0.1,
        max_value=100_000,
        initial=70,
        help_text="Above it two are added, after a minute of rest; under three sevenths of it one is taken away.",
    )
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    field_order = ("enabled", "preset", "target", "minimum", "maximum", "default")

    def simple(self, times: "TimesFormSet") -> Simple:
        cleaned = self.cleaned_data
        return Simple(
            bounds=self.bounds(),
            preset=Preset(cleaned["preset"]),
            target=cleaned["target"],
            enabled=cleaned["enabled"],
            times=tuple(form.times() for form in times if form.is_wanted),
        )


class TimesForm(BoundsForm):
    """One row of the schedule."""

    name = forms.CharField(max_length=100)
    kind = forms.ChoiceField(choices=[("weekly", "Every week"), ("dated", "Once")], initial="weekly", label="When")
    time_zone = forms.CharField(max_length=60, initial="UTC", help_text="Such as Europe/Vilnius.")
    days = forms.MultipleChoiceField(
        choices=[(day, day[:3]) for day in DAYS], required=False, widget=forms.CheckboxSelectMultiple
    )
    start = forms.TimeField(
        required=False, label="From", widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    end = forms.TimeField(
        required=False,
        label="Until",
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text="Not later than “from”: on the next day.",
    )
    first = forms.DateTimeField(
        required=False,
        label="Begins",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    last = forms.DateTimeField(
        required=False,
        label="Ends",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    NEEDED = {
        "weekly": {"days": "Choose a day.", "start": "From when?", "end": "Until when?"},
        "dated": {"first": "When does it begin?", "last": "When does it end?"},
    }

    @property
    def is_wanted(self) -> bool:
        return self.has_changed() and not self.cleaned_data.get("DELETE")

    def clean_time_zone(self) -> str:
        name: str = self.cleaned_data["time_zone"]
        try:
            zone_of(name)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        return name

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        for name, message in self.NEEDED.get(cleaned.get("kind", ""), {}).items():
            if name not in self.errors and cleaned.get(name) in (None, []):
                self.add_error(name, message)
        first, last = cleaned.get("first"), cleaned.get("last")
        if cleaned.get("kind") == "dated" and first and last and last <= first:
            self.add_error("last", "After it begins.")
        return cleaned

    def times(self) -> Weekly | Dated:
        cleaned = self.cleaned_data
        common = {"name": cleaned["name"], "bounds": self.bounds(), "time_zone": cleaned["time_zone"]}
        if cleaned["kind"] == "weekly":
            return Weekly(days=tuple(cleaned["days"]), start=cleaned["start"], end=cleaned["end"], **common)
        return Dated(start=_local(cleaned["first"]), end=_local(cleaned["last"]), **common)


def _local(moment: datetime) -> datetime:
    """As it was typed: the zone stands beside it."""
    return moment.replace(tzinfo=None)


class TimesFormSet(FormSet):
    def clean(self) -> None:
        names = [form.cleaned_data.get("name") for form in self if form.is_valid() and form.is_wanted]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise forms.ValidationError(f"Two times are called “{twice}”.")


def times_formset(data: Any = None, *, simple: Simple | None = None) -> TimesFormSet:
    initial = [times_initial(item) for item in simple.times] if simple else []
    kind = forms.formset_factory(
        TimesForm, formset=TimesFormSet, extra=1, max_num=MAX_TIMES, validate_max=True, can_delete=True
    )
    made = kind(data, initial=initial, prefix="times", form_kwargs={"use_required_attribute": False})
    assert isinstance(made, TimesFormSet)
    return made


def times_initial(times: Weekly | Dated) -> dict[str, Any]:
    common = {"name": times.name, "time_zone": times.time_zone, **bounds_initial(times.bounds)}
    if isinstance(times, Weekly):
        return common | {"kind": "weekly", "days": list(times.days), "start": times.start, "end": times.end}
    return common | {"kind": "dated", "first": times.start, "last": times.end}


def bounds_initial(bounds: Bounds) -> dict[str, int]:
    return {"minimum": bounds.minimum, "maximum": bounds.maximum, "default": bounds.default}


def simple_initial(simple: Simple, version: int) -> dict[str, Any]:
    return {
        **bounds_initial(simple.bounds),
        "enabled": simple.enabled,
        "preset": simple.preset.value,
        "target": simple.target,
        "version": version,
    }


class AutoscaleChoice(forms.Form):
    """The wizard's part: a fixed number, or one preset between two bounds. Beside a field `instance_count`."""

    autoscale = forms.ChoiceField(
        required=False,
        choices=[("", "No: the number is fixed"), *CHOICES[:-1]],
        widget=forms.RadioSelect,
        initial="",
        label="Follow the load",
    )
    autoscale_minimum = _instances("Minimum", required=False)
    autoscale_maximum = _instances("Maximum", required=False)
    autoscale_target = forms.FloatField(
        required=False, min_value=0.1, max_value=100_000, label="Scale out over", help_text="Such as 70 for CPU."
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("autoscale"):
            for name in ("autoscale_minimum", "autoscale_maximum", "autoscale_target"):
                if cleaned.get(name) is None and name not in self.errors:
                    self.add_error(name, "Needed to follow the load.")
            self._check_bounds(*(cleaned.get(name) for name in ("autoscale_minimum", "autoscale_maximum")))
        return cleaned

    def _check_bounds(self, low: int | None, high: int | None) -> None:
        count = self.cleaned_data.get("instance_count")
        if low and high and low > high:
            self.add_error("autoscale_maximum", f"Not under the minimum of {low}.")
        elif low and high and count and not low <= count <= high:
            self.add_error("instance_count", f"It begins with these: {low} to {high}, or change the bounds.")


class SizingForm(forms.Form):
    """How many instances a load needs (AML/how-to-troubleshoot-online-endpoints)."""

    requests_per_second = forms.FloatField(min_value=0, max_value=1e6, label="Requests per second")
    seconds_per_request = forms.FloatField(min_value=0.0001, max_value=600, label="Seconds per request")
    utilization = forms.FloatField(
        min_value=1, max_value=100, initial=70, label="Busy at most (%)", help_text="The rest is for peaks."
    )
