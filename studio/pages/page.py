"""What every page does: sign-in, one template, errors in the frame."""

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render

from endpoints.domain.errors import BudgetExceeded, Conflict, Forbidden, Invalid, NotFound, StudioError, Unavailable

View = Callable[..., HttpResponseBase]

_STATUS = {BudgetExceeded: 402, NotFound: 404, Forbidden: 403, Conflict: 409, Invalid: 422, Unavailable: 503}


def page(view: View) -> View:
    """Signed in; and a StudioError that the view lets pass becomes the page (or fragment) of its status."""

    @login_required
    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except StudioError as error:
            return problem(request, error)

    return wrapped


def problem(request: HttpRequest, error: StudioError) -> HttpResponse:
    """403.html, 404.html and so on in the frame; for htmx the same words as a toast, and nothing is swapped."""
    status = status_of(error)
    if is_fragment(request):
        response = HttpResponse(str(error), status=status, content_type="text/plain")
        return with_toast(response, str(error), level="error")
    template = f"{status}.html" if status in (403, 404) else "error.html"
    return render(request, template, {"error": error, "status": status}, status=status)


def status_of(error: StudioError) -> int:
    return next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)


def is_fragment(request: HttpRequest) -> bool:
    """htmx asks for a part; a boosted navigation wants the page."""
    htmx = getattr(request, "htmx", None)
    return htmx is not None and bool(htmx) and not htmx.boosted


def show(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    partial: str = "",
    status: int = 200,
) -> HttpResponse:
    """The template, or its named partial when htmx asks for a part."""
    name = f"{template}#{partial}" if partial and is_fragment(request) else template
    return render(request, name, dict(context or {}), status=status)


def with_toast(
    response: HttpResponse, text: str, *, level: str = "success", undo: Mapping[str, Any] | None = None
) -> HttpResponse:
    """A toast on an htmx answer. `undo` is {"url": …, "values": {…}}: posted when Undo is pressed within 10 s."""
    toast: dict[str, Any] = {"level": level, "text": text}
    if undo:
        toast["undo"] = dict(undo)
    response["HX-Trigger"] = json.dumps({"toast": toast})
    return response


def went_to(request: HttpRequest, url: str, text: str = "", *, level: int = messages.SUCCESS) -> HttpResponse:
    """On to another page after a write, by htmx or by form; the message is shown there."""
    if text:
        messages.add_message(request, level, text)
    if is_fragment(request):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return HttpResponseRedirect(url, status=303)
