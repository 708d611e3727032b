"""Accounts are allauth's and Django's own: what they say has happened, put on record."""

from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as mfa
from allauth.mfa.recovery_codes.views import download_recovery_codes, view_recovery_codes
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from django.contrib.auth import signals as auth
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from endpoints.domain.actor import Actor
from endpoints.enums import Source
from endpoints.models import User
from endpoints.services.account_events import record_account

CHANGES = {
    account.password_set: "password.set",
    account.password_changed: "password.changed",
    account.password_reset: "password.reset",
    mfa.authenticator_added: "second_factor.added",
    mfa.authenticator_removed: "second_factor.removed",
    mfa.authenticator_reset: "second_factor.reset",
}


def _actor(request: HttpRequest | None, user: User | None) -> Actor:
    return Actor(user=user, source=Source.UI, request_id=getattr(request, "request_id", ""), label="anonymous")


@receiver(auth.user_logged_in)
def on_sign_in(request: HttpRequest | None, user: User, **_: Any) -> None:
    """A sign-in without a request's path is no person's."""
    if request is not None and request.path:
        record_account(actor=_actor(request, user), verb="sign_in.succeeded", user=user)


@receiver(auth.user_logged_out)
def on_sign_out(request: HttpRequest | None, user: User | None, **_: Any) -> None:
    if user is not None and request is not None and request.path:
        record_account(actor=_actor(request, user), verb="sign_out", user=user)


@receiver(auth.user_login_failed)
def on_failure(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """What was typed as a name, and nothing else that was typed."""
    typed = str(credentials.get("email") or credentials.get("username") or "")
    if request is not None and request.path:
        record_account(actor=_actor(request, None), verb="sign_in.failed", subject=typed)


def _on_change(signal: Any, request: HttpRequest, user: User, **given: Any) -> None:
    kind = getattr(given.get("authenticator"), "type", "")
    record_account(actor=_actor(request, user), verb=CHANGES[signal], user=user, reason=str(kind))


for each, verb in CHANGES.items():
    each.connect(_on_change, dispatch_uid=f"account_events.{verb}")


@receiver(account.email_changed)
def on_email(request: HttpRequest, user: User, from_email_address: Any, to_email_address: Any, **_: Any) -> None:
    before, after = ({"email": getattr(each, "email", "")} for each in (from_email_address, to_email_address))
    record_account(actor=_actor(request, user), verb="email.changed", user=user, before=before, after=after)


@receiver(account.email_added)
def on_email_added(request: HttpRequest, user: User, email_address: Any, **_: Any) -> None:
    after = {"email": email_address.email}
    record_account(actor=_actor(request, user), verb="email.added", user=user, after=after)


@receiver(account.email_removed)
def on_email_removed(request: HttpRequest, user: User, email_address: Any, **_: Any) -> None:
    before = {"email": email_address.email}
    record_account(actor=_actor(request, user), verb="email.removed", user=user, before=before)


class UserSessionsAdapter(DefaultUserSessionsAdapter):
    def end_sessions(self, sessions: Any) -> None:
        ended = list(sessions)
        super().end_sessions(ended)
        for session in ended:
            actor = Actor(user=session.user, source=Source.UI)
            record_account(actor=actor, verb="session.ended", user=session.user, reason=session.user_agent[:300])


def recovery_codes(request: HttpRequest) -> HttpResponse:
    return _read(request, view_recovery_codes(request))


def recovery_codes_file(request: HttpRequest) -> HttpResponse:
    return _read(request, download_recovery_codes(request))


def _read(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """They sign in as a second factor does: who reads them is on record."""
    if answer.status_code == 200 and isinstance(request.user, User):
        record_account(actor=_actor(request, request.user), verb="recovery_codes.read", user=request.user)
    return answer
