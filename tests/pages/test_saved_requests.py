"""Saved requests, links to calls and the form of the Test tab, for each kind of person."""

import asyncio
import json
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import respx
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient, Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from endpoints.enums import Role
from endpoints.models import Endpoint, SavedRequest, TestCall
from tests.factories import RoleAssignmentFactory, SavedRequestFactory, TestCallFactory, UserFactory
from tests.people import People

URL = reverse("endpoint_test", args=["churn"])
SAVE = reverse("request_save", args=["churn"])
STREAM = reverse("test_stream", args=["churn"])
HTMX = {"HX-Request": "true"}
SCORE = f"{settings.STUDIO_GATEWAY_URL}/churn/score"
SignedIn = Callable[[str], Client]


def test_saved_opened_renamed_shared_and_deleted(signed_in: SignedIn, churn: Endpoint) -> None:
    client = signed_in("owner")
    form = {"body": '{"mine": 1}', "path": "/v2/x", "method": "PUT", "headers": "x-a: 1", "credential": "s3cret"}
    answer = client.post(SAVE, {**form, "authentication": "given", "save_as": "the usual"})
    saved = SavedRequest.objects.get()
    assert answer["Location"] == f"{URL}?saved={saved.pk}"
    page = client.get(answer["Location"]).content.decode()
    assert all(word in page for word in ("&quot;mine&quot;", "/v2/x", "x-a: 1", "the usual"))
    assert "s3cret" not in page
    assert "the usual" not in signed_in("contributor").get(URL).content.decode()
    change = reverse("request_change", args=["churn", saved.pk])
    assert client.post(change, {"name": "ours", "shared": "1"}).status_code == 303
    theirs = signed_in("contributor").get(URL, {"saved": str(saved.pk)}).content.decode()
    assert "ours" in theirs and "&quot;mine&quot;" in theirs
    assert signed_in("contributor").post(change, {"name": "stolen"}).status_code == 403
    delete = reverse("request_delete", args=["churn", saved.pk])
    assert signed_in("reader").post(delete).status_code == 403
    assert client.post(delete).status_code == 303
    assert not SavedRequest.objects.exists()


@pytest.mark.parametrize(
    "given", [{"save_as": ""}, {"save_as": "a", "path": "/../x"}, {"save_as": "a", "headers": "host: x"}]
)
def test_what_cannot_be_saved_is_said(signed_in: SignedIn, churn: Endpoint, given: dict[str, str]) -> None:
    assert signed_in("owner").post(SAVE, {"body": "{}", **given}).status_code == 422
    assert not SavedRequest.objects.exists()


def test_a_reader_sees_that_there_is_one_and_not_what_is_in_it(
    signed_in: SignedIn, churn: Endpoint, people: People
) -> None:
    saved = SavedRequestFactory(user=people.owner, endpoint=churn, name="ours", shared=True, body='{"patient": 0}')
    page = signed_in("reader").get(URL, {"saved": str(saved.pk)}).content.decode()
    assert "ours" in page
    assert "This needs another role" in page
    assert "patient" not in page
    assert signed_in("reader").post(SAVE, {"body": "{}", "save_as": "mine"}).status_code == 403


def test_a_stranger_finds_nothing(signed_in: SignedIn, churn: Endpoint, people: People) -> None:
    saved = SavedRequestFactory(user=people.owner, endpoint=churn, shared=True)
    call = TestCallFactory(user=people.owner, endpoint=churn, share=uuid.uuid4())
    client = signed_in("stranger")
    for name, argument in (("request_change", saved.pk), ("request_delete", saved.pk), ("test_call_share", call.pk)):
        assert client.post(reverse(name, args=["churn", argument])).status_code == 404, name
    assert client.get(reverse("test_call_shared", args=["churn", call.share])).status_code == 404
    assert client.post(SAVE, {"save_as": "a"}).status_code == 404
    assert client.post(reverse("test_snippets", args=["churn"])).status_code == 404


def test_a_link_to_a_call_shows_bodies_by_role(signed_in: SignedIn, churn: Endpoint, people: People) -> None:
    call = TestCallFactory(user=people.owner, endpoint=churn, request_body='{"patient": 0}', response_body="[0.77]")
    share = reverse("test_call_share", args=["churn", call.pk])
    assert signed_in("contributor").post(share, {"shared": "1"}).status_code == 404
    link = signed_in("owner").post(share, {"shared": "1"})["Location"]
    theirs = signed_in("contributor").get(link).content.decode()
    assert "patient" in theirs and "[0.77]" in theirs and "owner@example.com" in theirs
    reading = signed_in("reader").get(link)
    assert reading.status_code == 200
    assert "200" in reading.content.decode()
    assert not any(word in reading.content.decode() for word in ("patient", "[0.77]"))
    signed_in("owner").post(share)
    assert signed_in("contributor").get(link).status_code == 404


def test_an_invoker_who_reads_nothing_sees_no_log(signed_in: Any, churn: Endpoint) -> None:
    invoker = UserFactory()
    RoleAssignmentFactory(user=invoker, workspace=churn.workspace, endpoint=churn, role=Role.ENDPOINT_INVOKER)
    with respx.mock:
        headers = {"azureml-model-deployment": "blue", "x-request-id": "r-9"}
        respx.post(SCORE).respond(424, json={}, headers=headers)
        page = signed_in(invoker).post(URL, {"body": "{}"}, headers=HTMX).content.decode()
    assert "424" in page
    assert "/logs/" not in page


def test_the_last_request_and_the_last_file(signed_in: SignedIn, churn: Endpoint, people: People) -> None:
    TestCallFactory(user=people.owner, endpoint=churn, request_body="", request_bytes=7, content_type="image/png")
    page = signed_in("owner").get(URL, {"call": "last"}).content.decode()
    assert "no text and was not kept" in page


@respx.mock
def test_a_file_is_the_body_as_it_is(signed_in: SignedIn, churn: Endpoint) -> None:
    sent = respx.post(SCORE).respond(200, json=[])
    file = SimpleUploadedFile("p.png", b"\x89PNG\xff", content_type="image/png")
    assert signed_in("owner").post(URL, {"body": "{}", "file": file}).status_code == 200
    request = sent.calls.last.request
    assert (request.content, request.headers["content-type"]) == (b"\x89PNG\xff", "image/png")


@respx.mock
def test_a_file_over_the_cap_is_not_sent(signed_in: SignedIn, churn: Endpoint) -> None:
    churn.deployments.update(max_request_bytes=4)
    file = SimpleUploadedFile("p.png", b"12345", content_type="image/png")
    answer = signed_in("owner").post(URL, {"body": "{}", "file": file})
    assert answer.status_code == 422
    assert "p.png has 5" in answer.content.decode()
    assert not respx.calls


@respx.mock
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"headers": "Authorization: Bearer x"}, "Choose under Authentication"),
        ({"headers": "Transfer-Encoding: chunked"}, "cannot be set"),
        ({"authentication": "given"}, "Paste a key"),
        ({"method": "TRACE"}, "Use one of"),
    ],
)
def test_bad_input_is_said_at_its_field(
    signed_in: SignedIn, churn: Endpoint, given: dict[str, str], words: str
) -> None:
    answer = signed_in("owner").post(URL, {"body": "{}", **given})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not respx.calls


def test_code_follows_the_form(signed_in: SignedIn, churn: Endpoint) -> None:
    url = reverse("test_snippets", args=["churn"])
    form = {"body": "a,b\n1,2", "method": "PUT", "path": "/v2/x?y=1", "content_type": "text/csv", "headers": "x-a: 'q'"}
    page = signed_in("owner").post(url, {**form, "deployment": "green"}, headers=HTMX).content.decode()
    for word in ("-X PUT", "/churn/v2/x?y=1", "text/csv", "x-a", "azureml-model-deployment: green", "--data-binary"):
        assert word in page, word
    filed = signed_in("owner").post(url, {"body": "", "file_name": "cat's.png"}, headers=HTMX).content.decode()
    assert "readFile" in filed and "@cat" in filed
    got = signed_in("owner").post(url, {"body": "{}", "method": "GET"}, headers=HTMX).content.decode()
    assert "-X GET" in got and "Content-Type" not in got


@pytest.mark.parametrize("rows", [1, 3])
def test_the_tab_asks_the_database_the_same(
    signed_in: SignedIn,
    churn: Endpoint,
    people: People,
    rows: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    SavedRequestFactory.create_batch(rows, user=people.contributor, endpoint=churn, shared=True)
    TestCallFactory.create_batch(rows, user=people.owner, endpoint=churn)
    client = signed_in("owner")
    client.get(URL)
    with django_assert_num_queries(QUERIES):
        assert client.get(URL).status_code == 200


QUERIES = 16


def streamed(person: Any, form: dict[str, str]) -> tuple[int, list[dict[str, Any]]]:
    """Status and lines of what the browser reads."""

    async def read() -> tuple[int, list[dict[str, Any]]]:
        client = AsyncClient()
        await client.aforce_login(person)
        answer: Any = await client.post(STREAM, form)
        if not answer.streaming:
            return answer.status_code, [answer.json()] if answer.content else []
        pieces = [piece async for piece in answer.streaming_content]
        return answer.status_code, [json.loads(line) for line in b"".join(pieces).splitlines()]

    return asyncio.run(read())


@pytest.mark.django_db(transaction=True)
def test_an_answer_comes_in_lines(churn: Endpoint, people: People) -> None:
    with respx.mock:
        headers = {"azureml-model-deployment": "green"}
        respx.post(SCORE).mock(return_value=httpx.Response(200, json=[0.25], headers=headers))
        status, lines = streamed(people.owner, {"body": "{}", "deployment": "green"})
    assert status == 200
    assert lines[0] == {"head": {"status": 200, "type": "application/json"}}
    assert lines[1] == {"bytes": "WzAuMjVd"}
    assert "[0.25]" in lines[-1]["end"] and "green" in lines[-1]["end"] and "<html" not in lines[-1]["end"]
    assert TestCall.objects.get().status == 200


@pytest.mark.django_db(transaction=True)
def test_who_may_not_gets_no_line(churn: Endpoint, people: People) -> None:
    with respx.mock:
        assert streamed(people.reader, {"body": "{}"})[0] == 403
        assert streamed(people.stranger, {"body": "{}"})[0] == 404
        status, (problem,) = streamed(people.owner, {"body": "{}", "path": "/../x"})
        assert (status, list(problem["problems"])) == (422, ["path", "all"])
        assert not respx.calls
    assert Client().post(STREAM).status_code == 401
