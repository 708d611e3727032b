"""How views stand in the OpenAPI document: words from their docstrings, problem+json beside every answer."""

import re
from collections.abc import Mapping
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from studio.api.errors import CONTENT_TYPE


class FieldProblemSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(help_text="Its path with dots, or empty for the whole input.")
    message = serializers.CharField()


class ChangedFieldSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    before = serializers.JSONField()
    after = serializers.JSONField()


class ChangeSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    by = serializers.CharField()
    source = serializers.CharField(help_text="Which face of the studio it came through.")  # type: ignore[assignment]
    verb = serializers.CharField(help_text="As in the history.")
    reason = serializers.CharField()
    fields = ChangedFieldSerializer(many=True)  # type: ignore[assignment]


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="A stable word for programs.")
    detail = serializers.CharField(help_text="A sentence for people.")
    instance = serializers.CharField()
    request_id = serializers.CharField()
    errors = FieldProblemSerializer(many=True, required=False)  # type: ignore[assignment]
    changes = ChangeSerializer(
        many=True, required=False, help_text="Of a change that came too late: what was done meanwhile, in order."
    )


class StudioSchema(AutoSchema):
    """The first line of a method's docstring is its summary, and makes its operationId."""

    def get_summary(self) -> str:
        return self._words()[0].removesuffix(".")

    def get_description(self) -> str:  # type: ignore[override]
        return self._words()[1]

    def get_operation_id(self) -> str:
        return re.sub(r"\W+", "_", self.get_summary().lower()).strip("_")

    def get_tags(self) -> list[str]:
        tag: str = getattr(self.view, "tag")  # noqa: B009
        return [tag]

    def get_override_parameters(self) -> list[Any]:
        queries: Mapping[str, Any] = getattr(self.view, "queries", {})
        return [queries[self.method.lower()]] if self.method.lower() in queries else []

    def _words(self) -> tuple[str, str]:
        text = getattr(self.view, self.method.lower()).__doc__ or ""
        first, _, rest = text.strip().partition("\n\n")
        return " ".join(first.split()), re.sub(r"[ \t]*\n[ \t]*", "\n", rest).strip()

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        describe: Any = self._get_response_for_code
        problem: dict[str, Any] = describe(ProblemSerializer, "default", [CONTENT_TYPE])
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        return bodies | {"default": problem | {"description": "What went wrong."}}


class PersonalTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "studio.api.authentication.PersonalTokenAuthentication"
    name = "personalToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "A personal token, est_…"}
