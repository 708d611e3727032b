"""How a person signs in: second factor, passkeys, linked providers; and where they are signed in."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from endpoints.domain.errors import Conflict, NotFound
from endpoints.models import IdentityProvider, User
from endpoints.selectors.endpoints import own_security_events
from endpoints.services.people import unlink
from studio.actors import actor_of, signed_in
from studio.pages.page import page, show, went_to
from studio.second_factor import lacks_second_factor, passkeys_work_at
from studio.sessions import end_others, end_session, sessions_of
from studio.sign_in_history import record_session_ended

SHOWN_EVENTS = 8


@page
@never_cache
def profile_security(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    factors = list(Authenticator.objects.filter(user_id=user.pk).order_by("created_at"))
    of_type = {each.type: each for each in factors}
    codes = of_type.get(Authenticator.Type.RECOVERY_CODES)
    context = {
        "app": of_type.get(Authenticator.Type.TOTP),
        "codes": codes,
        "codes_left": len(codes.wrap().get_unused_codes()) if codes else 0,
        "passkeys": [each for each in factors if each.type == Authenticator.Type.WEBAUTHN],
        "passkeys_work": passkeys_work_at(request.get_host()),
        "lacking": lacks_second_factor(request),
        "history": list(own_security_events(user)[:SHOWN_EVENTS]),
        **_linked(user),
    }
    return show(request, "profile/security.html", context)


def _linked(user: User) -> dict[str, Any]:
    """Two queries, however many providers there are."""
    accounts = {each.provider: each for each in SocialAccount.objects.filter(user_id=user.pk)}
    rows = list(IdentityProvider.objects.for_sign_in())
    linked = [{"provider": row, "account": accounts[row.name]} for row in rows if row.name in accounts]
    return {"linked": linked, "linkable": [row for row in rows if row.name not in accounts]}


@page
@reauthentication_required
def profile_security_link(request: HttpRequest, name: str) -> HttpResponse:
    """Who has just proven who they are may go and prove it there too."""
    return show(request, "profile/link.html", {"provider": _provider(name)})


@page
@require_POST
@reauthentication_required
def profile_security_unlink(request: HttpRequest, name: str) -> HttpResponse:
    user = signed_in(request)
    account = SocialAccount.objects.filter(user_id=user.pk, provider=name).first()
    if account is None:
        raise NotFound("It is not linked.")
    if not user.has_usable_password() and not _has_passkey(user):
        raise Conflict("Add a passkey first: without this link and without a password you could not sign in any more.")
    provider = _provider(name)
    with transaction.atomic():
        account.delete()
        unlink(actor=actor_of(request), user=user, provider=provider)
    return went_to(request, reverse("profile_security"), f"“{provider.title}” no longer signs you in.")


def _has_passkey(user: User) -> bool:
    keys = Authenticator.objects.filter(user_id=user.pk, type=Authenticator.Type.WEBAUTHN)
    return any(key.wrap().is_passwordless for key in keys)


def _provider(name: str) -> IdentityProvider:
    found = IdentityProvider.objects.for_sign_in().filter(name=name).first()
    if found is None:
        raise NotFound("Nobody signs in through a provider of this name.")
    return found


@page
@never_cache
def profile_sessions(request: HttpRequest) -> HttpResponse:
    return show(request, "profile/sessions.html", {"sessions": sessions_of(request, signed_in(request))})


@page
@require_POST
def session_end(request: HttpRequest, session_id: int) -> HttpResponse:
    user = signed_in(request)
    if end_session(request, user, session_id):
        record_session_ended(request, user, "this browser")
        get_adapter(request).logout(request)
        return went_to(request, reverse("account_login"), "You are signed out.")
    return went_to(request, reverse("profile_sessions"), "The session has ended.")


@page
@require_POST
def sessions_end_others(request: HttpRequest) -> HttpResponse:
    count = end_others(request, signed_in(request))
    words = f"{count} other session{'' if count == 1 else 's'} ended." if count else "There was no other session."
    return went_to(request, reverse("profile_sessions"), words, level=messages.SUCCESS if count else messages.INFO)


_LINK = "profile/security/providers/<slug:name>/"
_SESSIONS = "profile/sessions/"
urlpatterns = [
    path("profile/security/", profile_security, name="profile_security"),
    path(f"{_LINK}link/", profile_security_link, name="profile_security_link"),
    path(f"{_LINK}unlink/", profile_security_unlink, name="profile_security_unlink"),
    path(_SESSIONS, profile_sessions, name="profile_sessions"),
    path(f"{_SESSIONS}others/end/", sessions_end_others, name="sessions_end_others"),
    path(f"{_SESSIONS}<int:session_id>/end/", session_end, name="session_end"),
]
