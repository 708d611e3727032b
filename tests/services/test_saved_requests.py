import pytest
from django.db import connection

from endpoints.domain.errors import Conflict, Forbidden, Invalid
from endpoints.domain.requests import ScoringRequest
from endpoints.models import Endpoint, Event, SavedRequest, Workspace
from endpoints.services import saved_requests
from endpoints.services.saved_requests import change_request, delete_request, save_request, share_call, unshare_call
from tests.factories import EndpointFactory, SavedRequestFactory, TestCallFactory
from tests.people import People

REQUEST = ScoringRequest(
    body=b'{"patient": 0}', method="PUT", path="/v2/x", headers=(("x-a", "1"),), deployment="blue", credential="s3cret"
)


@pytest.fixture
def endpoint(workspace: Workspace) -> Endpoint:
    made: Endpoint = EndpointFactory(name="prices", workspace=workspace)
    return made


def test_saved_under_a_name_and_encrypted(people: People, endpoint: Endpoint) -> None:
    saved = save_request(actor=people.actor("owner"), endpoint=endpoint, name="  the  usual ", request=REQUEST)
    saved.refresh_from_db()
    assert (saved.name, saved.method, saved.path, saved.pinned_to) == ("the usual", "PUT", "/v2/x", "blue")
    assert (saved.headers, saved.body, saved.shared) == ("x-a: 1", '{"patient": 0}', False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM endpoints_savedrequest")
        row = repr(cursor.fetchone())
    assert not any(word in row for word in ("patient", "x-a", "s3cret"))
    assert not Event.objects.exists()


def test_the_same_name_again_replaces(people: People, endpoint: Endpoint) -> None:
    for body in (b"1", b"2"):
        save_request(actor=people.actor("owner"), endpoint=endpoint, name="a", request=ScoringRequest(body=body))
    save_request(actor=people.actor("staff"), endpoint=endpoint, name="a", request=REQUEST)
    assert SavedRequest.objects.get(user=people.owner).body == "2"
    assert SavedRequest.objects.count() == 2


def test_what_is_shared_stands_in_the_history(people: People, endpoint: Endpoint) -> None:
    actor = people.actor("owner")
    saved = save_request(actor=actor, endpoint=endpoint, name="a", request=REQUEST, shared=True)
    change_request(actor=actor, saved=saved, name="b", shared=False)
    change_request(actor=actor, saved=saved, name="c", shared=False)
    change_request(actor=actor, saved=saved, name="c", shared=True)
    delete_request(actor=actor, saved=saved)
    found = list(Event.objects.order_by("id").values_list("verb", "subject"))
    assert found == [
        ("saved_request.saved", "a"),
        ("saved_request.changed", "b"),
        ("saved_request.changed", "c"),
        ("saved_request.deleted", "c"),
    ]
    assert all("patient" not in repr((event.before, event.after)) for event in Event.objects.all())


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\x00b"])
def test_names(people: People, endpoint: Endpoint, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        save_request(actor=people.actor("owner"), endpoint=endpoint, name=name, request=REQUEST)
    assert list(caught.value.fields) == ["name"]
    assert not SavedRequest.objects.exists()


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (ScoringRequest(path="/../x"), "path"),
        (ScoringRequest(headers=(("host", "x"),)), "headers"),
        (ScoringRequest(body=b"\x89PNG\xff"), "file"),
        (ScoringRequest(body=b"x" * (saved_requests.MOST_BYTES + 1)), "body"),
    ],
)
def test_what_cannot_be_saved(people: People, endpoint: Endpoint, request_: ScoringRequest, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        save_request(actor=people.actor("owner"), endpoint=endpoint, name="a", request=request_)
    assert list(caught.value.fields) == [field]
    assert not SavedRequest.objects.exists()


def test_there_are_not_too_many(people: People, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_requests, "MOST_SAVED", 1)
    save_request(actor=people.actor("owner"), endpoint=endpoint, name="a", request=REQUEST)
    save_request(actor=people.actor("owner"), endpoint=endpoint, name="a", request=REQUEST)
    with pytest.raises(Conflict):
        save_request(actor=people.actor("owner"), endpoint=endpoint, name="b", request=REQUEST)


def test_only_who_saved_it_changes_it_or_who_may_write_deletes_a_shared_one(people: People, endpoint: Endpoint) -> None:
    saved = SavedRequestFactory(user=people.owner, endpoint=endpoint, name="a", shared=True)
    SavedRequestFactory(user=people.owner, endpoint=endpoint, name="b")
    for kind in ("contributor", "reader", "stranger"):
        with pytest.raises(Forbidden):
            change_request(actor=people.actor(kind), saved=saved, name="mine", shared=True)
    with pytest.raises(Invalid):
        change_request(actor=people.actor("owner"), saved=saved, name="b", shared=True)
    saved.refresh_from_db()
    for kind in ("reader", "stranger"):
        with pytest.raises(Forbidden):
            delete_request(actor=people.actor(kind), saved=saved)
    delete_request(actor=people.actor("contributor"), saved=saved)
    private = SavedRequest.objects.get()
    with pytest.raises(Forbidden):
        delete_request(actor=people.actor("contributor"), saved=private)


def test_who_may_not_score_saves_nothing(people: People, endpoint: Endpoint) -> None:
    for kind in ("reader", "stranger"):
        with pytest.raises(Forbidden):
            save_request(actor=people.actor(kind), endpoint=endpoint, name="a", request=REQUEST)
    assert not SavedRequest.objects.exists()


def test_a_call_gets_a_link_once_and_loses_it(people: People, endpoint: Endpoint) -> None:
    call = TestCallFactory(user=people.owner, endpoint=endpoint)
    share_call(actor=people.actor("owner"), call=call)
    link = call.share
    share_call(actor=people.actor("owner"), call=call)
    assert call.share == link is not None
    with pytest.raises(Forbidden):
        unshare_call(actor=people.actor("contributor"), call=call)
    unshare_call(actor=people.actor("owner"), call=call)
    call.refresh_from_db()
    assert call.share is None
    verbs = list(Event.objects.order_by("id").values_list("verb", flat=True))
    assert verbs == ["test_call.shared", "test_call.unshared"]


def test_links_are_not_too_many(people: People, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_requests, "MOST_SHARED_CALLS", 1)
    one, two = TestCallFactory.create_batch(2, user=people.owner, endpoint=endpoint)
    share_call(actor=people.actor("owner"), call=one)
    share_call(actor=people.actor("owner"), call=one)
    with pytest.raises(Conflict):
        share_call(actor=people.actor("owner"), call=two)
