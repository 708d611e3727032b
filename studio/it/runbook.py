"""The runbook, from the documentation that this version came with."""

from functools import cache
from itertools import pairwise
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from markdown_it import MarkdownIt

from studio.pages.identity import it_page
from studio.pages.page import show

SOURCE = "docs/it-dashboard.md"
BEGINS = "# Runbook\n"


@it_page
def it_runbook(request: HttpRequest) -> HttpResponse:
    return show(request, "it/runbook.html", {"runbook": runbook(settings.BASE_DIR / SOURCE)})


@cache
def runbook(source: Path) -> SafeString:
    """HTML of the part for whoever mends something; each heading is named by its own words."""
    text = source.read_text().partition(BEGINS)[2]
    reader = MarkdownIt("commonmark", {"html": False})
    tokens = reader.parse(text)
    for heading, words in pairwise(tokens):
        if heading.type == "heading_open":
            heading.attrSet("id", slugify(words.content))
    html: str = reader.renderer.render(tokens, reader.options, {})
    return mark_safe(html)  # noqa: S308 - the studio's own text, and no HTML in it


urlpatterns = [path("it/runbook/", it_runbook, name="it_runbook")]
