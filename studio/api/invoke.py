"""Test calls: the body goes to the gateway as it is, and its answer comes back as it is."""

from django.http import HttpResponse, RawPostDataException
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from endpoints.domain.errors import Unavailable
from endpoints.domain.requests import ScoringRequest
from endpoints.permissions import Action
from endpoints.services.invoke import MODEL_MS_HEADER, PIN_HEADER, Answer, invoke
from studio.api.parsing import StrictSerializer
from studio.api.view import StudioView

_MODEL_ERROR = ("ms-azureml-model-error-statuscode", "ms-azureml-model-error-reason")
_PASSED_ON = (PIN_HEADER, MODEL_MS_HEADER, *_MODEL_ERROR, "retry-after")


class InvokeQuery(StrictSerializer):
    path = serializers.CharField(required=False, default="/score", help_text="Under the endpoint.")


class Invoke(StudioView):
    tag = "Invoke"
    open_while_read_only = frozenset({"post"})
    queries = {"post": InvokeQuery}

    @extend_schema(
        parameters=[
            OpenApiParameter(PIN_HEADER, str, OpenApiParameter.HEADER, description="The deployment that must answer."),
        ],
        request={"application/json": OpenApiTypes.ANY},
        responses={200: OpenApiResponse(OpenApiTypes.ANY, description="The model's answer, whatever its status.")},
    )
    def post(self, request: Request, name: str) -> HttpResponse:
        """Invoke an endpoint.

        As you, whatever its `auth_mode`; kept among your test calls. Programs call `scoring_uri` themselves."""
        endpoint = self.endpoint(name, Action.SCORE)
        answer, _ = invoke(
            actor=self.actor,
            endpoint=endpoint,
            request=ScoringRequest(
                body=_body(request),
                deployment=request.headers.get(PIN_HEADER, ""),
                path=self.asked["path"],
                content_type=request.content_type or "application/json",
            ),
        )
        if answer.status is None or answer.error:  # a part of an answer is none
            raise Unavailable(answer.error)
        return _passed_on(answer, answer.status)


def _body(request: Request) -> bytes:
    try:
        return request.body
    except RawPostDataException:  # a form, which the check of a session's token has read
        raise UnsupportedMediaType(request.content_type) from None


def _passed_on(answer: Answer, status: int) -> HttpResponse:
    """A model's answer comes from this site's own address: no browser may take it for a page of ours."""
    content_type = answer.headers.get("content-type", "application/octet-stream")
    response = HttpResponse(answer.body, status=status, content_type=content_type)
    for name in _PASSED_ON:
        if name in answer.headers:
            response[name] = answer.headers[name]
    response["X-Studio-Invoke-Request-Id"] = answer.request_id
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
