"""The one toolbar of all charts of a page. Its state is the URL's query."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.http import HttpRequest

from endpoints.domain.errors import Invalid
from endpoints.domain.ranges import DEFAULT, PRESETS, Window, window, zone_of
from studio.pages.chart_parts import Options
from studio.pages.figures import changed

BEFORE, SIDE_BY_SIDE = "before", "deployments"
COMPARED = (("", "nothing"), (SIDE_BY_SIDE, "deployments"), (BEFORE, "the period before"))
REFRESHED = (("0", "off"), ("10", "10 s"), ("30", "30 s"))
DEFAULT_REFRESH = "10"
LONGEST_TARGET_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a valid form asks for. No names: every deployment."""

    shown: Window
    zone: ZoneInfo
    names: tuple[str, ...] = ()
    compare: str = ""
    target_ms: float | None = None
    log_scale: bool = False

    @property
    def side_by_side(self) -> bool:
        return self.compare == SIDE_BY_SIDE

    @property
    def before(self) -> Window | None:
        return self.shown.before if self.compare == BEFORE else None

    def options(self, *, alone: bool) -> Options:
        return Options(
            log_scale=self.log_scale,
            alone=alone,
            side_by_side=self.side_by_side,
            target_ms=self.target_ms,
            zone=self.zone,
        )


class RangeForm(forms.Form):
    """`names` are those of the deployments to choose from; none on the page of one deployment."""

    range = forms.ChoiceField(
        required=False,
        choices=[(name, name) for name in PRESETS],
        error_messages={"invalid_choice": f"Choose one of {', '.join(PRESETS)} as the range, or give from and to."},
    )
    zone = forms.CharField(required=False, max_length=60)
    deployment = forms.MultipleChoiceField(required=False)
    compare = forms.ChoiceField(required=False, choices=COMPARED)
    target = forms.FloatField(required=False, min_value=1, max_value=LONGEST_TARGET_MS)
    scale = forms.ChoiceField(required=False, choices=[("log", "logarithmic")])
    refresh = forms.ChoiceField(required=False, choices=REFRESHED)

    def __init__(self, data: Any, *, names: Iterable[str] = (), now: datetime) -> None:
        super().__init__(data)
        self.now = now
        self.fields["from"] = forms.CharField(required=False, max_length=40)
        self.fields["to"] = forms.CharField(required=False, max_length=40)
        names = list(dict.fromkeys(names))
        if names:
            self.fields["deployment"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]
        else:
            del self.fields["deployment"]

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if self.errors:
            return given
        try:
            given["shown"] = window(
                preset=given["range"],
                start=given["from"],
                end=given["to"],
                zone=given["zone"],
                periods=2 if given["compare"] == BEFORE else 1,
                now=self.now,
                interval=settings.STUDIO_COLLECTOR_INTERVAL_SECONDS,
                retention=settings.STUDIO_SAMPLE_RETENTION,
            )
            given["clock"] = zone_of(given["zone"])
        except Invalid as error:
            for name, message in error.fields.items():
                self.add_error(name or None, message)
        return given

    def asked(self) -> Asked:
        """Of a form that is valid."""
        given = self.cleaned_data
        return Asked(
            shown=given["shown"],
            zone=given["clock"],
            names=tuple(given.get("deployment") or ()),
            compare=given["compare"],
            target_ms=given["target"],
            log_scale=bool(given["scale"]),
        )

    @property
    def problems(self) -> dict[str, str]:
        """By field, in a sentence."""
        return {name: " ".join(map(str, messages)) for name, messages in self.errors.items()}


def toolbar(request: HttpRequest, form: RangeForm) -> dict[str, Any]:
    """What metrics/_toolbar.html takes. Earlier and later move by half of what is shown."""
    given = request.GET
    own = bool(given.get("from") or given.get("to"))
    preset = given.get("range", "") if given.get("range") in PRESETS else DEFAULT
    context = {
        "form": form,
        "own": own,
        "from_value": _typed(form, "from"),
        "to_value": _typed(form, "to"),
        "preset": preset,
        "ranges": [
            {"label": name, "url": changed(request, range=name, **_NO_OWN), "current": name == preset and not own}
            for name in PRESETS
        ],
        "reset_url": changed(request, range=preset, **_NO_OWN) if own else "",
        "log_scale": given.get("scale") == "log",
        "scale_url": changed(request, scale="" if given.get("scale") == "log" else "log"),
        "refresh": given.get("refresh") or DEFAULT_REFRESH,
        "refreshed": REFRESHED,
        "without_script": given.get("refresh", "") if given.get("refresh") in ("10", "30") else "",
        "chosen": given.getlist("deployment"),
        "compare": given.get("compare", ""),
        "zone": given.get("zone") or "UTC",
        "problems": [told for name, told in form.problems.items() if name not in _AT_FIELDS],
    }
    return context | (_around(request, form.asked(), form.now) if form.is_valid() else {})


def _typed(form: RangeForm, name: str) -> str:
    """As it was typed; a moment with an offset on the chosen clock, because the field knows none."""
    text = str(form.data.get(name, ""))
    try:
        at = datetime.fromisoformat(text)
        return f"{at.astimezone(zone_of(form.data.get('zone', ''))):%Y-%m-%dT%H:%M:%S}" if at.tzinfo else text
    except (ValueError, OverflowError, Invalid):
        return text


def _around(request: HttpRequest, asked: Asked, now: datetime) -> dict[str, Any]:
    shown, half = asked.shown, asked.shown.length / 2
    return {
        "asked": asked,
        "earlier_url": _moved(request, asked, shown.start - half, shown.end - half),
        "later_url": "" if shown.preset else _later(request, asked, shown.start + half, shown.end + half, now),
    }


def _later(request: HttpRequest, asked: Asked, start: datetime, end: datetime, now: datetime) -> str:
    """Back to what goes on with time, once that is reached."""
    return changed(request, **_NO_OWN) if end >= now else _moved(request, asked, start, end)


_AT_FIELDS = ("from", "to", "zone", "target")  # the rest is chosen from what there is, or typed into the URL
_NO_OWN = {"from": "", "to": ""}


def _moved(request: HttpRequest, asked: Asked, start: datetime, end: datetime) -> str:
    """An hour that the clock shows twice is told with its offset."""
    return changed(request, **{"from": on_clock(start, asked.zone), "to": on_clock(end, asked.zone, last=True)})


def on_clock(at: datetime, zone: ZoneInfo, *, last: bool = False) -> str:
    """As a form's field has it, so that it is read as the same moment again."""
    found = at.astimezone(zone).replace(microsecond=0)
    naive = found.replace(tzinfo=None, fold=0)
    same = naive.replace(tzinfo=zone, fold=int(last)).utcoffset() == found.utcoffset()
    return (naive if same else found).isoformat()
