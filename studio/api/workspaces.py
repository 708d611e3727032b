"""Workspaces and their members."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.domain.errors import NotFound
from endpoints.models import RoleAssignment
from endpoints.permissions import Action, require
from endpoints.selectors.endpoints import workspace_for, workspaces_for
from endpoints.services.workspaces import create_workspace, remove_member, set_role
from studio.api.paging import PageQuery, page_of, paged
from studio.api.serializers.people import MemberBody, MemberSerializer, WorkspaceBody, WorkspaceSerializer
from studio.api.view import StudioView


class WorkspaceView(StudioView):
    tag = "Workspaces"


class Workspaces(WorkspaceView):
    queries = {"get": PageQuery}

    @extend_schema(responses=page_of(WorkspaceSerializer))
    def get(self, request: Request) -> Response:
        """List workspaces.

        Those that you are in."""
        return paged(self, workspaces_for(self.person), WorkspaceSerializer, ordering="name")

    @extend_schema(request=WorkspaceBody, responses={201: WorkspaceSerializer})
    def post(self, request: Request) -> Response:
        """Create a workspace.

        For administrators of the site; who makes it is its first Owner."""
        made = create_workspace(actor=self.actor, **self.body(WorkspaceBody))
        return Response(WorkspaceSerializer(made).data, status=201)


class WorkspaceDetail(WorkspaceView):
    @extend_schema(responses=WorkspaceSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Show a workspace."""
        return Response(WorkspaceSerializer(workspace_for(self.person, name)).data)


class Members(WorkspaceView):
    queries = {"get": PageQuery}

    @extend_schema(responses=page_of(MemberSerializer))
    def get(self, request: Request, name: str) -> Response:
        """List the members of a workspace."""
        people = {"user__isnull": False, "user__is_service": False, "endpoint": None}
        members = workspace_for(self.person, name).role_assignments.filter(**people).select_related("user")
        return paged(self, members, MemberSerializer, ordering="id")


class MemberDetail(WorkspaceView):
    @extend_schema(request=MemberBody, responses=MemberSerializer)
    def put(self, request: Request, name: str, email: str) -> Response:
        """Set the role of a person in a workspace.

        Of one who has an account, a member yet or not. For Owners."""
        workspace = workspace_for(self.person, name)
        require(self.person, Action.MANAGE_MEMBERS, workspace)
        role = self.body(MemberBody)["role"]
        assignment = set_role(actor=self.actor, workspace=workspace, email=email, role=role)
        return Response(MemberSerializer(assignment).data)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, name: str, email: str) -> Response:
        """Remove a person from a workspace.

        For Owners. The last Owner stays."""
        workspace = workspace_for(self.person, name)
        require(self.person, Action.MANAGE_MEMBERS, workspace)
        members = RoleAssignment.objects.filter(workspace=workspace).select_related("user", "workspace")
        assignment = members.filter(user__email__iexact=email).first()
        if assignment is None:
            raise NotFound(f"{email} is not in “{workspace}”.")
        remove_member(actor=self.actor, assignment=assignment)
        return Response(status=204)
