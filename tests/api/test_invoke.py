"""Test calls: through the gateway and back, as they are."""

from typing import Any

import httpx
import pytest
import respx
from django.conf import settings
from django.test import Client
from rest_framework.test import APIClient

from endpoints.models import Deployment, TestCall
from tests.api.problems import fields, problem
from tests.people import People

pytestmark = pytest.mark.django_db
INVOKE = "/api/v1/endpoints/prices/invoke/"
SCORE = f"{settings.STUDIO_GATEWAY_URL}/prices/score"
HEADERS = {"azureml-model-deployment": "blue", "x-studio-model-ms": "3.5", "x-request-id": "r-1", "server": "envoy"}


@respx.mock
def test_the_body_goes_and_the_answer_comes_as_it_is(owner: APIClient, people: People, blue: Deployment) -> None:
    sent = respx.post(SCORE).respond(200, content=b"[ 1.50 ]", headers=HEADERS, content_type="application/json")
    body: Any = b'{"data":  [[1.0]]}'
    response = owner.generic("POST", INVOKE, body, content_type="application/json")
    request = sent.calls.last.request
    assert (request.content, request.headers["content-type"]) == (body, "application/json")
    assert "azureml-model-deployment" not in request.headers
    assert (response.status_code, response.content) == (200, b"[ 1.50 ]")
    assert response["Content-Type"] == "application/json"
    assert (response["azureml-model-deployment"], response["x-studio-model-ms"]) == ("blue", "3.5")
    assert response["X-Studio-Invoke-Request-Id"] == "r-1"
    assert "server" not in response
    assert TestCall.objects.get().user == people.owner


@respx.mock
def test_a_deployment_and_a_path_can_be_chosen(owner: APIClient, blue: Deployment) -> None:
    sent = respx.post(f"{settings.STUDIO_GATEWAY_URL}/prices/invocations").respond(200, json=[])
    owner.post(f"{INVOKE}?path=/invocations", {}, headers={"azureml-model-deployment": "blue"})
    assert sent.calls.last.request.headers["azureml-model-deployment"] == "blue"


@respx.mock
def test_what_the_model_refuses_is_passed_on(owner: APIClient, blue: Deployment) -> None:
    headers = {"ms-azureml-model-error-statuscode": "500", "ms-azureml-model-error-reason": "model_error"}
    respx.post(SCORE).respond(424, json={"error": {"message": "ValueError: no age"}}, headers=headers)
    response = owner.post(INVOKE, {})
    assert (response.status_code, response.json()) == (424, {"error": {"message": "ValueError: no age"}})
    assert response["ms-azureml-model-error-statuscode"] == "500"


@respx.mock
def test_a_part_of_an_answer_is_none(owner: APIClient, blue: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("endpoints.services.invoke.MOST_BYTES", 3)
    respx.post(SCORE).respond(200, content=b"[1.5]")
    assert "takes no more than 3" in problem(owner.post(INVOKE, {}), 503)["detail"]


@respx.mock
def test_a_page_from_a_model_is_none_of_ours(owner: APIClient, blue: Deployment) -> None:
    respx.post(SCORE).respond(200, content=b"<script>alert(1)</script>", content_type="text/html")
    response = owner.post(INVOKE, {})
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["X-Content-Type-Options"] == "nosniff"


@respx.mock
def test_no_answer_at_all_is_a_problem(owner: APIClient, blue: Deployment) -> None:
    respx.post(SCORE).mock(side_effect=httpx.ConnectError("refused"))
    assert "refused" in problem(owner.post(INVOKE, {}), 503, "unavailable")["detail"]


def test_a_place_that_is_not_there_is_refused(owner: APIClient, blue: Deployment) -> None:
    assert list(fields(owner.post(f"{INVOKE}?path=/../admin", {}))) == ["path"]
    assert list(fields(owner.post(INVOKE, {}, headers={"azureml-model-deployment": "red"}))) == ["deployment"]


def test_a_form_from_a_session_is_no_body_to_pass_on(people: People, blue: Deployment) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people.owner)
    client.get("/profile/tokens/")
    token = next(cookie.value for name, cookie in client.cookies.items() if "csrf" in name)
    problem(client.post(INVOKE, {"a": "b"}, headers={"X-CSRFToken": token}), 415, "unsupported_media_type")


def test_a_reader_may_not(reader: APIClient, stranger: APIClient, blue: Deployment) -> None:
    problem(reader.post(INVOKE, {}), 403)
    problem(stranger.post(INVOKE, {}), 404)
