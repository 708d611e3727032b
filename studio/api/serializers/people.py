"""Workspaces, members, tokens, and who is asking."""

from typing import Any

from rest_framework import serializers

from endpoints.enums import Role
from endpoints.models import PersonalToken, RoleAssignment, Workspace
from studio.api.parsing import StrictSerializer


class WorkspaceBody(StrictSerializer):
    name = serializers.CharField()
    display_name = serializers.CharField(required=False, allow_blank=True, max_length=100)


class WorkspaceSerializer(serializers.Serializer[Workspace]):
    name = serializers.CharField()
    display_name = serializers.CharField()
    created_at = serializers.DateTimeField()


class MemberBody(StrictSerializer):
    role = serializers.ChoiceField(Role.choices)


class MemberSerializer(serializers.Serializer[RoleAssignment]):
    email = serializers.EmailField(source="user.email")
    display_name = serializers.CharField(source="user.display_name")
    role = serializers.ChoiceField(Role.choices)
    since = serializers.DateTimeField(source="created_at")


class TokenBody(StrictSerializer):
    name = serializers.CharField(help_text="Where it is used.")
    expires_at = serializers.DateTimeField(required=False, allow_null=True, help_text="Never, if not given.")
    read_only = serializers.BooleanField(required=False)  # type: ignore[assignment]


class TokenSerializer(serializers.Serializer[PersonalToken]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="Its first characters.")
    read_only = serializers.BooleanField()  # type: ignore[assignment]
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)


class NewTokenSerializer(TokenSerializer):
    token = serializers.CharField(help_text="Shown this once.")


class RoleSerializer(serializers.Serializer[Any]):
    workspace = serializers.CharField(source="workspace.name")
    role = serializers.ChoiceField(Role.choices)


class MeSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField()
    display_name = serializers.CharField()
    is_administrator = serializers.BooleanField(source="is_superuser", help_text="Owner of every workspace.")
    roles = RoleSerializer(many=True, source="role_assignments.all")
