"""What holds for every route there is, so that a new one cannot be forgotten."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.urls import Resolver404, URLPattern, resolve, reverse
from rest_framework.test import APIClient

from endpoints.enums import Role
from studio.api.routes import routes
from studio.api.view import StudioView
from tests.api.conftest import Caller
from tests.api.problems import problem
from tests.factories import (
    CodeVersionFactory,
    DeploymentFactory,
    EndpointFactory,
    EnvironmentVersionFactory,
    ModelVersionFactory,
    OperationFactory,
    PersonalTokenFactory,
    WorkspaceFactory,
    member,
)

pytestmark = pytest.mark.django_db
NAME = "alpha"  # of everything that has one
WRITES = ("post", "put", "patch", "delete")
# What anybody who has signed in may do, for themselves: lists without what is not theirs, and their own tokens.
OF_THE_PERSON = {
    *((name, "get") for name in ("api_me", "api_tokens", "api_workspaces", "api_endpoints", "api_operations")),
    *((name, "get") for name in ("api_models", "api_code", "api_environments", "api_events", "api_instance_types")),
    ("api_tokens", "post"),
}
# A Reader's writes that change nothing of the workspace.
OF_THE_READER = {("api_tokens", "post"), ("api_token", "delete")}


def calls() -> Iterator[tuple[str, str]]:
    for route in routes:
        view: type[StudioView] = route.callback.view_class  # type: ignore[attr-defined]
        assert route.name is not None
        for method in ("get", *WRITES):
            if hasattr(view, method):
                yield route.name, method


def writes() -> list[tuple[str, str]]:
    return [call for call in calls() if call[1] in WRITES]


@pytest.fixture
def arguments(adapters: object) -> dict[str, Any]:
    """Of every route: a row that is there."""
    workspace = WorkspaceFactory(name=NAME)
    owner = member(workspace, Role.OWNER, email="owner@example.com")
    member(workspace, Role.READER, email="reader@example.com")
    endpoint = EndpointFactory(workspace=workspace, name=NAME)
    deployment = DeploymentFactory(endpoint=endpoint, name=NAME, replicas=1)
    for made in (ModelVersionFactory, CodeVersionFactory, EnvironmentVersionFactory):
        made(workspace=workspace, name=NAME)
    operation = OperationFactory(deployment=deployment)
    token = PersonalTokenFactory(user=owner)
    return {
        "name": NAME,
        "endpoint": NAME,
        "version": "1",
        "ordinal": 0,
        "email": "owner@example.com",
        "operation_id": operation.pk,
        "token_id": token.pk,
        "people": {"owner": owner, "reader": workspace.role_assignments.get(role=Role.READER).user},
    }


def send(client: APIClient, route: str, method: str, arguments: dict[str, Any]) -> Any:
    """With a body that a maker of things would take."""
    body = None if method == "get" else {"role": "owner"} if route == "api_member" else {"name": "something"}
    names = next(item.pattern.converters for item in routes if item.name == route)
    url = reverse(route, kwargs={name: arguments[name] for name in names})
    form = "multipart" if route in ("api_models", "api_code") and body else "json"
    return getattr(client, method)(url, body, **({} if method == "get" else {"format": form}))


@pytest.mark.parametrize(("route", "method"), calls())
def test_an_anonymous_caller_is_asked_to_sign_in(
    route: str, method: str, arguments: dict[str, Any], caller: Caller
) -> None:
    response = send(caller(None), route, method, arguments)
    problem(response, 401, "unauthenticated")
    assert response["WWW-Authenticate"] == 'Bearer realm="Endpoint Studio"'


@pytest.mark.parametrize(("route", "method"), calls())
def test_a_stranger_learns_nothing(
    route: str, method: str, arguments: dict[str, Any], caller: Caller, django_user_model: Any
) -> None:
    stranger = django_user_model.objects.create_user("stranger@example.com")
    response = send(caller(stranger), route, method, arguments)
    if (route, method) in OF_THE_PERSON:
        assert response.status_code in (200, 201)
        assert NAME not in response.content.decode() or route == "api_instance_types"
    else:
        problem(response, response.status_code if response.status_code == 403 else 404)
        if response.status_code == 403:
            assert route == "api_workspaces"


@pytest.mark.parametrize(("route", "method"), writes())
def test_a_reader_changes_nothing(route: str, method: str, arguments: dict[str, Any], caller: Caller) -> None:
    response = send(caller(arguments["people"]["reader"]), route, method, arguments)
    if (route, method) in OF_THE_READER:
        assert response.status_code in (201, 404)
    else:
        assert "role" in problem(response, 403, "forbidden")["detail"] or route == "api_workspaces"


@pytest.mark.parametrize(("route", "method"), writes())
def test_a_read_only_token_changes_nothing(route: str, method: str, arguments: dict[str, Any], caller: Caller) -> None:
    client = caller(arguments["people"]["owner"], read_only=True)
    assert "may only read" in problem(send(client, route, method, arguments), 403, "forbidden")["detail"]


@pytest.mark.parametrize("route", [name for name, method in calls() if method == "get"])
def test_a_member_reads_with_a_read_only_token(route: str, arguments: dict[str, Any], caller: Caller) -> None:
    response = send(caller(arguments["people"]["reader"], read_only=True), route, "get", arguments)
    if route.endswith("_files"):  # the rows of this test have no files in the store
        problem(response, 404, "not_found")
    else:
        assert response.status_code == 200
        assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("route", [name for name, method in calls() if method == "get"])
def test_a_query_that_is_not_known_is_refused_or_there_is_none(
    route: str, arguments: dict[str, Any], caller: Caller
) -> None:
    names = next(item.pattern.converters for item in routes if item.name == route)
    url = reverse(route, kwargs={name: arguments[name] for name in names})
    response = caller(arguments["people"]["owner"]).get(f"{url}?colour=red")
    body = problem(response, 422, "invalid")
    assert [error["field"] for error in body["errors"]] == ["colour"]


@pytest.mark.parametrize("route", routes, ids=lambda route: str(route.name))
def test_a_slash_at_the_end_makes_no_difference(route: URLPattern) -> None:
    values: dict[str, Any] = {"ordinal": 0, "token_id": 1, "operation_id": UUID(int=1), "version": "1"}
    url = reverse(str(route.name), kwargs={name: values.get(name, NAME) for name in route.pattern.converters})
    assert url.endswith("/")
    assert resolve(url.removesuffix("/")).func is resolve(url).func


@pytest.mark.parametrize("path", ["nothing", "endpoints/a/b/c", "", "endpoints/%00/", "tokens/x/"])
@pytest.mark.parametrize("method", ["get", *WRITES])
def test_what_is_no_route_is_a_problem_too(path: str, method: str, caller: Caller) -> None:
    problem(getattr(caller(None), method)(f"/api/v1/{path}"), 404, "not_found")


def test_no_other_route_is_in_the_api() -> None:
    from studio.api.urls import urlpatterns

    named = {pattern.name for pattern in urlpatterns if pattern.name}
    assert named - {str(route.name) for route in routes} == {"api_openapi", "api_docs", "api_unknown"}
    with pytest.raises(Resolver404):
        resolve("/api/v2/endpoints/")
