"""The Test tab, before a gateway that answers as it is told."""

from collections.abc import Callable

import httpx
import pytest
import respx
from django.conf import settings
from django.test import Client
from django.urls import reverse

from endpoints.models import Endpoint, TestCall
from tests.factories import TestCallFactory
from tests.pages.conftest import PRIMARY
from tests.people import People

URL = reverse("endpoint_test", args=["churn"])
HTMX = {"HX-Request": "true"}
SCORE = f"{settings.STUDIO_GATEWAY_URL}/churn/score"
SignedIn = Callable[[str], Client]


@respx.mock
def test_an_answer_says_who_gave_it_and_where_the_time_went(signed_in: SignedIn, churn: Endpoint) -> None:
    headers = {"azureml-model-deployment": "green", "x-studio-model-ms": "0.001", "x-request-id": "request-7"}
    sent = respx.post(SCORE).mock(return_value=httpx.Response(200, json=[0.25], headers=headers))
    answer = signed_in("owner").post(URL, {"body": '{"data": [1]}', "deployment": "green"}, headers=HTMX)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert answer["HX-Trigger"] == "test-sent"
    assert all(word in page for word in ("200", "green", "request-7", "[0.25]"))
    assert "<html" not in page
    request = sent.calls.last.request
    assert request.headers["authorization"] == f"Bearer {PRIMARY}"
    assert request.headers["azureml-model-deployment"] == "green"
    assert PRIMARY not in page


@respx.mock
def test_an_error_of_the_model_is_shown_as_text(signed_in: SignedIn, churn: Endpoint) -> None:
    respx.post(SCORE).mock(return_value=httpx.Response(424, text="<script>alert(1)</script>"))
    page = signed_in("owner").post(URL, {"body": "{}"}, headers=HTMX).content.decode()
    assert "424" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page


@respx.mock
def test_a_gateway_that_is_down_is_said(signed_in: SignedIn, churn: Endpoint) -> None:
    respx.post(SCORE).mock(side_effect=httpx.ConnectError("Connection refused"))
    answer = signed_in("owner").post(URL, {"body": '{"kept": 1}'})
    page = answer.content.decode()
    assert "The gateway did not answer" in page
    assert "kept" in page
    assert TestCall.objects.get().status is None


@respx.mock
@pytest.mark.parametrize("given", [{"path": "/../other/score"}, {"path": "score"}, {"deployment": "red"}])
def test_nothing_is_sent_elsewhere(signed_in: SignedIn, churn: Endpoint, given: dict[str, str]) -> None:
    answer = signed_in("owner").post(URL, {"body": "{}", **given}, headers=HTMX)
    assert answer.status_code == 422
    assert not respx.calls
    assert not TestCall.objects.exists()


@respx.mock
def test_a_reader_sends_nothing(signed_in: SignedIn, churn: Endpoint) -> None:
    assert signed_in("reader").post(URL, {"body": "{}"}).status_code == 403
    assert not respx.calls


@respx.mock
def test_fifty_are_kept_and_each_sees_their_own(signed_in: SignedIn, churn: Endpoint, people: People) -> None:
    respx.post(SCORE).mock(return_value=httpx.Response(200, text="[1]"))
    theirs = TestCallFactory(user=people.contributor, endpoint=churn, request_body='{"private": 1}')
    TestCallFactory.create_batch(50, user=people.owner, endpoint=churn)
    client = signed_in("owner")
    client.post(URL, {"body": '{"newest": 1}'})
    assert TestCall.objects.filter(user=people.owner).count() == 50
    newest = TestCall.objects.filter(user=people.owner).order_by("-pk")[0]
    history = client.get(URL, {"part": "history"}, headers=HTMX).content.decode()
    assert f"call={newest.pk}" in history
    assert "private" not in history
    assert client.get(URL, {"call": theirs.pk}).status_code == 200
    assert "private" not in client.get(URL, {"call": theirs.pk}).content.decode()
    assert client.get(reverse("test_call_download", args=["churn", theirs.pk])).status_code == 404
    assert client.post(reverse("test_history_clear", args=["churn"]), headers=HTMX).status_code == 200
    assert list(TestCall.objects.all()) == [theirs]


def test_a_call_comes_back_into_the_editor(signed_in: SignedIn, churn: Endpoint, people: People) -> None:
    call = TestCallFactory(user=people.owner, endpoint=churn, request_body='{"again": 1}', response_body="[7]")
    client = signed_in("owner")
    assert "again" in client.get(URL, {"call": call.pk}).content.decode()
    answer = client.get(reverse("test_call_download", args=["churn", call.pk]))
    assert answer.content == b"[7]"
    assert answer["Content-Disposition"] == f'attachment; filename="churn-{call.pk}.json"'
