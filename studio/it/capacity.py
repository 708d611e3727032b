"""IT's page of what there is to run on, and who takes it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone

from endpoints.domain.health_readings import HostReading
from endpoints.domain.quota import OF_INSTANCES
from endpoints.models import Workspace
from endpoints.selectors.capacity import Use, capacity
from endpoints.selectors.quota import Account
from studio.pages.identity import it_page
from studio.pages.page import show
from studio.pages.quota import account_rows

SHOWN = 100


@it_page
def it_capacity(request: HttpRequest) -> HttpResponse:
    """`?q=` narrows the workspaces by name."""
    text = request.GET.get("q", "").strip()
    workspaces = Workspace.objects.filter(name__icontains=text) if text else Workspace.objects.all()
    found = capacity(workspaces.order_by("name")[:SHOWN], now=timezone.now())
    context = {
        "found": found,
        "host": _host(found.host) if found.host else None,
        "site": _resources(found.site),
        "rows": [
            {"workspace": account.workspace, "resources": _resources(account), **_used(use)}
            for account, use in found.workspaces
        ],
        "q": text,
        "shown": SHOWN,
        **_used(found.used),
    }
    return show(request, "it/capacity.html", context)


def _host(host: HostReading) -> dict[str, Any]:
    return {
        "reading": host,
        "cpu": round(host.cpu_percent),
        "memory": round(host.memory_used_bytes * 100 / max(1, host.memory_bytes)),
    }


def _used(use: Use) -> dict[str, Any]:
    return {"cores": use.cores, "memory_bytes": use.memory_bytes}


def _resources(account: Account) -> list[dict[str, Any]]:
    """Of processors, memory and GPUs alone: what is held, and what may be."""
    return [row for row in account_rows(account) if row["resource"] in OF_INSTANCES]


urlpatterns = [path("it/capacity/", it_capacity, name="it_capacity")]
