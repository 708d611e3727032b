"""Who calls: `Authorization: Bearer est_…`. A browser's session is the other way in, with its CSRF token."""

from typing import Any

from django.utils.functional import SimpleLazyObject
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from endpoints.models import PersonalToken, User
from endpoints.services.tokens import user_of


class PersonalTokenAuthentication(BaseAuthentication):
    """RFC 6750. `request.auth` is the token's row."""

    def authenticate(self, request: Request) -> tuple[User, PersonalToken] | None:
        scheme, _, secret = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        found = user_of(secret.strip())
        if found is None:
            raise AuthenticationFailed("This token is not valid: it is mistyped, expired or revoked. Make a new one.")
        return found

    def authenticate_header(self, request: Request) -> str:
        refused = ', error="invalid_token"' if "Authorization" in request.headers else ""
        return f'Bearer realm="Endpoint Studio"{refused}'


class TokenMayWrite(BasePermission):
    """A read-only token changes nothing, whoever it belongs to, and is shown no secret."""

    message = "This token may only read. Use one that may write."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.method in SAFE_METHODS or not reads_only(request)


def reads_only(request: Request) -> bool:
    return isinstance(request.auth, PersonalToken) and request.auth.read_only


def person_of(request: Request) -> User:
    """The person; views ask only behind their sign-in check."""
    user: Any = request.user
    assert isinstance(user, User | SimpleLazyObject)
    return user


class PersonalTokenScheme(OpenApiAuthenticationExtension):
    target_class = "studio.api.authentication.PersonalTokenAuthentication"
    name = "personalToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "A personal token, est_…"}
