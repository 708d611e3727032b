"""The REST API under /api/v1/: its routes, each with or without the slash at the end, and what describes them."""

from django.urls import URLPattern, path, re_path

from studio.api import docs, roles
from studio.api.errors import unknown_route
from studio.api.routes import routes


def _without_slash(pattern: URLPattern) -> URLPattern:
    return path(str(pattern.pattern).removesuffix("/"), pattern.callback)


urlpatterns = [
    path("openapi.json", docs.OpenAPI.as_view(), name="api_openapi"),
    path("oauth/token", roles.client_credentials, name="api_client_credentials"),
    path("docs/", docs.docs, name="api_docs"),
    *routes,
    *map(_without_slash, routes),
    re_path("", unknown_route, name="api_unknown"),
]
