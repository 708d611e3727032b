"""What holds for all pages at once: headers, no inline code, no secret, fragments."""

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from endpoints.models import Endpoint
from tests.factories import DraftFactory, OperationFactory
from tests.pages.conftest import PRIMARY, SECONDARY
from tests.people import People

SignedIn = Callable[[str], Client]
INLINE = re.compile(r"<style[\s>]|\sstyle=|\son[a-z]+=[\"']|href=[\"']javascript:|hx-on[:-]|hx-vals=[\"']js:", re.I)
SCRIPT = re.compile(r"<script(?P<attributes>[^>]*)>(?P<body>.*?)</script>", re.I | re.S)


def urls_of_all_pages(people: People, endpoint: Endpoint) -> list[str]:
    blue = endpoint.deployments.get(name="blue")
    draft = DraftFactory(user=people.owner, workspace=endpoint.workspace)
    draft.data = {
        "basics": {"name": "fresh", "kind": "Online", "auth_mode": "key", "description": "", "tags": {}},
        "model": {"source": "none", "model": None},
        "code": {"server": "mlflow"},
    }
    draft.save()
    model, environment = blue.model, blue.environment
    assert model is not None
    assert environment is not None
    plain = (
        "endpoint_list model_list model_create environment_list environment_create operation_list usage activity "
        "workspace_quota budget_list budget_create "
        "alert_list alert_rules alert_rule_create alert_channels "
        "profile_tokens workspace_members workspace_registries search account_change_password "
        "profile_sessions profile_security"
    )
    of_endpoint = "detail traffic test consume metrics cost logs activity settings"
    of_deployment = "detail metrics logs spec settings"
    return [
        *(reverse(name) for name in plain.split()),
        *(reverse(f"endpoint_{name}", args=["churn"]) for name in of_endpoint.split()),
        *(reverse(f"deployment_{name}", args=["churn", "blue"]) for name in of_deployment.split()),
        *(reverse("wizard", args=[draft.pk, step]) for step in ("basics", "model", "code", "compute")),
        reverse("operation_detail", args=[OperationFactory(deployment=blue).pk]),
        reverse("model_detail", args=[model.name, model.version]),
        reverse("environment_detail", args=[environment.name, environment.version]),
        reverse("endpoint_detail", args=["nowhere"]),
    ]


def test_no_page_holds_inline_code_or_a_secret(signed_in: SignedIn, churn: Endpoint, people: People) -> None:
    client = signed_in("owner")
    for url in urls_of_all_pages(people, churn):
        answer = client.get(url)
        assert answer.status_code == (404 if "nowhere" in url else 200), url
        page = answer.content.decode()
        assert not (found := INLINE.search(page)), f"{url}: {page[found.start() - 80 : found.end() + 80]}"
        for script in SCRIPT.finditer(page):
            data = "application/json" in script["attributes"]
            assert data or not script["body"].strip(), f"{url}: {script[0][:200]}"
        assert not any(secret in page for secret in (PRIMARY, SECONDARY)), url
        if "settings" not in url:
            assert "hunter2" not in page, url
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy, url
        assert "unsafe" not in policy, url
        assert answer["X-Frame-Options"] == "DENY"
        assert "HX-Request" in answer["Vary"], url
        assert answer["X-Request-Id"]


def test_a_reader_never_sees_the_value_of_a_variable(signed_in: SignedIn, churn: Endpoint) -> None:
    for name in ("deployment_settings", "deployment_detail", "deployment_spec"):
        assert "hunter2" not in signed_in("reader").get(reverse(name, args=["churn", "blue"])).content.decode(), name


@pytest.mark.parametrize("name", ["endpoint_list", "operation_list", "activity"])
def test_htmx_gets_the_rows_alone(signed_in: SignedIn, churn: Endpoint, name: str) -> None:
    client = signed_in("owner")
    assert b"<html" in client.get(reverse(name)).content
    assert b"<html" not in client.get(reverse(name), headers={"HX-Request": "true"}).content
    boosted = client.get(reverse(name), headers={"HX-Request": "true", "HX-Boosted": "true"})
    assert b"<html" in boosted.content


@pytest.mark.parametrize("name", ["endpoint_detail", "endpoint_traffic", "endpoint_activity"])
def test_htmx_gets_the_part_of_an_endpoint_alone(signed_in: SignedIn, churn: Endpoint, name: str) -> None:
    answer = signed_in("owner").get(reverse(name, args=["churn"]), headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert b"<html" not in answer.content
    assert "HX-Request" in answer["Vary"]


def test_an_expired_sign_in_leads_the_whole_page_to_the_door(db: None, client: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/endpoints/churn/test/"}
    answer = client.post(reverse("test_history_clear", args=["churn"]), headers=headers)
    assert answer.status_code == 204
    assert answer["HX-Redirect"] == "/accounts/login/?next=/endpoints/churn/test/"
    assert "HX-Request" in answer["Vary"]


def test_the_door_takes_no_page_of_elsewhere(db: None, client: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://evil.example/endpoints/"}
    answer = client.get(reverse("activity"), headers=headers)
    assert answer["HX-Redirect"] == "/accounts/login/?next=/activity/"


def test_errors_for_htmx_are_a_toast(signed_in: SignedIn, churn: Endpoint) -> None:
    url = reverse("key_reveal", args=["churn", "Primary"])
    answer = signed_in("reader").post(url, headers={"HX-Request": "true"})
    assert answer.status_code == 403
    assert '"level": "error"' in answer["HX-Trigger"]
    assert "Owner" in answer["HX-Trigger"]


def test_nobody_signs_up(client: Client, db: None) -> None:
    answer = client.post(
        "/accounts/signup/", {"email": "new@example.com", "password1": "x" * 20, "password2": "x" * 20}
    )
    from endpoints.models import User

    assert answer.status_code == 404
    assert not User.objects.exists()


def test_health_is_for_anybody(client: Client, db: None) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
