"""What every page's frame needs."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from endpoints.selectors.endpoints import workspaces_for
from endpoints.selectors.quota import pending_requests
from endpoints.selectors.site import seen_by
from studio.workspaces import current_workspace


def frame(request: HttpRequest) -> dict[str, Any]:
    """The workspace switch, the bell and the site's notices; nothing for who is not signed in."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    state, running = seen_by(user)
    now = timezone.now()
    return {
        "workspaces": list(workspaces_for(user)),
        "workspace": current_workspace(request),
        "quota_requests": pending_requests(user).count() if user.is_staff else 0,
        "running_operations": running,
        "site_banner": state if state.banner_shown(now=now) else None,
        "site_closed": state if state.closed(now=now) else None,
    }
