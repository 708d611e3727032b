"""The history: who did what."""

from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.enums import Source
from endpoints.models import Event
from endpoints.selectors.endpoints import events_for
from studio.api.paging import PageQuery, page_of, paged
from studio.api.view import StudioView


class EventQuery(PageQuery):
    workspace = serializers.CharField(required=False)
    endpoint = serializers.CharField(required=False, help_text="A deleted one, too.")
    deployment = serializers.CharField(required=False)
    verb = serializers.CharField(required=False, help_text="Such as traffic.updated.")
    search = serializers.CharField(required=False, help_text="In verb, subject and actor.")


class EventSerializer(serializers.Serializer[Event]):
    id = serializers.IntegerField()
    at = serializers.DateTimeField(source="created_at")
    verb = serializers.CharField()
    subject = serializers.CharField()
    endpoint = serializers.CharField(source="endpoint_name")
    deployment = serializers.CharField(source="deployment_name")
    actor = serializers.CharField(source="actor_name")
    source = serializers.ChoiceField(Source.choices)  # type: ignore[assignment]
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    reason = serializers.CharField()
    request_id = serializers.CharField()


_FILTERS = {"endpoint": "endpoint_name__iexact", "deployment": "deployment_name__iexact", "verb": "verb"}


class Events(StudioView):
    tag = "Activity"
    queries = {"get": EventQuery}

    @extend_schema(responses=page_of(EventSerializer))
    def get(self, request: Request) -> Response:
        """List what happened.

        The newest first."""
        wanted = {lookup: self.asked[name] for name, lookup in _FILTERS.items() if name in self.asked}
        found = events_for(self.person, workspace=self.asked_workspace()).filter(**wanted)
        if "search" in self.asked:
            found = found.filter(_search(self.asked["search"]))
        return paged(self, found, EventSerializer, ordering="-id")


def _search(text: str) -> Q:
    return Q(verb__icontains=text) | Q(subject__icontains=text) | Q(actor_name__icontains=text)
