"""IT's tables. What the studio's services own is read-only here, so that the history stays whole."""

import json
from typing import TYPE_CHECKING, Any

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.idp.oidc.models import Client, Token
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest

from endpoints import models
from endpoints.services import events
from endpoints.services.accounts import last_superuser_fault, save_account
from endpoints.services.people import unlink
from studio.actors import actor_of

# The door is the same for everybody: throttled, with the second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
# Providers, addresses and sessions have pages of their own.
for table in (EmailAddress, SocialAccount, SocialApp, SocialToken, UserSession, Authenticator):
    admin.site.unregister(table)
admin.site.site_header = "Endpoint Studio administration"
admin.site.site_title = "Endpoint Studio"

SECRETS = ("password", "secret", "data", "key")

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    BaseUserAdmin = DjangoUserAdmin[models.User]
    BaseAccountForm = UserChangeForm[models.User]
else:
    ModelAdmin = admin.ModelAdmin
    BaseUserAdmin = DjangoUserAdmin
    BaseAccountForm = UserChangeForm


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


class AccountForm(BaseAccountForm):
    def clean(self) -> Any:
        given = super().clean()
        for name in ("is_active", "is_staff", "is_superuser"):
            setattr(self.instance, name, self.cleaned_data.get(name, getattr(self.instance, name)))
        if why := last_superuser_fault(self.instance):
            raise ValidationError(why)
        return given


@admin.register(models.User)
class UserAdmin(BaseUserAdmin):
    """Nobody is deleted here: who leaves is made inactive, and what they did keeps their name."""

    form = AccountForm
    ordering = ("email",)
    list_display = ("email", "display_name", "is_staff", "is_active", "last_login")
    search_fields = ("email", "display_name")
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "password", "display_name")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "display_name", "password1", "password2")}),)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        save_account(actor=actor_of(request), user=obj, changed=form.changed_data)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        """The password and its event are written together, or not at all."""
        request.sets_password = True  # type: ignore[attr-defined]
        with transaction.atomic():
            return super().user_change_password(request, id, form_url)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        if getattr(request, "sets_password", False):
            events.record(actor=actor_of(request), verb="password.set", subject=obj.email)
        return super().log_change(request, obj, message)


class Removable(Recorded, ReadOnly):
    """For people who lost what they sign in with: IT takes it away, and nothing of it is shown."""

    exclude = ("data", "extra_data")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)


@admin.register(Authenticator)
class SecondFactorAdmin(Removable):
    list_display = ("user", "type", "created_at", "last_used_at")
    search_fields = ("user__email",)


@admin.register(SocialAccount)
class LinkedAccountAdmin(Removable):
    list_display = ("user", "provider", "date_joined", "last_login")
    search_fields = ("user__email",)

    def delete_model(self, request: HttpRequest, obj: SocialAccount) -> None:
        provider = models.IdentityProvider.objects.filter(name=obj.provider).first()
        if provider is not None:
            unlink(actor=actor_of(request), user=obj.user, provider=provider)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for obj in queryset:
            self.delete_model(request, obj)


@admin.register(models.InstanceType)
class InstanceTypeAdmin(ReadOnly):
    """IT changes them where prices have dates."""

    list_display = ("name", "vcpu", "memory_mib", "gpu", "price_per_hour", "enabled")


@admin.register(models.Price)
class PriceAdmin(ReadOnly):
    list_display = ("meter", "item", "unit_price", "valid_from", "created_by", "created_at")
    list_filter = ("meter",)


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
    list_display = (
        "deployment",
        "meter",
        "replica_id",
        "instance_type",
        "phase",
        "unit_price",
        "started_at",
        "ended_at",
    )


# What is in this table lets somebody sign in: nobody reads it here.
admin.site.unregister(Token)
admin.site.unregister(Group)  # roles are given to groups of identity providers; these mean nothing here
registered = type(admin.site.get_model_admin(Client))
admin.site.unregister(Client)
admin.site.register(Client, type(registered.__name__, (Recorded, registered), {}))
