"""The history as CSV, a part at a time: as long as it may be, it is never in memory as a whole."""

import csv
import io
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import StreamingHttpResponse

from endpoints.models import Event

COLUMNS = ("id", "created_at", "actor_name", "source", "verb", "subject", "before", "after", "reason", "request_id")
PART = 1000
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_of(events: QuerySet[Event], filename: str) -> StreamingHttpResponse:
    """The newest first."""
    response = StreamingHttpResponse(_parts(events), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


async def _parts(events: QuerySet[Event]) -> AsyncIterator[str]:
    yield _text([COLUMNS])
    before: int | None = None
    while part := await sync_to_async(_part)(events, before):
        yield _text([_cell(getattr(event, name)) for name in COLUMNS] for event in part)
        before = part[-1].pk


def _part(events: QuerySet[Event], before: int | None) -> list[Event]:
    found = events if before is None else events.filter(pk__lt=before)
    return list(found.order_by("-pk")[:PART])


def _text(rows: Iterable[Iterable[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def _cell(value: Any) -> str:
    """Text that no spreadsheet takes for a formula."""
    text = "" if value is None else json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
