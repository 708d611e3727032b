"""Server-sent events: one look at the database per second and process, however many pages listen."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import Max

from endpoints.enums import OperationState
from endpoints.models import CollectorPass, Event, Operation

INTERVAL_SECONDS = 1.0
QUEUE_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Change:
    """Something of an endpoint (or of a workspace, without one) is not as it was."""

    kind: str  # "endpoint", "operation" or "sample"
    workspace_id: int | None = None
    endpoint_id: str = ""


class Ticker:
    """Looks while somebody listens. Listeners that do not keep up lose changes, never memory."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[Change]] = set()
        self._task: asyncio.Task[None] | None = None

    async def listen(self) -> AsyncIterator[Change | None]:
        """Changes as they are seen; None once a second without one, so that the caller can look up."""
        queue: asyncio.Queue[Change] = asyncio.Queue(QUEUE_LENGTH)
        self._listeners.add(queue)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        try:
            while True:
                try:
                    yield await asyncio.wait_for(queue.get(), timeout=INTERVAL_SECONDS)
                except TimeoutError:
                    yield None
        finally:
            self._listeners.discard(queue)

    async def _run(self) -> None:
        before = await sync_to_async(_state)()
        while self._listeners:
            await asyncio.sleep(INTERVAL_SECONDS)
            after = await sync_to_async(_state)()
            for change in await sync_to_async(_changes)(before, after):
                self._tell(change)
            before = after

    def _tell(self, change: Change) -> None:
        for queue in self._listeners:
            if not queue.full():
                queue.put_nowait(change)


def _state() -> dict[str, Any]:
    running = Operation.objects.filter(state=OperationState.RUNNING).values_list("id", "endpoint_id", "phases")
    return {
        "event": Event.objects.aggregate(newest=Max("id"))["newest"] or 0,
        "sample": CollectorPass.objects.aggregate(newest=Max("id"))["newest"] or 0,
        "operations": {str(pk): (str(endpoint_id), repr(phases)) for pk, endpoint_id, phases in running},
    }


def _changes(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    fresh = Event.objects.filter(id__gt=before["event"], id__lte=after["event"]).order_by("id")
    pairs = {(row[0], str(row[1] or "")) for row in fresh.values_list("workspace_id", "endpoint_id")[:QUEUE_LENGTH]}
    changes = [Change("endpoint", workspace, endpoint) for workspace, endpoint in pairs]
    old, new = before["operations"], after["operations"]
    moved = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
    endpoints = {(new.get(key) or old[key])[0] for key in moved}
    changes += [Change("operation", None, endpoint) for endpoint in endpoints]
    if after["sample"] > before["sample"]:
        changes.append(Change("sample"))
    return changes


ticker = Ticker()
