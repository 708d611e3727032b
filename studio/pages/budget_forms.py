"""Forms over budgets."""

from typing import Any

from django import forms

from endpoints.domain.budgets import HIGHEST_PERCENT, LONGEST_AHEAD
from endpoints.enums import BudgetAction
from endpoints.models import Budget, Endpoint, User, Workspace
from endpoints.services.budgets import CHANGEABLE, MAX_NAME


class PercentsField(forms.CharField):
    """Whole numbers with commas between them, as a list."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        parts = [part.strip().removesuffix("%").strip() for part in str(value or "").split(",") if part.strip()]
        if not all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts):
            raise forms.ValidationError("Whole numbers of percent, with commas between them.")
        return [int(part) for part in parts]


class BudgetForm(forms.Form):
    """What can be changed of a budget."""

    name = forms.CharField(max_length=MAX_NAME, help_text="Who is refused reads it.")
    amount = forms.DecimalField(
        label="Amount per month (USD)", min_value=0, max_digits=14, decimal_places=4, help_text="The month is UTC's."
    )
    thresholds = PercentsField(
        label="Told at (%)",
        required=False,
        initial=[50, 80, 100],
        help_text="Each is one entry in the Activity, once a month.",
    )
    action = forms.ChoiceField(
        label="When it is used up",
        choices=[
            (BudgetAction.NOTIFY.value, "Only tell: nothing is stopped or refused"),
            (BudgetAction.STOP_SCALE_OUT.value, "Stop scale-out: nothing gets more instances than it has"),
            (BudgetAction.STOP.value, "Stop the deployments: their replicas end, until somebody starts them"),
            (BudgetAction.REFUSE.value, "Refuse: requests get 402 until the month is over; replicas go on"),
        ],
        widget=forms.RadioSelect,
        initial=BudgetAction.NOTIFY.value,
    )
    action_percent = forms.IntegerField(
        label="Which is at (%)", min_value=1, max_value=HIGHEST_PERCENT, initial=100, help_text="Of the amount."
    )
    committed_hours = forms.IntegerField(
        label="Hours ahead",
        min_value=0,
        max_value=LONGEST_AHEAD,
        initial=1,
        help_text="Before something starts, so many hours of what runs, and of it, must fit beside what is spent.",
    )


class NewBudgetForm(BudgetForm):
    endpoint = forms.ModelChoiceField(
        Endpoint.objects.none(), required=False, to_field_name="name", empty_label="The whole workspace", label="Covers"
    )
    field_order = ["endpoint"]

    def __init__(self, *args: Any, workspace: Workspace, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["endpoint"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Endpoint.objects.present().filter(workspace=workspace)


class OwnerBudgetForm(BudgetForm):
    owner = forms.ModelChoiceField(
        User.objects.filter(is_active=True, is_service=False).order_by("email"),
        to_field_name="email",
        help_text="All endpoints that the person made, in all workspaces.",
    )
    field_order = ["owner"]


def changes_form(budget: Budget, data: Any = None) -> BudgetForm:
    return BudgetForm(data, initial={name: getattr(budget, name) for name in CHANGEABLE})
