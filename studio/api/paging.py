"""Lists: a page at a time, as {"value": […], "nextLink": URL or null}, Azure's envelope."""

from functools import cache
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.domain.errors import Invalid
from studio.api.parsing import StrictSerializer

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


class PageQuery(StrictSerializer):
    """What every list takes beside its filters."""

    cursor = serializers.CharField(required=False, help_text="From nextLink; opaque.")
    limit = serializers.IntegerField(required=False, default=DEFAULT_LIMIT, min_value=1, max_value=MAX_LIMIT)


class _Pages(CursorPagination):
    def __init__(self, limit: int, ordering: str) -> None:
        self.limit, self.ordering = limit, ordering

    def get_page_size(self, request: Request) -> int:
        return self.limit


def paged(
    view: Any, found: QuerySet[Any], serializer: type[serializers.BaseSerializer[Any]], *, ordering: str
) -> Response:
    """One page of the rows, as a StudioView with a PageQuery was asked for it.

    `ordering` is a field that hardly repeats; rows are asked for by where it stands."""
    pages = _Pages(view.asked["limit"], ordering)
    try:
        rows = pages.paginate_queryset(found, view.request)
    except (NotFound, ValueError, ValidationError):
        raise Invalid({"cursor": "This is no cursor of this list. Take nextLink as it is."}) from None
    return listed(serializer(rows, many=True).data, pages.get_next_link())


def listed(value: Any, next_link: str | None = None) -> Response:
    return Response({"value": value, "nextLink": next_link})


@cache
def page_of(serializer: type[serializers.BaseSerializer[Any]]) -> serializers.Serializer[Any]:
    """The envelope, for the OpenAPI document."""
    fields = {
        "value": serializer(many=True),
        "nextLink": serializers.URLField(allow_null=True, help_text="The next page, or null after the last."),
    }
    return inline_serializer(f"{serializer.__name__.removesuffix('Serializer')}List", fields)
