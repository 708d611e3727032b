"""Budgets."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from endpoints.domain.budgets import HIGHEST_PERCENT, LONGEST_AHEAD, MOST_THRESHOLDS, period, used_percent
from endpoints.enums import BudgetAction
from endpoints.models import Budget
from endpoints.services.budgets import MAX_NAME
from endpoints.services.capacity import acts
from studio.api.parsing import StrictSerializer
from studio.api.serializers.fields import maker

ACTIONS = (
    "What happens at action_percent. notify: nothing but what is told. stop_scale_out: no instance more. stop: the "
    "deployments end, until somebody starts them. refuse: requests get 402 until the month is over. All but notify "
    "also refuse, with 402, what would start and not fit."
)


def _percent(**options: Any) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=1, max_value=HIGHEST_PERCENT, **options)


class BudgetChangesBody(StrictSerializer):
    """What is left out stays."""

    name = serializers.CharField(max_length=MAX_NAME, required=False)
    amount = serializers.DecimalField(max_digits=14, decimal_places=4, required=False, help_text="Per month in UTC.")
    thresholds = serializers.ListField(
        child=_percent(), max_length=MOST_THRESHOLDS, required=False, help_text="Percents that are told."
    )
    action = serializers.ChoiceField(BudgetAction.choices, required=False, help_text=ACTIONS)
    action_percent = _percent(required=False)
    committed_hours = serializers.IntegerField(
        min_value=0,
        max_value=LONGEST_AHEAD,
        required=False,
        help_text="So many hours of what it costs must fit beside what is spent before something starts.",
    )


class BudgetBody(BudgetChangesBody):
    """What is left out has its default: 50, 80 and 100 percent are told, and nothing else is done."""

    name = serializers.CharField(max_length=MAX_NAME)
    amount = serializers.DecimalField(max_digits=14, decimal_places=4, help_text="Per month in UTC.")


class OwnerBudgetBody(BudgetBody):
    owner = serializers.EmailField(help_text="Whose endpoints it covers, in all workspaces.")


class BudgetSerializer(serializers.Serializer[Budget]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    workspace = serializers.CharField(source="workspace.name", allow_null=True, default=None)
    endpoint = serializers.CharField(source="endpoint.name", allow_null=True, default=None)
    owner = serializers.EmailField(source="owner.email", allow_null=True, default=None)
    amount = serializers.DecimalField(max_digits=14, decimal_places=4)
    thresholds = serializers.ListField(child=serializers.IntegerField())
    action = serializers.ChoiceField(BudgetAction.choices)
    action_percent = serializers.IntegerField()
    committed_hours = serializers.IntegerField()
    spent = serializers.SerializerMethodField(help_text="Of this month, as it was evaluated last.")
    used_percent = serializers.SerializerMethodField()
    evaluated_at = serializers.DateTimeField(allow_null=True)
    acting_since = serializers.SerializerMethodField(help_text="Null while it does nothing.")
    resets_at = serializers.SerializerMethodField()
    version = serializers.IntegerField(help_text="The ETag.")
    created_at = serializers.DateTimeField()
    created_by = maker()

    def get_spent(self, budget: Budget) -> str:
        return f"{budget.spent:.10f}"

    def get_used_percent(self, budget: Budget) -> float:
        return float(round(used_percent(budget.spent, budget.amount), 2))

    def get_acting_since(self, budget: Budget) -> str | None:
        acting = acts(budget, now=timezone.now()) and budget.acting_since
        return acting.isoformat() if acting else None

    def get_resets_at(self, budget: Budget) -> str:
        return period(timezone.now())[1].isoformat()
