import itertools
import uuid
from collections.abc import Iterator

import httpx
import pytest
import respx
from django.conf import settings
from django.db import connection

from endpoints.domain.errors import Invalid
from endpoints.domain.requests import ScoringRequest
from endpoints.models import Endpoint, TestCall
from endpoints.services.credentials import test_key as key_of
from endpoints.services.invoke import KEPT, invoke, parsed
from tests.factories import DeploymentFactory, EndpointFactory, TestCallFactory
from tests.people import People

HEADERS = {"azureml-model-deployment": "blue", "x-studio-model-ms": "3.5", "x-request-id": "r-1"}


@pytest.fixture
def endpoint(people: People) -> Endpoint:
    endpoint: Endpoint = EndpointFactory(name="prices", workspace=people.owner.role_assignments.get().workspace)
    DeploymentFactory(endpoint=endpoint, name="blue")
    return endpoint


@respx.mock
def test_sent_through_the_gateway_and_kept(people: People, endpoint: Endpoint) -> None:
    sent = respx.post(f"{settings.STUDIO_GATEWAY_URL}/prices/score").respond(200, json=[1.5], headers=HEADERS)
    answer, call = invoke(
        actor=people.actor("contributor"), endpoint=endpoint, request=ScoringRequest(body=b'{"data": [1]}')
    )
    request = sent.calls.last.request
    assert request.content == b'{"data": [1]}'
    assert request.headers["authorization"] == f"Bearer {key_of(endpoint)}"
    assert "azureml-model-deployment" not in request.headers
    assert (answer.status, answer.body, answer.model_ms, answer.answered_by) == (200, b"[1.5]", 3.5, "blue")
    call.refresh_from_db()
    assert (call.user, call.status, call.answered_by, call.request_id) == (people.contributor, 200, "blue", "r-1")
    assert (call.request_body, call.response_body) == ('{"data": [1]}', "[1.5]")


@respx.mock
def test_pinned_to_a_deployment(people: People, endpoint: Endpoint) -> None:
    sent = respx.post(f"{settings.STUDIO_GATEWAY_URL}/prices/v2/health").respond(424, json={"error": {}})
    answer, call = invoke(
        actor=people.actor("owner"), endpoint=endpoint, request=ScoringRequest(deployment="blue", path="/v2/health")
    )
    assert sent.calls.last.request.headers["azureml-model-deployment"] == "blue"
    assert (answer.status, answer.model_ms, call.pinned_to, call.path) == (424, None, "blue", "/v2/health")


@respx.mock
def test_no_answer_at_all(people: People, endpoint: Endpoint) -> None:
    respx.post(f"{settings.STUDIO_GATEWAY_URL}/prices/score").mock(side_effect=httpx.ConnectError("refused"))
    answer, call = invoke(actor=people.actor("owner"), endpoint=endpoint, request=ScoringRequest(body=b"{}"))
    assert (answer.status, call.status, call.error) == (None, None, "The gateway did not answer: refused")


@pytest.mark.parametrize("path", ["score", "", "/../admin", "//evil", "/a b", "/a\nb", "/" + "x" * 300])
def test_paths_stay_within_the_endpoint(people: People, endpoint: Endpoint, path: str) -> None:
    with pytest.raises(Invalid) as caught:
        invoke(actor=people.actor("owner"), endpoint=endpoint, request=ScoringRequest(path=path))
    assert list(caught.value.fields) == ["path"]
    assert not TestCall.objects.exists()


def test_only_to_deployments_that_there_are(people: People, endpoint: Endpoint) -> None:
    with pytest.raises(Invalid) as caught:
        invoke(actor=people.actor("owner"), endpoint=endpoint, request=ScoringRequest(deployment="grün\r\n"))
    assert list(caught.value.fields) == ["deployment"]


@respx.mock
def test_the_last_fifty_of_each_person_are_kept(people: People, endpoint: Endpoint) -> None:
    respx.post(f"{settings.STUDIO_GATEWAY_URL}/prices/score").respond(200)
    others = invoke(actor=people.actor("owner"), endpoint=endpoint, request=ScoringRequest(body=b"{}"))[1]
    calls = [
        invoke(actor=people.actor("staff"), endpoint=endpoint, request=ScoringRequest(body=b"{}"))[1].pk
        for _ in range(KEPT + 2)
    ]
    kept = list(TestCall.objects.filter(user=people.staff).order_by("id").values_list("pk", flat=True))
    assert kept == calls[2:]
    assert TestCall.objects.filter(pk=others.pk).exists()


@respx.mock
def test_bodies_are_encrypted_at_rest_and_cut(people: People, endpoint: Endpoint) -> None:
    respx.post(f"{settings.STUDIO_GATEWAY_URL}/prices/score").respond(200, content=b"x" * 300_000)
    _, call = invoke(actor=people.actor("owner"), endpoint=endpoint, request=ScoringRequest(body=b"patient zero"))
    call.refresh_from_db()
    assert len(call.response_body) == 256 * 1024
    with connection.cursor() as cursor:
        cursor.execute("SELECT request_body FROM endpoints_testcall")
        assert "patient" not in cursor.fetchone()[0]


def test_parsed() -> None:
    assert parsed(b'{"a": 1}') == {"a": 1}
    assert parsed(b"not json") is None


@pytest.mark.parametrize(
    "path", ["/%2e%2e/other/score", "/%2E./other/score", "/a/%2f/score", "/a//b", "/../x", "/a%5cb"]
)
def test_no_spelling_of_a_path_leaves_the_endpoint(people: People, path: str) -> None:
    endpoint: Endpoint = EndpointFactory()
    with pytest.raises(Invalid):
        invoke(actor=people.actor("staff"), endpoint=endpoint, request=ScoringRequest(path=path))


@respx.mock
def test_method_headers_and_credential_of_the_persons_choice(people: People, endpoint: Endpoint) -> None:
    sent = respx.route(host="127.0.0.1").respond(200)
    headers = (("X-A", "1"), ("accept", "text/plain"))
    request = ScoringRequest(method="GET", path="/v2?x=1", headers=headers, body=b"dropped", credential="theirs")
    _, call = invoke(actor=people.actor("owner"), endpoint=endpoint, request=request)
    (seen,) = [each.request for each in sent.calls]
    assert (seen.method, seen.url.raw_path, seen.content) == ("GET", b"/prices/v2?x=1", b"")
    assert (seen.headers["x-a"], seen.headers.get_list("accept")) == ("1", ["text/plain"])
    assert seen.headers["authorization"] == "Bearer theirs"
    assert "content-type" not in seen.headers
    call.refresh_from_db()
    assert (call.method, call.headers) == ("GET", "X-A: 1\naccept: text/plain")
    invoke(actor=people.actor("owner"), endpoint=endpoint, request=ScoringRequest(credential=""))
    assert "authorization" not in sent.calls.last.request.headers


@respx.mock
def test_what_is_no_text_is_counted_and_not_kept(people: People, endpoint: Endpoint) -> None:
    sent = respx.post(f"{settings.STUDIO_GATEWAY_URL}/prices/score").respond(200)
    request = ScoringRequest(body=b"\x89PNG\xff", content_type="image/png")
    _, call = invoke(actor=people.actor("owner"), endpoint=endpoint, request=request)
    assert sent.calls.last.request.headers["content-type"] == "image/png"
    assert (call.request_body, call.request_bytes, call.content_type) == ("", 5, "image/png")


@respx.mock
def test_of_an_endless_answer_no_more_is_read_than_is_taken(
    people: People, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number in itertools.count():
            read.append(number)
            yield b"four"

    monkeypatch.setattr("endpoints.services.invoke.MOST_BYTES", 10)
    respx.post(f"{settings.STUDIO_GATEWAY_URL}/prices/score").mock(
        side_effect=lambda _: httpx.Response(200, content=pieces())
    )
    answer, call = invoke(actor=people.actor("owner"), endpoint=endpoint, request=ScoringRequest())
    assert (answer.status, answer.body, len(read)) == (200, b"fourfour", 3)
    assert call.error == "The answer was cut after 8 bytes: a test call takes no more than 10."


@respx.mock
def test_what_others_have_a_link_to_stays(people: People, endpoint: Endpoint) -> None:
    respx.post(f"{settings.STUDIO_GATEWAY_URL}/prices/score").respond(200)
    shared = TestCallFactory(user=people.owner, endpoint=endpoint, share=uuid.uuid4())
    TestCallFactory.create_batch(KEPT, user=people.owner, endpoint=endpoint)
    invoke(actor=people.actor("owner"), endpoint=endpoint, request=ScoringRequest())
    assert TestCall.objects.filter(pk=shared.pk).exists()
    assert TestCall.objects.filter(user=people.owner, share=None).count() == KEPT
