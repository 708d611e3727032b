"""Callers of the API, and a studio with something in it to call for."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from endpoints.models import Deployment, Endpoint, User
from tests.factories import PersonalTokenFactory
from tests.people import People
from tests.world import World

Caller = Callable[..., APIClient]


class JSONClient(APIClient):
    """Sends JSON, unless `format="multipart"` is asked for."""

    default_format = "json"


@pytest.fixture
def caller(db: None) -> Caller:
    """`caller(user)` calls with a personal token of theirs; `caller(user, read_only=True)` with one that may only
    look; `caller(None)` is anonymous."""

    def call(user: User | None, **token: Any) -> APIClient:
        client = JSONClient()
        if user is not None:
            secret = f"est_secret_of_{user.pk}_{'_'.join(sorted(token))}"
            PersonalTokenFactory(user=user, secret=secret, **token)
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        return client

    return call


@pytest.fixture
def owner(caller: Caller, people: People) -> APIClient:
    return caller(people.owner)


@pytest.fixture
def reader(caller: Caller, people: People) -> APIClient:
    return caller(people.reader)


@pytest.fixture
def stranger(caller: Caller, people: People) -> APIClient:
    return caller(people.stranger)


@pytest.fixture
def prices(world: World) -> Endpoint:
    """An endpoint without deployments."""
    return world.endpoint("prices")


@pytest.fixture
def blue(world: World, prices: Endpoint) -> Deployment:
    """A deployment of it that serves."""
    return world.deployment(prices, "blue")
