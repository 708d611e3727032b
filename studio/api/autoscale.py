"""How a deployment scales by itself, and what came of it."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.enums import ScaleOutcome
from endpoints.models import AutoscaleSetting, Deployment
from endpoints.permissions import Action
from endpoints.selectors.autoscale import decisions_of, existing_autoscale
from endpoints.selectors.autoscale_status import status_of
from endpoints.services.autoscale import remove_autoscale, set_autoscale
from studio.api.paging import PageQuery, page_of, paged
from studio.api.serializers.autoscale import AutoscaleBody, AutoscaleSerializer, DecisionSerializer
from studio.api.versions import IF_MATCH, etag, expected_version
from studio.api.view import StudioView


class DecisionQuery(PageQuery):
    outcome = serializers.ChoiceField(ScaleOutcome.choices, required=False)


class Autoscale(StudioView):
    tag = "Autoscale"

    def shown(self, row: AutoscaleSetting, deployment: Deployment) -> Response:
        status = status_of(row, deployment, now=timezone.now())
        data = AutoscaleSerializer({**row.setting, "version": row.version, "status": status}).data
        return Response(data, headers={"ETag": etag(row.version)})

    @extend_schema(responses=AutoscaleSerializer)
    def get(self, request: Request, endpoint: str, name: str) -> Response:
        """Show the autoscale setting.

        And what its rules read now. 404 where the number of instances is fixed."""
        deployment = self.deployment(endpoint, name)
        return self.shown(existing_autoscale(deployment), deployment)

    @extend_schema(parameters=[IF_MATCH], request=AutoscaleBody, responses=AutoscaleSerializer)
    def put(self, request: Request, endpoint: str, name: str) -> Response:
        """Set autoscale.

        The whole setting, in Azure Monitor's schema; it takes the place of the one before."""
        deployment = self.deployment(endpoint, name, Action.WRITE)
        row = set_autoscale(
            actor=self.actor, deployment=deployment, document=request.data, expected_version=expected_version(request)
        )
        return self.shown(row, deployment)

    @extend_schema(parameters=[IF_MATCH], request=None, responses={204: None})
    def delete(self, request: Request, endpoint: str, name: str) -> Response:
        """Remove the autoscale setting.

        The number of instances stays as it is."""
        deployment = self.deployment(endpoint, name, Action.WRITE)
        remove_autoscale(actor=self.actor, deployment=deployment, expected_version=expected_version(request))
        return Response(status=204)


class ScaleDecisions(StudioView):
    tag = "Autoscale"
    queries = {"get": DecisionQuery}

    @extend_schema(responses=page_of(DecisionSerializer))
    def get(self, request: Request, endpoint: str, name: str) -> Response:
        """List the decisions of autoscale.

        What it did, and what it wanted to do and why not, the newest first."""
        wanted: dict[str, Any] = {key: self.asked[key] for key in ("outcome",) if key in self.asked}
        found = decisions_of(self.deployment(endpoint, name)).filter(**wanted)
        return paged(self, found, DecisionSerializer, ordering="-id")
