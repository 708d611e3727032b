"""An endpoint as rows, for pages that only show it: quicker than one that was rolled out."""

from collections.abc import Callable, Iterator

import pytest
from django.test import Client

from endpoints import wiring
from endpoints.models import Deployment, Endpoint, IdentityProvider, User, Workspace
from tests.factories import CredentialFactory, DeploymentFactory, EndpointFactory
from tests.hints import Hints
from tests.issuer import LocalIssuer, local_issuer
from tests.people import People
from tests.sso import ADA, HOST, added

PRIMARY, SECONDARY = "primary-key-of-churn", "secondary-key-of-churn"


@pytest.fixture
def churn(adapters: wiring.Adapters, hints: Hints, workspace: Workspace) -> Endpoint:
    """`blue` takes all traffic and holds a secret variable; `green` is ready too; both keys are known."""
    endpoint: Endpoint = EndpointFactory(
        name="churn", workspace=workspace, credentials=False, traffic={"blue": 100}, live_traffic={"blue": 100}
    )
    CredentialFactory(endpoint=endpoint, kind="Primary", value=PRIMARY)
    CredentialFactory(endpoint=endpoint, kind="Secondary", value=SECONDARY)
    blue: Deployment = DeploymentFactory(
        endpoint=endpoint, name="blue", replicas=1, environment_variables={"DB_PASSWORD": "hunter2"}
    )
    assets = {name: getattr(blue, name) for name in ("model", "code", "environment", "instance_type")}
    DeploymentFactory(endpoint=endpoint, name="green", color_slot=1, replicas=1, **assets)
    return endpoint


@pytest.fixture
def signed_in(people: People) -> Callable[[str | User], Client]:
    """A client of this person: signed_in("reader")."""

    def sign_in(person: str | User) -> Client:
        client = Client(raise_request_exception=True)
        client.force_login(getattr(people, person) if isinstance(person, str) else person)
        return client

    return sign_in


@pytest.fixture
def issuer(hints: object) -> Iterator[LocalIssuer]:
    with local_issuer() as running:
        running.clients = {"studio": "s3cret"}
        running.person = dict(ADA)
        yield running


@pytest.fixture
def lab(issuer: LocalIssuer) -> IdentityProvider:
    return added(issuer)


@pytest.fixture
def browser() -> Client:
    return Client(headers={"host": HOST})
