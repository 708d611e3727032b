"""The OpenAPI document, and a page of its own: in our frame, rendered here, for our policy forbids inline styles."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from studio.api.errors import KINDS
from studio.api.reference import document, sections
from studio.api.view import StudioView
from studio.pages.page import page, show


class OpenAPI(StudioView):
    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        return Response(document())


@page
def docs(request: HttpRequest) -> HttpResponse:
    problems = [{"code": code, "status": status, "title": title} for code, (status, title) in KINDS.items()]
    url = settings.STUDIO_PUBLIC_URL + reverse("api_endpoints")
    context = {
        "sections": sections(settings.STUDIO_PUBLIC_URL),
        "problems": problems,
        "first_call": f'curl -H "Authorization: Bearer $STUDIO_TOKEN" "{url}"',
    }
    return show(request, "api/docs.html", context)
