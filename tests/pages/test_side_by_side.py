"""Two deployments on the Test tab, before a gateway that answers as it is told."""

from collections.abc import Callable

import httpx
import pytest
import respx
from django.conf import settings
from django.test import Client
from django.urls import reverse

from endpoints.models import Endpoint, TestCall

URL = reverse("endpoint_test", args=["churn"])
HTMX = {"HX-Request": "true"}
SCORE = f"{settings.STUDIO_GATEWAY_URL}/churn/score"
SignedIn = Callable[[str], Client]
BOTH = {"body": '{"data": [1]}', "deployment": "blue", "other": "green"}


def by_deployment(request: httpx.Request) -> httpx.Response:
    green = request.headers["azureml-model-deployment"] == "green"
    return httpx.Response(200, json={"score": 0.75, "new": "<b>"} if green else {"score": 0.25, "old": 1})


@respx.mock
def test_both_get_the_same_body_and_differ_by_path(signed_in: SignedIn, churn: Endpoint) -> None:
    sent = respx.post(SCORE).mock(side_effect=by_deployment)
    page = signed_in("owner").post(URL, BOTH, headers=HTMX).content.decode()
    assert [call.request.headers["azureml-model-deployment"] for call in sent.calls] == ["blue", "green"]
    assert {call.request.content for call in sent.calls} == {b'{"data": [1]}'}
    assert all(word in page for word in ("$.score", "changed", "$.old", "removed", "$.new", "added", "0.75"))
    assert "<b>&quot;" not in page and "&lt;b&gt;" in page
    assert "<html" in signed_in("owner").post(URL, BOTH).content.decode()  # a plain form post


@respx.mock
def test_ten_runs_count_failures_and_keep_one_call_each(signed_in: SignedIn, churn: Endpoint) -> None:
    answers = [httpx.Response(200, json=[1])] * 10 + [httpx.Response(200, json=[1])] * 7 + [httpx.Response(503)] * 3
    sent = respx.post(SCORE).mock(side_effect=answers)
    page = signed_in("owner").post(URL, {**BOTH, "runs": "10"}, headers=HTMX).content.decode()
    assert len(sent.calls) == 20
    assert all(words in page for words in ("0 of 10 failed", "3 of 10 failed", "green p95", "Both answered the same"))
    assert TestCall.objects.count() == 2


@respx.mock
def test_an_answer_that_is_no_json_has_no_list(signed_in: SignedIn, churn: Endpoint) -> None:
    respx.post(SCORE).mock(return_value=httpx.Response(200, text="plain"))
    assert "not JSON" in signed_in("owner").post(URL, BOTH, headers=HTMX).content.decode()


@respx.mock
@pytest.mark.parametrize(
    "given", [{"runs": "11"}, {"runs": "x"}, {"other": "blue"}, {"other": "red"}, {"deployment": ""}]
)
def test_bad_input_sends_nothing(signed_in: SignedIn, churn: Endpoint, given: dict[str, str]) -> None:
    page = signed_in("owner").post(URL, {**BOTH, **given}, headers=HTMX)
    assert page.status_code == 422
    assert "No answer" in page.content.decode()
    assert not respx.calls


@respx.mock
def test_a_reader_compares_nothing(signed_in: SignedIn, churn: Endpoint) -> None:
    assert signed_in("reader").post(URL, BOTH).status_code == 403
    assert not respx.calls
