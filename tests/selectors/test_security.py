"""What IT's page of security reads."""

import pytest

from endpoints.selectors import security
from tests.people import People

pytestmark = pytest.mark.django_db


def test_there_are_more_roles_only_where_there_are(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    everybody, more = security.role_matrix()
    count = sum(len(held.roles) for held in everybody)
    assert (count > 2, more) == (True, False)
    monkeypatch.setattr(security, "ROLES_SHOWN", count)
    assert security.role_matrix() == (everybody, False)
    monkeypatch.setattr(security, "ROLES_SHOWN", count - 1)
    some, more = security.role_matrix()
    assert (sum(len(held.roles) for held in some), more) == (count - 1, True)
