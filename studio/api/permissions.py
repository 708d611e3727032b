"""Who asks, and what their token leaves them."""

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from endpoints.models import PersonalToken


class TokenMayWrite(BasePermission):
    """A read-only token changes nothing, whoever it belongs to, and is shown no secret."""

    message = "This token may only read. Use one that may write."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.method in SAFE_METHODS or not reads_only(request)


def reads_only(request: Request) -> bool:
    return isinstance(request.auth, PersonalToken) and request.auth.read_only
