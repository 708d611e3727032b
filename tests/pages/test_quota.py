"""Quotas on pages: a workspace's own, IT's, and the arithmetic before anything is asked for."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from endpoints.domain.actor import SYSTEM
from endpoints.models import Deployment, Draft, Endpoint, InstanceType, Quota, QuotaRequest, SiteLimits, Workspace
from endpoints.services.quota import set_quota
from tests.factories import (
    DeploymentFactory,
    DraftFactory,
    EndpointFactory,
    InstanceTypeFactory,
    QuotaRequestFactory,
    WorkspaceFactory,
)
from tests.people import People

SignedIn = Callable[[str], Client]
QUOTA, IT, LIMITS = reverse("workspace_quota"), reverse("it_quota"), reverse("it_limits")
ASKED = {"vcpu": "64", "memory_mib": "", "reason": "A launch"}


@pytest.fixture
def draft(people: People, workspace: Workspace) -> Draft:
    made: Draft = DraftFactory(user=people.owner, workspace=workspace)
    made.data = {
        "basics": {"name": "fresh", "kind": "online", "auth_mode": "key", "description": "", "tags": {}},
        "model": {"source": "none", "model": None},
        "code": {"server": "script"},
    }
    made.save()
    return made


def limit(workspace: Workspace | None, **limits: Any) -> None:
    set_quota(actor=SYSTEM, workspace=workspace, limits=limits)


def test_a_workspace_sees_its_quota_and_its_use(signed_in: SignedIn, churn: Endpoint, workspace: Workspace) -> None:
    limit(workspace, vcpu=8)
    for who in ("owner", "reader"):
        page = signed_in(who).get(QUOTA).content.decode()
        assert "<strong>4</strong> of 8" in page  # two deployments of one instance of 1 vCPU, with the reserve
        assert ('name="reason"' in page) == (who == "owner")
    assert b"You are in no workspace yet" in signed_in("stranger").get(QUOTA).content


def test_a_member_asks_it_denies_and_the_member_reads_why(
    signed_in: SignedIn, churn: Endpoint, workspace: Workspace
) -> None:
    member, it = signed_in("contributor"), signed_in("staff")
    assert member.post(QUOTA, ASKED).status_code == 303
    asked = QuotaRequest.objects.get()
    assert [asked.vcpu, asked.memory_mib] == [64, None]
    assert "waits for IT" in member.get(QUOTA).content.decode()
    page = it.get(IT)
    assert [item["asked"] for item in page.context["pending"]] == ["64 vCPU"]
    assert page.context["quota_requests"] == 1
    decide = reverse("it_quota_decide", args=[asked.pk])
    assert b"Say why" in it.post(decide, {"decision": "deny", "note": ""}, follow=True).content
    it.post(decide, {"decision": "deny", "note": "Not before May."})
    shown = member.get(QUOTA).content.decode()
    assert "Denied" in shown
    assert "Not before May." in shown
    assert it.get(IT).context["quota_requests"] == 0
    assert not Quota.objects.exists()


def test_an_approval_holds_at_once(signed_in: SignedIn, churn: Endpoint, workspace: Workspace) -> None:
    asked = QuotaRequestFactory(workspace=workspace)
    signed_in("staff").post(reverse("it_quota_decide", args=[asked.pk]), {"decision": "approve"})
    assert Quota.objects.get(workspace=workspace).vcpu == 64
    answer = signed_in("staff").post(reverse("it_quota_decide", args=[asked.pk]), {"decision": "approve"}, follow=True)
    assert b"approved already" in answer.content


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"reason": ""}, {"reason"}),
        ({"vcpu": ""}, {"__all__"}),
        ({"vcpu": "-1"}, {"vcpu"}),
        ({"gpu": "1.5"}, {"gpu"}),
        ({"vcpu": "0.001"}, {"vcpu"}),
    ],
)
def test_a_request_that_cannot_be(
    signed_in: SignedIn, churn: Endpoint, given: dict[str, str], fields: set[str]
) -> None:
    answer = signed_in("owner").post(QUOTA, ASKED | given)
    assert answer.status_code == 422
    assert answer.context["form"].errors.keys() == fields
    assert not QuotaRequest.objects.exists()


def test_a_request_is_withdrawn_by_its_workspace_alone(signed_in: SignedIn, churn: Endpoint) -> None:
    mine, other = QuotaRequestFactory(workspace=churn.workspace), QuotaRequestFactory()
    owner = signed_in("owner")
    assert owner.post(reverse("quota_request_withdraw", args=[other.pk])).status_code == 404
    assert signed_in("reader").post(reverse("quota_request_withdraw", args=[mine.pk])).status_code == 403
    assert owner.post(reverse("quota_request_withdraw", args=[mine.pk])).status_code == 303
    mine.refresh_from_db()
    other.refresh_from_db()
    assert (mine.state, other.state) == ("withdrawn", "pending")


@pytest.mark.parametrize("who", ["owner", "reader", "stranger"])
def test_its_pages_are_its_alone(signed_in: SignedIn, churn: Endpoint, who: str) -> None:
    client = signed_in(who)
    asked = QuotaRequestFactory(workspace=churn.workspace)
    editor = reverse("it_quota_workspace", args=[churn.workspace.name])
    for url in (IT, LIMITS, editor, reverse("it_quota_site")):
        assert client.get(url).status_code == 403
        assert client.post(url, {"vcpu": "1"}).status_code == 403
    assert client.post(reverse("it_quota_decide", args=[asked.pk]), {"decision": "approve"}).status_code == 403
    assert not Quota.objects.exists()


def test_it_edits_a_quota_below_what_is_used(signed_in: SignedIn, churn: Endpoint, workspace: Workspace) -> None:
    it, editor = signed_in("staff"), reverse("it_quota_workspace", args=[workspace.name])
    assert it.get(editor).status_code == 200
    assert it.post(editor, {"vcpu": "1.5", "expected_version": "0"}).status_code == 303
    assert Quota.objects.get(workspace=workspace).vcpu == Decimal("1.5")
    assert "over its limit" in signed_in("owner").get(QUOTA).content.decode()
    stale = it.post(editor, {"vcpu": "2", "expected_version": "0"})
    assert stale.status_code == 422
    assert "changed meanwhile" in stale.content.decode()
    assert it.post(editor, {"vcpu": "-2"}).status_code == 422
    assert it.get(reverse("it_quota_workspace", args=["nowhere"])).status_code == 404


def test_it_edits_the_sites_limits(signed_in: SignedIn, churn: Endpoint) -> None:
    it = signed_in("staff")
    given = {
        "reserve_percent": "0",
        "deployments_per_endpoint": "5",
        "instances_per_deployment": "9",
        "request_timeout_ms": "60000",
        "requests_per_second": "",
        "kilobytes_per_second": "0",
    }
    assert it.post(LIMITS, given).status_code == 303
    row = SiteLimits.objects.get()
    assert (row.reserve_percent, row.instances_per_deployment, row.requests_per_second) == (0, 9, None)
    refused = it.post(LIMITS, given | {"reserve_percent": "101"})
    assert refused.context["form"].errors.keys() == {"reserve_percent"}
    page = signed_in("owner").get(reverse("deployment_settings", args=["churn", "blue"])).content.decode()
    assert 'max="9"' in page
    assert "At most 60,000." in page


def test_the_list_of_workspaces_asks_the_same_for_three_as_for_one(
    signed_in: SignedIn, churn: Endpoint, django_assert_num_queries: Any
) -> None:
    it = signed_in("staff")
    it.get(IT)
    with django_assert_num_queries(28):
        it.get(IT)
    for _ in range(2):
        endpoint = EndpointFactory(workspace=WorkspaceFactory())
        DeploymentFactory(endpoint=endpoint, replicas=1)
        QuotaRequestFactory(workspace=endpoint.workspace)
    with django_assert_num_queries(28):
        it.get(IT)


def test_the_wizard_shows_the_arithmetic_and_the_price(signed_in: SignedIn, draft: Draft, workspace: Workspace) -> None:
    InstanceTypeFactory(name="four", vcpu=4, price_per_hour=Decimal("0.2000"))
    InstanceTypeFactory(name="huge", vcpu=32, price_per_hour=Decimal("1.5000"))
    InstanceType.objects.exclude(name__in=["four", "huge"]).update(enabled=False)
    limit(workspace, vcpu=50)
    client = signed_in("owner")
    page = client.get(reverse("wizard", args=[draft.pk, "compute"])).content.decode()
    assert "$0.2000 per hour" in page
    assert "$146.00 per month of 730 hours" in page
    assert "Needs 64 vCPU, reserve included; 50 left of workspace “research”." in page
    part = client.get(reverse("wizard_capacity", args=[draft.pk]), {"instance_type": "four", "instance_count": "10"})
    row = part.context["capacity"]["rows"][0]
    names = ("label", "asked", "reserve", "in_use", "limit", "left", "fits")
    assert [row[name] for name in names] == ["vCPU", "40", "8", "0", "50", "2", True]
    assert "$2.0000 per hour" in part.content.decode()
    assert "$1,460.00 per month" in part.content.decode()
    many = client.get(reverse("wizard_capacity", args=[draft.pk]), {"instance_type": "four", "instance_count": "11"})
    assert "ask for more quota" in many.content.decode()
    assert client.get(reverse("wizard_capacity", args=[draft.pk]), {"instance_count": "x"}).status_code == 200
    assert signed_in("reader").get(reverse("wizard_capacity", args=[draft.pk])).status_code == 404


def test_the_scale_form_shows_the_arithmetic(signed_in: SignedIn, churn: Endpoint, workspace: Workspace) -> None:
    limit(workspace, vcpu=10)
    blue: Deployment = churn.deployments.get(name="blue")
    url = reverse("deployment_capacity", args=["churn", "blue"])
    for who, status in (("owner", 200), ("reader", 200), ("stranger", 404)):
        given = {"instance_type": blue.instance_type.name, "instance_count": "5"}
        answer = signed_in(who).get(url, given)
        assert answer.status_code == status
    page = signed_in("owner").get(url, {"instance_count": "5"}).context["capacity"]["rows"][0]
    assert [page[name] for name in ("asked", "reserve", "in_use", "limit", "left")] == ["5", "1", "2", "10", "2"]
    settings = signed_in("owner").get(reverse("deployment_settings", args=["churn", "blue"])).content.decode()
    assert "per month of 730 hours" in settings
