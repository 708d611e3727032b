"""A workspace's quota: what it may have, what it uses, and its requests for more."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from endpoints.domain.errors import Conflict, Invalid, NotFound
from endpoints.domain.quota import RESOURCES, amount
from endpoints.enums import RequestState
from endpoints.models import QuotaRequest, Workspace
from endpoints.permissions import Action, can
from endpoints.selectors.quota import Account, account_of, quota_request_for, requests_of, site_limits_row
from endpoints.services.quota import ask_for_quota, withdraw_request
from studio.actors import actor_of, signed_in
from studio.pages.forms import add_problems
from studio.pages.page import page, show, went_to
from studio.pages.quota_forms import AskForm
from studio.workspaces import current_workspace

SHOWN = 20  # of the workspace's past requests


@page
def workspace_quota(request: HttpRequest) -> HttpResponse:
    workspace = current_workspace(request)
    if workspace is None:
        return show(request, "endpoints/no_workspace.html")
    form = AskForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            reason = form.cleaned_data["reason"]
            ask_for_quota(actor=actor_of(request), workspace=workspace, limits=form.limits(), reason=reason)
        except Invalid as error:
            add_problems(form, error)
        except Conflict as error:
            form.add_error(None, str(error))
        else:
            return went_to(request, reverse("workspace_quota"), "Asked for. IT decides, and the answer stands here.")
    status = 422 if form.errors else 200
    return show(request, "quota/workspace.html", _context(request, workspace, form), status=status)


def _context(request: HttpRequest, workspace: Workspace, form: AskForm) -> dict[str, Any]:
    requests = [with_amounts(each) for each in requests_of(workspace)[:SHOWN]]
    return {
        "account": account_of(workspace),
        "rows": account_rows(account_of(workspace)),
        "requests": requests,
        "waits": any(each["request"].state == RequestState.PENDING for each in requests),
        "form": form,
        "reserve": site_limits_row().reserve_percent,
        "may_ask": can(signed_in(request), Action.WRITE, workspace),
    }


def account_rows(account: Account) -> list[dict[str, Any]]:
    """As people read them; a limit of None is none."""
    rows = []
    for row in account.rows():
        name, limit = str(row["resource"]), row["limit"]
        told = {"used_told": amount(name, row["used"]), "limit_told": "" if limit is None else amount(name, limit)}  # type: ignore[arg-type]
        rows.append({**row, **told, "bar": min(100, int(str(row["percent"])))})
    return rows


def with_amounts(request: QuotaRequest) -> dict[str, Any]:
    """A request, and in words what it asks for."""
    asked = [(name, label, getattr(request, name)) for name, label in RESOURCES.items()]
    words = [f"{amount(name, value)} {label}" for name, label, value in asked if value is not None]
    return {"request": request, "asked": ", ".join(words)}


@page
@require_POST
def quota_request_withdraw(request: HttpRequest, request_id: int) -> HttpResponse:
    found = quota_request_for(signed_in(request), request_id)
    if found.workspace != current_workspace(request):
        raise NotFound("There is no such request in this workspace.")
    try:
        withdraw_request(actor=actor_of(request), request=found)
    except Conflict as error:
        return went_to(request, reverse("workspace_quota"), str(error), level=messages.ERROR)
    return went_to(request, reverse("workspace_quota"), "The request is withdrawn.")


urlpatterns = [
    path("quota/", workspace_quota, name="workspace_quota"),
    path("quota/requests/<int:request_id>/withdraw/", quota_request_withdraw, name="quota_request_withdraw"),
]
