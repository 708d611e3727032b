"""IT's pages are IT's alone: every one of them, as the URLs themselves name them."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse
from django.urls.converters import IntConverter, UUIDConverter

from endpoints.models import Endpoint, Event
from studio.pages.urls import urlpatterns

SignedIn = Callable[[str], Client]


def routes() -> list[URLPattern]:
    return [pattern for pattern in urlpatterns if str(pattern.pattern).startswith("it/")]


def url_of(pattern: URLPattern) -> str:
    """With something in place of each argument."""
    stands_in: dict[str, Any] = {}
    for name, converter in pattern.pattern.converters.items():
        stands_in[name] = 1 if isinstance(converter, IntConverter) else "some"
        if isinstance(converter, UUIDConverter):
            stands_in[name] = uuid.uuid4()
    assert pattern.name
    return reverse(pattern.name, kwargs=stands_in)


def test_nothing_under_it_comes_from_elsewhere() -> None:
    """Or the list here would not be whole."""
    resolver = get_resolver()
    others = [str(each.pattern) for each in resolver.url_patterns if str(each.pattern).startswith("it")]
    assert others == []
    assert len(routes()) > 25


@pytest.mark.parametrize("pattern", routes(), ids=lambda pattern: pattern.name)
def test_it_is_refused_to_everybody_else(signed_in: SignedIn, churn: Endpoint, pattern: URLPattern) -> None:
    url = url_of(pattern)
    for person in ("owner", "contributor", "reader", "stranger"):
        client = signed_in(person)
        for answer in (client.get(url), client.post(url)):
            assert answer.status_code == 403, (person, answer.status_code)
            assert b"Only the site" in answer.content
    for answer in (Client().get(url), Client().post(url)):
        assert answer.status_code == 302
        assert "/accounts/login/" in answer["Location"]
    assert not Event.objects.exists()
