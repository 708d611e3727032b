"""Access: who holds which role in the workspace and on an endpoint, and the service accounts."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from endpoints.domain.errors import Conflict, Invalid, NotFound
from endpoints.enums import Role
from endpoints.models import RoleAssignment, ServiceAccount, Workspace
from endpoints.permissions import ALLOWED, MEANING, Action, Scope, can, require
from endpoints.selectors.access import assignments_in, service_accounts_of
from endpoints.selectors.identity import studio_issuer
from endpoints.services import service_accounts as accounts
from endpoints.services.roles import assign_role, remove_assignment
from studio.actors import actor_of, signed_in
from studio.pages.endpoint_frame import endpoint_frame
from studio.pages.forms import add_problems
from studio.pages.page import page, show, went_to
from studio.pages.workspace import open_workspace

RECIPE = """\
# A token for the API, valid for an hour; scope=score gives one for endpoints with OpenID Connect tokens.
curl {url}/api/v1/oauth/token \\
  -d grant_type=client_credentials -d client_id="$CLIENT_ID" -d client_secret="$CLIENT_SECRET"
"""


class RoleForm(forms.Form):
    """One of the three principals."""

    email = forms.EmailField(label="Person", required=False, help_text="The e-mail address of an account here.")
    group_issuer = forms.CharField(label="Group: its issuer", required=False, max_length=300)
    group_name = forms.CharField(label="Group: its name or id", required=False, max_length=300)
    service_account = forms.ChoiceField(required=False)
    role = forms.ChoiceField(
        choices=[(role.value, f"{role.label}: {MEANING[role]}") for role in Role], initial=Role.READER
    )

    def __init__(self, *args: Any, workspace: Workspace, **options: Any) -> None:
        super().__init__(*args, **options)
        names = [account.name for account in service_accounts_of(workspace)]
        self.fields["service_account"].choices = [("", "–"), *((name, name) for name in names)]  # type: ignore[attr-defined]
        self.fields["group_issuer"].widget.attrs["placeholder"] = studio_issuer()

    def wanted(self) -> dict[str, Any]:
        """Arguments of services.roles.assign_role."""
        given = self.cleaned_data
        group = (given["group_issuer"], given["group_name"]) if given["group_issuer"] or given["group_name"] else None
        return {
            "role": given["role"],
            "email": given["email"],
            "group": group,
            "service_account": given["service_account"],
        }


class AccountForm(forms.Form):
    name = forms.CharField(max_length=32, help_text="Letters, digits and dashes.")
    description = forms.CharField(required=False, max_length=300, help_text="Which program uses it.")


@page
def workspace_members(request: HttpRequest) -> HttpResponse:
    workspace = open_workspace(request)
    require(signed_in(request), Action.READ, workspace)
    url = reverse("workspace_members")
    form = RoleForm(request.POST or None, workspace=workspace)
    if request.method == "POST" and (done := _assigned(request, workspace, form, url)):
        return done
    context = _context(request, workspace, form) | {"workspace": workspace}
    return show(request, "access/workspace.html", context, status=422 if form.errors else 200)


@page
def endpoint_access(request: HttpRequest, name: str) -> HttpResponse:
    context = endpoint_frame(request, name, "endpoint_access")
    endpoint = context["endpoint"]
    url = reverse("endpoint_access", args=[endpoint.name])
    form = RoleForm(request.POST or None, workspace=endpoint.workspace)
    if request.method == "POST" and (done := _assigned(request, endpoint, form, url)):
        return done
    context |= _context(request, endpoint, form)
    return show(request, "access/endpoint.html", context, status=422 if form.errors else 200)


def _assigned(request: HttpRequest, scope: Scope, form: RoleForm, url: str) -> HttpResponse | None:
    """None when the form is to be shown again."""
    if not form.is_valid():
        return None
    try:
        made = assign_role(actor=actor_of(request), scope=scope, **form.wanted())
    except Invalid as error:
        add_problems(form, Invalid({_FIELD.get(name, name): text for name, text in error.fields.items()}))
    except Conflict as error:
        form.add_error(None, str(error))
    else:
        return went_to(request, url, f"{made.principal} is {made.get_role_display()}.")
    return None


_FIELD = {"group": "group_name", "principal": "email"}


def _context(request: HttpRequest, scope: Scope, form: RoleForm) -> dict[str, Any]:
    return {
        "form": form,
        "assignments": list(assignments_in(scope)),
        "may_manage": can(signed_in(request), Action.MANAGE_MEMBERS, scope),
        "actions": [action.value for action in Action],
        "matrix": [
            {"role": role, "meaning": MEANING[role], "cells": [action in ALLOWED[role] for action in Action]}
            for role in Role
        ],
    }


@page
@require_POST
def role_remove(request: HttpRequest, assignment_id: int) -> HttpResponse:
    rows = RoleAssignment.objects.select_related("user", "workspace", "endpoint")
    found = rows.filter(pk=assignment_id).first()
    if found is None or not can(signed_in(request), Action.READ, found.endpoint or found.workspace):
        raise NotFound("This role is not held any more.")
    back = reverse("endpoint_access", args=[found.endpoint.name]) if found.endpoint else reverse("workspace_members")
    try:
        remove_assignment(actor=actor_of(request), assignment=found)
    except Conflict as error:
        return went_to(request, back, str(error), level=messages.ERROR)
    return went_to(request, back, f"{found.principal} is not {found.get_role_display()} any more.")


@page
def service_account_list(request: HttpRequest) -> HttpResponse:
    workspace = open_workspace(request)
    require(signed_in(request), Action.READ, workspace)
    form = AccountForm(request.POST or None)
    secret, made = "", None
    if request.method == "POST" and form.is_valid():
        try:
            made, secret = accounts.create_service_account(
                actor=actor_of(request), workspace=workspace, **form.cleaned_data
            )
            form = AccountForm()
        except Invalid as error:
            add_problems(form, error)
    return _accounts(request, workspace, form, made, secret)


def _accounts(
    request: HttpRequest, workspace: Workspace, form: AccountForm, shown: ServiceAccount | None, secret: str
) -> HttpResponse:
    """`secret` of `shown` stands on this one page, which nothing keeps."""
    context = {
        "workspace": workspace,
        "form": form,
        "accounts": list(service_accounts_of(workspace)),
        "may_manage": can(signed_in(request), Action.MANAGE_MEMBERS, workspace),
        "shown": shown,
        "recipe": RECIPE.format(url=settings.STUDIO_PUBLIC_URL),
        "secret": secret,
    }
    response = show(request, "access/accounts.html", context, status=422 if form.errors else 200)
    response["Cache-Control"] = "no-store"
    return response


@page
@require_POST
def service_account_change(request: HttpRequest, name: str, change: str) -> HttpResponse:
    workspace = open_workspace(request)
    account = service_accounts_of(workspace).filter(name=name).first()
    if account is None:
        raise NotFound(f"There is no service account “{name}”.")
    if change == "secret":
        return _new_secret(request, workspace, account)
    actor, back = actor_of(request), reverse("service_account_list")
    if change in ("enable", "disable"):
        accounts.set_enabled(actor=actor, account=account, enabled=change == "enable")
        return went_to(request, back, f"{name} is {change}d.")
    if change == "delete":
        accounts.delete_service_account(actor=actor, account=account)
        return went_to(request, back, f"{name} is gone, with its roles and secrets.")
    if change.startswith("forget-") and change.removeprefix("forget-").isdecimal():
        accounts.remove_secret(actor=actor, account=account, secret_id=int(change.removeprefix("forget-")[:18]))
        return went_to(request, back, "The secret opens nothing any more.")
    raise NotFound("There is no such change.")


def _new_secret(request: HttpRequest, workspace: Workspace, account: ServiceAccount) -> HttpResponse:
    try:
        secret = accounts.add_secret(actor=actor_of(request), account=account)
    except Conflict as error:
        return went_to(request, reverse("service_account_list"), str(error), level=messages.ERROR)
    return _accounts(request, workspace, AccountForm(), account, secret)


urlpatterns = [
    path("workspace/members/", workspace_members, name="workspace_members"),
    path("workspace/roles/<int:assignment_id>/remove/", role_remove, name="role_remove"),
    path("workspace/service-accounts/", service_account_list, name="service_account_list"),
    path("workspace/service-accounts/<str:name>/<slug:change>/", service_account_change, name="service_account_change"),
    path("endpoints/<str:name>/access/", endpoint_access, name="endpoint_access"),
]
