"""Budgets on pages."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from endpoints.domain.actor import SYSTEM
from endpoints.models import Budget, Endpoint, Workspace
from endpoints.services.sleeping import stop
from tests.factories import BudgetFactory, UsageFactory
from tests.people import People

SignedIn = Callable[[str], Client]
LIST, CREATE, IT = reverse("budget_list"), reverse("budget_create"), reverse("it_budgets")
GIVEN = {
    "name": "team",
    "amount": "100",
    "thresholds": "50, 80 %, 100",
    "action": "refuse",
    "action_percent": "100",
    "committed_hours": "1",
}


def test_a_budget_is_made_shown_changed_and_deleted(signed_in: SignedIn, churn: Endpoint) -> None:
    client = signed_in("contributor")
    assert "No budget yet" in client.get(LIST).content.decode()
    UsageFactory(
        deployment=churn.deployments.get(name="blue"),
        unit_price=Decimal("60"),
        started_at=timezone.now().replace(minute=0, second=0, microsecond=0),
    )
    assert client.post(CREATE, GIVEN).status_code == 303
    made = Budget.objects.get()
    assert [made.amount, made.thresholds, made.action, made.endpoint] == [100, [50, 80, 100], "refuse", None]
    page = client.get(LIST).content.decode()
    assert "Refuse requests with 402" in page
    assert "1.00" in page
    edit = reverse("budget_edit", args=[made.pk])
    assert client.post(edit, GIVEN | {"amount": "0.5", "action": "stop"}).status_code == 303
    assert "acts now" in client.get(LIST).content.decode()
    assert client.post(reverse("budget_delete", args=[made.pk])).status_code == 303
    assert not Budget.objects.exists()


def test_of_an_endpoint_it_stands_on_its_cost_tab(signed_in: SignedIn, churn: Endpoint) -> None:
    signed_in("owner").post(CREATE, GIVEN | {"endpoint": "churn"})
    assert Budget.objects.get().endpoint == churn
    page = signed_in("reader").get(reverse("endpoint_cost", args=["churn"])).content.decode()
    assert "endpoint churn" in page
    assert "Edit" not in page.split('id="budgets"')[1].split("</section>")[0]


def test_a_persons_budget_is_not_shown_to_others(signed_in: SignedIn, churn: Endpoint, people: People) -> None:
    Endpoint.objects.update(created_by=people.owner)
    BudgetFactory(workspace=None, owner=people.owner, name="hers alone")
    url = reverse("endpoint_cost", args=["churn"])
    for who, shown in (("owner", True), ("staff", True), ("reader", False)):
        assert ("hers alone" in signed_in(who).get(url).content.decode()) == shown


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": "lots"}, "amount"),
        ({"thresholds": "half"}, "thresholds"),
        ({"thresholds": "5000"}, "thresholds"),
        ({"action": "explode"}, "action"),
        ({"action_percent": "0"}, "action_percent"),
        ({"endpoint": "nowhere"}, "endpoint"),
        ({"name": ""}, "name"),
    ],
)
def test_a_budget_that_cannot_be(signed_in: SignedIn, churn: Endpoint, given: dict[str, str], field: str) -> None:
    answer = signed_in("owner").post(CREATE, GIVEN | given)
    assert answer.status_code == 422
    assert answer.context["form"].errors.keys() == {field}
    assert not Budget.objects.exists()


def test_who_may(signed_in: SignedIn, churn: Endpoint, workspace: Workspace) -> None:
    made = BudgetFactory(workspace=workspace)
    edit, delete = reverse("budget_edit", args=[made.pk]), reverse("budget_delete", args=[made.pk])
    assert made.name in signed_in("reader").get(LIST).content.decode()
    for who, status in (("reader", 403), ("stranger", 404)):
        client = signed_in(who)
        assert client.get(CREATE).status_code == status
        assert client.post(CREATE, GIVEN).status_code == status
        for url in (edit, delete):
            assert client.post(url, GIVEN).status_code == status
        assert client.get(edit).status_code == status
    made.refresh_from_db()
    assert made.version == 1


def test_budgets_of_people_are_its(signed_in: SignedIn, churn: Endpoint, people: People) -> None:
    for who in ("owner", "reader", "stranger"):
        assert signed_in(who).get(IT).status_code == 403
        assert signed_in(who).post(IT, GIVEN | {"owner": "owner@example.com"}).status_code == 403
    it = signed_in("staff")
    assert it.post(IT, GIVEN | {"owner": "nobody@example.com"}).status_code == 422
    assert it.post(IT, GIVEN | {"owner": "owner@example.com"}).status_code == 303
    made = Budget.objects.get()
    assert (made.owner, made.workspace) == (people.owner, None)
    assert "all of owner@example.com" in it.get(IT).content.decode()
    assert it.post(reverse("budget_edit", args=[made.pk]), GIVEN | {"amount": "7"})["Location"] == IT
    assert signed_in("owner").post(reverse("budget_edit", args=[made.pk]), GIVEN).status_code == 403


def test_the_list_asks_the_same_for_three_as_for_one(
    signed_in: SignedIn, churn: Endpoint, workspace: Workspace, django_assert_num_queries: Any
) -> None:
    client = signed_in("reader")
    BudgetFactory(workspace=workspace)
    client.get(LIST)
    with django_assert_num_queries(13):
        client.get(LIST)
    BudgetFactory.create_batch(2, workspace=workspace, endpoint=churn)
    with django_assert_num_queries(13):
        client.get(LIST)


def test_a_deployment_says_why_it_was_stopped_and_that_it_can_be_started(
    signed_in: SignedIn, churn: Endpoint, workspace: Workspace
) -> None:
    start = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    made = BudgetFactory(workspace=workspace, action="stop", period_start=start, acting_since=start)
    stop(actor=SYSTEM, deployment=churn.deployments.get(name="blue"), reason="Budget “b” is used up.", budget=made)
    url = reverse("deployment_detail", args=["churn", "blue"])
    page = signed_in("owner").get(url).content.decode()
    assert "Budget “b” is used up." in page
    assert "Start it" in page
    assert "It can be started now." not in page
    Budget.objects.update(period_start=start - timedelta(days=3))
    assert "It can be started now." in signed_in("reader").get(url).content.decode()
