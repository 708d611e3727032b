"""The workspace: which one is open, and who is in it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from endpoints.domain.errors import NotFound
from endpoints.models import Workspace
from endpoints.selectors.endpoints import workspace_for
from studio.actors import signed_in
from studio.pages.page import page
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


def open_workspace(request: HttpRequest) -> Workspace:
    """The one that the person looks at. Raises NotFound."""
    workspace = current_workspace(request)
    if workspace is None:
        raise NotFound("You are in no workspace yet.")
    return workspace


urlpatterns = [
    path("workspace/switch/", workspace_switch, name="workspace_switch"),
]
