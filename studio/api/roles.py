"""Who holds which role: in a workspace, and on one endpoint. Service accounts, and the tokens that they get."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.domain.errors import Forbidden, NotFound
from endpoints.enums import Role
from endpoints.models import RoleAssignment, ServiceAccount, ServiceSecret, Workspace
from endpoints.permissions import Action, Scope, require
from endpoints.selectors.access import assignments_in, service_accounts_of
from endpoints.selectors.endpoints import workspace_for
from endpoints.services import service_accounts as accounts
from endpoints.services.roles import assign_role, remove_assignment
from studio.api.paging import listed, page_of
from studio.api.parsing import StrictSerializer
from studio.api.view import StudioView


class GroupField(StrictSerializer):
    issuer = serializers.CharField(help_text="Of the identity provider that names the group in its tokens.")
    name = serializers.CharField(help_text="Or id, as the provider names it.")


class AssignmentBody(StrictSerializer):
    """One of email, group and service_account."""

    role = serializers.ChoiceField(Role.choices)
    email = serializers.EmailField(required=False)
    group = GroupField(required=False)
    service_account = serializers.CharField(required=False)


class AssignmentSerializer(serializers.Serializer[RoleAssignment]):
    id = serializers.IntegerField()
    role = serializers.ChoiceField(Role.choices)
    email = serializers.SerializerMethodField()
    group = serializers.SerializerMethodField()
    service_account = serializers.SerializerMethodField()
    inherited = serializers.SerializerMethodField(help_text="Of an endpoint: held in its workspace.")
    since = serializers.DateTimeField(source="created_at")

    def get_email(self, row: RoleAssignment) -> str | None:
        return row.user.email if row.user and not row.user.is_service else None

    def get_group(self, row: RoleAssignment) -> dict[str, str] | None:
        return {"issuer": row.group_issuer, "name": row.principal} if row.group else None

    def get_service_account(self, row: RoleAssignment) -> str | None:
        return row.user.service_account.name if row.user and row.user.is_service else None

    def get_inherited(self, row: RoleAssignment) -> bool:
        return self.context["endpoint"] is not None and row.endpoint_id is None


class ServiceAccountBody(StrictSerializer):
    name = serializers.CharField()
    description = serializers.CharField(required=False, allow_blank=True, max_length=300)


class ServiceAccountChanges(StrictSerializer):
    enabled = serializers.BooleanField()


class SecretBody(StrictSerializer):
    expires_at = serializers.DateTimeField(required=False, allow_null=True, help_text="Never, if not given.")


class SecretSerializer(serializers.Serializer[ServiceSecret]):
    id = serializers.IntegerField()
    prefix = serializers.CharField(help_text="How it begins.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)


class ServiceAccountSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    description = serializers.CharField()
    client_id = serializers.CharField()
    enabled = serializers.BooleanField()
    secrets = SecretSerializer(many=True, source="secrets.all")
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)


class NewServiceAccountSerializer(ServiceAccountSerializer):
    client_secret = serializers.CharField(help_text="Shown this once.")


class NewSecretSerializer(serializers.Serializer[Any]):
    client_secret = serializers.CharField(help_text="Shown this once.")


class RoleView(StudioView):
    tag = "Access"

    def shown(self, rows: Any, scope: Scope) -> Response:
        context = {"endpoint": None if isinstance(scope, Workspace) else scope}
        return listed(AssignmentSerializer(rows, many=True, context=context).data)

    def assigned(self, scope: Scope) -> Response:
        require(self.person, Action.MANAGE_MEMBERS, scope)
        body = self.body(AssignmentBody)
        group = body.pop("group", None)
        made = assign_role(
            actor=self.actor, scope=scope, group=(group["issuer"], group["name"]) if group else None, **body
        )
        context = {"endpoint": None if isinstance(scope, Workspace) else scope}
        return Response(AssignmentSerializer(made, context=context).data, status=201)

    def removed(self, scope: Scope, assignment_id: int) -> Response:
        require(self.person, Action.MANAGE_MEMBERS, scope)
        found = assignments_in(scope).filter(pk=assignment_id).first()
        if found is None:
            raise NotFound("There is no such role assignment here.")
        remove_assignment(actor=self.actor, assignment=found)
        return Response(status=204)


class WorkspaceRoles(RoleView):
    @extend_schema(responses=page_of(AssignmentSerializer))
    def get(self, request: Request, name: str) -> Response:
        """List the role assignments of a workspace."""
        workspace = workspace_for(self.person, name)
        return self.shown(assignments_in(workspace), workspace)

    @extend_schema(request=AssignmentBody, responses={201: AssignmentSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Assign a role in a workspace.

        To a person, a group or a service account; it holds on all its endpoints. For Owners."""
        return self.assigned(workspace_for(self.person, name))


class WorkspaceRole(RoleView):
    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, name: str, assignment_id: int) -> Response:
        """Remove a role assignment of a workspace.

        The last Owner stays."""
        return self.removed(workspace_for(self.person, name), assignment_id)


class EndpointRoles(RoleView):
    @extend_schema(responses=page_of(AssignmentSerializer))
    def get(self, request: Request, name: str) -> Response:
        """List the role assignments of an endpoint.

        Those that it inherits from its workspace come first."""
        endpoint = self.endpoint(name)
        return self.shown(assignments_in(endpoint), endpoint)

    @extend_schema(request=AssignmentBody, responses={201: AssignmentSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Assign a role on an endpoint.

        It holds there alone, and at the gateway within seconds. For Owners."""
        return self.assigned(self.endpoint(name, Action.MANAGE_MEMBERS))


class EndpointRole(RoleView):
    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, name: str, assignment_id: int) -> Response:
        """Remove a role assignment of an endpoint.

        404 for one that it inherits."""
        endpoint = self.endpoint(name, Action.MANAGE_MEMBERS)
        if not RoleAssignment.objects.filter(pk=assignment_id, endpoint=endpoint).exists():
            raise NotFound("There is no such role assignment on this endpoint itself.")
        return self.removed(endpoint, assignment_id)


class AccountView(StudioView):
    tag = "Access"

    def account(self, workspace: str, account: str, action: Action = Action.MANAGE_MEMBERS) -> ServiceAccount:
        found = workspace_for(self.person, workspace)
        require(self.person, action, found)
        row = service_accounts_of(found).filter(name=account).first()
        if row is None:
            raise NotFound(f"There is no service account “{account}” in “{found}”.")
        return row


class ServiceAccounts(AccountView):
    @extend_schema(responses=page_of(ServiceAccountSerializer))
    def get(self, request: Request, name: str) -> Response:
        """List service accounts."""
        found = list(service_accounts_of(workspace_for(self.person, name)))
        return listed(ServiceAccountSerializer(found, many=True).data)

    @extend_schema(request=ServiceAccountBody, responses={201: NewServiceAccountSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Create a service account.

        It has no role yet. Its secret is in this answer alone. For Owners."""
        workspace = workspace_for(self.person, name)
        require(self.person, Action.MANAGE_MEMBERS, workspace)
        account, secret = accounts.create_service_account(
            actor=self.actor, workspace=workspace, **self.body(ServiceAccountBody)
        )
        account.client_secret = secret  # type: ignore[attr-defined]
        return Response(NewServiceAccountSerializer(account).data, status=201)


class ServiceAccountDetail(AccountView):
    @extend_schema(responses=ServiceAccountSerializer)
    def get(self, request: Request, name: str, account: str) -> Response:
        """Show a service account."""
        return Response(ServiceAccountSerializer(self.account(name, account, Action.READ)).data)

    @extend_schema(request=ServiceAccountChanges, responses=ServiceAccountSerializer)
    def patch(self, request: Request, name: str, account: str) -> Response:
        """Enable or disable a service account.

        One that is disabled opens nothing any more."""
        found = self.account(name, account)
        accounts.set_enabled(actor=self.actor, account=found, enabled=self.body(ServiceAccountChanges)["enabled"])
        return Response(ServiceAccountSerializer(found).data)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, name: str, account: str) -> Response:
        """Delete a service account.

        Its roles, secrets and tokens go with it."""
        accounts.delete_service_account(actor=self.actor, account=self.account(name, account))
        return Response(status=204)


class ServiceSecrets(AccountView):
    @extend_schema(request=SecretBody, responses={201: NewSecretSerializer})
    def post(self, request: Request, name: str, account: str) -> Response:
        """Add a secret to a service account.

        Two at most: the old one works until it is removed."""
        found = self.account(name, account)
        secret = accounts.add_secret(
            actor=self.actor, account=found, expires_at=self.body(SecretBody).get("expires_at")
        )
        return Response({"client_secret": secret}, status=201)


class ServiceSecretDetail(AccountView):
    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, name: str, account: str, secret_id: int) -> Response:
        """Remove a secret of a service account."""
        accounts.remove_secret(actor=self.actor, account=self.account(name, account), secret_id=secret_id)
        return Response(status=204)


@csrf_exempt
@never_cache
@require_POST
def client_credentials(request: HttpRequest) -> JsonResponse:
    """RFC 6749, 4.4, form-encoded. `scope=score`: a token for endpoints; else one for this API."""
    given = request.POST
    if given.get("grant_type") != "client_credentials":
        return _refused("unsupported_grant_type", "Only grant_type=client_credentials is served.", 400)
    credentials = {"client_id": given.get("client_id", ""), "client_secret": given.get("client_secret", "")}
    try:
        scoring = given.get("scope") == "score"
        token = accounts.scoring_token(**credentials) if scoring else accounts.api_token(**credentials)
    except Forbidden as error:
        return _refused("invalid_client", str(error), 401)
    left = int((token.expires_at - timezone.now()).total_seconds())
    return JsonResponse({"access_token": token.value, "token_type": "Bearer", "expires_in": left})


def _refused(error: str, description: str, status: int) -> JsonResponse:
    return JsonResponse({"error": error, "error_description": description}, status=status)
