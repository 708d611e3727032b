"""Who signs in through an identity provider is whom: linked before, known by a vouched address, or nobody."""

import logging
from typing import Any

from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthError
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Conflict, Forbidden, StudioError
from endpoints.domain.sign_in import Identity
from endpoints.enums import Source
from endpoints.models import IdentityProvider, User
from endpoints.services.people import person_of, remember
from studio.sign_in_history import record_refusal

log = logging.getLogger(__name__)
OIDC = "openid_connect"
NOBODY = (
    "“{}” says who you are, but no account here is linked to it. Sign in as you usually do and link it under Security, "
    "or ask your administrator for an account."
)
WENT_WRONG = {
    AuthError.CANCELLED: "The sign-in was cancelled.",
    AuthError.DENIED: "The provider refused the sign-in.",
    AuthError.UNKNOWN: "The provider did not confirm it, or it was begun elsewhere or too long ago. Try again.",
}


class SocialAdapter(DefaultSocialAccountAdapter):
    """Apps are the rows that IT keeps; there are no others."""

    def list_apps(self, request: HttpRequest, provider: Any = None, client_id: Any = None) -> list[SocialApp]:
        rows = IdentityProvider.objects.for_sign_in()
        if provider and provider != OIDC:
            rows = rows.filter(name=provider)
        return [_app(row) for row in (rows.filter(client_id=client_id) if client_id else rows)]

    def get_requests_session(self) -> Any:
        """No redirect is followed: it could carry the client's secret to anybody."""
        session = super().get_requests_session()
        session.max_redirects = 0
        return session

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Accounts are made in pre_social_login, or not at all."""
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        row, identity = sociallogin.provider.app.row, sociallogin.identity
        connects = sociallogin.state.get("process") == AuthProcess.CONNECT
        try:
            with transaction.atomic():
                user = _own(request, sociallogin) if connects else _person(row, identity, sociallogin)
                _link(request, sociallogin, user, row, identity)
        except IntegrityError:
            raise Conflict("Somebody else was signing in as this person. Try again.") from None
        if connects:
            messages.success(request, f"“{row.title}” is linked: you can sign in through it.")
            raise ImmediateHttpResponse(redirect("profile_security"))

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = AuthError.UNKNOWN,
        exception: Exception | None = None,
        extra_context: Any = None,
    ) -> None:
        words = str(exception) if isinstance(exception, StudioError) else WENT_WRONG.get(error, "")
        if exception is not None and not isinstance(exception, StudioError):
            log.warning("Sign-in through %s: %s", provider.sub_id, exception)
        raise ImmediateHttpResponse(refused(request, provider.app.row, words or WENT_WRONG[AuthError.UNKNOWN]))


def refused(request: HttpRequest, row: IdentityProvider, words: str) -> HttpResponse:
    record_refusal(request, row, words)
    return render(request, "account/refused.html", {"provider": row, "words": words}, status=403)


def _app(row: IdentityProvider) -> SocialApp:
    app = SocialApp(provider=OIDC, provider_id=row.name, name=row.title, client_id=row.client_id)
    app.secret, app.settings = row.client_secret, {"server_url": row.location, "oauth_pkce_enabled": True}
    app.row = row
    return app


def _own(request: HttpRequest, sociallogin: SocialLogin) -> User:
    """Who is signed in, and has just proven it."""
    user = request.user
    if not isinstance(user, User) or not did_recently_reauthenticate(request):
        raise Forbidden("Confirm that it is you before you link an account.")
    if sociallogin.account.pk is not None and sociallogin.account.user_id != user.pk:
        raise Conflict("It is linked to another account.")
    return user


def _person(row: IdentityProvider, identity: Identity, sociallogin: SocialLogin) -> User:
    linked = sociallogin.account.pk is not None
    user: User | None = sociallogin.user if linked else person_of(row, identity)
    if user is None or user.is_service:
        raise Forbidden(NOBODY.format(row.title))
    if not user.is_active:
        raise Forbidden("Your account is disabled. Ask your administrator.")
    return user


def _link(
    request: HttpRequest, sociallogin: SocialLogin, user: User, row: IdentityProvider, identity: Identity
) -> None:
    linked = sociallogin.account.pk is None
    if linked and SocialAccount.objects.filter(provider=row.name, user=user).exists():
        raise Conflict(f"This account is linked to somebody else at “{row.title}”. Ask your administrator.")
    actor = Actor(user=user, source=Source.UI, request_id=getattr(request, "request_id", ""))
    remember(actor=actor, provider=row, identity=identity, linked=linked)
    if linked:
        sociallogin.account.user = user
        sociallogin.account.save()
    user.refresh_from_db()
    sociallogin.user = user
