"""Where a sign-in through an identity provider begins and comes back."""

from urllib.parse import urlsplit

from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from allauth.account.utils import get_next_redirect_url
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from endpoints.domain.errors import StudioError
from studio.sso.adapter import refused
from studio.sso.provider import CodeAdapter, StudioProvider


@never_cache
@require_GET
def begin(request: HttpRequest, name: str) -> HttpResponse:
    """A GET, for the content security policy lets no form lead away. So it counts only when a page of ours led to it;
    from elsewhere it asks first: nobody is signed in as somebody by a link."""
    provider = _provider(request, name)
    if request.get_host() != urlsplit(settings.STUDIO_PUBLIC_URL).netloc:
        return redirect(f"{settings.STUDIO_PUBLIC_URL}{request.get_full_path()}")  # where it will come back
    connects = request.GET.get("process") == AuthProcess.CONNECT and request.user.is_authenticated
    if request.user.is_authenticated and not connects:
        return redirect(settings.LOGIN_REDIRECT_URL)
    if connects and not did_recently_reauthenticate(request):
        return redirect("profile_security_link", name=name)
    next_url = get_next_redirect_url(request)
    if not _from_here(request):
        query = f"?{urlencode({'next': next_url})}" if next_url else ""
        return render(request, "account/continue.html", {"provider": provider.app.row, "query": query})
    try:
        return provider.redirect(request, AuthProcess.CONNECT if connects else AuthProcess.LOGIN, next_url)
    except StudioError as error:
        return refused(request, provider.app.row, str(error))


@never_cache
@require_GET
def come_back(request: HttpRequest, name: str) -> HttpResponse:
    provider = _provider(request, name)
    try:
        response: HttpResponse = OAuth2CallbackView.adapter_view(CodeAdapter(request, name))(request)
    except StudioError as error:
        return refused(request, provider.app.row, str(error))
    return response


def _provider(request: HttpRequest, name: str) -> StudioProvider:
    try:
        found: StudioProvider = get_adapter(request).get_provider(request, provider=name)
    except SocialApp.DoesNotExist:
        raise Http404 from None
    return found


def _from_here(request: HttpRequest) -> bool:
    """Browsers say so to addresses that they trust; to others they say which page it was, where it was one of ours."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return urlsplit(request.headers.get("Referer", "")).netloc == request.get_host()
