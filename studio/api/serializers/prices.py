"""Instance types, prices with dates, and statements."""

from typing import Any

from rest_framework import serializers

from endpoints.domain.meters import DECIMALS, UNITS
from endpoints.domain.statements import Line
from endpoints.enums import Meter, UsagePhase
from endpoints.models import Price
from endpoints.selectors.prices import PriceState
from endpoints.services.prices import LONGEST_DESCRIPTION
from studio.api.parsing import StrictSerializer


def _price(**options: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=10, decimal_places=DECIMALS, min_value=0, **options)


class InstanceTypeBody(StrictSerializer):
    name = serializers.CharField(max_length=40, help_text="Lower-case letters, digits and hyphens.")
    description = serializers.CharField(max_length=LONGEST_DESCRIPTION, required=False, default="", allow_blank=True)
    vcpu = serializers.DecimalField(max_digits=6, decimal_places=2)
    memory_mib = serializers.IntegerField(min_value=0, max_value=2**31 - 1)
    gpu = serializers.IntegerField(required=False, default=0, min_value=0, max_value=64)
    price_per_hour = _price(help_text="Of one replica, from now on.")


class InstanceTypeChangesBody(StrictSerializer):
    """What is left out stays. A size cannot be changed: another size is another type."""

    description = serializers.CharField(max_length=LONGEST_DESCRIPTION, required=False, allow_blank=True)
    enabled = serializers.BooleanField(required=False, help_text="Whether it can be chosen.")


class SiteInstanceTypeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    description = serializers.CharField()
    vcpu = serializers.DecimalField(max_digits=6, decimal_places=2)
    memory_mib = serializers.IntegerField()
    gpu = serializers.IntegerField()
    price_per_hour = serializers.DecimalField(max_digits=10, decimal_places=DECIMALS, help_text="In force now.")
    enabled = serializers.BooleanField()


class PriceQuery(StrictSerializer):
    meter = serializers.ChoiceField(Meter.choices, required=False, default=Meter.ONLINE)
    item = serializers.CharField(
        required=False, default="", max_length=40, allow_blank=True, help_text="The instance type, or the model."
    )


class PriceBody(StrictSerializer):
    meter = serializers.ChoiceField(Meter.choices, required=False, default=Meter.ONLINE)
    item = serializers.CharField(
        required=False,
        default="",
        max_length=40,
        allow_blank=True,
        help_text="The instance type; of tokens and minutes a model, or nothing for all that have none of their own.",
    )
    unit_price = _price(help_text="USD, of an hour or of a million tokens.")
    valid_from = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="A time to come. Left out: the next minute."
    )


class PriceSerializer(serializers.Serializer[Price]):
    id = serializers.IntegerField()
    meter = serializers.ChoiceField(Meter.choices)
    item = serializers.CharField()
    unit_price = serializers.DecimalField(max_digits=10, decimal_places=DECIMALS)
    unit = serializers.SerializerMethodField()
    valid_from = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()

    def get_unit(self, price: Price) -> str:
        return UNITS[Meter(price.meter)].name


class PriceEntrySerializer(serializers.Serializer[Any]):
    price = PriceSerializer()
    state = serializers.ChoiceField([state.value for state in PriceState])


class StatementQuery(StrictSerializer):
    month = serializers.CharField(required=False, default="", help_text="As in 2026-11, in UTC; the present one.")
    group = serializers.CharField(
        required=False,
        default="endpoint",
        help_text="workspace, endpoint, deployment, owner, meter, job, or tag: and the name of a tag.",
    )


class StatementLineSerializer(serializers.Serializer[Line]):
    workspace = serializers.CharField(source="entry.workspace")
    endpoint = serializers.CharField(source="entry.endpoint")
    deployment = serializers.CharField(source="entry.deployment")
    owner = serializers.CharField(source="entry.owner", help_text="Empty: nobody's.")
    tags = serializers.DictField(source="entry.tags", child=serializers.CharField())
    meter = serializers.ChoiceField(Meter.choices, source="entry.meter")
    item = serializers.CharField(source="entry.item", help_text="The instance type, or the model.")
    phase = serializers.ChoiceField(UsagePhase.choices, source="entry.phase")
    job = serializers.CharField(source="entry.job")
    quantity = serializers.SerializerMethodField(help_text="Of units.")
    unit = serializers.CharField()
    unit_price = serializers.DecimalField(source="entry.unit_price", max_digits=10, decimal_places=DECIMALS)
    amount = serializers.DecimalField(max_digits=None, decimal_places=2)

    def get_quantity(self, line: Line) -> str:
        return f"{line.units:f}"


class StatementGroupSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="“unallocated”: nobody's, or without such a tag.")
    amount = serializers.DecimalField(max_digits=None, decimal_places=2)


class StatementSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    month = serializers.CharField()
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    over = serializers.BooleanField(help_text="False: more will be used.")
    total = serializers.DecimalField(max_digits=None, decimal_places=2, help_text="What lines, and groups, add up to.")
    groups = StatementGroupSerializer(many=True)
    lines = StatementLineSerializer(many=True)
