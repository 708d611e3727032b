"""Forms over settings of the site that are a number of days."""

from collections.abc import Iterable
from typing import Any

from django import forms

from endpoints.models import SiteState
from endpoints.services.site import DAYS

_WORDS = {
    "old_token_days": ("Tokens are old after (days)", "Since they were made."),
    "unused_token_days": ("Tokens are unused after (days)", "Since they were used last."),
    "old_key_days": ("Keys of endpoints are old after (days)", "Since they were made or regenerated."),
    "notification_days": ("Deliveries of notifications (days)", ""),
    "decision_days": ("Decisions of autoscale (days)", ""),
}


class DaysForm(forms.Form):
    """Of the settings that it is made for."""

    def __init__(self, data: Any = None, *, names: Iterable[str], state: SiteState) -> None:
        names = list(names)
        super().__init__(data, initial={name: getattr(state, name) for name in names})
        for name in names:
            label, words = _WORDS[name]
            self.fields[name] = forms.IntegerField(label=label, help_text=words, min_value=DAYS[0], max_value=DAYS[1])
