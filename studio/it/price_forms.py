"""Forms over instance types and prices."""

from typing import Any

from django import forms

from endpoints.domain.meters import DECIMALS, LARGEST_PRICE, UNITS
from endpoints.enums import Meter
from endpoints.models import InstanceType
from endpoints.services.prices import LONGEST_DESCRIPTION
from studio.pages.activity import TIMES


def _price(label: str, **options: Any) -> forms.DecimalField:
    return forms.DecimalField(
        label=label, min_value=0, max_value=LARGEST_PRICE, max_digits=10, decimal_places=DECIMALS, **options
    )


class InstanceTypeForm(forms.Form):
    """Names are those of services.prices.create_instance_type."""

    name = forms.CharField(max_length=40, help_text="Lower-case letters, digits and hyphens. It stays.")
    description = forms.CharField(max_length=LONGEST_DESCRIPTION, required=False)
    vcpu = forms.DecimalField(label="vCPU", max_digits=6, decimal_places=2)
    memory_mib = forms.IntegerField(label="Memory (MiB)")
    gpu = forms.IntegerField(label="GPU", initial=0)
    price_per_hour = _price("Price (USD per hour)", help_text="Of one replica, from now on.")


class OfferForm(forms.Form):
    """What may change of an instance type that is there."""

    description = forms.CharField(max_length=LONGEST_DESCRIPTION, required=False)
    enabled = forms.BooleanField(
        label="Offered", required=False, help_text="Switched off, nobody chooses it any more; where it runs it goes on."
    )


class PriceForm(forms.Form):
    def __init__(self, *args: Any, meter: Meter, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["unit_price"] = _price(f"Price (USD per {UNITS[meter].name})")
        self.fields["valid_from"] = forms.DateTimeField(
            required=False,
            label="From",
            input_formats=TIMES,
            widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=TIMES[0]),
            help_text="In UTC. Empty: from the next minute on.",
        )


def offer_form(row: InstanceType, data: Any = None) -> OfferForm:
    return OfferForm(data, initial={"description": row.description, "enabled": row.enabled})
