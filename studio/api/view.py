"""What every view of the API does: who asks, what was asked for, which answers there are."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.urls import reverse
from django.utils import timezone
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Invalid, NotFound
from endpoints.enums import Source
from endpoints.models import Deployment, Endpoint, Operation, User, Workspace
from endpoints.permissions import Action, Scope, can, require
from endpoints.selectors.endpoints import deployment_of, endpoint_for, workspace_for, workspaces_for
from endpoints.selectors.site import read_only_now
from studio.actors import actor_of, signed_in
from studio.api.parsing import JSONParser, StrictSerializer
from studio.api.permissions import TokenMayWrite, reads_only
from studio.api.schema import StudioSchema
from studio.api.serializers.operations import OperationSerializer

POLL_SECONDS = 1


class WorkspaceQuery(StrictSerializer):
    workspace = serializers.CharField(required=False, help_text="Needed by who is in several.")


class StudioView(APIView):
    """`tag` is the heading in the documentation. Views look things up for the person and the action first, then
    read the body: who may not, learns nothing of it."""

    tag = ""
    queries: ClassVar[Mapping[str, type[StrictSerializer]]] = {}  # by method; none means that there is nothing to ask
    bodiless: ClassVar[frozenset[str]] = frozenset({"delete"})  # methods that take no body, and refuse one
    open_while_read_only: ClassVar[frozenset[str]] = frozenset()  # methods that write nothing, or are for scoring
    asked: dict[str, Any]  # the query of this request, read
    permission_classes = [IsAuthenticated, TokenMayWrite]
    parser_classes = [JSONParser]
    schema = StudioSchema()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        method = "get" if request.method == "HEAD" else str(request.method).lower()
        if method not in ("get", "options", *self.open_while_read_only):
            _refuse_while_read_only()
        self.asked = _validated(self.queries.get(method, StrictSerializer)(data=request.query_params))
        if method in self.bodiless:
            self.body(StrictSerializer)

    @property
    def person(self) -> User:
        return signed_in(self.request)

    @property
    def actor(self) -> Actor:
        """The command line names itself; every other caller is the API."""
        named = self.request.headers.get("X-Studio-Source", "").lower()
        return actor_of(self.request, Source.CLI if named == Source.CLI else Source.API)

    def endpoint(self, name: str, action: Action | None = Action.READ) -> Endpoint:
        """`action` None: whoever has any role on it."""
        endpoint = endpoint_for(self.person, name)
        if action is not None:
            require(self.person, action, endpoint)
        return endpoint

    def deployment(self, endpoint: str, name: str, action: Action = Action.READ) -> Deployment:
        return deployment_of(self.endpoint(endpoint, action), name)

    def asked_workspace(self) -> Workspace | None:
        """`?workspace=`; None means all that are the person's."""
        name = self.asked.get("workspace")
        return workspace_for(self.person, name) if name else None

    def workspace(self, action: Action) -> Workspace:
        """Where to put something: `?workspace=`, or the only one that the person has."""
        workspace = self.asked_workspace() or self._only_workspace()
        require(self.person, action, workspace)
        return workspace

    def _only_workspace(self) -> Workspace:
        mine = list(workspaces_for(self.person)[:2])
        if not mine:
            raise NotFound("You are in no workspace yet. An Owner of one can add you.")
        if len(mine) > 1:
            raise Invalid({"workspace": "You are in several workspaces. Name one: ?workspace=NAME."})
        return mine[0]

    def may(self, action: Action, scope: Scope) -> bool:
        """Whether the person may, and by this token."""
        return not reads_only(self.request) and can(self.person, action, scope)

    def body(self, serializer: type[StrictSerializer], **context: Any) -> dict[str, Any]:
        return _validated(serializer(data=self.request.data, context=context))

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        final = super().finalize_response(request, response, *args, **kwargs)
        final.headers.setdefault("Cache-Control", "no-store")
        return final


def _refuse_while_read_only() -> None:
    if (error := read_only_now(now=timezone.now())) is not None:
        raise error


def _validated(serializer: StrictSerializer) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def accepted(request: Request, operation: Operation) -> Response:
    """202 with the operation, and where to follow it in the headers that Azure's clients poll."""
    url = request.build_absolute_uri(reverse("api_operation", args=[operation.pk]))
    headers = {"Azure-AsyncOperation": url, "Location": url, "Retry-After": str(POLL_SECONDS)}
    return Response(OperationSerializer(operation).data, status=202, headers=headers)
