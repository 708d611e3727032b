"""Budgets of workspaces, endpoints and owners."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.domain.errors import Invalid
from endpoints.models import Budget, User
from endpoints.permissions import Action, require
from endpoints.selectors.budgets import budget_for, budgets_of, budgets_shown, owner_budgets
from endpoints.selectors.endpoints import workspace_for
from endpoints.services.budgets import create_budget, delete_budget, update_budget
from studio.api.identity import ITView
from studio.api.paging import PageQuery, page_of, paged
from studio.api.serializers.budgets import BudgetBody, BudgetChangesBody, BudgetSerializer, OwnerBudgetBody
from studio.api.versions import IF_MATCH, etag, expected_version
from studio.api.view import StudioView

TAG = "Quota and budgets"


def _shown(budget: Budget, *, status: int = 200) -> Response:
    return Response(BudgetSerializer(budget).data, status=status, headers={"ETag": etag(budget.version)})


class WorkspaceBudgets(StudioView):
    tag = TAG
    queries = {"get": PageQuery}

    @extend_schema(responses=page_of(BudgetSerializer))
    def get(self, request: Request, name: str) -> Response:
        """List the budgets of a workspace.

        Its own, and those of its endpoints."""
        return paged(self, budgets_of(workspace_for(self.person, name)), BudgetSerializer, ordering="created_at")

    @extend_schema(request=BudgetBody, responses={201: BudgetSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Create a budget of a workspace.

        For Contributors. What is spent of the month already counts."""
        workspace = workspace_for(self.person, name)
        require(self.person, Action.MANAGE_WORKSPACE, workspace)
        return _shown(create_budget(actor=self.actor, workspace=workspace, **self.body(BudgetBody)), status=201)


class EndpointBudgets(StudioView):
    tag = TAG
    queries = {"get": PageQuery}

    @extend_schema(responses=page_of(BudgetSerializer))
    def get(self, request: Request, name: str) -> Response:
        """List the budgets of an endpoint.

        Its own, and those of its workspace and its owner that you may see."""
        return paged(self, budgets_shown(self.person, self.endpoint(name)), BudgetSerializer, ordering="created_at")

    @extend_schema(request=BudgetBody, responses={201: BudgetSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Create a budget of an endpoint.

        For Contributors."""
        endpoint = self.endpoint(name, Action.MANAGE_WORKSPACE)
        return _shown(create_budget(actor=self.actor, endpoint=endpoint, **self.body(BudgetBody)), status=201)


class OwnerBudgets(ITView):
    tag = TAG
    queries = {"get": PageQuery}

    @extend_schema(responses=page_of(BudgetSerializer))
    def get(self, request: Request) -> Response:
        """List the budgets of owners.

        IT's: of people, over all workspaces."""
        return paged(self, owner_budgets(), BudgetSerializer, ordering="created_at")

    @extend_schema(request=OwnerBudgetBody, responses={201: BudgetSerializer})
    def post(self, request: Request) -> Response:
        """Create a budget of an owner.

        IT's: for all endpoints that the person made, in all workspaces."""
        body = self.body(OwnerBudgetBody)
        owner = User.objects.filter(email__iexact=body.pop("owner")).first()
        if owner is None:
            raise Invalid({"owner": "Nobody has an account with this address."})
        return _shown(create_budget(actor=self.actor, owner=owner, **body), status=201)


class BudgetDetail(StudioView):
    tag = TAG

    @extend_schema(responses=BudgetSerializer)
    def get(self, request: Request, budget_id: UUID) -> Response:
        """Show a budget."""
        return _shown(budget_for(self.person, budget_id))

    @extend_schema(parameters=[IF_MATCH], request=BudgetChangesBody, responses=BudgetSerializer)
    def patch(self, request: Request, budget_id: UUID) -> Response:
        """Change a budget.

        What acts is lifted where the budget is not used up any more."""
        budget = self._to_change(budget_id)
        version = expected_version(request)
        body = self.body(BudgetChangesBody)
        return _shown(update_budget(actor=self.actor, budget=budget, expected_version=version, **body))

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, budget_id: UUID) -> Response:
        """Delete a budget.

        What it refused is let through again."""
        delete_budget(actor=self.actor, budget=budget_for(self.person, budget_id))
        return Response(status=204)

    def _to_change(self, budget_id: UUID) -> Budget:
        budget = budget_for(self.person, budget_id)
        scope = budget.endpoint or budget.workspace
        if scope is not None and not self.person.is_staff:
            require(self.person, Action.MANAGE_WORKSPACE, scope)
        return budget
