"""Credentials of container registries. A password goes in and never out."""

from typing import Any

from rest_framework import serializers

from studio.api.parsing import StrictSerializer
from studio.api.serializers.fields import maker


class RegistryBody(StrictSerializer):
    username = serializers.CharField(max_length=255)
    password = serializers.CharField(trim_whitespace=False, write_only=True, help_text="Kept encrypted, never shown.")


class RegistrySerializer(serializers.Serializer[Any]):
    server = serializers.CharField(help_text="The registry's host, or host:port.")
    username = serializers.CharField()
    created_at = serializers.DateTimeField()
    created_by = maker()
