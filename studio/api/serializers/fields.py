"""Fields that several bodies share."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from endpoints.domain.errors import NotFound
from endpoints.models import Deployment, InstanceType, Operation
from endpoints.selectors.assets import instance_types, resolve


def pairs(**options: Any) -> serializers.DictField:
    """{name: text}. Numbers become text; YAML writes them without quotes."""
    return serializers.DictField(child=serializers.CharField(allow_blank=True, trim_whitespace=False), **options)


def maker(**options: Any) -> serializers.EmailField:
    """Who made it; null when the studio did, or a person who is no longer here."""
    return serializers.EmailField(source="created_by.email", allow_null=True, **options)


@extend_schema_field(
    {
        "type": "object",
        "nullable": True,
        "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        "description": "Azure's code of the failure and the line that matters; null when there is none.",
    }
)
class FailureField(serializers.Field[Any, Any, Any, Any]):
    def __init__(self) -> None:
        super().__init__(source="*", read_only=True)

    def to_representation(self, value: Operation | Deployment) -> dict[str, str] | None:
        return {"code": value.failure_code, "message": value.failure_message} if value.failure_code else None


@extend_schema_field({"type": "string", "example": "azureml:churn:3"})
class AssetField(serializers.Field[Any, Any, Any, Any]):
    """`azureml:name:version`. `found` gives the versions that the person may choose from."""

    def __init__(self, found: Callable[..., QuerySet[Any]], **options: Any) -> None:
        self.found = found
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            raise serializers.ValidationError("Register it first, then name it here as azureml:name:version.")
        try:
            return resolve(self.found(self.context["user"], workspace=self.context["workspace"]), data)
        except NotFound as error:
            raise serializers.ValidationError(str(error)) from None

    def to_representation(self, value: Any) -> str:
        return f"azureml:{value}"


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "example": "azureml:sklearn:3"},
            {
                "type": "object",
                "properties": {"image": {"type": "string"}, "inference_config": {"type": "object"}},
                "additionalProperties": False,
            },
        ]
    }
)
class EnvironmentField(AssetField):
    """Registered, or as in Azure's YAML an image with its routes."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            return super().to_internal_value(data)
        unknown = sorted(set(map(str, data)) - {"image", "inference_config"})
        if unknown:
            raise serializers.ValidationError(
                f"{unknown[0]}: only image and inference_config can stand here. Register an environment for packages."
            )
        if not isinstance(data.get("image"), str) or not isinstance(data.get("inference_config", {}), dict):
            raise serializers.ValidationError("image is a text, and inference_config an object of routes.")
        return {"image": data["image"], "inference_config": data.get("inference_config", {})}


@extend_schema_field({"type": "string"})
class InstanceTypeField(serializers.Field[Any, Any, Any, Any]):
    def to_internal_value(self, data: Any) -> InstanceType:
        found = list(instance_types())
        named = next((item for item in found if item.name == data), None)
        if named is None:
            names = ", ".join(item.name for item in found) or "none yet; an administrator adds them"
            raise serializers.ValidationError(f"There is no instance type “{data}”. There are: {names}.")
        return named

    def to_representation(self, value: InstanceType) -> str:
        return value.name
