"""What allauth tells of sign-ins and sessions, as events of the history. No password, code or token is ever in one."""

from typing import Any

from allauth.account import signals as account_signals
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core.internal.ratelimit import get_ip
from allauth.mfa import signals as mfa_signals
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import view_recovery_codes
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.internal.flows.sessions import end_other_sessions
from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.db.models.signals import pre_delete
from django.http import HttpRequest, HttpResponse

from endpoints.domain.actor import Actor
from endpoints.enums import Source
from endpoints.models import IdentityProvider, User
from endpoints.services import events
from studio.second_factor import FACTORS

QUIET_SECONDS = 300  # between two events of the same address that is throttled
VERBS = {
    (Authenticator.Type.TOTP, True): "second_factor.added",
    (Authenticator.Type.TOTP, False): "second_factor.removed",
    (Authenticator.Type.WEBAUTHN, True): "passkey.added",
    (Authenticator.Type.WEBAUTHN, False): "passkey.removed",
    (Authenticator.Type.RECOVERY_CODES, True): "recovery_codes.made",
    (Authenticator.Type.RECOVERY_CODES, False): "recovery_codes.removed",
}


def connect() -> None:
    account_signals.user_logged_in.connect(_signed_in)
    account_signals.user_logged_out.connect(_signed_out)
    account_signals.password_changed.connect(_password_changed)
    mfa_signals.authenticator_added.connect(_factor_added)
    mfa_signals.authenticator_reset.connect(_factor_added)
    mfa_signals.authenticator_removed.connect(_factor_removed)
    mfa_signals.authentication_failed.connect(_factor_failed)
    pre_delete.connect(_provider_removed, sender=IdentityProvider)


def record_failure(request: HttpRequest, email: str, words: str) -> None:
    """Under the address of an account alone: what somebody typed may be anything, a password too."""
    known = User.objects.filter(email__iexact=email).values_list("email", flat=True).first()
    subject = known or "unknown address"
    events.record(
        actor=_nobody(request), verb="sign_in.failed", subject=subject, reason=f"{words}, from {_address(request)}."
    )


def record_throttled(request: HttpRequest, email: str) -> None:
    """Once in a while: who is refused many times fills no table."""
    if cache.add(f"throttled:{get_ip(request)}", True, QUIET_SECONDS):
        record_failure(request, email, "Too many attempts")


def record_refusal(request: HttpRequest, provider: IdentityProvider, words: str) -> None:
    if cache.add(f"refused:{get_ip(request)}:{provider.pk}", True, 1):
        reason = f"{words} From {_address(request)}."
        events.record(actor=_nobody(request), verb="sign_in.failed", subject=provider.name, reason=reason)


def record_session_ended(request: HttpRequest, user: User, device: str) -> None:
    events.record(actor=_actor(request, user), verb="session.ended", subject=device)


def recovery_codes(request: HttpRequest) -> HttpResponse:
    """They sign in as a second factor does: who is shown them is on record."""
    answer: HttpResponse = view_recovery_codes(request)
    shown = getattr(answer, "context_data", None) or {}
    if isinstance(request.user, User) and shown.get("can_view_codes"):
        events.record(actor=_actor(request, request.user), verb="recovery_codes.read", subject=request.user.email)
    return answer


def method_of(request: HttpRequest, user: User) -> str:
    """How they proved who they are, step by step."""
    steps = []
    for record in get_authentication_records(request, user):
        if record["method"] == "socialaccount":
            steps.append(str(record.get("provider", "")))
        elif record["method"] == "mfa":
            steps.append({"totp": "app", "webauthn": "passkey"}.get(record.get("type", ""), "recovery code"))
        else:
            steps.append(record["method"])
    return ", ".join(dict.fromkeys(steps)) or "session"


def _signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    reason = f"By {method_of(request, user)}, from {_address(request)}."
    events.record(actor=_actor(request, user), verb="sign_in.succeeded", subject=user.email, reason=reason)


def _signed_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is not None and request.path:
        events.record(actor=_actor(request, user), verb="sign_out", subject=user.email)


def _password_changed(request: HttpRequest, user: User, **_: Any) -> None:
    """Other sessions are void with it; so they are not listed either."""
    events.record(actor=_actor(request, user), verb="password.changed", subject=user.email)
    end_other_sessions(request, user)


def _factor_added(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """With the first, sessions that began without one end: whoever knows the password alone stays in none."""
    _factor(request, user, authenticator, added=True)
    if authenticator.type in FACTORS and Authenticator.objects.filter(user=user, type__in=FACTORS).count() == 1:
        for session in UserSession.objects.filter(user=user).exclude(session_key=request.session.session_key):
            session.end()


def _factor_removed(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    _factor(request, user, authenticator, added=False)


def _factor(request: HttpRequest, user: User, authenticator: Authenticator, *, added: bool) -> None:
    subject = str(authenticator) if authenticator.type == Authenticator.Type.WEBAUTHN else ""
    verb = VERBS[authenticator.type, added]
    events.record(actor=_actor(request, user), verb=verb, subject=subject or user.email)


def _factor_failed(request: HttpRequest, user: User, **_: Any) -> None:
    record_failure(request, user.email, "Wrong code of the second factor")


def _provider_removed(instance: IdentityProvider, **_: Any) -> None:
    SocialAccount.objects.filter(provider=instance.name).delete()


def _actor(request: HttpRequest, user: User) -> Actor:
    return Actor(user=User.objects.get(pk=user.pk), source=Source.UI, request_id=getattr(request, "request_id", ""))


def _nobody(request: HttpRequest) -> Actor:
    return Actor(source=Source.UI, request_id=getattr(request, "request_id", ""), label="anonymous")


def _address(request: HttpRequest) -> str:
    return str(get_adapter(request).get_client_ip(request))
