"""What could be misused, for the site's IT. No secret is in any of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Max, Q, QuerySet

from endpoints.enums import AuthMode, ScanStatus
from endpoints.models import (
    Credential,
    Event,
    IdentityProvider,
    ModelVersion,
    PersonalToken,
    RoleAssignment,
    ServiceSecret,
    SiteState,
)

SHOWN = 50  # of each list
ROLES_SHOWN = 200
FAILURES_SINCE = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aged:
    """A token, secret or key that is older than IT wants, or unused for longer."""

    kind: str
    name: str
    owner: str
    created_at: datetime
    used_at: datetime | None = None
    expires_at: datetime | None = None
    endpoint: str = ""  # of a key


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Sign-ins that failed, of one account or under no account's address."""

    subject: str
    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSecurity:
    tokens: list[Aged]
    keys: list[Aged]
    failures: list[Failures]
    findings: list[ModelVersion]
    findings_count: int  # of all
    providers: list[IdentityProvider]
    limits: SiteState


def site_security(*, now: datetime) -> SiteSecurity:
    """Each list has SHOWN rows at most, the worst first. Eight queries."""
    limits = SiteState.objects.filter(id=1).first() or SiteState()
    return SiteSecurity(
        tokens=_tokens(limits, now),
        keys=_keys(limits, now),
        failures=_failures(now),
        findings=list(_findings().annotate(deployed=_LIVE).order_by("-deployed", "-created_at")[:SHOWN]),
        findings_count=_findings().count(),
        providers=list(IdentityProvider.objects.elsewhere().defer("client_secret", "keys", "pasted_jwks")),
        limits=limits,
    )


def _tokens(limits: SiteState, now: datetime) -> list[Aged]:
    """Personal tokens and secrets of service accounts that are good still."""
    old, unused = now - timedelta(days=limits.old_token_days), now - timedelta(days=limits.unused_token_days)
    never = Q(last_used_at=None, created_at__lt=unused)
    stale = Q(created_at__lt=old) | Q(last_used_at__lt=unused) | never
    personal = PersonalToken.objects.valid().filter(stale).select_related("user").order_by("created_at")[:SHOWN]
    good = Q(expires_at=None) | Q(expires_at__gt=now)
    secrets = ServiceSecret.objects.filter(good, created_at__lt=old, account__user__is_active=True)
    rows = [
        Aged(
            kind="Personal token",
            name=f"{row.name} ({row.prefix}…)",
            owner=row.user.email,
            created_at=row.created_at,
            used_at=row.last_used_at,
            expires_at=row.expires_at,
        )
        for row in personal
    ]
    rows += [
        Aged(
            kind="Secret of a service account",
            name=f"{row.account.name} ({row.prefix}…)",
            owner=row.account.workspace.name,
            created_at=row.created_at,
            used_at=row.account.last_used_at,
            expires_at=row.expires_at,
        )
        for row in secrets.select_related("account__workspace").order_by("created_at")[:SHOWN]
    ]
    return sorted(rows, key=lambda row: row.created_at)[:SHOWN]


def _keys(limits: SiteState, now: datetime) -> list[Aged]:
    """Of endpoints that are opened by keys. The keys themselves are not read."""
    old = now - timedelta(days=limits.old_key_days)
    found = Credential.objects.filter(created_at__lt=old, endpoint__deleted_at=None, endpoint__auth_mode=AuthMode.KEY)
    rows = found.order_by("created_at", "endpoint__name", "kind")[:SHOWN]
    columns = rows.values_list("kind", "endpoint__name", "endpoint__workspace__name", "created_at")
    return [
        Aged(kind="Key", name=kind, owner=workspace, created_at=created_at, endpoint=endpoint)
        for kind, endpoint, workspace, created_at in columns
    ]


def _failures(now: datetime) -> list[Failures]:
    """By account, the most first. They are of no deployment, by which the index finds them."""
    failed = Event.objects.filter(deployment_id=None, verb="sign_in.failed", created_at__gte=now - FAILURES_SINCE)
    rows = failed.order_by().values("subject").annotate(count=Count("pk"), last_at=Max("created_at"))
    return [Failures(**row) for row in rows.order_by("-count", "-last_at")[:SHOWN]]


def _findings() -> QuerySet[ModelVersion]:
    """Versions that can be deployed, and whose scan found something."""
    return ModelVersion.objects.filter(scan_status=ScanStatus.FINDINGS, archived_at=None).select_related("workspace")


_LIVE = Count("deployments", filter=Q(deployments__deleted_at=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What one principal holds: (where, role) in order."""

    principal: str
    kind: str
    roles: list[tuple[str, str]]


def role_matrix(text: str = "") -> tuple[list[Held], bool]:
    """Who holds what, where: the first ROLES_SHOWN assignments, by principal; and whether there are more. One query."""
    rows = RoleAssignment.objects.select_related("user", "workspace", "endpoint")
    if text:
        rows = rows.filter(
            Q(user__email__icontains=text) | Q(group__icontains=text) | Q(workspace__name__icontains=text)
        )
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    by_name = rows.order_by(F("user__email").asc(nulls_last=True), "group", "workspace__name", "role")
    first = list(by_name[: ROLES_SHOWN + 1])
    for row in first[:ROLES_SHOWN]:
        where = f"{row.workspace.name}/{row.endpoint.name}" if row.endpoint else row.workspace.name
        found.setdefault(_principal(row), []).append((where, row.get_role_display()))
    held = [Held(principal=name, kind=kind, roles=roles) for (name, kind), roles in found.items()]
    return held, len(first) > ROLES_SHOWN


def _principal(row: RoleAssignment) -> tuple[str, str]:
    if row.user is None:
        issuer, _, name = row.group.partition("|")
        return f"{name} of {issuer}", "Group"
    return row.user.email, "Service account" if row.user.is_service else "Person"
