"""Callers of the API, and a studio with something in it to call for."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from endpoints.models import Deployment, Endpoint, User, Workspace
from tests.factories import DeploymentFactory, EndpointFactory, PersonalTokenFactory
from tests.people import People

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
def prices(workspace: Workspace, adapters: object, hints: object) -> Endpoint:
    """An endpoint without deployments."""
    made: Endpoint = EndpointFactory(workspace=workspace, name="prices")
    return made


@pytest.fixture
def blue(prices: Endpoint) -> Deployment:
    """The row of a deployment of it that serves; `world.deployment(prices, "blue")` is one that can be changed."""
    made: Deployment = DeploymentFactory(endpoint=prices, name="blue", replicas=1)
    return made
