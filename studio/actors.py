"""From a request to who acts."""

from django.http import HttpRequest

from endpoints.domain.actor import Actor
from endpoints.enums import Source
from endpoints.models import User


def signed_in(request: HttpRequest) -> User:
    """The person; pages and API ask only behind their sign-in check."""
    assert isinstance(request.user, User)
    return request.user


def actor_of(request: HttpRequest, source: Source = Source.UI) -> Actor:
    return Actor(user=signed_in(request), source=source, request_id=getattr(request, "request_id", ""))
