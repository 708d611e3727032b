"""What an endpoint lets through."""

from typing import Any

from rest_framework import serializers

from endpoints.domain.limits import LARGEST_LIMIT, LONGEST_MAX_AGE, METHODS
from endpoints.models import Endpoint
from endpoints.selectors.limits import limits_in_force
from studio.api.parsing import StrictSerializer

OWN = "Null is the site's default."


class LimitsBody(StrictSerializer):
    """Over all deployments of the endpoint."""

    requests_per_second = serializers.IntegerField(
        allow_null=True, min_value=1, max_value=LARGEST_LIMIT, help_text=f"One more is refused with 429. {OWN}"
    )
    kilobytes_per_second = serializers.IntegerField(
        allow_null=True,
        min_value=1,
        max_value=LARGEST_LIMIT,
        help_text=f"Of 1024 bytes, in each direction. What is over it is delayed. {OWN}",
    )


class LimitsInForce(serializers.Serializer[Any]):
    requests_per_second = serializers.IntegerField(allow_null=True)
    kilobytes_per_second = serializers.IntegerField(allow_null=True)


class LimitsSerializer(serializers.Serializer[Endpoint]):
    requests_per_second = serializers.IntegerField(allow_null=True, help_text=OWN)
    kilobytes_per_second = serializers.IntegerField(allow_null=True, help_text=OWN)
    in_force = LimitsInForce(source="*", help_text="With the site's defaults; null is no limit.")

    def to_representation(self, instance: Endpoint) -> dict[str, Any]:
        own = {name: getattr(instance, name) for name in ("requests_per_second", "kilobytes_per_second")}
        return {**own, "in_force": LimitsInForce(limits_in_force(instance)).data}


def texts(**options: Any) -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(max_length=300), max_length=50, **options)


class CorsBody(StrictSerializer):
    """What is left out has its default. No origin: off."""

    origins = texts(help_text="Such as https://app.example.org; or * alone, for every page there is.")
    methods = texts(required=False, help_text=f"Of {', '.join(METHODS)}.")
    headers = texts(required=False, help_text="That a page may send.")
    max_age_seconds = serializers.IntegerField(
        required=False, min_value=0, max_value=LONGEST_MAX_AGE, help_text="For how long a browser need not ask again."
    )


class CorsSerializer(serializers.Serializer[Any]):
    origins = texts()
    methods = texts()
    headers = texts()
    max_age_seconds = serializers.IntegerField()
