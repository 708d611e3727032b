"""What a deployment was, generation by generation, and the way back."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.models import Deployment
from endpoints.permissions import Action
from endpoints.selectors.revisions import revision_of, revisions_of
from endpoints.services.deployments import specification_of
from endpoints.services.revisions import compared, roll_back
from studio.api.errors import renamed
from studio.api.paging import listed, page_of
from studio.api.serializers.deployments import IN_YAML
from studio.api.serializers.operations import OperationSerializer
from studio.api.serializers.revisions import DiffQuery, DiffSerializer, RevisionSerializer
from studio.api.versions import IF_MATCH, expected_version
from studio.api.view import StudioView, accepted


class RevisionView(StudioView):
    tag = "Deployments"

    def context(self, deployment: Deployment) -> dict[str, Any]:
        may_write = self.may(Action.WRITE, deployment.endpoint.workspace)
        return {"deployment": deployment, "may_write": may_write}


class Revisions(RevisionView):
    @extend_schema(responses=page_of(RevisionSerializer))
    def get(self, request: Request, endpoint: str, name: str) -> Response:
        """List the revisions.

        What each generation was specified as, the newest first: the one that serves, and the last twenty."""
        deployment = self.deployment(endpoint, name)
        found = RevisionSerializer(revisions_of(deployment), many=True, context=self.context(deployment))
        return listed(found.data)


class RevisionDetail(RevisionView):
    @extend_schema(responses=RevisionSerializer)
    def get(self, request: Request, endpoint: str, name: str, generation: int) -> Response:
        """Show a revision."""
        deployment = self.deployment(endpoint, name)
        found = RevisionSerializer(revision_of(deployment, generation), context=self.context(deployment))
        return Response(found.data)


class RevisionDiff(RevisionView):
    queries = {"get": DiffQuery}

    @extend_schema(responses=DiffSerializer)
    def get(self, request: Request, endpoint: str, name: str, generation: int) -> Response:
        """Compare two revisions.

        What has changed from this one to another."""
        deployment = self.deployment(endpoint, name)
        against = self.asked.get("against", deployment.generation)
        before, after = revision_of(deployment, generation), revision_of(deployment, against)
        changes = compared(specification_of(before), specification_of(after))
        return Response(DiffSerializer({"before": generation, "after": against, "changes": changes}).data)


class RollBack(RevisionView):
    bodiless = frozenset({"post"})

    @extend_schema(parameters=[IF_MATCH], request=None, responses={202: OperationSerializer})
    def post(self, request: Request, endpoint: str, name: str, generation: int) -> Response:
        """Roll back.

        A new generation with the specification of this one. The number of replicas stays as it is."""
        deployment = self.deployment(endpoint, name, Action.WRITE)
        with renamed(IN_YAML):
            _, operation = roll_back(
                actor=self.actor,
                deployment=deployment,
                generation=generation,
                expected_generation=expected_version(request),
            )
        return accepted(request, operation)
