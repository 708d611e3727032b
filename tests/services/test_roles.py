"""Roles of people, groups and service accounts, in a workspace and on one endpoint."""

import pytest

from endpoints.domain.actor import SYSTEM, Actor
from endpoints.domain.errors import Conflict, Forbidden, Invalid, NotFound
from endpoints.enums import Role, Source
from endpoints.models import Endpoint, Event, GatewayState, RoleAssignment, User
from endpoints.permissions import Action, actions_in, can, roles_in
from endpoints.selectors.access import assignments_in, invokers_of
from endpoints.selectors.endpoints import endpoint_for, endpoints_for, events_for, workspaces_for
from endpoints.services import service_accounts
from endpoints.services.roles import assign_role, remove_assignment
from tests.factories import EndpointFactory
from tests.world import World

ISSUER = "https://login.example.org"


@pytest.fixture
def churn(world: World) -> Endpoint:
    return EndpointFactory(name="churn", workspace=world.workspace)


def stranger_may(world: World, endpoint: Endpoint) -> set[Action]:
    return set(actions_in(User.objects.get(pk=world.people.stranger.pk), endpoint))


def test_a_role_on_one_endpoint_ends_at_that_endpoint(world: World, churn: Endpoint) -> None:
    other = EndpointFactory(name="other", workspace=world.workspace)
    assign_role(actor=SYSTEM, scope=churn, role=Role.READER, email="stranger@example.com")
    stranger = world.people.stranger
    assert stranger_may(world, churn) == {Action.READ}
    assert stranger_may(world, other) == set()
    assert not can(stranger, Action.READ, world.workspace)
    assert [endpoint.name for endpoint in endpoints_for(stranger)] == ["churn"]
    assert not workspaces_for(stranger).exists()
    with pytest.raises(NotFound):
        endpoint_for(stranger, "other")
    assert {event.endpoint_name for event in events_for(stranger, endpoint=churn)} == {"churn"}
    assert not events_for(stranger, endpoint=other).exists()


def test_several_roles_add_up(world: World, churn: Endpoint) -> None:
    for role in (Role.ENDPOINT_INVOKER, Role.SECRETS_READER):
        assign_role(actor=SYSTEM, scope=churn, role=role, email="stranger@example.com")
    assert stranger_may(world, churn) == {Action.SCORE, Action.LIST_KEYS}
    assert assign_role(actor=SYSTEM, scope=churn, role=Role.SECRETS_READER, email="stranger@example.com")
    assert RoleAssignment.objects.filter(endpoint=churn).count() == 2


def test_a_group_counts_for_whom_the_last_sign_in_named_in_it(world: World, churn: Endpoint) -> None:
    assign_role(actor=SYSTEM, scope=world.workspace, role=Role.DATA_SCIENTIST, group=(ISSUER, "modellers"))
    stranger = world.people.stranger
    assert roles_in(stranger, churn) == frozenset()
    for groups, expected in (
        ([[ISSUER, "modellers"], [ISSUER, "x"]], {Role.DATA_SCIENTIST}),
        ([["https://evil.example", "modellers"]], set()),
        ([], set()),
    ):
        stranger.identity_groups = groups
        stranger.save()
        assert roles_in(stranger, churn) == expected


def test_who_may_score_at_the_gateway(world: World, churn: Endpoint) -> None:
    other = EndpointFactory(name="other", workspace=world.workspace)
    before = invokers_of([churn, other])
    assign_role(actor=SYSTEM, scope=churn, role=Role.ENDPOINT_INVOKER, email="stranger@example.com")
    assign_role(actor=SYSTEM, scope=world.workspace, role=Role.ENDPOINT_INVOKER, group=(ISSUER, "callers"))
    assign_role(actor=SYSTEM, scope=churn, role=Role.READER, group=(ISSUER, "readers"))
    after = invokers_of([churn, other])
    stranger = str(world.people.stranger.pk)
    added = {subject for _, subject in set(after[churn.pk].subjects) - set(before[churn.pk].subjects)}
    assert added == {stranger}
    assert after[other.pk].subjects == before[other.pk].subjects
    assert after[churn.pk].groups == after[other.pk].groups == ((ISSUER, "callers"),)


def test_a_change_reaches_the_gateway_and_the_history(world: World, churn: Endpoint) -> None:
    before = GatewayState.objects.get(id=1).desired_revision if GatewayState.objects.exists() else 0
    given = assign_role(actor=SYSTEM, scope=churn, role=Role.ENDPOINT_INVOKER, email="stranger@example.com")
    remove_assignment(actor=SYSTEM, assignment=given)
    assert GatewayState.objects.get(id=1).desired_revision == before + 2
    assert [event.verb for event in Event.objects.filter(endpoint_id=churn.pk)] == ["role.removed", "role.assigned"]
    assert stranger_may(world, churn) == set()
    with pytest.raises(NotFound):
        remove_assignment(actor=SYSTEM, assignment=given)


def test_an_endpoint_shows_what_it_inherits(world: World, churn: Endpoint) -> None:
    assign_role(actor=SYSTEM, scope=churn, role=Role.READER, email="stranger@example.com")
    held = [(str(row.principal), row.endpoint_id is None) for row in assignments_in(churn)]
    assert ("stranger@example.com", False) in held
    assert ("owner@example.com", True) in held
    assert all(row.endpoint_id is None for row in assignments_in(world.workspace))


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"role": "king", "email": "stranger@example.com"}, "role"),
        ({"role": "reader", "email": "nobody@example.com"}, "email"),
        ({"role": "reader"}, "principal"),
        ({"role": "reader", "email": "stranger@example.com", "group": (ISSUER, "x")}, "principal"),
        ({"role": "reader", "group": ("", "x")}, "group"),
        ({"role": "reader", "group": ("a|b", "x")}, "group"),
        ({"role": "reader", "group": (ISSUER, "x" * 400)}, "group"),
        ({"role": "reader", "service_account": "nobody"}, "service_account"),
    ],
)
def test_bad_input_changes_nothing(world: World, churn: Endpoint, wanted: dict[str, object], field: str) -> None:
    before = RoleAssignment.objects.count()
    with pytest.raises(Invalid) as caught:
        assign_role(actor=SYSTEM, scope=churn, **wanted)  # type: ignore[arg-type]
    assert field in caught.value.fields
    assert RoleAssignment.objects.count() == before


def test_the_last_owner_stays_though_a_group_owns_too(world: World) -> None:
    assign_role(actor=SYSTEM, scope=world.workspace, role=Role.OWNER, group=(ISSUER, "admins"))
    owner = RoleAssignment.objects.get(user=world.people.owner, workspace=world.workspace)
    with pytest.raises(Conflict, match="needs an Owner"):
        remove_assignment(actor=SYSTEM, assignment=owner)


def test_only_owners_give_roles(world: World, churn: Endpoint) -> None:
    for name in ("contributor", "reader", "stranger"):
        actor = Actor(user=getattr(world.people, name), source=Source.UI)
        for scope in (churn, world.workspace):
            with pytest.raises(Forbidden):
                assign_role(actor=actor, scope=scope, role=Role.OWNER, email="stranger@example.com")
        with pytest.raises(Forbidden):
            service_accounts.create_service_account(actor=actor, workspace=world.workspace, name="robot")


def test_an_owner_of_one_endpoint_gives_roles_there_alone(world: World, churn: Endpoint) -> None:
    assign_role(actor=SYSTEM, scope=churn, role=Role.OWNER, email="stranger@example.com")
    actor = Actor(user=world.people.stranger, source=Source.UI)
    assign_role(actor=actor, scope=churn, role=Role.READER, email="staff@example.com")
    with pytest.raises(Forbidden):
        assign_role(actor=actor, scope=world.workspace, role=Role.READER, email="staff@example.com")


class TestServiceAccounts:
    def test_it_signs_in_with_its_secret_and_has_its_roles(self, world: World, churn: Endpoint) -> None:
        account, secret = service_accounts.create_service_account(actor=SYSTEM, workspace=world.workspace, name="robot")
        assign_role(actor=SYSTEM, scope=churn, role=Role.ENDPOINT_INVOKER, service_account="robot")
        token = service_accounts.api_token(client_id=account.client_id, client_secret=secret)
        assert token.value.startswith("est_")
        assert service_accounts.scoring_token(client_id=account.client_id, client_secret=secret).value.count(".") == 2
        assert roles_in(account.user, churn) == {Role.ENDPOINT_INVOKER}
        assert str(account.user.pk) in {subject for _, subject in invokers_of([churn])[churn.pk].subjects}
        assert not account.user.has_usable_password()
        account.refresh_from_db()
        assert account.last_used_at is not None

    def test_secrets_are_replaced_one_at_a_time(self, world: World) -> None:
        account, first = service_accounts.create_service_account(actor=SYSTEM, workspace=world.workspace, name="robot")
        second = service_accounts.add_secret(actor=SYSTEM, account=account)
        with pytest.raises(Conflict):
            service_accounts.add_secret(actor=SYSTEM, account=account)
        oldest = account.secrets.earliest("created_at")
        service_accounts.remove_secret(actor=SYSTEM, account=account, secret_id=oldest.pk)
        with pytest.raises(Forbidden):
            service_accounts.api_token(client_id=account.client_id, client_secret=first)
        assert service_accounts.api_token(client_id=account.client_id, client_secret=second)
        assert first not in str(list(account.secrets.values()))

    def test_one_that_is_disabled_opens_nothing(self, world: World, churn: Endpoint) -> None:
        account, secret = service_accounts.create_service_account(actor=SYSTEM, workspace=world.workspace, name="robot")
        assign_role(actor=SYSTEM, scope=churn, role=Role.ENDPOINT_INVOKER, service_account="robot")
        service_accounts.set_enabled(actor=SYSTEM, account=account, enabled=False)
        for client, value in ((account.client_id, secret), (account.client_id, "x"), ("x", secret)):
            with pytest.raises(Forbidden, match="not valid"):
                service_accounts.api_token(client_id=client, client_secret=value)
        assert str(account.user.pk) not in {subject for _, subject in invokers_of([churn])[churn.pk].subjects}

    def test_its_name_is_its_own(self, world: World) -> None:
        service_accounts.create_service_account(actor=SYSTEM, workspace=world.workspace, name="robot")
        with pytest.raises(Invalid, match="already"):
            service_accounts.create_service_account(actor=SYSTEM, workspace=world.workspace, name="robot")

    def test_it_goes_with_its_roles(self, world: World, churn: Endpoint) -> None:
        account, _ = service_accounts.create_service_account(actor=SYSTEM, workspace=world.workspace, name="robot")
        assign_role(actor=SYSTEM, scope=churn, role=Role.READER, service_account="robot")
        service_accounts.delete_service_account(actor=SYSTEM, account=account)
        assert not User.objects.filter(is_service=True).exists()
        assert not RoleAssignment.objects.filter(endpoint=churn).exists()
