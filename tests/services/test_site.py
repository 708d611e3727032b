"""IT's switches, and operations that are stuck."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from endpoints.domain.errors import Conflict, Forbidden, Invalid
from endpoints.enums import OperationState, ProvisioningState
from endpoints.models import Event, Lease, Operation, SiteState
from endpoints.selectors.site import read_only_now, stuck_operations
from endpoints.services import site
from endpoints.services.stuck import fail_stuck, retry_stuck
from tests.factories import DeploymentFactory, OperationFactory
from tests.hints import Hints
from tests.people import People

pytestmark = pytest.mark.django_db
NOW = timezone.now()
HOUR = timedelta(hours=1)


def test_read_only_mode_is_on_until_its_time(people: People) -> None:
    staff = people.actor("staff")
    site.set_read_only(actor=staff, read_only=True, reason="Database upgrade.", until=NOW + HOUR, now=NOW)
    error = read_only_now(now=NOW)
    assert error is not None
    assert "Database upgrade. Nothing was changed" in str(error)
    assert error.wait == 3600
    assert read_only_now(now=NOW + HOUR) is None
    event = Event.objects.get(verb="site.read_only_set")
    assert event.before == {"read_only": False, "read_only_reason": "", "read_only_until": None}
    assert event.after is not None
    assert event.after["read_only_reason"] == "Database upgrade."
    site.set_read_only(actor=staff, read_only=False, now=NOW)
    assert read_only_now(now=NOW) is None
    assert Event.objects.filter(verb="site.read_only_set").count() == 2


def test_a_switch_that_changes_nothing_makes_no_event(people: People) -> None:
    site.set_read_only(actor=people.actor("staff"), read_only=False, now=NOW)
    site.set_banner(actor=people.actor("staff"), text=" ", now=NOW)
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("switch", "given", "field"),
    [
        (site.set_read_only, {"read_only": True}, "read_only_reason"),
        (site.set_read_only, {"read_only": True, "reason": "x" * 301}, "read_only_reason"),
        (site.set_read_only, {"read_only": True, "reason": "x", "until": NOW}, "read_only_until"),
        (site.set_banner, {"text": "x" * 301}, "banner"),
        (site.set_banner, {"text": "x", "level": "loud"}, "banner_level"),
        (site.set_banner, {"text": "x", "ends": NOW - HOUR}, "banner_until"),
        (site.set_banner, {"text": "x", "begins": NOW + 2 * HOUR, "ends": NOW + HOUR}, "banner_until"),
    ],
)
def test_bad_input_is_told_at_its_field(
    people: People, switch: Callable[..., Any], given: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as told:
        switch(actor=people.actor("staff"), now=NOW, **given)
    assert list(told.value.fields) == [field]
    assert not Event.objects.exists()


def test_a_banner_has_its_time(people: People) -> None:
    state = site.set_banner(
        actor=people.actor("staff"), text="Tonight", level="warn", begins=NOW + HOUR, ends=NOW + 2 * HOUR, now=NOW
    )
    shown = [state.banner_shown(now=NOW + n * HOUR / 2) for n in range(5)]
    assert shown == [False, False, True, True, False]


@pytest.fixture
def stuck(hints: Hints) -> Operation:
    deployment = DeploymentFactory(state=ProvisioningState.UPDATING)
    Lease.objects.create(name=f"deployment:{deployment.pk}", token="of-a-dead-one", expires_at=NOW + HOUR)
    operation: Operation = OperationFactory(deployment=deployment, kind="update", created_at=NOW - HOUR)
    hints.take()
    return operation


def test_one_that_is_stuck_is_taken_up_again(stuck: Operation, people: People, hints: Hints) -> None:
    assert list(stuck_operations(now=NOW)) == [stuck]
    retry_stuck(actor=people.actor("staff"), operation=stuck, now=NOW)
    lease = Lease.objects.get()
    assert lease.token == ""
    assert lease.expires_at < NOW
    event = Event.objects.get(verb="operation.retried")
    assert (event.actor, event.deployment_id) == (people.staff, stuck.deployment_id)
    assert "60 minutes" in event.reason


def test_one_that_is_stuck_is_let_fail(stuck: Operation, people: People) -> None:
    fail_stuck(actor=people.actor("staff"), operation=stuck, now=NOW, reason="The disk is gone.")
    stuck.refresh_from_db()
    stuck.deployment.refresh_from_db()
    assert (stuck.state, stuck.deployment.state) == (OperationState.FAILED, ProvisioningState.FAILED)
    assert "The disk is gone." in stuck.deployment.failure_message
    event = Event.objects.get(verb="operation.failed_by_it")
    assert event.before == {"state": "Updating", "operation": "Running"}
    assert not stuck_operations(now=NOW).exists()
    with pytest.raises(Conflict):
        fail_stuck(actor=people.actor("staff"), operation=stuck, now=NOW)


def test_a_deletion_does_not_fail(stuck: Operation, people: People) -> None:
    Operation.objects.update(kind="delete")
    with pytest.raises(Conflict, match="deletion"):
        fail_stuck(actor=people.actor("staff"), operation=stuck, now=NOW)
    assert Operation.objects.get().state == OperationState.RUNNING


def test_one_that_is_worked_on_is_left_alone(stuck: Operation, people: People) -> None:
    Operation.objects.update(heartbeat_at=NOW)
    for change in (retry_stuck, fail_stuck):
        with pytest.raises(Conflict, match="not stuck"):
            change(actor=people.actor("staff"), operation=stuck, now=NOW)
    assert Lease.objects.get().token == "of-a-dead-one"


@pytest.mark.parametrize("person", ["owner", "reader", "stranger"])
def test_all_of_it_is_its_alone(stuck: Operation, people: People, person: str) -> None:
    actor = people.actor(person)
    calls: list[Callable[[], Any]] = [
        lambda: site.set_read_only(actor=actor, read_only=True, reason="x", now=NOW),
        lambda: site.set_banner(actor=actor, text="x", now=NOW),
        lambda: retry_stuck(actor=actor, operation=stuck, now=NOW),
        lambda: fail_stuck(actor=actor, operation=stuck, now=NOW),
    ]
    for call in calls:
        with pytest.raises(Forbidden):
            call()
    assert not Event.objects.exists()
    assert not SiteState.objects.filter(read_only=True).exists()
