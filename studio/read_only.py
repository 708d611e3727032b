"""Read-only mode on pages: people's writes are refused at the door, whichever page they would go through."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin

from endpoints.selectors.site import read_only_now
from studio.pages.page import is_fragment, with_toast

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
# What goes on, by the name of its URL, and why. Whoever is not signed in is led to the door anyway.
OPEN = {
    "account_logout": "signing out",
    "account_reauthenticate": "signing in again before a secret is shown",
    "mfa_reauthenticate": "signing in again before a secret is shown",
    "mfa_reauthenticate_webauthn": "signing in again before a secret is shown",
    "session_end": "of the person's own sessions",
    "sessions_end_others": "of the person's own sessions",
    "authorization": "signing in to something else",
    "login": "signing in to the administration",
    "logout": "signing out",
    "workspace_switch": "of the person's own session",
    "endpoint_test": "scoring",
    "test_stream": "scoring",
    "test_snippets": "a look",
    "endpoint_token": "a token for scoring",
    "key_reveal": "a reading, on the record",
    "wizard_preflight": "a look",
    "it_identity_test": "a look",
    "it_audit_check": "a look",
    "it_operations": "IT's own switch, and the way out",
    "it_operation_retry": "IT mends what is stuck",
    "it_operation_fail": "IT mends what is stuck",
}


class ReadOnlyMiddleware(MiddlewareMixin):
    """After the view is known, and before it runs. The API refuses by itself (studio.api.view)."""

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], arguments: Any, named: Any
    ) -> HttpResponse | None:
        match = request.resolver_match
        if request.method in SAFE or match is None or match.url_name in OPEN or request.path.startswith("/api/"):
            return None
        if not request.user.is_authenticated:
            return None
        error = read_only_now(now=timezone.now())
        if error is None:
            return None
        if is_fragment(request):
            answer = with_toast(
                HttpResponse(str(error), status=503, content_type="text/plain"), str(error), level="error"
            )
        else:
            answer = render(request, "read_only.html", {"error": error}, status=503)
        if error.wait:
            answer["Retry-After"] = str(error.wait)
        answer["Cache-Control"] = "no-store"
        return answer
