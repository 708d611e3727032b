"""Who calls: `Authorization: Bearer est_…`. A browser's session is the other way in, with its CSRF token."""

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

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
