"""Who may open which page. The table must name every URL of the pages, so that a new one cannot be forgotten."""

import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from endpoints.models import Event
from studio.pages.urls import urlpatterns
from tests.factories import DraftFactory, OperationFactory
from tests.world import World

# name: what stands in for the URL's arguments. GETs first, then what only takes POST.
E, D = {"name": "churn"}, {"name": "churn", "deployment": "blue"}
OF_AN_ENDPOINT: dict[str, dict[str, Any]] = {
    **dict.fromkeys(
        (
            "endpoint_detail endpoint_traffic endpoint_test endpoint_consume endpoint_metrics "
            "endpoint_cost endpoint_cost_figure endpoint_cost_month endpoint_cost_csv endpoint_logs endpoint_activity "
            "endpoint_access endpoint_settings endpoint_traffic_log"
        ).split(),
        E,
    ),
    **dict.fromkeys(
        (
            "deployment_detail deployment_autoscale deployment_metrics deployment_logs deployment_log "
            "deployment_build_log "
            "deployment_spec deployment_settings"
        ).split(),
        D,
    ),
    "endpoint_figure": {**E, "chart": "requests"},
    "endpoint_figures": {**E},
    "deployment_figures": {**D},
    "endpoint_metrics_csv": {**E, "chart": "requests"},
    "deployment_metrics_csv": {**D, "chart": "requests"},
    "deployment_figure": {**D, "chart": "requests"},
    "replica_log": {**D, "ordinal": 0},
}
WRITES: dict[str, dict[str, Any]] = {
    "endpoint_delete": E,
    "endpoint_auth_mode": E,
    "endpoint_token": E,
    "endpoint_limits": E,
    "endpoint_cors": E,
    "endpoint_traffic_log_settings": E,
    "key_reveal": {**E, "kind": "Primary"},
    "key_regenerate": {**E, "kind": "Primary"},
    "deployment_retry": D,
    "deployment_autoscale_switch": D,
    "deployment_autoscale_remove": D,
    "deployment_delete": D,
    "deployment_scale_to_zero": D,
    "deployment_sleep": D,
    "deployment_wake": D,
    "replica_restart": {**D, "ordinal": 0},
    "deployment_roll_back": {**D, "generation": 1},
}
FOR_WRITERS = {"deployment_create": E}
OWN = (
    "endpoint_list endpoint_create operation_list model_list model_create environment_list environment_create usage "
    "alert_list alert_rules alert_rule_create alert_channels budget_list budget_create workspace_quota "
    "usage_figure usage_csv usage_month usage_statement usage_statement_csv "
    "activity profile_tokens workspace_members service_account_list "
    "workspace_registries search live upload_stage workspace_switch profile_security "
    "profile_sessions sessions_end_others"
).split()
# Of the site's IT: GETs, and what only takes POST.
OF_IT = (
    "it_overview it_identity it_identity_add it_identity_test it_identity_provider it_audit it_audit_status it_backups "
    "it_budgets it_capacity it_limits it_operations it_prices it_quota it_quota_site it_retention it_runbook it_sbom "
    "it_security it_spend it_statement it_statement_csv it_versions"
).split()
WRITES_OF_IT = ("it_identity_enable it_identity_refresh it_identity_remove it_signing_rotate it_audit_check").split()
# By an id or a version that belongs to a workspace or a person.
ELSEWHERE = (
    "operation_detail operation_cancel build_log model_detail model_archive environment_detail environment_archive "
    "wizard wizard_name wizard_preflight wizard_discard role_remove service_account_change registry_remove "
    "token_revoke test_history_clear test_call_download endpoint_swagger alert_detail alert_acknowledge alert_rule "
    "alert_rule_silence alert_rule_remove alert_channel_test alert_channel_switch alert_channel_remove "
    "profile_security_link profile_security_unlink session_end budget_edit budget_delete quota_request_withdraw "
    "it_idle_notify it_idle_sleep it_operation_fail it_operation_retry it_price it_price_withdraw "
    "it_quota_decide it_quota_workspace deployment_capacity wizard_capacity "
    "request_save request_change request_delete test_call_share test_call_shared test_snippets test_stream"
).split()


def named() -> set[str]:
    return {pattern.name for pattern in urlpatterns if pattern.name}


def test_the_table_names_every_page() -> None:
    assert named() == {*OF_AN_ENDPOINT, *WRITES, *FOR_WRITERS, *OWN, *ELSEWHERE, *OF_IT, *WRITES_OF_IT}


@pytest.fixture
def churn(world: World) -> World:
    endpoint = world.endpoint("churn")
    world.deployment(endpoint, "blue")
    world.settle()
    return world


@pytest.mark.parametrize(("name", "arguments"), {**OF_AN_ENDPOINT, **WRITES, **FOR_WRITERS}.items())
def test_who_is_not_signed_in_is_sent_to_the_door(client: Client, db: None, name: str, arguments: Any) -> None:
    for answer in (client.get(reverse(name, kwargs=arguments)), client.post(reverse(name, kwargs=arguments))):
        assert answer.status_code == 302
        assert "/accounts/login/" in answer["Location"]


@pytest.mark.parametrize(("name", "arguments"), {**OF_AN_ENDPOINT, **WRITES, **FOR_WRITERS}.items())
def test_a_stranger_learns_nothing(client: Client, churn: World, name: str, arguments: Any) -> None:
    client.force_login(churn.people.stranger)
    before = Event.objects.count()
    for answer in (client.get(reverse(name, kwargs=arguments)), client.post(reverse(name, kwargs=arguments))):
        assert answer.status_code in (404, 405) or "reauthenticate" in answer.get("Location", "")
        assert b"blue" not in answer.content
    assert Event.objects.count() == before


@pytest.mark.parametrize(("name", "arguments"), OF_AN_ENDPOINT.items())
def test_a_reader_sees_and_an_owner_too(client: Client, churn: World, name: str, arguments: Any) -> None:
    for person in (churn.people.reader, churn.people.owner):
        client.force_login(person)
        assert client.get(reverse(name, kwargs=arguments)).status_code == 200


@pytest.mark.parametrize(("name", "arguments"), WRITES.items())
def test_a_reader_changes_nothing(client: Client, churn: World, name: str, arguments: Any) -> None:
    client.force_login(churn.people.reader)
    before = Event.objects.count()
    answer = client.post(reverse(name, kwargs=arguments), {"confirm_name": "blue"})
    refused = answer.status_code in (403, 409) or "reauthenticate" in answer.get("Location", "")
    assert refused, answer.status_code
    assert Event.objects.count() == before


def test_a_reader_shifts_no_traffic(client: Client, churn: World) -> None:
    client.force_login(churn.people.reader)
    url = reverse("endpoint_traffic", kwargs=E)
    assert client.post(url, {"traffic-blue": "100", "version": "1"}).status_code == 403


def test_somebody_elses_draft_and_operation_are_not_there(client: Client, churn: World) -> None:
    draft = DraftFactory(user=churn.people.owner, workspace=churn.workspace)
    operation = OperationFactory()
    client.force_login(churn.people.stranger)
    for url in (
        reverse("wizard", args=[draft.pk, "basics"]),
        reverse("wizard_name", args=[draft.pk]),
        reverse("wizard_discard", args=[draft.pk]),
        reverse("operation_detail", args=[operation.pk]),
        reverse("operation_detail", args=[uuid.uuid4()]),
        reverse("build_log", args=[operation.pk]),
    ):
        assert client.get(url).status_code == 404


def test_shares_that_do_not_sum_up_change_nothing(client: Client, churn: World) -> None:
    client.force_login(churn.people.owner)
    answer = client.post(reverse("endpoint_traffic", kwargs=E), {"traffic-blue": "99", "version": "1"})
    assert answer.status_code == 422
    assert "sum to 99" in answer.content.decode()


def test_a_stale_version_shows_both_and_changes_nothing(client: Client, churn: World) -> None:
    client.force_login(churn.people.owner)
    url = reverse("endpoint_traffic", kwargs=E)
    assert client.post(url, {"traffic-blue": "100", "version": "1"}).status_code == 303
    answer = client.post(url, {"offline": "1", "version": "1"})
    assert answer.status_code == 409
    assert "owner@example.com" in answer.content.decode()
