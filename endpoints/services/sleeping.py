"""Scale to zero: a deployment's replicas end when nobody calls, and start again when somebody does."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from endpoints import hints
from endpoints.domain import lifecycle
from endpoints.domain.actor import SYSTEM, Actor
from endpoints.domain.errors import BudgetExceeded, Conflict, Invalid, OutOfQuota
from endpoints.enums import BudgetAction, ProvisioningState, SleepState
from endpoints.models import Budget, Deployment
from endpoints.permissions import Action, require
from endpoints.services import events
from endpoints.services.capacity import acts, as_it_stands, check_capacity
from endpoints.services.routes import next_revision

SHORTEST_SECONDS, LONGEST_SECONDS = 30, 24 * 3600


def set_scale_to_zero(*, actor: Actor, deployment: Deployment, after: int | None) -> Deployment:
    """`after` so many seconds without a request the replicas end; None: never. A sleeper that may not sleep wakes."""
    require(actor.user, Action.WRITE, deployment.endpoint)
    if after is not None and not SHORTEST_SECONDS <= after <= LONGEST_SECONDS:
        raise Invalid({"scale_to_zero_after": f"A whole number from {SHORTEST_SECONDS} to {LONGEST_SECONDS} seconds."})
    with transaction.atomic():
        locked = _locked(deployment.pk)
        before, locked.scale_to_zero_after = locked.scale_to_zero_after, after
        if before == after:
            return locked
        locked.save(update_fields=["scale_to_zero_after", "updated_at"])
        events.record(
            actor=actor,
            verb="deployment.scale_to_zero_set",
            deployment=locked,
            before={"scale_to_zero_after": before},
            after={"scale_to_zero_after": after},
        )
        if after is None and locked.sleep == SleepState.ASLEEP:
            _wake(actor, locked, "It may not scale to zero any more.")
    return locked


def put_to_sleep(*, actor: Actor, deployment: Deployment, reason: str = "") -> Deployment:
    """Ends the replicas once the gateway sends them nothing any more. The next request starts them again."""
    require(actor.user, Action.WRITE, deployment.endpoint)
    with transaction.atomic():
        locked = _locked(deployment.pk)
        if locked.at_zero:
            return locked
        if locked.state != ProvisioningState.SUCCEEDED:
            raise Conflict(f"{locked.name} is {locked.state}. Scale it to zero when it is at rest.")
        if locked.name in locked.endpoint.mirror_traffic:
            raise Conflict(f"{locked.name} gets copies of the traffic, which wake nobody. Stop the mirror first.")
        _change(actor, locked, SleepState.ASLEEP, verb="deployment.scaled_to_zero", reason=reason)
    return locked


def stop(*, actor: Actor, deployment: Deployment, reason: str, budget: Budget | None = None) -> Deployment:
    """Ends the replicas as going to sleep does, but no request starts them again: a person does, with `wake`."""
    require(actor.user, Action.WRITE, deployment.endpoint)
    with transaction.atomic():
        locked = _locked(deployment.pk)
        if locked.sleep == SleepState.STOPPED:
            return locked
        if locked.deleted_at or lifecycle.is_moving(locked.state):
            raise Conflict(f"{locked.name} is {locked.state}. Stop it when it is at rest.")
        if budget is not None and not _still_acts(budget):
            raise Conflict(f"Budget “{budget.name}” does not stop anything any more.")
        locked.sleep_reason, locked.stopped_by = reason, budget
        _change(actor, locked, SleepState.STOPPED, verb="deployment.stopped", reason=reason)
    return locked


def _still_acts(budget: Budget) -> bool:
    """It was lifted, changed or deleted meanwhile, or it stays as it is until the transaction ends."""
    found = Budget.objects.select_for_update(no_key=True).filter(pk=budget.pk).first()
    return found is not None and found.action == BudgetAction.STOP and acts(found, now=timezone.now())


def wake(*, actor: Actor, deployment: Deployment, reason: str = "") -> Deployment:
    """Starts the replicas of one that sleeps or is stopped; nothing where it is awake. Raises OutOfQuota,
    BudgetExceeded."""
    require(actor.user, Action.WRITE, deployment.endpoint)
    with transaction.atomic():
        locked = _locked(deployment.pk)
        _wake(actor, locked, reason)
    return locked


def wake_for_request(deployment_id: UUID | str) -> bool:
    """A request that the gateway let in waits for this deployment. False where there is nothing to wait for: it is
    gone, it is stopped, or a quota or a budget lets nothing start."""
    present = Deployment.objects.present().exclude(state=ProvisioningState.DELETING).filter(pk=deployment_id)
    sleep = present.values_list("sleep", flat=True).first()
    if sleep == SleepState.ASLEEP:
        try:
            with transaction.atomic():
                _wake(SYSTEM, _locked(deployment_id), "A request came.")
        except (OutOfQuota, BudgetExceeded) as error:
            _note_refusal(deployment_id, str(error))
            return False
    return sleep is not None and sleep != SleepState.STOPPED


def _note_refusal(deployment_id: UUID | str, reason: str) -> None:
    """Told once, however many requests come: numbers may differ, the cause does not."""
    with transaction.atomic():
        locked = _locked(deployment_id)
        if locked.sleep == SleepState.ASLEEP and not locked.sleep_reason:
            locked.sleep_reason = reason
            locked.save(update_fields=["sleep_reason", "updated_at"])
            events.record(actor=SYSTEM, verb="deployment.wake_refused", deployment=locked, reason=reason)


def settle(deployment_id: UUID) -> None:
    """Those who waited are served: the usual limits hold again."""
    with transaction.atomic():
        waking = Deployment.objects.filter(pk=deployment_id, sleep=SleepState.WAKING)
        if waking.update(sleep=SleepState.AWAKE, sleep_changed_at=timezone.now()):
            next_revision()


def _wake(actor: Actor, deployment: Deployment, reason: str) -> None:
    if deployment.at_zero and not deployment.deleted_at:
        _change(actor, deployment, SleepState.WAKING, verb="deployment.woken", reason=reason)


def _change(actor: Actor, deployment: Deployment, state: SleepState, *, verb: str, reason: str) -> None:
    stood = as_it_stands(deployment)
    deployment.sleep, deployment.sleep_changed_at = state, timezone.now()
    if state != SleepState.STOPPED:
        deployment.sleep_reason, deployment.stopped_by = "", None
    deployment.save(update_fields=["sleep", "sleep_changed_at", "sleep_reason", "stopped_by", "updated_at"])
    if state == SleepState.WAKING:
        check_capacity(deployment, stood, waking=True)
    events.record(actor=actor, verb=verb, deployment=deployment, reason=reason)
    hints.deployment_changed(deployment.pk)
    next_revision()


def _locked(deployment_id: UUID | str) -> Deployment:
    locked = Deployment.objects.select_for_update(of=("self",), no_key=True).select_related("endpoint__workspace")
    return locked.get(pk=deployment_id)
