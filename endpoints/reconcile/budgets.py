"""The budgets' loop: what is spent, what that reaches, and what a budget that acts stops."""

import logging
from datetime import datetime, timedelta

from django.db import DatabaseError

from endpoints.domain.actor import SYSTEM
from endpoints.domain.budgets import period
from endpoints.domain.errors import Conflict, NotFound
from endpoints.domain.lifecycle import is_moving
from endpoints.enums import BudgetAction, OperationState
from endpoints.models import Budget, Deployment
from endpoints.selectors.budgets import deployments_stopped_by
from endpoints.services.budgets import evaluate, note_spent, reason_of
from endpoints.services.operations import cancel_operation
from endpoints.services.sleeping import stop

logger = logging.getLogger(__name__)

EVERY = timedelta(seconds=30)  # between two looks at the same budget


def look_at_budgets(*, now: datetime) -> None:
    """Those that are due: a number of queries that does not grow with theirs, and a few more for each of which there
    is something to tell. One that cannot be looked at keeps no other from it."""
    for key in note_spent(now=now, every=EVERY):
        try:
            evaluate(key, now=now)
        except NotFound:
            continue
        except DatabaseError:
            raise
        except Exception:
            logger.exception("Budget %s could not be evaluated; the next pass tries again.", key)
    stop_what_is_over(now=now)


def stop_what_is_over(*, now: datetime) -> None:
    """Again and again until nothing of it runs: what begins to move meanwhile is stopped when it rests."""
    acting = Budget.objects.filter(action=BudgetAction.STOP, period_start=period(now)[0]).exclude(acting_since=None)
    for budget, deployment in deployments_stopped_by(acting.order_by("pk")):
        _stop(budget, deployment, now)


def _stop(budget: Budget, deployment: Deployment, now: datetime) -> None:
    try:
        if is_moving(deployment.state):
            for operation in deployment.operations.filter(state=OperationState.RUNNING, cancel_requested_at=None):
                cancel_operation(actor=SYSTEM, operation=operation)
        else:
            stop(actor=SYSTEM, deployment=deployment, reason=reason_of(budget, now=now), budget=budget)
    except Conflict as error:  # it is being deleted, or changed this moment
        logger.info("%s is not stopped yet: %s", deployment, error)
