"""What the site's IT switches and watches."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.domain.errors import NotFound
from endpoints.enums import BackupKind, BannerLevel
from endpoints.models import BackupRecord, Operation, SiteState
from endpoints.selectors.site import site_state, stuck_operations
from endpoints.services.site import LONGEST_TEXT, set_banner, set_read_only
from endpoints.services.stuck import fail_stuck, retry_stuck
from studio.api.errors import renamed
from studio.api.identity import ITView
from studio.api.paging import PageQuery, page_of, paged
from studio.api.parsing import StrictSerializer
from studio.api.serializers.operations import OperationSerializer
from studio.api.view import accepted


class ReadOnlyBody(StrictSerializer):
    enabled = serializers.BooleanField()
    reason = serializers.CharField(required=False, default="", max_length=LONGEST_TEXT, allow_blank=True)
    until = serializers.DateTimeField(required=False, allow_null=True, default=None)


class BannerBody(StrictSerializer):
    text = serializers.CharField(max_length=LONGEST_TEXT, allow_blank=True, help_text="Empty: none.")
    level = serializers.ChoiceField(BannerLevel.choices, required=False, default=BannerLevel.INFO)
    begins = serializers.DateTimeField(required=False, allow_null=True, default=None)
    ends = serializers.DateTimeField(required=False, allow_null=True, default=None)


class SiteSerializer(serializers.Serializer[SiteState]):
    read_only = serializers.SerializerMethodField(help_text="Whether people's writes are refused now.")  # type: ignore[assignment]
    read_only_reason = serializers.CharField()
    read_only_until = serializers.DateTimeField(allow_null=True)
    banner = serializers.CharField()
    banner_level = serializers.ChoiceField(BannerLevel.choices)
    banner_from = serializers.DateTimeField(allow_null=True)
    banner_until = serializers.DateTimeField(allow_null=True)

    def get_read_only(self, state: SiteState) -> bool:
        return state.closed(now=timezone.now())


class Site(ITView):
    tag = "Site"

    @extend_schema(responses=SiteSerializer)
    def get(self, request: Request) -> Response:
        """Show the switches of the site.

        For its IT."""
        return Response(SiteSerializer(site_state()).data)


class SiteReadOnly(ITView):
    tag = "Site"
    open_while_read_only = frozenset({"put"})

    @extend_schema(request=ReadOnlyBody, responses=SiteSerializer)
    def put(self, request: Request) -> Response:
        """Switch read-only mode.

        While it is on, every change by people is refused with 503 and the code read_only. Scoring goes on."""
        given = self.body(ReadOnlyBody)
        with renamed({"read_only_reason": "reason", "read_only_until": "until"}):
            state = set_read_only(actor=self.actor, read_only=given.pop("enabled"), now=timezone.now(), **given)
        return Response(SiteSerializer(state).data)


class SiteBanner(ITView):
    tag = "Site"
    open_while_read_only = frozenset({"put"})

    @extend_schema(request=BannerBody, responses=SiteSerializer)
    def put(self, request: Request) -> Response:
        """Set the banner that stands on every page."""
        with renamed({"banner": "text", "banner_level": "level", "banner_until": "ends"}):
            state = set_banner(actor=self.actor, now=timezone.now(), **self.body(BannerBody))
        return Response(SiteSerializer(state).data)


class StuckOperations(ITView):
    tag = "Site"
    queries = {"get": PageQuery}

    @extend_schema(responses=page_of(OperationSerializer))
    def get(self, request: Request) -> Response:
        """List operations that are stuck.

        Of the whole site: those that nobody has worked on for two minutes."""
        return paged(self, stuck_operations(now=timezone.now()), OperationSerializer, ordering="created_at")


class StuckOperationRetry(ITView):
    tag = "Site"
    bodiless = frozenset({"post"})
    open_while_read_only = frozenset({"post"})

    @extend_schema(request=None, responses={202: OperationSerializer})
    def post(self, request: Request, operation_id: UUID) -> Response:
        """Have a stuck operation taken up again."""
        return accepted(request, retry_stuck(actor=self.actor, operation=_operation(operation_id), now=timezone.now()))


class StuckOperationFail(ITView):
    tag = "Site"
    bodiless = frozenset({"post"})
    open_while_read_only = frozenset({"post"})

    @extend_schema(request=None, responses={202: OperationSerializer})
    def post(self, request: Request, operation_id: UUID) -> Response:
        """Let a stuck operation fail.

        What serves goes on serving. A deletion cannot fail."""
        return accepted(request, fail_stuck(actor=self.actor, operation=_operation(operation_id), now=timezone.now()))


def _operation(operation_id: UUID) -> Operation:
    found = Operation.objects.select_related("endpoint", "deployment", "created_by").filter(pk=operation_id).first()
    if found is None:
        raise NotFound("There is no such operation.")
    return found


class BackupSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(BackupKind.choices)
    path = serializers.CharField()
    size_bytes = serializers.IntegerField()
    artifacts = serializers.IntegerField()
    encrypted = serializers.BooleanField()
    made_at = serializers.DateTimeField(allow_null=True, help_text="Of the backup that was tried or put back.")
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField()
    error = serializers.CharField(help_text="Empty where it went well.")


class Backups(ITView):
    tag = "Site"
    queries = {"get": PageQuery}

    @extend_schema(responses=page_of(BackupSerializer))
    def get(self, request: Request) -> Response:
        """List backups, and tests of them.

        The newest first. They are made and put back by manage.py."""
        return paged(self, BackupRecord.objects.all(), BackupSerializer, ordering="-id")
