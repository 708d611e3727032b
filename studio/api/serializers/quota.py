"""Quotas, the site's limits, and requests for more."""

from typing import Any

from rest_framework import serializers

from endpoints.domain.quota import LARGEST, RESOURCES
from endpoints.enums import RequestState
from endpoints.models import QuotaRequest, SiteLimits
from endpoints.selectors.quota import Account
from endpoints.services.quota import MAX_REASON, RANGES, RATES
from studio.api.parsing import StrictSerializer
from studio.api.serializers.fields import maker


def _amounts(help_text: str) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
    """A field of every resource."""
    options: dict[str, Any] = {"allow_null": True, "required": False, "min_value": 0, "max_value": LARGEST}
    whole = {name: serializers.IntegerField(help_text=help_text, **options) for name in RESOURCES if name != "vcpu"}
    vcpu = serializers.DecimalField(max_digits=12, decimal_places=2, help_text=help_text, **options)
    return {"vcpu": vcpu, **whole}


class QuotaBody(StrictSerializer):
    """What is left out stays. Null is no limit."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return _amounts("Null: no limit.")


class QuotaRequestBody(StrictSerializer):
    """The limits that are asked for; what is left out stays."""

    reason = serializers.CharField(max_length=MAX_REASON, help_text="What for.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {**_amounts("The limit that is asked for."), **super().get_fields()}


class NoteBody(StrictSerializer):
    note = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=MAX_REASON, help_text="Who asked reads it."
    )


class UsedSerializer(serializers.Serializer[Any]):
    resource = serializers.ChoiceField(list(RESOURCES))
    used = serializers.DecimalField(max_digits=None, decimal_places=2, help_text="With the reserve for upgrades.")
    limit = serializers.DecimalField(max_digits=None, decimal_places=2, allow_null=True, help_text="Null: none.")


class QuotaSerializer(serializers.Serializer[Account]):
    workspace = serializers.CharField(source="workspace.name", allow_null=True, help_text="Null: the whole site.")
    version = serializers.IntegerField(source="quota.version", help_text="The ETag.")
    resources = UsedSerializer(many=True, source="rows")


class QuotaRequestSerializer(serializers.Serializer[QuotaRequest]):
    id = serializers.IntegerField()
    workspace = serializers.CharField(source="workspace.name")
    vcpu = serializers.DecimalField(max_digits=12, decimal_places=2, allow_null=True)
    memory_mib = serializers.IntegerField(allow_null=True)
    gpu = serializers.IntegerField(allow_null=True)
    endpoints = serializers.IntegerField(allow_null=True)
    deployments = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField()
    state = serializers.ChoiceField(RequestState.choices)
    created_at = serializers.DateTimeField()
    created_by = maker()
    decided_at = serializers.DateTimeField(allow_null=True)
    decided_by = serializers.EmailField(source="decided_by.email", allow_null=True, default=None)
    note = serializers.CharField()


class SiteLimitsBody(StrictSerializer):
    """What is left out stays."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {
            name: serializers.IntegerField(
                required=False,
                min_value=low,
                max_value=high,
                allow_null=name in RATES,
                help_text="Of endpoints without one of their own. Null: as the studio was started with; 0: none."
                if name in RATES
                else "",
            )
            for name, (low, high) in RANGES.items()
        }


class SiteLimitsSerializer(serializers.Serializer[SiteLimits]):
    version = serializers.IntegerField(help_text="The ETag.")
    reserve_percent = serializers.IntegerField(help_text="Kept for upgrades, beside what is asked for.")
    deployments_per_endpoint = serializers.IntegerField()
    instances_per_deployment = serializers.IntegerField()
    request_timeout_ms = serializers.IntegerField(help_text="The most that a deployment may have.")
    requests_per_second = serializers.IntegerField(allow_null=True)
    kilobytes_per_second = serializers.IntegerField(allow_null=True)
