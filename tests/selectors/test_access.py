"""Who may score with a token of an identity provider."""

from typing import Any

import pytest

from endpoints.models import IdentityProvider, Workspace
from endpoints.selectors.access import invokers_of
from endpoints.selectors.identity import studio_issuer
from tests.factories import EndpointFactory
from tests.people import People


def test_by_role_and_by_address_where_it_says_so(workspace: Workspace, people: People) -> None:
    for name, claim in (("by-address", "email"), ("by-id", "oid")):
        IdentityProvider.objects.create(name=name, issuer=f"https://{name}.example", subject_claim=claim)
    mine, other = EndpointFactory(workspace=workspace), EndpointFactory()
    found = invokers_of([mine, other])
    of_issuer: dict[str, set[str]] = {}
    for issuer, subject in found[mine.pk].subjects:
        of_issuer.setdefault(issuer, set()).add(subject)
    scorers = [people.owner, people.contributor, people.staff]
    assert of_issuer == {
        studio_issuer(): {str(person.pk) for person in scorers},
        "https://by-address.example": {person.email for person in scorers},
    }
    assert {subject for issuer, subject in found[other.pk].subjects if issuer == studio_issuer()} == {
        str(people.staff.pk)
    }


@pytest.mark.parametrize("count", [1, 3])
def test_the_same_queries_however_many(people: People, count: int, django_assert_num_queries: Any) -> None:
    endpoints = EndpointFactory.create_batch(count)
    with django_assert_num_queries(3):
        invokers_of(endpoints)
