"""Operations: what takes time, with its phases."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.enums import OperationState
from endpoints.selectors.endpoints import operation_for, operations_for
from endpoints.services.operations import cancel_operation
from studio.api.paging import PageQuery, page_of, paged
from studio.api.serializers.operations import OperationSerializer
from studio.api.view import StudioView, accepted


class OperationQuery(PageQuery):
    workspace = serializers.CharField(required=False)
    endpoint = serializers.CharField(required=False)
    deployment = serializers.CharField(required=False)
    status = serializers.ChoiceField(OperationState.choices, required=False)


_FILTERS = {
    "workspace": "endpoint__workspace__name",
    "endpoint": "endpoint__name__iexact",
    "deployment": "deployment__name__iexact",
    "status": "state",
}


class Operations(StudioView):
    tag = "Operations"
    queries = {"get": OperationQuery}

    @extend_schema(responses=page_of(OperationSerializer))
    def get(self, request: Request) -> Response:
        """List operations.

        The newest first, those of deleted endpoints too."""
        wanted = {lookup: self.asked[name] for name, lookup in _FILTERS.items() if name in self.asked}
        found = operations_for(self.person).filter(**wanted)
        return paged(self, found, OperationSerializer, ordering="-created_at")


class OperationDetail(StudioView):
    tag = "Operations"

    @extend_schema(responses=OperationSerializer)
    def get(self, request: Request, operation_id: UUID) -> Response:
        """Show an operation."""
        return Response(OperationSerializer(operation_for(self.person, operation_id)).data)


class OperationCancel(StudioView):
    tag = "Operations"
    bodiless = frozenset({"post"})

    @extend_schema(request=None, responses={202: OperationSerializer})
    def post(self, request: Request, operation_id: UUID) -> Response:
        """Cancel an operation.

        What it started is taken down again. A deletion cannot be cancelled."""
        operation = operation_for(self.person, operation_id)
        return accepted(request, cancel_operation(actor=self.actor, operation=operation))
