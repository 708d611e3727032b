"""The workspace: which one is open, and who is in it."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from endpoints.domain.errors import Conflict, Invalid, NotFound
from endpoints.enums import Role
from endpoints.models import Workspace
from endpoints.permissions import Action, can
from endpoints.selectors.endpoints import workspace_for
from endpoints.services.workspaces import remove_member, set_role
from studio.actors import actor_of, signed_in
from studio.pages.forms import add_problems
from studio.pages.page import page, show, went_to
from studio.workspaces import SESSION_KEY, current_workspace


@page
@require_POST
def workspace_switch(request: HttpRequest) -> HttpResponse:
    """`next` must be of this site. A page of another workspace's endpoint stays open: its URL says all."""
    workspace = workspace_for(signed_in(request), request.POST.get("workspace", ""))
    request.session[SESSION_KEY] = workspace.name
    following = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(following, {request.get_host()}, require_https=request.is_secure())
    return redirect(following if ours and not following.startswith("/endpoints/") else "endpoint_list")


class MemberForm(forms.Form):
    email = forms.EmailField(help_text="Of a person who has an account here.")
    role = forms.ChoiceField(choices=Role.choices, initial=Role.READER)


@page
def workspace_members(request: HttpRequest) -> HttpResponse:
    workspace = _open(request)
    form = MemberForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            set_role(actor=actor_of(request), workspace=workspace, **form.cleaned_data)
        except Invalid as error:
            add_problems(form, error)
        except Conflict as error:
            form.add_error(None, str(error))
        else:
            return went_to(request, reverse("workspace_members"), "Saved.")
    context = {
        "form": form,
        "members": list(workspace.role_assignments.select_related("user").order_by("user__email")),
        "may_manage": can(signed_in(request), Action.MANAGE_MEMBERS, workspace),
    }
    return show(request, "workspace/members.html", context, status=422 if form.errors else 200)


@page
@require_POST
def member_remove(request: HttpRequest, assignment_id: int) -> HttpResponse:
    assignment = _open(request).role_assignments.select_related("user", "workspace").filter(pk=assignment_id).first()
    if assignment is None:
        raise NotFound("This person is not in the workspace any more.")
    try:
        remove_member(actor=actor_of(request), assignment=assignment)
    except Conflict as error:
        return went_to(request, reverse("workspace_members"), str(error), level=messages.ERROR)
    return went_to(request, reverse("workspace_members"), f"{assignment.user} is no longer in the workspace.")


def _open(request: HttpRequest) -> Workspace:
    workspace = current_workspace(request)
    if workspace is None:
        raise NotFound("You are in no workspace yet.")
    return workspace


urlpatterns = [
    path("workspace/switch/", workspace_switch, name="workspace_switch"),
    path("workspace/members/", workspace_members, name="workspace_members"),
    path("workspace/members/<int:assignment_id>/remove/", member_remove, name="member_remove"),
]
