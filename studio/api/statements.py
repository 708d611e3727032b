"""Statements of a month: of a workspace, and of the site."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.domain.statements import Month, Statement, grouped, read_month
from endpoints.selectors.endpoints import workspace_for
from endpoints.selectors.statements import site_statement, workspace_statement
from studio.api.identity import ITView
from studio.api.serializers.prices import StatementQuery, StatementSerializer
from studio.api.view import StudioView

TAG = "Metrics and cost"


def _month(asked: dict[str, Any]) -> Month:
    return read_month(asked["month"], now=timezone.now())


def _shown(found: Statement, month: Month, group: str) -> Response:
    shown = {
        "currency": "USD",
        "month": str(month),
        "start": month.start,
        "end": month.end,
        "over": month.is_over(timezone.now()),
        "total": found.total,
        "groups": grouped(found.lines, group),
        "lines": found.lines,
    }
    return Response(StatementSerializer(shown).data)


class WorkspaceStatement(StudioView):
    tag = TAG
    queries = {"get": StatementQuery}

    @extend_schema(responses=StatementSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Show the statement of a workspace.

        Of a month in UTC: lines in cents that add up to the exact sum of what was used, rounded once."""
        workspace, month = workspace_for(self.person, name), _month(self.asked)
        return _shown(workspace_statement(workspace, month), month, self.asked["group"])


class SiteStatement(ITView):
    tag = TAG
    queries = {"get": StatementQuery}

    @extend_schema(responses=StatementSerializer)
    def get(self, request: Request) -> Response:
        """Show the statement of the site.

        IT's: the statements of all workspaces, and their sum."""
        month = _month(self.asked)
        return _shown(site_statement(month), month, self.asked["group"])
