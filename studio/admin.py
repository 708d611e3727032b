"""IT's tables. What the studio's services own is read-only here, so that the history stays whole."""

import json
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.http import HttpRequest

from endpoints import models
from endpoints.services import events
from studio.actors import actor_of

admin.site.site_header = "Endpoint Studio administration"
admin.site.site_title = "Endpoint Studio"

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    BaseUserAdmin = DjangoUserAdmin[models.User]
else:
    ModelAdmin = admin.ModelAdmin
    BaseUserAdmin = DjangoUserAdmin


class Recorded(ModelAdmin):
    """What IT changes here stands in the history, as what anybody changes elsewhere does."""

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
        events.record(
            actor=actor_of(request),
            verb=f"{obj._meta.model_name}.{what}",
            subject=str(obj),
            reason=message if isinstance(message, str) else json.dumps(message),
        )


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
