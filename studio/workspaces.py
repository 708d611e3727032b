"""Which workspace a person looks at: the one in the session, else the first that is theirs."""

from django.http import HttpRequest

from endpoints.domain.errors import NotFound
from endpoints.models import User, Workspace
from endpoints.permissions import Action, require
from endpoints.selectors.endpoints import endpoints_for, workspaces_for
from studio.actors import signed_in

SESSION_KEY = "workspace"


def current_workspace(request: HttpRequest) -> Workspace | None:
    """None for a person who is in no workspace at all. Looked up once in a request."""
    if not hasattr(request, "_current_workspace"):
        request._current_workspace = _find(request)  # type: ignore[attr-defined]
    return request._current_workspace  # type: ignore[attr-defined, no-any-return]


def open_workspace(request: HttpRequest) -> Workspace:
    """Of which the person may see everything. Raises NotFound, Forbidden."""
    workspace = current_workspace(request)
    if workspace is None:
        raise NotFound("You are in no workspace yet. An Owner of one can add you.")
    require(signed_in(request), Action.READ, workspace)
    return workspace


def _find(request: HttpRequest) -> Workspace | None:
    assert isinstance(request.user, User)
    mine = workspaces_for(request.user)
    chosen = request.session.get(SESSION_KEY)
    found = (mine.filter(name=chosen).first() if chosen else None) or mine.order_by("name").first()
    return found or _of_a_caller(request.user)


def _of_a_caller(user: User) -> Workspace | None:
    """Who may only call endpoints of a workspace sees these in it, and nothing else."""
    endpoint = endpoints_for(user).first()
    return endpoint.workspace if endpoint else None
