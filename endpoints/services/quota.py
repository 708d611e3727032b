"""Quotas and the site's limits: set by IT, asked for by members."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction
from django.utils import timezone

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Conflict, Invalid, NotFound, StaleVersion
from endpoints.domain.limits import LARGEST_LIMIT
from endpoints.domain.quota import RESOURCES, limit_faults
from endpoints.enums import RequestState
from endpoints.models import Quota, QuotaRequest, SiteLimits, Workspace
from endpoints.permissions import Action, require, require_staff
from endpoints.selectors.quota import limits_in, quota_of, site_quota
from endpoints.services import events
from endpoints.services.capacity import lock_capacity
from endpoints.services.routes import next_revision

MAX_REASON = 2000
# (least, most); the timeout's most is what a request may wait for a sleeper, at the longest.
RANGES = {
    "reserve_percent": (0, 100),
    "deployments_per_endpoint": (1, 1000),
    "instances_per_deployment": (1, 1000),
    "request_timeout_ms": (1, 300_000),
    "requests_per_second": (0, LARGEST_LIMIT),
    "kilobytes_per_second": (0, LARGEST_LIMIT),
}
RATES = ("requests_per_second", "kilobytes_per_second")


def set_quota(
    *, actor: Actor, workspace: Workspace | None, limits: Mapping[str, Any], expected_version: int | None = None
) -> Quota:
    """Of a workspace, or of the site. What is not named stays; None is no limit. Lower than what is in use stops
    nothing, and refuses more. Raises Invalid, StaleVersion."""
    require_staff(actor.user)
    wanted = checked_limits(limits)
    with transaction.atomic():
        lock_capacity()
        return _set_quota(actor, workspace, wanted, expected_version)


def _set_quota(
    actor: Actor,
    workspace: Workspace | None,
    wanted: Mapping[str, Decimal | None],
    expected: int | None,
    reason: str = "",
) -> Quota:
    quota = quota_of(workspace) if workspace else site_quota()
    _check_version(quota.version, expected, "The quota")
    before = limits_in(quota)
    for name, value in wanted.items():
        setattr(quota, name, value if value is None or name == "vcpu" else int(value))
    if limits_in(quota) != before:
        quota.version, quota.updated_at, quota.updated_by = quota.version + 1, timezone.now(), actor.user
        quota.save()
        events.record(
            actor=actor,
            verb="quota.set",
            workspace=workspace,
            subject=workspace.name if workspace else "site",
            before=_plain(before),
            after=_plain(limits_in(quota)),
            reason=reason,
        )
    return quota


def checked_limits(limits: Mapping[str, Any]) -> dict[str, Decimal | None]:
    """As exact numbers, or Invalid with every field that is wrong."""
    found: dict[str, Decimal | None] = {}
    problems: dict[str, str] = {}
    for name, value in limits.items():
        try:
            found[name] = None if value is None else Decimal(str(value))
        except InvalidOperation:
            problems[name] = "A number, or nothing for no limit."
    problems |= limit_faults({name: value for name, value in found.items() if value is None or value.is_finite()})
    problems |= {name: _digits(name) for name, value in found.items() if value is not None and not _fits(name, value)}
    if problems:
        raise Invalid(problems)
    return found


def _fits(name: str, value: Decimal) -> bool:
    return value.is_finite() and value == round(value, 2 if name == "vcpu" else 0)


def _digits(name: str) -> str:
    return "A number with two decimals at most." if name == "vcpu" else "A whole number."


def _plain(limits: Mapping[str, Decimal]) -> dict[str, str]:
    return {name: f"{value.normalize():f}" for name, value in limits.items()}


def _check_version(present: int, expected: int | None, what: str) -> None:
    if expected not in (None, present):
        raise StaleVersion(
            f"{what} was changed meanwhile: it is at version {present}, your change was made against {expected}."
        )


def set_site_limits(*, actor: Actor, expected_version: int | None = None, **limits: int | None) -> SiteLimits:
    """What is not named stays. What is beyond a lowered limit goes on as it is, until it is changed."""
    require_staff(actor.user)
    if problems := _range_faults(limits):
        raise Invalid(problems)
    with transaction.atomic():
        row = lock_capacity()
        _check_version(row.version, expected_version, "The site's limits")
        before = {name: getattr(row, name) for name in RANGES}
        for name, value in limits.items():
            setattr(row, name, value)
        after = {name: getattr(row, name) for name in RANGES}
        if after != before:
            row.version, row.updated_at = row.version + 1, timezone.now()
            row.save()
            changed = [name for name in RANGES if before[name] != after[name]]
            old, new = ({name: values[name] for name in changed} for values in (before, after))
            events.record(actor=actor, verb="site.limits_set", subject="site", before=old, after=new)
            if any(name in RATES for name in changed):
                next_revision()
    return row


def _range_faults(limits: Mapping[str, int | None]) -> dict[str, str]:
    problems = {}
    for name, value in limits.items():
        low, high = RANGES.get(name, (0, 0))
        empty = value is None and name in RATES
        whole = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        if name not in RANGES:
            problems[name] = "There is no such limit."
        elif not (empty or whole):
            problems[name] = f"A whole number from {low} to {high}."
    return problems


def ask_for_quota(*, actor: Actor, workspace: Workspace, limits: Mapping[str, Any], reason: str) -> QuotaRequest:
    """A member asks for other limits of the workspace; IT decides. One is open at a time."""
    require(actor.user, Action.WRITE, workspace)
    wanted = {name: value for name, value in checked_limits(limits).items() if value is not None}
    problems = {} if wanted else {"": "Say of at least one resource how much you need."}
    if not 1 <= len(reason.strip()) <= MAX_REASON:
        problems["reason"] = f"Say what for, in {MAX_REASON} characters at most."
    if problems:
        raise Invalid(problems)
    with transaction.atomic():
        lock_capacity()
        if workspace.quota_requests.filter(state=RequestState.PENDING).exists():
            raise Conflict("A request of this workspace waits for IT already. Withdraw it to ask for something else.")
        made = QuotaRequest.objects.create(
            workspace=workspace, reason=reason.strip(), created_by=actor.user, **_columns(wanted)
        )
        _tell(actor, made, "quota.requested", made.reason)
    return made


def _columns(wanted: Mapping[str, Decimal]) -> dict[str, Decimal | int]:
    return {name: value if name == "vcpu" else int(value) for name, value in wanted.items()}


def _tell(actor: Actor, request: QuotaRequest, verb: str, reason: str) -> None:
    asked = _plain({name: Decimal(value) for name in RESOURCES if (value := getattr(request, name)) is not None})
    events.record(
        actor=actor, verb=verb, workspace=request.workspace, subject=f"request {request.pk}", after=asked, reason=reason
    )


def approve_request(*, actor: Actor, request: QuotaRequest, note: str = "") -> QuotaRequest:
    """The workspace has what it asked for, from now on."""
    require_staff(actor.user)
    wanted = {name: Decimal(value) for name in RESOURCES if (value := getattr(request, name)) is not None}
    with transaction.atomic():
        lock_capacity()
        decided = _decide(actor, request, RequestState.APPROVED, note)
        _set_quota(actor, request.workspace, wanted, None, reason=f"Request {request.pk}: {request.reason}"[:500])
    return decided


def deny_request(*, actor: Actor, request: QuotaRequest, note: str) -> QuotaRequest:
    """With a note that says why."""
    require_staff(actor.user)
    if not note.strip():
        raise Invalid({"note": "Say why: who asked reads it."})
    with transaction.atomic():
        return _decide(actor, request, RequestState.DENIED, note)


def withdraw_request(*, actor: Actor, request: QuotaRequest) -> QuotaRequest:
    require(actor.user, Action.WRITE, request.workspace)
    with transaction.atomic():
        return _decide(actor, request, RequestState.WITHDRAWN, "")


def _decide(actor: Actor, request: QuotaRequest, state: RequestState, note: str) -> QuotaRequest:
    if len(note) > MAX_REASON:
        raise Invalid({"note": f"At most {MAX_REASON} characters."})
    decided = {"state": state, "note": note.strip(), "decided_at": timezone.now(), "decided_by": actor.user}
    if not QuotaRequest.objects.filter(pk=request.pk, state=RequestState.PENDING).update(**decided):
        found = QuotaRequest.objects.filter(pk=request.pk).first()
        if found is None:
            raise NotFound("There is no such request.")
        raise Conflict(f"This request is {found.state} already.")
    request.refresh_from_db()
    _tell(actor, request, f"quota.request_{state}", note.strip())
    return request
