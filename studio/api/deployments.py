"""Deployments and their replicas."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.models import Deployment
from endpoints.permissions import Action
from endpoints.selectors.endpoints import deployments_of, replica_of
from endpoints.services.deployments import (
    Specification,
    create_deployment,
    delete_deployment,
    restart_replica,
    retry_deployment,
    update_deployment,
)
from studio.api.errors import renamed
from studio.api.paging import listed, page_of
from studio.api.serializers.deployments import (
    IN_YAML,
    DeploymentBody,
    DeploymentChanges,
    DeploymentQuery,
    DeploymentSerializer,
    ReplicaSerializer,
    specification_fields,
)
from studio.api.serializers.operations import OperationSerializer
from studio.api.versions import IF_MATCH, etag, expected_version
from studio.api.view import StudioView, accepted

_WORDS = ("description", "tags")


class DeploymentView(StudioView):
    tag = "Deployments"

    def shown(self, deployment: Deployment) -> Response:
        data = DeploymentSerializer(deployment, context=self.context(deployment)).data
        return Response(data, headers={"ETag": etag(deployment.generation)})

    def context(self, deployment: Deployment) -> dict[str, Any]:
        return {"may_write": self.may(Action.WRITE, deployment.endpoint)}


class Deployments(DeploymentView):
    queries = {"post": DeploymentQuery}

    @extend_schema(responses=page_of(DeploymentSerializer))
    def get(self, request: Request, endpoint: str) -> Response:
        """List the deployments.

        All of the endpoint, in the order in which they were made."""
        found = self.endpoint(endpoint)
        context = {"may_write": self.may(Action.WRITE, found)}
        return listed(DeploymentSerializer(deployments_of(found), many=True, context=context).data)

    @extend_schema(request=DeploymentBody, responses={202: OperationSerializer})
    def post(self, request: Request, endpoint: str) -> Response:
        """Create a deployment.

        It gets no traffic, unless `all_traffic` asks for it."""
        found = self.endpoint(endpoint, Action.WRITE)
        body = self.body(DeploymentBody, endpoint=found, user=self.person, workspace=found.workspace)
        words = {name: body[name] for name in _WORDS if name in body}
        with renamed(IN_YAML):
            _, operation = create_deployment(
                actor=self.actor,
                endpoint=found,
                name=body["name"],
                specification=Specification(**specification_fields(body)),
                all_traffic=self.asked.get("all_traffic", False),
                **words,
            )
        return accepted(request, operation)


class DeploymentDetail(DeploymentView):
    @extend_schema(responses=DeploymentSerializer)
    def get(self, request: Request, endpoint: str, name: str) -> Response:
        """Show a deployment.

        The ETag is its generation."""
        return self.shown(self.deployment(endpoint, name))

    @extend_schema(
        parameters=[IF_MATCH],
        request=DeploymentChanges,
        responses={200: DeploymentSerializer, 202: OperationSerializer},
    )
    def patch(self, request: Request, endpoint: str, name: str) -> Response:
        """Change a deployment.

        What runs is rolled out beside the old, without a gap; a changed count scales. 200 where nothing needs to run.
        """
        deployment = self.deployment(endpoint, name, Action.WRITE)
        body = self.body(DeploymentChanges, user=self.person, workspace=deployment.endpoint.workspace)
        words = {name: body[name] for name in _WORDS if name in body}
        with renamed(IN_YAML):
            changed, operation = update_deployment(
                actor=self.actor,
                deployment=deployment,
                expected_generation=expected_version(request),
                **words,
                **specification_fields(body, deployment),
            )
        return accepted(request, operation) if operation else self.shown(self.deployment(endpoint, changed.name))

    @extend_schema(request=None, responses={202: OperationSerializer})
    def delete(self, request: Request, endpoint: str, name: str) -> Response:
        """Delete a deployment.

        409 while it has traffic."""
        deployment = self.deployment(endpoint, name, Action.DELETE)
        return accepted(request, delete_deployment(actor=self.actor, deployment=deployment))


class DeploymentRetry(DeploymentView):
    bodiless = frozenset({"post"})

    @extend_schema(request=None, responses={202: OperationSerializer})
    def post(self, request: Request, endpoint: str, name: str) -> Response:
        """Retry a deployment.

        One that failed or was cancelled, as it is specified."""
        deployment = self.deployment(endpoint, name, Action.WRITE)
        with renamed(IN_YAML):
            operation = retry_deployment(actor=self.actor, deployment=deployment)
        return accepted(request, operation)


class Replicas(DeploymentView):
    @extend_schema(responses=page_of(ReplicaSerializer))
    def get(self, request: Request, endpoint: str, name: str) -> Response:
        """List the replicas.

        As they were last seen, those that are on their way out too."""
        return listed(ReplicaSerializer(self.deployment(endpoint, name).replicas.all(), many=True).data)


class ReplicaRestart(DeploymentView):
    bodiless = frozenset({"post"})

    @extend_schema(request=None, responses={202: ReplicaSerializer})
    def post(self, request: Request, endpoint: str, name: str, ordinal: int) -> Response:
        """Restart a replica.

        It drains first; the others go on serving."""
        replica = replica_of(self.deployment(endpoint, name, Action.WRITE), ordinal)
        restart_replica(actor=self.actor, replica=replica)
        return Response(ReplicaSerializer(replica).data, status=202)
