"""IT's tables. What the studio's services own is read-only here, so that the history stays whole."""

import json
from typing import TYPE_CHECKING, Any

from allauth.account.models import EmailAddress
from allauth.idp.oidc.models import Client, Token
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest

from endpoints import models
from endpoints.services import events
from studio.actors import actor_of

admin.site.site_header = "Endpoint Studio administration"
admin.site.site_title = "Endpoint Studio"

SECRETS = ("password", "secret", "data", "key")

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    BaseUserAdmin = DjangoUserAdmin[models.User]
else:
    ModelAdmin = admin.ModelAdmin
    BaseUserAdmin = DjangoUserAdmin


class Recorded(ModelAdmin):
    """What IT changes here stands in the history, as what anybody changes elsewhere does."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """What was in each field that changed, and what is now: but for secrets."""
        names = [name for name in form.changed_data if not any(word in name for word in SECRETS)]
        before = {name: _plain(form.initial.get(name)) for name in names} if change else None
        request.admin_change = (before, {name: _plain(form.cleaned_data.get(name)) for name in names})  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._record(request, obj, "added", message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._record(request, obj, "changed", message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset:
            self._record(request, obj, "deleted", "")
        return super().log_deletions(request, queryset)

    def _record(self, request: HttpRequest, obj: Any, what: str, message: Any) -> None:
        before, after = getattr(request, "admin_change", (None, None))
        request.admin_change = (None, None)  # type: ignore[attr-defined]
        events.record(
            before=before,
            after=after,
            actor=actor_of(request),
            verb=f"{obj._meta.model_name}.{what}",
            subject=str(obj),
            reason=message if isinstance(message, str) else json.dumps(message),
        )


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int) else str(value)


class ReadOnly(ModelAdmin):
    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(models.User)
class UserAdmin(Recorded, BaseUserAdmin):
    ordering = ("email",)
    list_display = ("email", "display_name", "is_staff", "is_active", "last_login")
    search_fields = ("email", "display_name")
    fieldsets = (
        (None, {"fields": ("email", "password", "display_name")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "display_name", "password1", "password2")}),)


@admin.register(models.InstanceType)
class InstanceTypeAdmin(Recorded):
    list_display = ("name", "vcpu", "memory_mib", "gpu", "price_per_hour", "enabled")
    list_editable = ("price_per_hour", "enabled")


@admin.register(models.Endpoint)
class EndpointAdmin(ReadOnly):
    list_display = ("name", "workspace", "kind", "state", "created_at", "deleted_at")
    list_filter = ("kind", "state")
    search_fields = ("name",)


@admin.register(models.Deployment)
class DeploymentAdmin(ReadOnly):
    list_display = ("name", "endpoint", "state", "instance_type", "instance_count", "created_at", "deleted_at")
    list_filter = ("state",)
    search_fields = ("name", "endpoint__name")
    exclude = ("environment_variables",)


@admin.register(models.Event)
class EventAdmin(ReadOnly):
    list_display = ("created_at", "actor_name", "source", "verb", "subject", "request_id")
    list_filter = ("source", "verb")
    search_fields = ("subject", "actor_name", "request_id")


@admin.register(models.Workspace, models.RoleAssignment, models.ModelVersion, models.CodeVersion)
class WorkspaceAdmin(ReadOnly):
    pass


@admin.register(models.EnvironmentVersion, models.EnvironmentBuild, models.Operation, models.Replica)
class ObservedAdmin(ReadOnly):
    pass


@admin.register(models.Usage)
class UsageAdmin(ReadOnly):
    list_display = ("deployment", "replica_id", "instance_type", "phase", "price_per_hour", "started_at", "ended_at")


# Tables of the packages that sign people in. What is in these two lets somebody sign in: nobody reads it here.
for secret in (Authenticator, Token):
    admin.site.unregister(secret)
for model in (Group, EmailAddress, UserSession, Client):
    registered = type(admin.site.get_model_admin(model))
    admin.site.unregister(model)
    admin.site.register(model, type(registered.__name__, (Recorded, registered), {}))
