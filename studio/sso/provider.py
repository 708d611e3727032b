"""One identity provider as allauth drives it: PKCE and a nonce always, an ID token that is checked in full."""

import hashlib
from functools import cached_property
from typing import Any

from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.oauth2.client import OAuth2Client
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac

from endpoints.domain.errors import Invalid
from endpoints.domain.oidc import SignInAddresses
from endpoints.domain.sign_in import Identity
from endpoints.models import IdentityProvider
from endpoints.services.discovery import fetch_sign_in
from endpoints.services.sign_in import identity_from


def nonce_of(state: str) -> str:
    """The state is random, of one session, and used once: so is this, and it cannot be told from it."""
    return salted_hmac("studio.sso.nonce", state, algorithm="sha256").hexdigest()


def callback_url(name: str) -> str:
    """What the provider must know as the studio's redirect URI."""
    return f"{settings.STUDIO_PUBLIC_URL}{reverse('openid_connect_callback', args=[name])}"


def uid_of(row: IdentityProvider, subject: str) -> str:
    """Of a row, which is never another's: a provider that comes later under this name inherits nobody."""
    return hashlib.sha256(f"{row.pk}\n{row.location}\n{subject}".encode()).hexdigest()


class CodeClient(OAuth2Client):
    def get_redirect_url(self, authorization_url: str, scope: list[str], extra_params: dict[str, Any]) -> str:
        url: str = super().get_redirect_url(authorization_url, scope, {**extra_params, "nonce": nonce_of(self.state)})
        head, _, query = url.partition("?")
        return f"{head}&{query.replace('?', '&')}" if "?" in authorization_url else url


class CodeAdapter(OpenIDConnectOAuth2Adapter):
    """Asks the provider's addresses of its own discovery document, and believes its ID token alone."""

    client_class = CodeClient

    @cached_property
    def row(self) -> IdentityProvider:
        found: IdentityProvider = self.get_provider().app.row
        return found

    @cached_property
    def addresses(self) -> SignInAddresses:
        return fetch_sign_in(self.row.location)

    @property
    def openid_config(self) -> dict[str, Any]:
        return {
            "authorization_endpoint": self.addresses.authorization,
            "token_endpoint": self.addresses.token,
            "token_endpoint_auth_methods_supported": list(self.addresses.methods),
        }

    @property
    def basic_auth(self) -> bool:
        """A client without a secret has nothing to say there."""
        methods = self.addresses.methods or ("client_secret_basic",)  # OpenID Connect Discovery 3
        return bool(self.row.client_secret) and "client_secret_post" not in methods

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return callback_url(self.row.name)

    def complete_login(self, request: HttpRequest, app: SocialApp, token: Any, **kwargs: Any) -> SocialLogin:
        id_token = kwargs["response"].get("id_token")
        if not isinstance(id_token, str):
            raise Invalid("The provider gave no ID token.")
        nonce = nonce_of(request.GET.get("state", ""))
        identity = identity_from(provider=self.row, id_token=id_token, nonce=nonce, now=timezone.now())
        login = self.get_provider().sociallogin_from_response(request, identity)
        login.identity = identity
        return login


class StudioProvider(OpenIDConnectProvider):
    """Its app stands for a row of the identity providers: `app.row`."""

    oauth2_adapter_class = CodeAdapter

    def redirect(self, request: HttpRequest, process: str, next_url: str | None = None, **_: Any) -> HttpResponse:
        """Scopes and parameters are ours, whatever the address of the request says."""
        response: HttpResponse = super().redirect(
            request, process, next_url, scope=self.get_default_scope(), auth_params={}
        )
        return response

    def serialize(self) -> dict[str, Any]:
        """By name: two providers may know the studio by the same client id."""
        return {**super().serialize(), "id": self.sub_id}

    def extract_uid(self, data: Identity) -> str:
        return uid_of(self.app.row, data.subject)

    def extract_extra_data(self, data: Identity) -> dict[str, Any]:
        return {"sub": data.subject, "email": data.email, "name": data.name}

    def extract_common_fields(self, data: Identity) -> dict[str, Any]:
        return {}

    def extract_email_addresses(self, data: Identity) -> list[Any]:
        return []
