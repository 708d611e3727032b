from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from studio.account_events import recovery_codes, recovery_codes_file
from studio.api.errors import unknown_route
from studio.health import healthz
from studio.prometheus import metrics

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="endpoint_list"), name="home"),
    path("healthz", healthz, name="healthz"),
    path("accounts/2fa/recovery-codes/", recovery_codes, name="mfa_view_recovery_codes"),
    path("accounts/2fa/recovery-codes/download/", recovery_codes_file, name="mfa_download_recovery_codes"),
    path("metrics", metrics, name="metrics"),
    path("accounts/", include("allauth.urls")),
    path("", include("allauth.idp.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("studio.api.urls")),
    re_path(r"^api/", unknown_route),
    path("", include("studio.pages.urls")),
]
