"""What every page's frame needs."""

from typing import Any

from django.http import HttpRequest

from endpoints.enums import OperationState
from endpoints.selectors.endpoints import operations_for, workspaces_for
from endpoints.selectors.quota import pending_requests
from studio.workspaces import current_workspace


def frame(request: HttpRequest) -> dict[str, Any]:
    """The workspace switch and the bell; nothing for who is not signed in."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {
        "workspaces": list(workspaces_for(user)),
        "workspace": current_workspace(request),
        "running_operations": operations_for(user).filter(state=OperationState.RUNNING).count(),
        "quota_requests": pending_requests(user).count() if user.is_staff else 0,
    }
