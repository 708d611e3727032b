"""IT's quotas: what everybody may have and uses, who asks for more, and the limits of the site."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from endpoints.domain.errors import Conflict, Invalid, NotFound, StaleVersion
from endpoints.models import Workspace
from endpoints.selectors.quota import (
    accounts,
    pending_requests,
    quota_of,
    quota_request_for,
    site_account,
    site_limits_row,
    site_quota,
)
from endpoints.services.quota import approve_request, deny_request, set_quota, set_site_limits
from studio.actors import actor_of, signed_in
from studio.pages.forms import add_problems
from studio.pages.identity import it_page
from studio.pages.page import show, went_to
from studio.pages.quota import account_rows, with_amounts
from studio.pages.quota_forms import DecisionForm, quota_form, site_limits_form


@it_page
def it_quota(request: HttpRequest) -> HttpResponse:
    """`?q=` narrows the workspaces by name."""
    text = request.GET.get("q", "").strip()
    found = Workspace.objects.filter(name__icontains=text) if text else Workspace.objects.all()
    return show(
        request,
        "it/quota.html",
        {
            "site": account_rows(site_account()),
            "workspaces": [{"account": each, "rows": account_rows(each)} for each in accounts(found)],
            "pending": [with_amounts(each) for each in pending_requests(signed_in(request))],
            "limits": site_limits_row(),
            "q": text,
        },
    )


@it_page
def it_quota_edit(request: HttpRequest, name: str = "") -> HttpResponse:
    """Of a workspace; without a name, of the site."""
    workspace = Workspace.objects.filter(name=name).first() if name else None
    if name and workspace is None:
        raise NotFound(f"There is no workspace “{name}”.")
    quota = quota_of(workspace) if workspace else site_quota()
    form = quota_form(quota, request.POST or None)
    if request.method == "POST" and form.is_valid():
        version = form.cleaned_data["expected_version"]
        try:
            set_quota(actor=actor_of(request), workspace=workspace, limits=form.limits(), expected_version=version)
        except (Invalid, StaleVersion) as error:
            _add(form, error)
        else:
            return went_to(request, reverse("it_quota"), f"The quota of {workspace or 'the site'} holds from now on.")
    account = accounts([workspace])[0] if workspace else site_account()
    context = {"form": form, "workspace_edited": workspace, "rows": account_rows(account)}
    return show(request, "it/quota_edit.html", context, status=422 if form.errors else 200)


def _add(form: Any, error: Invalid | StaleVersion) -> None:
    if isinstance(error, Invalid):
        add_problems(form, error)
    else:
        form.add_error(None, f"{error} Load the page again.")


@it_page
def it_limits(request: HttpRequest) -> HttpResponse:
    form = site_limits_form(site_limits_row(), request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            set_site_limits(actor=actor_of(request), **form.cleaned_data)
        except (Invalid, StaleVersion) as error:
            _add(form, error)
        else:
            return went_to(request, reverse("it_quota"), "The limits hold from now on.")
    return show(request, "it/limits.html", {"form": form}, status=422 if form.errors else 200)


@it_page
@require_POST
def it_quota_decide(request: HttpRequest, request_id: int) -> HttpResponse:
    """`decision=approve` or `deny`, with a `note`."""
    found, form = quota_request_for(signed_in(request), request_id), DecisionForm(request.POST)
    if not form.is_valid():
        return _back(request, "Say approve or deny. Nothing was changed.", level=messages.ERROR)
    approved = form.cleaned_data["decision"] == "approve"
    decide = approve_request if approved else deny_request
    try:
        decide(actor=actor_of(request), request=found, note=form.cleaned_data["note"])
    except (Conflict, Invalid) as error:
        return _back(request, str(error), level=messages.ERROR)
    return _back(request, f"The request of {found.workspace} is {'approved' if approved else 'denied'}.")


def _back(request: HttpRequest, text: str, *, level: int = messages.SUCCESS) -> HttpResponse:
    return went_to(request, reverse("it_quota"), text, level=level)


urlpatterns = [
    path("it/quota/", it_quota, name="it_quota"),
    path("it/quota/site/", it_quota_edit, name="it_quota_site"),
    path("it/quota/workspaces/<slug:name>/", it_quota_edit, name="it_quota_workspace"),
    path("it/quota/limits/", it_limits, name="it_limits"),
    path("it/quota/requests/<int:request_id>/", it_quota_decide, name="it_quota_decide"),
]
