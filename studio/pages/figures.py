"""The answers behind a chart: its figure as JSON, its numbers as CSV, and the toolbar of its range."""

import csv
import functools
from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from endpoints.domain.errors import StudioError
from endpoints.selectors.telemetry import Marker
from studio.api.errors import CONTENT_TYPE, Problem
from studio.pages.page import View, page
from studio.pages.plots import Plot, figure, header, rows


def figure_page(view: View) -> View:
    """Signed in; errors are problem+json, which the chart shows with Retry."""

    @page
    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except StudioError as error:
            problem = Problem(code=error.code, detail=str(error))
            body = problem.body(getattr(request, "request_id", ""))
            return JsonResponse(body, status=problem.status, content_type=CONTENT_TYPE)

    return wrapped


def figure_answer(plot: Plot, markers: Iterable[Marker] = ()) -> HttpResponse:
    response = JsonResponse(figure(plot, markers))
    response["Cache-Control"] = "no-store"
    return response


def csv_answer(plot: Plot, filename: str) -> HttpResponse:
    return csv_file(header(plot), rows(plot), filename)


def csv_file(head: list[str], lines: Iterable[list[str]], filename: str) -> HttpResponse:
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}.csv"'
    writer = csv.writer(response)
    writer.writerow(_plain(text) for text in head)
    writer.writerows([_plain(text) for text in line] for line in lines)
    return response


def _plain(text: str) -> str:
    """No spreadsheet takes it for a formula; a negative number is one of ours."""
    if text[:1] == "-" and _is_number(text):
        return text
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def changed(request: HttpRequest, **parameters: str) -> str:
    """The same page with these parameters; an empty one is taken out. The choice of a table is not kept."""
    query = request.GET.copy()
    query.pop("table", None)
    for name, value in parameters.items():
        query.pop(name, None)
        if value:
            query[name] = value
    return f"?{query.urlencode()}"


def table_of(plot: Plot, title: str) -> dict[str, Any]:
    """For who has no JavaScript: what templates/metrics/_table.html takes."""
    return {"title": title, "header": header(plot), "rows": rows(plot)}
