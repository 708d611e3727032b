"""Alert rules, alerts and channels, as one person may see them."""

from datetime import timedelta
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet

from endpoints.domain.alerts import AlertSpec
from endpoints.domain.errors import NotFound
from endpoints.domain.scaling_rules import Operator
from endpoints.models import Alert, AlertRule, Notification, NotificationChannel, User, Workspace
from endpoints.selectors.endpoints import readable_endpoints, workspaces_for


def spec_of(rule: AlertRule) -> AlertSpec:
    return AlertSpec(
        signal=rule.signal,
        operator=Operator(rule.operator),
        threshold=rule.threshold,
        recovery=rule.recovery,
        window=timedelta(seconds=rule.window_seconds),
        fire_after=timedelta(seconds=rule.fire_after_seconds),
        resolve_after=timedelta(seconds=rule.resolve_after_seconds),
    )


def _visible(user: User) -> Q:
    """Of a workspace that the person reads, or of an endpoint on which they have a role that reads."""
    return Q(workspace__in=workspaces_for(user)) | Q(endpoint__in=readable_endpoints(user).values("pk"))


def rules_for(user: User, *, workspace: Workspace | None = None) -> QuerySet[AlertRule]:
    """Each with its channels: two queries. Those of deleted endpoints and deployments watch nothing any more."""
    found = AlertRule.objects.filter(_visible(user), endpoint__deleted_at=None, deployment__deleted_at=None)
    if workspace is not None:
        found = found.filter(workspace=workspace)
    channels = NotificationChannel.objects.defer("target", "secret")
    return found.select_related(
        "workspace", "endpoint__workspace", "deployment__endpoint", "created_by"
    ).prefetch_related(Prefetch("channels", queryset=channels))


def rule_for(user: User, rule_id: int) -> AlertRule:
    found = rules_for(user).filter(pk=rule_id).first()
    if found is None:
        raise NotFound("There is no such alert rule.")
    return found


def alerts_for(user: User, *, workspace: Workspace | None = None, open_only: bool = False) -> QuerySet[Alert]:
    """The newest first."""
    found = Alert.objects.filter(_visible(user))
    if workspace is not None:
        found = found.filter(workspace=workspace)
    if open_only:
        found = found.filter(ended_at=None)
    return found.select_related("rule", "endpoint__workspace", "workspace", "acknowledged_by")


def alert_for(user: User, alert_id: UUID) -> Alert:
    found = alerts_for(user).filter(pk=alert_id).first()
    if found is None:
        raise NotFound("There is no such alert.")
    return found


def channels_of(workspace: Workspace) -> QuerySet[NotificationChannel]:
    """Without where they lead: an address may be a secret."""
    return workspace.notification_channels.defer("target", "secret").select_related("created_by")


def channel_of(workspace: Workspace, name: str) -> NotificationChannel:
    found = NotificationChannel.objects.filter(workspace=workspace, name=name).select_related("workspace").first()
    if found is None:
        raise NotFound(f"“{workspace}” has no channel “{name}”.")
    return found


def deliveries_of(workspace: Workspace) -> QuerySet[Notification]:
    """What was said, and what became of it; the newest first."""
    return Notification.objects.filter(channel__workspace=workspace).select_related("channel", "alert")
