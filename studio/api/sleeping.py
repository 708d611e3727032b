"""Scale to zero of a deployment."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.enums import SleepState
from endpoints.models import Deployment
from endpoints.permissions import Action
from endpoints.services import sleeping
from studio.api.parsing import StrictSerializer
from studio.api.view import StudioView


class ScaleToZeroBody(StrictSerializer):
    scale_to_zero_after = serializers.IntegerField(
        allow_null=True, help_text="Seconds without a request, 30 to 86400; null: never."
    )


class ScaleToZeroSerializer(serializers.Serializer[Any]):
    scale_to_zero_after = serializers.IntegerField(allow_null=True)
    sleep = serializers.ChoiceField(SleepState.choices)
    sleep_changed_at = serializers.DateTimeField(allow_null=True)


class SleepView(StudioView):
    tag = "Deployments"

    def shown(self, deployment: Deployment, *, status: int = 200) -> Response:
        return Response(ScaleToZeroSerializer(deployment).data, status=status)


class ScaleToZero(SleepView):
    @extend_schema(responses=ScaleToZeroSerializer)
    def get(self, request: Request, endpoint: str, name: str) -> Response:
        """Show scale to zero.

        When it happens, and whether the deployment sleeps now."""
        return self.shown(self.deployment(endpoint, name))

    @extend_schema(request=ScaleToZeroBody, responses=ScaleToZeroSerializer)
    def put(self, request: Request, endpoint: str, name: str) -> Response:
        """Set scale to zero.

        The next request waits at the gateway while a replica starts, for at most request_timeout_ms."""
        deployment = self.deployment(endpoint, name, Action.WRITE)
        after = self.body(ScaleToZeroBody)["scale_to_zero_after"]
        return self.shown(sleeping.set_scale_to_zero(actor=self.actor, deployment=deployment, after=after))


class Sleep(SleepView):
    bodiless = frozenset({"post"})

    @extend_schema(request=None, responses={202: ScaleToZeroSerializer})
    def post(self, request: Request, endpoint: str, name: str) -> Response:
        """Scale to zero now.

        409 unless the deployment is at rest."""
        deployment = self.deployment(endpoint, name, Action.WRITE)
        return self.shown(
            sleeping.put_to_sleep(actor=self.actor, deployment=deployment, reason="Asked for."), status=202
        )


class Wake(SleepView):
    bodiless = frozenset({"post"})

    @extend_schema(request=None, responses={202: ScaleToZeroSerializer})
    def post(self, request: Request, endpoint: str, name: str) -> Response:
        """Wake a deployment.

        Its replicas start; nothing where it is awake."""
        deployment = self.deployment(endpoint, name, Action.WRITE)
        return self.shown(sleeping.wake(actor=self.actor, deployment=deployment, reason="Asked for."), status=202)
