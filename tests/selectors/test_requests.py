import uuid

import pytest

from endpoints.domain.errors import NotFound
from endpoints.enums import Role
from endpoints.models import Endpoint, Workspace
from endpoints.selectors import requests
from endpoints.selectors.requests import saved_request_for, saved_requests_for, shared_call_for
from tests.factories import EndpointFactory, RoleAssignmentFactory, SavedRequestFactory, TestCallFactory, UserFactory
from tests.people import People


@pytest.fixture
def endpoint(workspace: Workspace) -> Endpoint:
    made: Endpoint = EndpointFactory(name="prices", workspace=workspace)
    return made


def test_test_calls_are_ones_own(people: People, endpoint: Endpoint) -> None:
    mine = TestCallFactory(user=people.owner, endpoint=endpoint)
    TestCallFactory(user=people.contributor, endpoint=endpoint)
    TestCallFactory(user=people.owner)
    assert list(requests.test_calls_of(people.owner, endpoint)) == [mine]


def test_saved_requests_are_ones_own_and_those_that_others_share(people: People, endpoint: Endpoint) -> None:
    mine = SavedRequestFactory(user=people.owner, endpoint=endpoint, name="a")
    SavedRequestFactory(user=people.contributor, endpoint=endpoint, name="b")
    shared = SavedRequestFactory(user=people.contributor, endpoint=endpoint, name="c", shared=True)
    SavedRequestFactory(user=people.owner, shared=True)
    assert list(saved_requests_for(people.owner, endpoint)) == [mine, shared]
    assert list(saved_requests_for(people.reader, endpoint)) == [shared]
    assert list(saved_requests_for(people.stranger, endpoint)) == []
    with pytest.raises(NotFound):
        saved_request_for(people.reader, endpoint, mine.pk)


def test_who_only_reads_keys_sees_neither(people: People, endpoint: Endpoint, workspace: Workspace) -> None:
    keeper = UserFactory()
    RoleAssignmentFactory(user=keeper, workspace=workspace, role=Role.SECRETS_READER)
    SavedRequestFactory(user=people.owner, endpoint=endpoint, shared=True)
    call = TestCallFactory(user=people.owner, endpoint=endpoint, share=uuid.uuid4())
    assert list(saved_requests_for(keeper, endpoint)) == []
    with pytest.raises(NotFound):
        shared_call_for(keeper, endpoint, call.share)


def test_a_call_is_found_by_its_link_at_its_endpoint_alone(people: People, endpoint: Endpoint) -> None:
    call = TestCallFactory(user=people.owner, endpoint=endpoint, share=uuid.uuid4())
    other: Endpoint = EndpointFactory(workspace=endpoint.workspace)
    assert shared_call_for(people.reader, endpoint, call.share) == call
    for where, share in ((other, call.share), (endpoint, uuid.uuid4())):
        with pytest.raises(NotFound):
            shared_call_for(people.reader, where, share)
