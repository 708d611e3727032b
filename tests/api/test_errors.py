"""Everything that goes wrong is a problem+json."""

import json
import logging
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation, TooManyFilesSent
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions, serializers
from rest_framework.test import APIClient

from endpoints.domain.errors import Conflict, Forbidden, Invalid, NotFound, StaleVersion, StudioError, Unavailable
from endpoints.services import endpoints as endpoint_services
from studio.api import endpoints as endpoint_views
from tests.api.problems import fields, problem

pytestmark = pytest.mark.django_db
LIST = "/api/v1/endpoints/"


def raising(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(endpoint_views, "endpoints_for", fail)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Invalid({"name": "Too long."}), 422, "invalid"),
        (Conflict("Not now."), 409, "conflict"),
        (StaleVersion("Too late."), 409, "stale_version"),
        (Forbidden("Not you."), 403, "forbidden"),
        (NotFound("None."), 404, "not_found"),
        (Unavailable("Down."), 503, "unavailable"),
        (exceptions.ParseError(), 400, "malformed"),
        (exceptions.NotFound(), 404, "not_found"),
        (exceptions.PermissionDenied(), 403, "forbidden"),
        (exceptions.NotAcceptable(), 406, "not_acceptable"),
        (exceptions.UnsupportedMediaType("a/b"), 415, "unsupported_media_type"),
        (exceptions.Throttled(12), 429, "throttled"),
        (Http404(), 404, "not_found"),
        (PermissionDenied(), 403, "forbidden"),
        (RequestDataTooBig("Too much."), 413, "too_large"),
        (TooManyFilesSent("Too many."), 413, "too_large"),
        (SuspiciousOperation("Odd."), 400, "malformed"),
        (UnreadablePostError("Cut off."), 400, "malformed"),
    ],
)
def test_each_kind_of_error_has_its_status_and_code(
    error: Exception, status: int, code: str, owner: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(monkeypatch, error)
    problem(owner.get(LIST), status, code)


def test_a_throttled_caller_is_told_when_to_come_back(owner: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, exceptions.Throttled(12))
    assert owner.get(LIST)["Retry-After"] == "12"


def test_a_fault_of_ours_says_nothing_of_the_inside(
    owner: APIClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    raising(monkeypatch, RuntimeError("password=hunter2"))
    with caplog.at_level(logging.ERROR, "studio.api.errors"):
        response = owner.get(LIST)
    body = problem(response, 500, "internal")
    assert "hunter2" not in response.content.decode()
    assert body["request_id"] in caplog.text
    assert "RuntimeError" in caplog.text


def test_a_studio_error_that_nobody_knows_is_a_fault_of_ours(owner: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, StudioError("Odd."))
    problem(owner.get(LIST), 500, "internal")


def test_problems_of_nested_fields_name_the_whole_path(owner: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    detail: Any = {"probe": {"period": ["Too short.", "Not whole."]}, "non_field_errors": ["Odd."]}
    raising(monkeypatch, serializers.ValidationError(detail))
    body = problem(owner.get(LIST), 422)
    assert body["errors"] == [
        {"field": "probe.period", "message": "Too short."},
        {"field": "probe.period", "message": "Not whole."},
        {"field": "", "message": "Odd."},
    ]
    assert body["detail"] == "probe.period: Too short. probe.period: Not whole. Odd."


@pytest.mark.parametrize(
    "body",
    ["{", "[" * 100_000, '{"name": NaN}', '{"name": "a\\u0000b"}', '{"tags": {"\\ud800": "x"}}', b"\xff\xfe"],
    ids=["cut off", "deep", "NaN", "NUL", "surrogate", "no UTF-8"],
)
def test_a_body_that_cannot_be_read_is_malformed(body: Any, owner: APIClient) -> None:
    problem(owner.generic("POST", LIST, body, content_type="application/json"), 400, "malformed")


@pytest.mark.parametrize("body", ["[]", "5", '"text"', "null"])
def test_a_body_that_is_no_object_is_invalid(body: str, owner: APIClient) -> None:
    problem(owner.generic("POST", LIST, body, content_type="application/json"), 422, "invalid")


def test_another_media_type_is_refused(owner: APIClient) -> None:
    problem(owner.generic("POST", LIST, "name: x", content_type="application/yaml"), 415, "unsupported_media_type")


def test_another_method_is_refused_with_those_that_there_are(owner: APIClient) -> None:
    response = owner.put(LIST, {})
    problem(response, 405, "method_not_allowed")
    assert response["Allow"] == "GET, POST, HEAD, OPTIONS"


def test_an_answer_that_is_not_json_cannot_be_had(owner: APIClient) -> None:
    problem(owner.get(LIST, headers={"Accept": "text/html"}), 406, "not_acceptable")


def test_a_body_over_the_cap_is_too_large(owner: APIClient, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    body = json.dumps({"name": "prices", "description": "x" * 2000})
    response = owner.generic("POST", "/api/v1/endpoints/", body, content_type="application/json")
    problem(response, 413, "too_large")


def test_bad_input_changes_nothing(owner: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(endpoint_services, "create_credentials", calls.append)
    found = fields(owner.post(LIST, {"name": "x!", "description": 7, "colour": "red"}))
    assert found == {"colour": "There is no such field. There are: description, tags, auth_mode, name, kind."}
    assert calls == []
