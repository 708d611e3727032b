"""The Access pages: roles in the workspace and on an endpoint, service accounts, and what a mere caller sees."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from endpoints.domain.actor import SYSTEM
from endpoints.models import Endpoint, RoleAssignment, ServiceAccount
from endpoints.services.roles import assign_role

SignedIn = Callable[[str], Client]
ISSUER = "https://login.example.org"


def test_a_group_gets_a_role_and_loses_it(signed_in: SignedIn, churn: Endpoint) -> None:
    client, url = signed_in("owner"), reverse("endpoint_access", args=["churn"])
    given = {"group_issuer": ISSUER, "group_name": "callers", "role": "endpoint_invoker"}
    assert client.post(url, given).status_code == 303
    row = RoleAssignment.objects.get(endpoint=churn)
    page = client.get(url).content.decode()
    assert "callers" in page
    assert "from the workspace" in page
    assert client.post(reverse("role_remove", args=[row.pk])).status_code == 303
    assert not RoleAssignment.objects.filter(endpoint=churn).exists()


@pytest.mark.parametrize(
    "given", [{}, {"email": "nobody@example.com"}, {"group_name": "x"}, {"email": "a@example.com", "group_name": "x"}]
)
def test_bad_input_is_told_at_the_field(signed_in: SignedIn, churn: Endpoint, given: dict[str, str]) -> None:
    before = RoleAssignment.objects.count()
    for url in (reverse("endpoint_access", args=["churn"]), reverse("workspace_members")):
        answer = signed_in("owner").post(url, {"role": "reader", **given})
        assert answer.status_code == 422
        assert b"errorlist" in answer.content
    assert RoleAssignment.objects.count() == before


def test_a_reader_looks_and_changes_nothing(signed_in: SignedIn, churn: Endpoint) -> None:
    client = signed_in("reader")
    url = reverse("endpoint_access", args=["churn"])
    assert "Give a role" not in client.get(url).content.decode()
    assert client.post(url, {"role": "owner", "email": "reader@example.com"}).status_code == 403
    owner = RoleAssignment.objects.get(user__email="owner@example.com")
    assert client.post(reverse("role_remove", args=[owner.pk])).status_code == 403
    assert signed_in("stranger").post(reverse("role_remove", args=[owner.pk])).status_code == 404
    assert client.post(reverse("service_account_list"), {"name": "robot"}).status_code == 403


def test_the_last_owner_stays(signed_in: SignedIn, churn: Endpoint) -> None:
    owner = RoleAssignment.objects.get(user__email="owner@example.com")
    signed_in("owner").post(reverse("role_remove", args=[owner.pk]))
    assert RoleAssignment.objects.filter(pk=owner.pk).exists()


def test_who_only_calls_sees_what_calling_needs(signed_in: SignedIn, churn: Endpoint) -> None:
    assign_role(actor=SYSTEM, scope=churn, role="endpoint_invoker", email="stranger@example.com")
    client = signed_in("stranger")
    assert client.get(reverse("endpoint_consume", args=["churn"])).status_code == 200
    assert client.get(reverse("endpoint_test", args=["churn"])).status_code == 200
    for name in ("traffic", "metrics", "logs", "settings", "access", "activity"):
        assert client.get(reverse(f"endpoint_{name}", args=["churn"])).status_code == 403, name
    page = client.get(reverse("endpoint_list")).content.decode()
    assert "churn" in page
    assert client.post(reverse("key_reveal", args=["churn", "Primary"])).status_code == 403
    overview = client.get(reverse("endpoint_detail", args=["churn"]))
    assert (overview.status_code, overview["Location"]) == (302, reverse("endpoint_consume", args=["churn"]))


def test_the_secret_of_a_service_account_is_shown_once(signed_in: SignedIn, churn: Endpoint) -> None:
    client, url = signed_in("owner"), reverse("service_account_list")
    answer = client.post(url, {"name": "robot", "description": "CI"})
    page = answer.content.decode()
    assert "ess_" in page
    assert "no-store" in answer["Cache-Control"]
    account = ServiceAccount.objects.get()
    again = client.get(url).content.decode()
    assert account.client_id in again
    assert page.split("ess_")[1][6:30] not in again
    assert client.post(url, {"name": "robot"}).status_code == 422
    for change in ("secret", "disable", "enable", f"forget-{account.secrets.first().pk}", "delete"):  # type: ignore[union-attr]
        assert client.post(reverse("service_account_change", args=["robot", change])).status_code in (200, 303), change
    assert not ServiceAccount.objects.exists()
