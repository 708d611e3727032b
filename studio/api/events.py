"""The history: who did what."""

from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.enums import Source
from endpoints.models import Event
from endpoints.selectors.audit import AuditStatus, audit_status
from endpoints.selectors.endpoints import events_for
from endpoints.selectors.events import EventSearch, site_events_for
from endpoints.services.audit import ask_for_check
from studio.api.identity import ITView
from studio.api.paging import PageQuery, page_of, paged
from studio.api.parsing import StrictSerializer
from studio.api.view import StudioView
from studio.event_export import csv_of


class SearchQuery(StrictSerializer):
    endpoint = serializers.CharField(required=False, help_text="A deleted one, too.")
    deployment = serializers.CharField(required=False)
    verb = serializers.CharField(required=False, help_text="Such as traffic.updated; keys. for all about keys.")
    actor = serializers.CharField(required=False, help_text="Part of an address, or system.")
    resource = serializers.CharField(
        required=False, help_text="An endpoint, endpoint/deployment, or part of another name."
    )
    source = serializers.ChoiceField(Source.choices, required=False)  # type: ignore[assignment]
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False, help_text="Not included.")
    request_id = serializers.CharField(required=False, help_text="From an answer's header X-Request-Id.")
    search = serializers.CharField(required=False, help_text="In verb, subject, actor and reason.")

    def validate(self, attributes: dict[str, Any]) -> dict[str, Any]:
        since, until = attributes.get("since"), attributes.get("until")
        if since and until and until <= since:
            raise serializers.ValidationError({"until": "This is not after since."})
        checked: dict[str, Any] = super().validate(attributes)
        return checked


class SiteEventQuery(SearchQuery, PageQuery):
    pass


class ExportQuery(SearchQuery):
    workspace = serializers.CharField(required=False)


class EventQuery(ExportQuery, PageQuery):
    pass


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


class Events(StudioView):
    tag = "Activity"
    queries = {"get": EventQuery}

    @extend_schema(responses=page_of(EventSerializer))
    def get(self, request: Request) -> Response:
        """List what happened.

        The newest first."""
        found = events_for(self.person, workspace=self.asked_workspace()).filter(**_exact(self.asked))
        return paged(self, found.filter(_search(self.asked).condition()), EventSerializer, ordering="-id")


class EventsExport(StudioView):
    tag = "Activity"
    queries = {"get": ExportQuery}

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request) -> StreamingHttpResponse:
        """Download what happened, as CSV.

        All that the filters leave, the newest first. No field is taken for a formula by a spreadsheet."""
        found = events_for(self.person, workspace=self.asked_workspace()).filter(**_exact(self.asked))
        return csv_of(found.filter(_search(self.asked).condition()), "activity.csv")


def _exact(asked: dict[str, Any]) -> dict[str, Any]:
    lookups = {"endpoint": "endpoint_name__iexact", "deployment": "deployment_name__iexact"}
    return {lookup: asked[name] for name, lookup in lookups.items() if name in asked}


def _search(asked: dict[str, Any]) -> EventSearch:
    names = ("actor", "verb", "resource", "source", "since", "until", "request_id")
    return EventSearch(text=asked.get("search", ""), **{name: asked[name] for name in names if name in asked})


class SiteEvents(ITView):
    tag = "Audit"
    queries = {"get": SiteEventQuery}

    @extend_schema(responses=page_of(EventSerializer))
    def get(self, request: Request) -> Response:
        """List what happened on the whole site.

        For its IT. The newest first."""
        found = site_events_for(self.person).filter(**_exact(self.asked))
        return paged(self, found.filter(_search(self.asked).condition()), EventSerializer, ordering="-id")


class FaultSerializer(serializers.Serializer[Any]):
    position = serializers.IntegerField(help_text="In the chain; 0 where no link is to blame.")
    event_id = serializers.IntegerField(help_text="0 where no event is to blame.")
    message = serializers.CharField()


class ForwarderSerializer(serializers.Serializer[Any]):
    address = serializers.CharField()
    backlog = serializers.IntegerField(help_text="Sealed events that have not arrived there.")
    forwarded_at = serializers.DateTimeField(allow_null=True)
    error = serializers.CharField()
    failing_since = serializers.DateTimeField(allow_null=True)


class AuditSerializer(serializers.Serializer[Any]):
    """How far the history is sealed, checked and forwarded."""

    head_position = serializers.IntegerField()
    head_hash = serializers.CharField()
    sealed_event = serializers.IntegerField()
    unsealed = serializers.IntegerField()
    verified_event = serializers.IntegerField()
    verified_at = serializers.DateTimeField(allow_null=True)
    checking_since = serializers.DateTimeField(allow_null=True)
    faults = FaultSerializer(many=True)
    forwarders = ForwarderSerializer(many=True)


class Audit(ITView):
    tag = "Audit"
    open_while_read_only = frozenset({"post"})
    bodiless = frozenset({"post"})

    @extend_schema(responses=AuditSerializer)
    def get(self, request: Request) -> Response:
        """Show how far the history is sealed, checked and forwarded.

        For the site's IT."""
        return Response(AuditSerializer(_plain(audit_status(now=timezone.now()))).data)

    @extend_schema(request=None, responses={202: AuditSerializer})
    def post(self, request: Request) -> Response:
        """Check the whole chain of the history.

        In the background; for the site's IT."""
        ask_for_check(actor=self.actor)
        return Response(AuditSerializer(_plain(audit_status(now=timezone.now()))).data, status=202)


def _plain(status: AuditStatus) -> dict[str, Any]:
    state = status.state
    shown = {name: getattr(state, name) for name in ("verified_event", "verified_at", "checking_since", "faults")}
    rows = [
        {name: getattr(row, name) for name in ("address", "forwarded_at", "error", "failing_since")}
        | {"backlog": backlog}
        for row, backlog in status.backlogs
    ]
    head = {"head_position": status.head.position, "head_hash": status.head.hash}
    return {**shown, **head, "sealed_event": status.sealed_event, "unsealed": status.unsealed, "forwarders": rows}
