"""What holds for every route there is, so that a new one cannot be forgotten."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.urls import resolve, reverse
from rest_framework.test import APIClient

from endpoints.domain.actor import SYSTEM
from endpoints.enums import Role
from endpoints.models import RoleAssignment
from endpoints.services.generations import keep_generation
from endpoints.services.service_accounts import create_service_account
from studio.api.errors import unknown_route
from studio.api.reference import document
from studio.api.routes import routes
from studio.api.view import StudioView
from tests.api.conftest import Caller
from tests.api.problems import fields, problem
from tests.factories import (
    AlertFactory,
    AlertRuleFactory,
    AutoscaleSettingFactory,
    BudgetFactory,
    CodeVersionFactory,
    DeploymentFactory,
    EndpointFactory,
    EnvironmentVersionFactory,
    ModelVersionFactory,
    NotificationChannelFactory,
    OperationFactory,
    PersonalTokenFactory,
    PriceFactory,
    QuotaRequestFactory,
    RegistryCredentialFactory,
    ScaleDecisionFactory,
    UserFactory,
    WorkspaceFactory,
    member,
)

pytestmark = pytest.mark.django_db
NAME = "alpha"  # of everything that has one
WRITES = ("post", "put", "patch", "delete")
# What anybody who has signed in may do, for themselves: lists without what is not theirs, and their own tokens.
OF_THE_PERSON = {
    *((name, "get") for name in ("api_me", "api_tokens", "api_workspaces", "api_endpoints", "api_operations")),
    ("api_events_export", "get"),
    ("api_alert_rules", "get"),
    ("api_alerts", "get"),
    *((name, "get") for name in ("api_models", "api_code", "api_environments", "api_events", "api_instance_types")),
    ("api_tokens", "post"),
    ("api_access_token", "post"),
}
# What is for the site's IT alone: everybody else learns only that.
OF_IT = {
    "api_identity_providers",
    "api_identity_provider",
    "api_identity_provider_refresh",
    "api_token_checks",
    "api_signing_keys",
    "api_quota_requests",
    "api_site_quota",
    "api_site_limits",
    "api_budgets",
    "api_audit",
    "api_site",
    "api_site_read_only",
    "api_site_banner",
    "api_site_operations",
    "api_site_operation_retry",
    "api_site_operation_fail",
    "api_site_backups",
    "api_site_events",
    "api_site_instance_types",
    "api_site_instance_type",
    "api_prices",
    "api_price",
    "api_site_statement",
}
# A Reader's writes that change nothing of the workspace.
OF_THE_READER = {("api_tokens", "post"), ("api_token", "delete"), ("api_access_token", "post")}


def calls() -> Iterator[tuple[str, str]]:
    for route in routes:
        assert route.name is not None
        for method in ("get", *WRITES):
            if hasattr(view_of(route.name), method):
                yield route.name, method


def view_of(name: str) -> type[StudioView]:
    view: type[StudioView] = next(route.callback.view_class for route in routes if route.name == name)  # type: ignore[attr-defined]
    return view


def reads() -> list[str]:
    return [route for route, method in calls() if method == "get"]


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
    AutoscaleSettingFactory(deployment=deployment)
    RegistryCredentialFactory(workspace=workspace, server="ghcr.io")
    ScaleDecisionFactory(deployment=deployment)
    keep_generation(actor=SYSTEM, deployment=deployment)
    token = PersonalTokenFactory(user=owner)
    account, _ = create_service_account(actor=SYSTEM, workspace=workspace, name=NAME)
    assignment = RoleAssignment.objects.create(user=account.user, workspace=workspace, endpoint=endpoint, role="reader")
    rule = AlertRuleFactory(workspace=workspace, endpoint=endpoint)
    return {
        "rule_id": rule.pk,
        "alert_id": AlertFactory(rule=rule).pk,
        "channel": NotificationChannelFactory(workspace=workspace, name=NAME).name,
        "name": NAME,
        "endpoint": NAME,
        "version": "1",
        "ordinal": 0,
        "generation": 1,
        "email": "owner@example.com",
        "server": "ghcr.io",
        "operation_id": operation.pk,
        "token_id": token.pk,
        "account": NAME,
        "secret_id": account.secrets.get().pk,
        "assignment_id": assignment.pk,
        "request_id": QuotaRequestFactory(workspace=workspace).pk,
        "budget_id": BudgetFactory(workspace=workspace).pk,
        "price_id": PriceFactory(item=NAME).pk,
        "people": {"owner": owner, "reader": workspace.role_assignments.get(role=Role.READER, endpoint=None).user},
    }


def url_of(route: str, arguments: dict[str, Any]) -> str:
    names = next(item.pattern.converters for item in routes if item.name == route)
    return reverse(route, kwargs={name: arguments[name] for name in names})


def sample(path: str) -> str:
    """A path of the document with something in it."""
    path = re.sub("{(operation_id|budget_id|alert_id)}", str(UUID(int=1)), path)
    numbered = re.sub(r"{(token_id|ordinal|generation|secret_id|assignment_id|request_id|rule_id|price_id)}", "1", path)
    return re.sub(r"{\w+}", NAME, numbered)


def send(client: APIClient, route: str, method: str, arguments: dict[str, Any]) -> Any:
    """With a body that a maker of things would take, where there may be one."""
    none = method == "get" or method in view_of(route).bodiless
    body = None if none else {"role": "owner"} if route == "api_member" else {"name": "something"}
    url = url_of(route, arguments)
    form = "multipart" if route in ("api_models", "api_code") and body else "json"
    return getattr(client, method)(url, body, **({} if method == "get" else {"format": form}))


def test_an_anonymous_caller_is_asked_to_sign_in(arguments: dict[str, Any], caller: Caller) -> None:
    for route, method in calls():
        response = send(caller(None), route, method, arguments)
        problem(response, 401, "unauthenticated")
        assert response["WWW-Authenticate"] == 'Bearer realm="Endpoint Studio"'


def test_a_stranger_learns_nothing(arguments: dict[str, Any], caller: Caller) -> None:
    stranger = caller(UserFactory())
    for route, method in calls():
        response = send(stranger, route, method, arguments)
        if (route, method) in OF_THE_PERSON:
            assert response.status_code in (200, 201), route
            assert NAME not in b"".join(response).decode(), route
        else:
            ours = route in OF_IT or (route, method) == ("api_workspaces", "post")
            problem(response, 403 if ours else 404)


def test_a_reader_changes_nothing(arguments: dict[str, Any], caller: Caller) -> None:
    reader = caller(arguments["people"]["reader"])
    for route, method in writes():
        response = send(reader, route, method, arguments)
        if (route, method) in OF_THE_READER:
            assert response.status_code in (200, 201, 404), route
        else:
            problem(response, 403, "forbidden")


def test_a_read_only_token_changes_nothing(arguments: dict[str, Any], caller: Caller) -> None:
    looker = caller(arguments["people"]["owner"], read_only=True)
    for route, method in writes():
        detail = problem(send(looker, route, method, arguments), 403, "forbidden")["detail"]
        assert "may only read" in detail


def test_a_member_reads_with_a_read_only_token(arguments: dict[str, Any], caller: Caller) -> None:
    looker = caller(arguments["people"]["reader"], read_only=True)
    for route in reads():
        response = send(looker, route, "get", arguments)
        if route in OF_IT:
            problem(response, 403, "forbidden")
        elif route.endswith("_files"):  # the rows of this test have no files in the store
            problem(response, 404, "not_found")
        else:
            assert response.status_code == 200, (route, response.content)
        assert response["Cache-Control"] == "no-store"


def test_a_query_that_nobody_knows_is_refused(arguments: dict[str, Any], caller: Caller) -> None:
    owner = caller(arguments["people"]["owner"])
    for route in reads():
        assert list(fields(owner.get(f"{url_of(route, arguments)}?colour=red"))) == ["colour"]


def test_a_body_that_nobody_reads_is_refused(arguments: dict[str, Any], caller: Caller) -> None:
    owner = caller(arguments["people"]["owner"])
    found = [(route, method) for route, method in writes() if method in view_of(route).bodiless]
    assert ("api_deployment_retry", "post") in found
    for route, method in found:
        response = getattr(owner, method)(url_of(route, arguments), {"colour": "red"})
        assert list(fields(response)) == ["colour"], route


def test_what_takes_no_body_stands_so_in_the_document() -> None:
    """A view that reads a body says which; one that does not must refuse it."""
    for route, method in writes():
        path = next(path for path in document()["paths"] if resolve(sample(path)).url_name == route)
        assert ("requestBody" in document()["paths"][path][method]) != (method in view_of(route).bodiless), route


def test_a_slash_at_the_end_makes_no_difference(arguments: dict[str, Any]) -> None:
    for route in routes:
        url = url_of(str(route.name), arguments)
        assert url.endswith("/")
        assert resolve(url.removesuffix("/")).func is resolve(url).func


@pytest.mark.parametrize("path", ["nothing", "endpoints/a/b/c", "", "endpoints/%00/", "tokens/x/"])
def test_what_is_no_route_is_a_problem_too(path: str, caller: Caller) -> None:
    for method in ("get", *WRITES):
        problem(getattr(caller(None), method)(f"/api/v1/{path}"), 404, "not_found")


def test_no_other_route_is_in_the_api() -> None:
    from studio.api.urls import urlpatterns

    named = {pattern.name for pattern in urlpatterns if pattern.name}
    assert named - {str(route.name) for route in routes} == {
        *("api_openapi", "api_docs", "api_unknown"),
        "api_client_credentials",
    }
    assert resolve("/api/v2/endpoints/").func is unknown_route
