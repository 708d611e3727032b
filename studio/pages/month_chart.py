"""The chart of a month: what was spent of it so far, how it should end, and the budgets in whose reach that is."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpResponse, JsonResponse

from endpoints.domain.budgets import money
from endpoints.models import Budget
from endpoints.selectors.cost import MonthCourse
from studio.pages.plots import Json

EMPTY = "Nothing was billed this month. Replicas cost from the moment they start."
Points = Sequence[tuple[datetime, Decimal]]


def iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def month_answer(course: MonthCourse, budgets: Iterable[Budget]) -> HttpResponse:
    response = JsonResponse(month_figure(course, list(budgets)))
    response["Cache-Control"] = "no-store"
    return response


def month_figure(course: MonthCourse, budgets: Sequence[Budget]) -> Json:
    """The band first, so that lines lie on top of it."""
    spent, last = course.spent[-1][1], course.coming[-1][1]
    layout = {
        "xaxis": {"type": "date", "range": [iso(course.start), iso(course.end)]},
        "yaxis": {"title": {"text": "USD"}},
    }
    figure: Json = {"data": [], "layout": layout, "summary": "", "empty": EMPTY, "markers": [], "zone": "UTC"}
    figure |= {"known": bool(spent or last.high), "table": _table(course)}
    if not figure["known"]:
        return figure
    figure["summary"] = (
        f"{money(spent)} so far; {money(last.low)} to {money(last.high)} by the end in four of five cases"
    )
    figure["data"] = [
        _trace(
            "80 % band, low",
            [(at, each.low) for at, each in course.coming],
            line={"width": 0},
            showlegend=False,
            hoverinfo="skip",
        ),
        _trace(
            "80 % band",
            [(at, each.high) for at, each in course.coming],
            line={"width": 0},
            fill="tonexty",
            hoverinfo="skip",
        ),
        _trace("expected", [(at, each.expected) for at, each in course.coming], line={"dash": "dot", "width": 2}),
        _trace("spent", course.spent, line={"dash": "solid", "width": 2.5}),
        *(_budget(each, course) for each in budgets),
    ]
    return figure


def _table(course: MonthCourse) -> Json:
    """What was spent by each time, then what is expected by it."""
    spent = [[f"{at:%Y-%m-%d %H:%M}", money(amount), "", "", ""] for at, amount in course.spent]
    coming = [
        [f"{at:%Y-%m-%d %H:%M}", "", money(each.low), money(each.expected), money(each.high)]
        for at, each in course.coming
    ]
    return {"header": ["time (UTC)", "spent", "80 % band, low", "expected", "80 % band, high"], "rows": spent + coming}


def _trace(name: str, points: Points, **others: Any) -> Json:
    shape = {"type": "scatter", "mode": "lines", "meta": {"slot": 0}, "name": name}
    return {
        **shape,
        "x": [iso(at) for at, _ in points],
        "y": [round(float(amount), 6) for _, amount in points],
        **others,
    }


def _budget(budget: Budget, course: MonthCourse) -> Json:
    ends = [(course.start, budget.amount), (course.end, budget.amount)]
    line = {"dash": "dash", "width": 1.5}
    return _trace(f"budget {budget.name}", ends, line=line, meta={"tone": "bad" if budget.acting_since else "warn"})
