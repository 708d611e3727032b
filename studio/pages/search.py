"""What the command palette finds."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse

from endpoints.selectors.assets import environments_for, latest_only, models_for
from endpoints.selectors.endpoints import endpoints_for
from studio.actors import signed_in
from studio.pages.page import page, show

EACH = 6


@page
def search(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "").strip()
    results = _results(request, text) if text else []
    return show(request, "components/palette_results.html", {"results": results})


def _results(request: HttpRequest, text: str) -> list[dict[str, Any]]:
    user = signed_in(request)
    endpoints = endpoints_for(user).prefetch_related(None).filter(name__icontains=text)[:EACH]
    models = latest_only(models_for(user)).filter(name__icontains=text)[:EACH]
    environments = latest_only(environments_for(user)).filter(name__icontains=text)[:EACH]
    return [
        *(
            _result(item.name, reverse("endpoint_detail", args=[item.name]), "Endpoint", "radio-tower")
            for item in endpoints
        ),
        *(_asset(item, "model_detail", "Model", "box") for item in models),
        *(_asset(item, "environment_detail", "Environment", "layers") for item in environments),
    ]


def _asset(item: Any, url_name: str, kind: str, icon: str) -> dict[str, Any]:
    return _result(str(item), reverse(url_name, args=[item.name, item.version]), kind, icon)


def _result(label: str, url: str, kind: str, icon: str) -> dict[str, Any]:
    return {"label": label, "url": url, "kind": kind, "icon": icon}


urlpatterns = [path("search/", search, name="search")]
