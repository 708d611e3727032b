"""A person's own access tokens."""

from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from endpoints.domain.errors import Invalid
from endpoints.services.tokens import create_token, revoke_token
from studio.actors import actor_of, signed_in
from studio.pages.forms import add_problems
from studio.pages.page import page, show, went_to


class TokenForm(forms.Form):
    name = forms.CharField(max_length=100, help_text="Where it is used, such as “CI of the risk team”.")
    days = forms.TypedChoiceField(
        label="Valid for",
        coerce=int,
        choices=[(30, "30 days"), (90, "90 days"), (365, "a year"), (0, "as long as it is not revoked")],
    )
    read_only = forms.BooleanField(required=False, help_text="It can look, but change nothing.")


@page
def profile_tokens(request: HttpRequest) -> HttpResponse:
    """A new token is shown in the answer to its making, and never again."""
    form = TokenForm(request.POST or None)
    secret = ""
    if request.method == "POST" and form.is_valid():
        try:
            _, secret = create_token(actor=actor_of(request), **_arguments(form.cleaned_data))
        except Invalid as error:
            add_problems(form, error)
        else:
            form = TokenForm()
    context = {"form": form, "secret": secret, "tokens": list(signed_in(request).personal_tokens.all())}
    response = show(request, "profile/tokens.html", context, status=422 if form.errors else 200)
    response["Cache-Control"] = "no-store"
    return response


def _arguments(cleaned: dict[str, Any]) -> dict[str, Any]:
    days = cleaned.pop("days")
    return {**cleaned, "expires_at": timezone.now() + timedelta(days=days) if days else None}


@page
@require_POST
def token_revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    revoke_token(actor=actor_of(request), token_id=token_id)
    return went_to(request, reverse("profile_tokens"), "The token no longer works.")


urlpatterns = [
    path("profile/tokens/", profile_tokens, name="profile_tokens"),
    path("profile/tokens/<int:token_id>/revoke/", token_revoke, name="token_revoke"),
]
