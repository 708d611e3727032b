"""Quotas and the site's limits: how much there may be, and who asks for more."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.models import QuotaRequest, SiteLimits
from endpoints.permissions import Action, require, require_staff
from endpoints.selectors.endpoints import workspace_for
from endpoints.selectors.quota import (
    Account,
    account_of,
    pending_requests,
    quota_request_for,
    requests_of,
    site_account,
    site_limits_row,
)
from endpoints.services.quota import (
    approve_request,
    ask_for_quota,
    deny_request,
    set_quota,
    set_site_limits,
    withdraw_request,
)
from studio.api.identity import ITView
from studio.api.paging import PageQuery, page_of, paged
from studio.api.serializers.quota import (
    NoteBody,
    QuotaBody,
    QuotaRequestBody,
    QuotaRequestSerializer,
    QuotaSerializer,
    SiteLimitsBody,
    SiteLimitsSerializer,
)
from studio.api.versions import IF_MATCH, etag, expected_version
from studio.api.view import StudioView

TAG = "Quota and budgets"


def _shown(account: Account) -> Response:
    return Response(QuotaSerializer(account).data, headers={"ETag": etag(account.quota.version)})


class WorkspaceQuota(StudioView):
    tag = TAG

    @extend_schema(responses=QuotaSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Show the quota of a workspace.

        With what is in use of it. The reserve for upgrades is part of that."""
        return _shown(account_of(workspace_for(self.person, name)))

    @extend_schema(parameters=[IF_MATCH], request=QuotaBody, responses=QuotaSerializer)
    def put(self, request: Request, name: str) -> Response:
        """Set the quota of a workspace.

        IT's. Lower than what is in use stops nothing, and refuses more."""
        workspace = workspace_for(self.person, name)
        require_staff(self.person)
        version = expected_version(request)
        set_quota(actor=self.actor, workspace=workspace, limits=self.body(QuotaBody), expected_version=version)
        return _shown(account_of(workspace))


class SiteQuota(ITView):
    tag = TAG

    @extend_schema(responses=QuotaSerializer)
    def get(self, request: Request) -> Response:
        """Show the quota of the site.

        IT's. It holds for all workspaces together, beside their own."""
        return _shown(site_account())

    @extend_schema(parameters=[IF_MATCH], request=QuotaBody, responses=QuotaSerializer)
    def put(self, request: Request) -> Response:
        """Set the quota of the site.

        IT's."""
        version = expected_version(request)
        set_quota(actor=self.actor, workspace=None, limits=self.body(QuotaBody), expected_version=version)
        return _shown(site_account())


class SiteLimitsView(ITView):
    tag = TAG

    @extend_schema(responses=SiteLimitsSerializer)
    def get(self, request: Request) -> Response:
        """Show the limits of the site.

        IT's: the reserve, and what one endpoint and one deployment may have."""
        return self._shown(site_limits_row())

    @extend_schema(parameters=[IF_MATCH], request=SiteLimitsBody, responses=SiteLimitsSerializer)
    def put(self, request: Request) -> Response:
        """Set the limits of the site.

        IT's. What is beyond a lowered limit goes on as it is, until it is changed."""
        version, body = expected_version(request), self.body(SiteLimitsBody)
        return self._shown(set_site_limits(actor=self.actor, expected_version=version, **body))

    def _shown(self, row: SiteLimits) -> Response:
        return Response(SiteLimitsSerializer(row).data, headers={"ETag": etag(row.version)})


class WorkspaceQuotaRequests(StudioView):
    tag = TAG
    queries = {"get": PageQuery}

    @extend_schema(responses=page_of(QuotaRequestSerializer))
    def get(self, request: Request, name: str) -> Response:
        """List a workspace's requests for quota.

        The newest first."""
        return paged(self, requests_of(workspace_for(self.person, name)), QuotaRequestSerializer, ordering="-id")

    @extend_schema(request=QuotaRequestBody, responses={201: QuotaRequestSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Ask for quota.

        IT decides. One request of a workspace waits at a time."""
        workspace = workspace_for(self.person, name)
        require(self.person, Action.WRITE, workspace)
        body = self.body(QuotaRequestBody)
        reason = body.pop("reason")
        made = ask_for_quota(actor=self.actor, workspace=workspace, limits=body, reason=reason)
        return Response(QuotaRequestSerializer(made).data, status=201)


class PendingQuotaRequests(ITView):
    tag = TAG
    queries = {"get": PageQuery}

    @extend_schema(responses=page_of(QuotaRequestSerializer))
    def get(self, request: Request) -> Response:
        """List the requests for quota that wait.

        IT's: of all workspaces, the oldest first."""
        return paged(self, pending_requests(self.person), QuotaRequestSerializer, ordering="id")


class QuotaRequestView(StudioView):
    tag = TAG

    def found(self, request_id: int) -> QuotaRequest:
        return quota_request_for(self.person, request_id)

    def shown(self, request: QuotaRequest) -> Response:
        return Response(QuotaRequestSerializer(request).data)


class QuotaRequestDetail(QuotaRequestView):
    @extend_schema(responses=QuotaRequestSerializer)
    def get(self, request: Request, request_id: int) -> Response:
        """Show a request for quota."""
        return self.shown(self.found(request_id))


class QuotaRequestApproval(QuotaRequestView):
    @extend_schema(request=NoteBody, responses=QuotaRequestSerializer)
    def post(self, request: Request, request_id: int) -> Response:
        """Approve a request for quota.

        IT's. The workspace has what it asked for at once."""
        found = self.found(request_id)
        require_staff(self.person)
        return self.shown(approve_request(actor=self.actor, request=found, **self.body(NoteBody)))


class QuotaRequestDenial(QuotaRequestView):
    @extend_schema(request=NoteBody, responses=QuotaRequestSerializer)
    def post(self, request: Request, request_id: int) -> Response:
        """Deny a request for quota.

        IT's, with a note that says why."""
        found = self.found(request_id)
        require_staff(self.person)
        return self.shown(deny_request(actor=self.actor, request=found, **self.body(NoteBody)))


class QuotaRequestWithdrawal(QuotaRequestView):
    bodiless = frozenset({"post"})

    @extend_schema(request=None, responses=QuotaRequestSerializer)
    def post(self, request: Request, request_id: int) -> Response:
        """Withdraw a request for quota."""
        return self.shown(withdraw_request(actor=self.actor, request=self.found(request_id)))
