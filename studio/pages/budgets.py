"""Budgets: of the open workspace and its endpoints; and IT's, of people."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from endpoints.domain.budgets import money, period, used_percent
from endpoints.domain.errors import Invalid
from endpoints.enums import BudgetAction
from endpoints.models import Budget
from endpoints.permissions import Action, can, require
from endpoints.selectors.budgets import budget_for, budgets_of, owner_budgets
from endpoints.services.budgets import create_budget, delete_budget, update_budget
from endpoints.services.capacity import acts
from studio.actors import actor_of, signed_in
from studio.pages.budget_forms import NewBudgetForm, OwnerBudgetForm, changes_form
from studio.pages.forms import add_problems
from studio.pages.identity import it_page
from studio.pages.page import page, show, went_to
from studio.workspaces import current_workspace, open_workspace

SHOWN = 200


@page
def budget_list(request: HttpRequest) -> HttpResponse:
    if current_workspace(request) is None:
        return show(request, "endpoints/no_workspace.html")
    workspace = open_workspace(request)
    context = {
        "budgets": [shown_budget(each) for each in budgets_of(workspace)[:SHOWN]],
        "may_write": can(signed_in(request), Action.MANAGE_WORKSPACE, workspace),
        "resets_at": period(timezone.now())[1],
    }
    return show(request, "budgets/list.html", context)


def shown_budget(budget: Budget) -> dict[str, Any]:
    """As it was evaluated last; of a month that is over, nothing is spent yet."""
    now = timezone.now()
    present = budget.period_start == period(now)[0]
    spent = budget.spent if present else budget.spent * 0
    percent = used_percent(spent, budget.amount)
    return {
        "budget": budget,
        "covers": _covers(budget),
        "spent": money(spent),
        "amount": money(budget.amount),
        "percent": percent,
        "bar": min(100, int(percent)),
        "tone": "bad" if percent >= 100 else "warn" if percent >= 80 else "ok",
        "acts": acts(budget, now=now),
        "told": ", ".join(f"{each} %" for each in budget.thresholds),
        "action": BudgetAction(budget.action).label,
    }


def _covers(budget: Budget) -> str:
    if budget.endpoint:
        return f"endpoint {budget.endpoint.name}{' (deleted)' if budget.endpoint.deleted_at else ''}"
    return f"workspace {budget.workspace}" if budget.workspace else f"all of {budget.owner}"


@page
def budget_create(request: HttpRequest) -> HttpResponse:
    """`?endpoint=NAME` begins with that one."""
    workspace = open_workspace(request)
    require(signed_in(request), Action.MANAGE_WORKSPACE, workspace)
    initial = {"endpoint": request.GET.get("endpoint")}
    form = NewBudgetForm(request.POST or None, workspace=workspace, initial=initial)
    if request.method == "POST" and form.is_valid():
        given = dict(form.cleaned_data)
        endpoint = given.pop("endpoint")
        place = {"endpoint": endpoint} if endpoint else {"workspace": workspace}
        try:
            create_budget(actor=actor_of(request), **place, **given)
        except Invalid as error:
            add_problems(form, error)
        else:
            return went_to(request, reverse("budget_list"), "The budget holds from now on.")
    return _form_page(request, form, "Create a budget", reverse("budget_list"))


def _form_page(
    request: HttpRequest, form: forms.Form, title: str, back: str, budget: Budget | None = None
) -> HttpResponse:
    context = {"form": form, "title": title, "back": back, "budget": budget}
    return show(request, "budgets/edit.html", context, status=422 if form.errors else 200)


@page
def budget_edit(request: HttpRequest, budget_id: UUID) -> HttpResponse:
    budget = budget_for(signed_in(request), budget_id)
    form, back = changes_form(budget, request.POST or None), _list_of(budget)
    if request.method == "POST" and form.is_valid():
        try:
            update_budget(actor=actor_of(request), budget=budget, **form.cleaned_data)
        except Invalid as error:
            add_problems(form, error)
        else:
            return went_to(request, back, "Saved.")
    elif not _may_change(request, budget):
        update_budget(actor=actor_of(request), budget=budget)  # which says what it needs
    return _form_page(request, form, f"Budget {budget.name}", back, budget)


def _may_change(request: HttpRequest, budget: Budget) -> bool:
    user, scope = signed_in(request), budget.endpoint or budget.workspace
    return user.is_staff or (scope is not None and can(user, Action.MANAGE_WORKSPACE, scope))


def _list_of(budget: Budget) -> str:
    return reverse("it_budgets" if budget.owner_id else "budget_list")


@page
@require_POST
def budget_delete(request: HttpRequest, budget_id: UUID) -> HttpResponse:
    budget = budget_for(signed_in(request), budget_id)
    delete_budget(actor=actor_of(request), budget=budget)
    return went_to(request, _list_of(budget), f"The budget “{budget.name}” is gone.")


@it_page
def it_budgets(request: HttpRequest) -> HttpResponse:
    form = OwnerBudgetForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            create_budget(actor=actor_of(request), **form.cleaned_data)
        except Invalid as error:
            add_problems(form, error)
        else:
            return went_to(request, reverse("it_budgets"), "The budget holds from now on.")
    found = [shown_budget(each) for each in owner_budgets()[:SHOWN]]
    context = {"form": form, "budgets": found, "may_write": True, "resets_at": period(timezone.now())[1]}
    return show(request, "it/budgets.html", context, status=422 if form.errors else 200)


urlpatterns = [
    path("usage/budgets/", budget_list, name="budget_list"),
    path("usage/budgets/create/", budget_create, name="budget_create"),
    path("usage/budgets/<uuid:budget_id>/", budget_edit, name="budget_edit"),
    path("usage/budgets/<uuid:budget_id>/delete/", budget_delete, name="budget_delete"),
    path("it/budgets/", it_budgets, name="it_budgets"),
]
