"""Alert rules, alerts, and the channels by which a workspace is told."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.models import AlertRule, Deployment, Endpoint, Workspace
from endpoints.permissions import Action, require
from endpoints.selectors.alerts import (
    alert_for,
    alerts_for,
    channel_of,
    channels_of,
    deliveries_of,
    rule_for,
    rules_for,
)
from endpoints.selectors.endpoints import workspace_for
from endpoints.services.alerts import (
    RuleSettings,
    acknowledge,
    create_rule,
    remove_rule,
    require_change,
    silence_rule,
    update_rule,
)
from endpoints.services.channels import create_channel, remove_channel, send_test, switch_channel
from studio.api.paging import PageQuery, page_of, paged
from studio.api.serializers.alerts import (
    AlertRuleBody,
    AlertRuleSerializer,
    AlertSerializer,
    ChannelBody,
    ChannelSerializer,
    ChannelSwitchBody,
    DeliverySerializer,
    NewAlertRuleBody,
    NewChannelSerializer,
    SilenceBody,
)
from studio.api.versions import IF_MATCH, etag, expected_version
from studio.api.view import StudioView, WorkspaceQuery


class ListQuery(PageQuery, WorkspaceQuery):
    endpoint = serializers.CharField(required=False, help_text="Of this endpoint and its deployments alone.")


class AlertQuery(ListQuery):
    open = serializers.BooleanField(required=False, allow_null=True, default=None, help_text="true: not ended yet.")


class AlertView(StudioView):
    tag = "Alerts"

    def changeable(self, rule_id: int) -> AlertRule:
        rule = rule_for(self.person, rule_id)
        require_change(self.person, rule.workspace, rule.endpoint)
        return rule

    def shown(self, rule: AlertRule, status: int = 200) -> Response:
        fresh = rule_for(self.person, rule.pk)
        return Response(AlertRuleSerializer(fresh).data, status=status, headers={"ETag": etag(fresh.version)})


class AlertRules(AlertView):
    queries = {"get": ListQuery, "post": WorkspaceQuery}

    @extend_schema(responses=page_of(AlertRuleSerializer))
    def get(self, request: Request) -> Response:
        """List alert rules.

        And how each stands."""
        found = rules_for(self.person, workspace=self.asked_workspace())
        if "endpoint" in self.asked:
            found = found.filter(endpoint__name__iexact=self.asked["endpoint"])
        return paged(self, found, AlertRuleSerializer, ordering="id")

    @extend_schema(request=NewAlertRuleBody, responses={201: AlertRuleSerializer})
    def post(self, request: Request) -> Response:
        """Create an alert rule.

        About a deployment, an endpoint or the workspace. For who may change it."""
        whole = not (isinstance(request.data, dict) and request.data.get("endpoint"))
        workspace = self.workspace(Action.MANAGE_WORKSPACE) if whole else None
        body = self.body(NewAlertRuleBody)
        scope = self._scope(workspace, body.pop("endpoint", ""), body.pop("deployment", ""))
        return self.shown(create_rule(actor=self.actor, scope=scope, settings=RuleSettings(**body)), status=201)

    def _scope(self, workspace: Workspace | None, endpoint: str, deployment: str) -> Workspace | Endpoint | Deployment:
        if deployment:
            return self.deployment(endpoint, deployment, Action.WRITE)
        if endpoint:
            return self.endpoint(endpoint, Action.WRITE)
        assert workspace is not None
        return workspace


class AlertRuleDetail(AlertView):
    @extend_schema(responses=AlertRuleSerializer)
    def get(self, request: Request, rule_id: int) -> Response:
        """Show an alert rule."""
        return self.shown(rule_for(self.person, rule_id))

    @extend_schema(parameters=[IF_MATCH], request=AlertRuleBody, responses=AlertRuleSerializer)
    def put(self, request: Request, rule_id: int) -> Response:
        """Change an alert rule.

        It begins anew, and an open alert of it is over."""
        rule = self.changeable(rule_id)
        settings = RuleSettings(**self.body(AlertRuleBody))
        version = expected_version(request)
        return self.shown(update_rule(actor=self.actor, rule=rule, settings=settings, expected_version=version))

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, rule_id: int) -> Response:
        """Remove an alert rule.

        Its past alerts stay."""
        remove_rule(actor=self.actor, rule=rule_for(self.person, rule_id))
        return Response(status=204)


class AlertRuleSilence(AlertView):
    @extend_schema(request=SilenceBody, responses=AlertRuleSerializer)
    def post(self, request: Request, rule_id: int) -> Response:
        """Silence an alert rule, or end its silence.

        Nobody is told until then; what still fires afterwards is told then."""
        rule = self.changeable(rule_id)
        return self.shown(silence_rule(actor=self.actor, rule=rule, **self.body(SilenceBody)))


class Alerts(AlertView):
    queries = {"get": AlertQuery}

    @extend_schema(responses=page_of(AlertSerializer))
    def get(self, request: Request) -> Response:
        """List alerts.

        Each time that a rule fired, or had no data; the newest first."""
        found = alerts_for(self.person, workspace=self.asked_workspace())
        if "endpoint" in self.asked:
            found = found.filter(endpoint__name__iexact=self.asked["endpoint"])
        if self.asked["open"] is not None:
            found = found.filter(ended_at__isnull=self.asked["open"])
        return paged(self, found, AlertSerializer, ordering="-started_at")


class AlertDetail(AlertView):
    @extend_schema(responses=AlertSerializer)
    def get(self, request: Request, alert_id: UUID) -> Response:
        """Show an alert."""
        return Response(AlertSerializer(alert_for(self.person, alert_id)).data)


class AlertAcknowledge(AlertView):
    bodiless = frozenset({"post"})

    @extend_schema(request=None, responses=AlertSerializer)
    def post(self, request: Request, alert_id: UUID) -> Response:
        """Acknowledge an alert.

        Says to the others that you are at it. The first one stays."""
        return Response(AlertSerializer(acknowledge(actor=self.actor, alert=alert_for(self.person, alert_id))).data)


class ChannelView(AlertView):
    def managed(self, name: str) -> Workspace:
        workspace = workspace_for(self.person, name)
        require(self.person, Action.MANAGE_WORKSPACE, workspace)
        return workspace


class Channels(ChannelView):
    queries = {"get": PageQuery}

    @extend_schema(responses=page_of(ChannelSerializer))
    def get(self, request: Request, name: str) -> Response:
        """List the notification channels of a workspace.

        Addresses are not shown."""
        return paged(self, channels_of(workspace_for(self.person, name)), ChannelSerializer, ordering="id")


class ChannelDetail(ChannelView):
    @extend_schema(request=ChannelBody, responses={201: NewChannelSerializer})
    def put(self, request: Request, name: str, channel: str) -> Response:
        """Create a notification channel.

        E-mail, a webhook (signed by Standard Webhooks), or one that speaks Slack's. For Contributors."""
        workspace = self.managed(name)
        made = create_channel(actor=self.actor, workspace=workspace, name=channel, **self.body(ChannelBody))
        return Response(NewChannelSerializer(made).data, status=201)

    @extend_schema(request=ChannelSwitchBody, responses=ChannelSerializer)
    def patch(self, request: Request, name: str, channel: str) -> Response:
        """Switch a notification channel on or off."""
        found = channel_of(self.managed(name), channel)
        made = switch_channel(actor=self.actor, channel=found, **self.body(ChannelSwitchBody))
        return Response(ChannelSerializer(made).data)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, name: str, channel: str) -> Response:
        """Remove a notification channel.

        What still waits to be sent by it is dropped."""
        remove_channel(actor=self.actor, channel=channel_of(self.managed(name), channel))
        return Response(status=204)


class ChannelTest(ChannelView):
    bodiless = frozenset({"post"})

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, name: str, channel: str) -> Response:
        """Send a test by a notification channel.

        At once; 503 says what the other side answered."""
        send_test(actor=self.actor, channel=channel_of(self.managed(name), channel))
        return Response(status=204)


class Deliveries(ChannelView):
    queries = {"get": PageQuery}

    @extend_schema(responses=page_of(DeliverySerializer))
    def get(self, request: Request, name: str) -> Response:
        """List the notifications of a workspace.

        And what became of each; the newest first."""
        return paged(self, deliveries_of(workspace_for(self.person, name)), DeliverySerializer, ordering="-created_at")
