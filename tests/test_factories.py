import pytest

from tests import factories
from tests.people import People

ROWS = [name for name in vars(factories) if name.endswith("Factory") and name != "DjangoModelFactory"]


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in ROWS if name not in ("CredentialFactory",)])
def test_every_factory_makes_a_row_that_the_tables_accept(name: str) -> None:
    row = getattr(factories, name)()
    row.refresh_from_db()
    assert str(row)


def test_people_have_their_roles(people: People) -> None:
    assert [people.owner.role_assignments.get().role, people.reader.role_assignments.get().role] == ["owner", "reader"]
    assert not people.stranger.role_assignments.exists()


def test_a_deployment_with_replicas_and_keys(people: People) -> None:
    deployment = factories.DeploymentFactory(replicas=2, mlflow_model=True)
    assert deployment.replicas.count() == 2
    assert deployment.code is None
    assert deployment.endpoint.credentials.count() == 2
    assert deployment.model.workspace == deployment.endpoint.workspace
