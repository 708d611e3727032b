"""The Test tab: send a request as yourself, and see where its time went."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_POST

from endpoints.domain.errors import Invalid
from endpoints.domain.request_forms import form_fields
from endpoints.domain.requests import WITHOUT_BODY, ScoringRequest, headers_in
from endpoints.models import Deployment, Endpoint, SavedRequest, TestCall
from endpoints.permissions import Action, require
from endpoints.selectors.requests import saved_requests_for, test_call_for, test_calls_of
from endpoints.services.comparison import compare
from endpoints.services.invoke import Answer, invoke
from studio.actors import actor_of, signed_in
from studio.pages.endpoint_frame import endpoint_frame, scoring_uri
from studio.pages.forms import whole_number
from studio.pages.page import page, show
from studio.pages.sample_body import PLACEHOLDER, last_answered, sample_and_schema
from studio.pages.snippets import PIN, Call, snippets_of, token_url
from studio.pages.testing_answers import compared, shown
from studio.pages.testing_forms import (
    Asked,
    field_problems,
    file_limit,
    of_call,
    of_saved,
    posted,
    scoring_request,
)

HISTORY = 50
TEMPLATE = "testing/tab.html"
LAST = "last"


@page
def endpoint_test(request: HttpRequest, name: str) -> HttpResponse:
    """`?deployment=` pins; `?call=` (a number, or last), `?saved=` and `?sample=1` say what the form begins with."""
    if request.method == "POST":
        return _sent(request, name)
    context = _context(request, name)
    if request.GET.get("part") == "fields":
        return show(request, "testing/_form.html", context, partial="fields")
    return show(request, TEMPLATE, context, partial="history" if request.GET.get("part") == "history" else "")


def _context(request: HttpRequest, name: str) -> dict[str, Any]:
    """What both the page and an answer need, and what stands in the form."""
    context = endpoint_frame(request, name, "endpoint_test")
    endpoint = context["endpoint"]
    context |= {
        "history": list(test_calls_of(signed_in(request), endpoint)[:HISTORY]),
        "saved": list(saved_requests_for(signed_in(request), endpoint)),
        "runnable": [item for item in context["deployments"] if item.serving_generation],
    }
    context |= {**_opened(request, context["saved"]), "file_limit": file_limit(context["runnable"])}
    if context["rights"]["score"]:
        context |= _form(request, context)
    return context


def _opened(request: HttpRequest, saved: list[SavedRequest]) -> dict[str, Any]:
    """The saved request that the address names, whose it is, and its address for others."""
    wanted = request.GET.get("saved", "")
    opened = next((item for item in saved if str(item.pk) == wanted), None)
    if opened is None:
        return {"opened": None}
    link = request.build_absolute_uri(f"{request.path}?saved={opened.pk}")
    return {"opened": opened, "opened_link": link, "own": opened.user_id == signed_in(request).pk}


def _form(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    history: list[TestCall] = context["history"]
    endpoint, opened = context["endpoint"], context["opened"]
    asked = posted(request) if request.method == "POST" else _asked(request, endpoint, history, opened)
    sample, schema = sample_and_schema(_targets(context["deployments"], asked.deployment))
    if asked.body is None:
        earlier = [] if request.GET.get("sample") else history
        asked = replace(asked, body=json.dumps(sample or last_answered(earlier) or PLACEHOLDER, indent=2))
    return {
        "asked": asked,
        "pinned": asked.deployment,
        "fields": _fields(schema, sample),
        "snippets": snippets_of(_as_code(endpoint, asked)),
    }


def _targets(deployments: list[Deployment], pinned: str) -> list[Deployment]:
    return [item for item in deployments if item.name == pinned] or deployments


def _asked(request: HttpRequest, endpoint: Endpoint, history: list[TestCall], opened: SavedRequest | None) -> Asked:
    """From the saved request or the call that the address names, else without a body."""
    call = _replayed(request, endpoint, history)
    asked = of_saved(opened) if opened else of_call(call) if call else Asked(body=None)
    pinned = request.GET.get("deployment")
    return asked if pinned is None else replace(asked, deployment=pinned)


def _replayed(request: HttpRequest, endpoint: Endpoint, history: list[TestCall]) -> TestCall | None:
    wanted = request.GET.get("call", "")
    if wanted == LAST:
        return next(iter(history), None)
    found = next((call for call in history if str(call.pk) == wanted), None)
    if found is None and (number := whole_number(wanted)) is not None:
        return test_calls_of(signed_in(request), endpoint).filter(pk=number).first()  # a shared one may be older
    return found


def _fields(schema: Mapping[str, Any], sample: Any) -> list[dict[str, Any]]:
    """Each with its path and its choices as JSON; empty where the schema is unknown or no matter for a form."""
    return [
        {"field": each, "path": json.dumps(each.path), "choices": [(json.dumps(item), item) for item in each.choices]}
        for each in form_fields(schema, sample)
    ]


def _sent(request: HttpRequest, name: str) -> HttpResponse:
    context = _context(request, name)
    require(signed_in(request), Action.SCORE, context["endpoint"])
    asked: Asked = context["asked"]
    status = 200
    try:
        sending = scoring_request(request, asked, context["file_limit"])
        context |= (
            _compared(request, context, sending)
            if request.POST.get("other")
            else answered(*invoke(actor=actor_of(request), endpoint=context["endpoint"], request=sending), context)
        )
    except Invalid as error:
        context |= {"problem": str(error), "problems": field_problems(error)}
        status = 422
    response = show(request, TEMPLATE, context, partial="response", status=status)
    response["HX-Trigger"] = "test-sent"
    return response


def answered(answer: Answer, call: TestCall, context: dict[str, Any]) -> dict[str, Any]:
    return {"answer": shown(answer, call, context), "problem": answer.error}


def _compared(request: HttpRequest, context: dict[str, Any], sending: ScoringRequest) -> dict[str, Any]:
    other, runs = request.POST["other"], request.POST.get("runs", "1")
    context |= {"other": other, "runs": runs}
    found = compare(
        actor=actor_of(request),
        endpoint=context["endpoint"],
        request=sending,
        other=other,
        runs=int(runs) if runs.isascii() and runs.isdigit() and len(runs) < 4 else 0,
    )
    return {"comparison": compared(found, context)}


def _as_code(endpoint: Endpoint, asked: Asked, file: str = "") -> Call:
    own = tuple((name, value) for name, value in headers_in(asked.headers) if name.strip())
    pin = ((PIN, asked.deployment),) if asked.deployment else ()
    kind = () if asked.method in WITHOUT_BODY else (("Content-Type", asked.content_type),)
    try:
        body, is_json = json.dumps(json.loads(asked.body or "")), True
    except (ValueError, RecursionError):
        body, is_json = asked.body or "", False
    return Call(
        url=scoring_uri(endpoint).removesuffix("/score") + asked.path,
        body=body,
        is_json=is_json,
        method=asked.method,
        headers=(*kind, *pin, *own),
        file=file,
        token_url=token_url(endpoint),
    )


@page
@require_POST
def test_snippets(request: HttpRequest, name: str) -> HttpResponse:
    """The code for what stands in the form."""
    endpoint = endpoint_frame(request, name, "endpoint_test")["endpoint"]
    code = _as_code(endpoint, posted(request), request.POST.get("file_name", "")[:200])
    return show(request, "components/snippets.html", {"snippets": snippets_of(code)})


@page
def test_call_download(request: HttpRequest, name: str, call_id: int) -> HttpResponse:
    endpoint = endpoint_frame(request, name, "endpoint_test")["endpoint"]
    call = test_call_for(signed_in(request), endpoint, call_id)
    response = HttpResponse(call.response_body, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{endpoint.name}-{call.pk}.json"'
    return response


@page
@require_POST
def test_history_clear(request: HttpRequest, name: str) -> HttpResponse:
    """What others have a link to stays."""
    context = endpoint_frame(request, name, "endpoint_test")
    test_calls_of(signed_in(request), context["endpoint"]).filter(share=None).delete()
    return show(request, TEMPLATE, _context(request, name), partial="history")


urlpatterns = [
    path("endpoints/<str:name>/test/", endpoint_test, name="endpoint_test"),
    path("endpoints/<str:name>/test/clear/", test_history_clear, name="test_history_clear"),
    path("endpoints/<str:name>/test/snippets/", test_snippets, name="test_snippets"),
    path("endpoints/<str:name>/test/<int:call_id>/download/", test_call_download, name="test_call_download"),
]
