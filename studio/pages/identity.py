"""Whose tokens open endpoints: identity providers and the studio's signing keys. For the site's IT."""

import functools
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from endpoints.domain.errors import Conflict, Invalid
from endpoints.domain.oidc import PRESETS
from endpoints.domain.token_checks import LONGEST, Finding
from endpoints.enums import IdentityKind
from endpoints.models import IdentityProvider
from endpoints.permissions import require_staff
from endpoints.selectors.identity import provider_for, providers_for, signing_keys_for
from endpoints.services.identity import (
    add_provider,
    ensure_studio_provider,
    refresh_provider,
    remove_provider,
    update_provider,
)
from endpoints.services.signing import rotate
from endpoints.services.token_checks import check_token
from studio.actors import actor_of, signed_in
from studio.pages.forms import add_problems
from studio.pages.page import View, page, show, went_to


def it_page(view: View) -> View:
    """A page of IT's: 403 for everybody else."""

    @page
    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        require_staff(signed_in(request))
        return view(request, *args, **kwargs)

    return wrapped


class LinesField(forms.CharField):
    """One value in a line, as a list."""

    widget = forms.Textarea(attrs={"rows": 2, "class": "input code", "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]


class ProviderForm(forms.Form):
    """What can be changed of a provider."""

    audiences = LinesField(help_text="One in a line; any of them will do. A token for something else is refused.")
    subject_claim = forms.CharField(
        required=False, max_length=100, help_text="Says who the caller is. Empty: oid for Entra ID, else sub."
    )
    groups_claim = forms.CharField(
        required=False,
        max_length=100,
        initial="groups",
        help_text="Lists the caller's groups. Empty: they do not count.",
    )
    jwks_url = forms.CharField(
        required=False, max_length=500, label="Address of the keys", help_text="Empty: as its discovery document says."
    )
    pasted_jwks = forms.CharField(
        required=False,
        max_length=100_000,
        label="Keys",
        widget=forms.Textarea(attrs={"rows": 4, "class": "input code", "spellcheck": "false"}),
        help_text="A JSON Web Key Set, where the studio cannot reach the provider. Nothing is fetched then.",
    )


class NewProviderForm(ProviderForm):
    name = forms.CharField(max_length=32, help_text="As it is called here, such as entra.")
    kind = forms.ChoiceField(choices=[choice for choice in IdentityKind.choices if choice[0] in PRESETS])
    issuer = forms.CharField(max_length=500, help_text="The claim iss of its tokens, letter for letter.")
    field_order = ["kind", "name", "issuer", "audiences"]


class TokenForm(forms.Form):
    token = forms.CharField(
        max_length=LONGEST,
        widget=forms.Textarea(
            attrs={
                "rows": 5,
                "class": "input code",
                "spellcheck": "false",
                "autocomplete": "off",
                "placeholder": "eyJ…",
            }
        ),
        help_text="It is looked at and forgotten.",
    )
    endpoint = forms.CharField(
        required=False, max_length=32, help_text="Also say whether it opens this one. Empty: only whether it is good."
    )


class StudioProviderForm(forms.Form):
    audiences = ProviderForm.base_fields["audiences"]


@it_page
def it_identity(request: HttpRequest) -> HttpResponse:
    ensure_studio_provider()
    user = signed_in(request)
    context = {
        "providers": list(providers_for(user)),
        "keys": list(signing_keys_for(user)),
        "days": settings.STUDIO_SIGNING_KEY_DAYS,
        "minutes": settings.STUDIO_TOKEN_MINUTES,
        "jwks_uri": f"{settings.STUDIO_PUBLIC_URL}/.well-known/jwks.json",
    }
    return show(request, "identity/list.html", context)


@it_page
def it_identity_add(request: HttpRequest) -> HttpResponse:
    form = NewProviderForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            provider = add_provider(actor=actor_of(request), **form.cleaned_data)
        except Invalid as error:
            add_problems(form, error)
        else:
            return _back(request, f"Tokens of “{provider.name}” are believed as soon as the gateway has its keys.")
    presets = [(kind.label, preset) for kind, preset in PRESETS.items()]
    context = {"form": form, "presets": presets}
    return show(request, "identity/add.html", context, status=422 if form.errors else 200)


@it_page
def it_identity_provider(request: HttpRequest, name: str) -> HttpResponse:
    """What can be changed of it."""
    provider = provider_for(signed_in(request), name)
    made: type[forms.Form] = StudioProviderForm if provider.kind == IdentityKind.STUDIO else ProviderForm
    form = made(request.POST or None, initial={name: getattr(provider, name) for name in made.base_fields})
    if request.method == "POST" and form.is_valid():
        try:
            update_provider(actor=actor_of(request), provider=provider, **_given(provider, form))
        except Invalid as error:
            add_problems(form, error)
        else:
            return _back(request, "Saved.")
    context = {"form": form, "provider": provider}
    return show(request, "identity/provider.html", context, status=422 if form.errors else 200)


def _given(provider: IdentityProvider, form: forms.Form) -> dict[str, Any]:
    """Changes alone, so that saving something else needs no fetch; an empty subject claim is the usual one."""
    cleaned = form.cleaned_data
    if "subject_claim" in cleaned:
        cleaned["subject_claim"] = cleaned["subject_claim"] or PRESETS[IdentityKind(provider.kind)].subject_claim
    return {name: value for name, value in cleaned.items() if value != getattr(provider, name)}


@it_page
@require_POST
def it_identity_enable(request: HttpRequest, name: str) -> HttpResponse:
    """`enabled=1` or `enabled=0`."""
    provider, enabled = provider_for(signed_in(request), name), request.POST.get("enabled") == "1"
    update_provider(actor=actor_of(request), provider=provider, enabled=enabled)
    words = "believed again" if enabled else "no longer believed"
    return _back(request, f"Tokens of “{provider.name}” are {words}.")


@it_page
@require_POST
def it_identity_refresh(request: HttpRequest, name: str) -> HttpResponse:
    provider = refresh_provider(actor=actor_of(request), provider=provider_for(signed_in(request), name))
    if provider.error:
        return _back(request, f"{provider.error} The keys of before stay.", level=messages.ERROR)
    return _back(request, f"“{provider.name}” has {len(provider.keys)} keys.")


@it_page
@require_POST
def it_identity_remove(request: HttpRequest, name: str) -> HttpResponse:
    provider = provider_for(signed_in(request), name)
    try:
        remove_provider(actor=actor_of(request), provider=provider)
    except Conflict as error:
        return _back(request, str(error), level=messages.ERROR)
    return _back(request, f"“{name}” is removed: its tokens open nothing any more.")


@it_page
@require_POST
def it_signing_rotate(request: HttpRequest) -> HttpResponse:
    """`revoke=1` forgets the old keys at once."""
    revoke = request.POST.get("revoke") == "1"
    rotate(actor=actor_of(request), revoke=revoke)
    said = "Every token that the studio had issued is void." if revoke else "Tokens signed by the old one stay good."
    return _back(request, f"A new key signs. {said}")


@it_page
def it_identity_test(request: HttpRequest) -> HttpResponse:
    """The token is in the answer nowhere but in what it says of itself."""
    form = TokenForm(request.POST or None)
    finding: Finding | None = None
    if request.method == "POST" and form.is_valid():
        try:
            finding = check_token(actor=actor_of(request), **form.cleaned_data)
        except Invalid as error:
            add_problems(form, error)
    status = 422 if form.errors else 200
    shown = form if form.errors else TokenForm(initial={"endpoint": request.POST.get("endpoint", "")})
    claims = sorted(finding.claims.items()) if finding else []
    response = show(request, "identity/test.html", {"form": shown, "finding": finding, "claims": claims}, status=status)
    response["Cache-Control"] = "no-store"
    return response


def _back(request: HttpRequest, text: str, *, level: int = messages.SUCCESS) -> HttpResponse:
    return went_to(request, reverse("it_identity"), text, level=level)


_BASE = "it/identity/"
_PROVIDER = f"{_BASE}providers/<slug:name>/"
urlpatterns = [
    path(_BASE, it_identity, name="it_identity"),
    path(f"{_BASE}add/", it_identity_add, name="it_identity_add"),
    path(f"{_BASE}test/", it_identity_test, name="it_identity_test"),
    path(f"{_BASE}rotate/", it_signing_rotate, name="it_signing_rotate"),
    path(_PROVIDER, it_identity_provider, name="it_identity_provider"),
    path(f"{_PROVIDER}enable/", it_identity_enable, name="it_identity_enable"),
    path(f"{_PROVIDER}refresh/", it_identity_refresh, name="it_identity_refresh"),
    path(f"{_PROVIDER}remove/", it_identity_remove, name="it_identity_remove"),
]
