"""What may be spent in a month, and what was seen of it."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from endpoints.enums import BudgetAction
from endpoints.models.endpoints import Endpoint
from endpoints.models.workspaces import Workspace


def default_thresholds() -> list[int]:
    return [50, 80, 100]


class Budget(models.Model):
    """Of a workspace, of one endpoint of it, or of all endpoints of their owner."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=60)
    workspace = models.ForeignKey(Workspace, null=True, blank=True, on_delete=models.CASCADE, related_name="budgets")
    endpoint = models.ForeignKey(Endpoint, null=True, blank=True, on_delete=models.CASCADE, related_name="budgets")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="budgets"
    )
    amount = models.DecimalField(max_digits=14, decimal_places=4)
    thresholds = models.JSONField(default=default_thresholds)  # percents that are told
    action = models.CharField(max_length=16, choices=BudgetAction.choices, default=BudgetAction.NOTIFY)
    action_percent = models.PositiveIntegerField(default=100)
    committed_hours = models.PositiveIntegerField(default=1)  # of the cost to come, that a start reserves
    version = models.PositiveIntegerField(default=1)
    # As it was evaluated last: of which month, and since when it acts.
    period_start = models.DateTimeField(null=True, blank=True)
    spent = models.DecimalField(max_digits=24, decimal_places=10, default=0)
    evaluated_at = models.DateTimeField(null=True, blank=True)
    acting_since = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ("name", "created_at")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(workspace__isnull=False, owner__isnull=True)
                | models.Q(workspace__isnull=True, endpoint__isnull=True, owner__isnull=False),
                name="a_budget_of_one_thing",
            ),
            models.UniqueConstraint(fields=["workspace", "name"], name="one_budget_of_a_name"),
            models.UniqueConstraint(fields=["owner", "name"], name="one_budget_of_an_owner_and_name"),
        ]

    def __str__(self) -> str:
        return self.name


class BudgetCrossing(models.Model):
    """A threshold that was reached: one row in a period, however often it is looked at. `notified_at` is written with
    the notifications of it: so it is told once, although processes end."""

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="crossings")
    period_start = models.DateTimeField()
    amount = models.DecimalField(max_digits=14, decimal_places=4)  # of the budget then
    percent = models.PositiveIntegerField()
    spent = models.DecimalField(max_digits=24, decimal_places=10)
    at = models.DateTimeField(default=timezone.now)
    notified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(fields=["budget", "period_start", "amount", "percent"], name="one_crossing"),
        ]
        indexes = [models.Index(fields=["id"], condition=models.Q(notified_at=None), name="crossings_to_be_told")]

    def __str__(self) -> str:
        return f"{self.percent} % of {self.budget_id}"
