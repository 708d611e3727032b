"""Sizes of replica, and what they cost."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.selectors.assets import instance_types
from studio.api.paging import listed, page_of
from studio.api.view import StudioView


class InstanceTypeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    description = serializers.CharField()
    vcpu = serializers.DecimalField(max_digits=6, decimal_places=2)
    memory_mib = serializers.IntegerField()
    gpu = serializers.IntegerField()
    price_per_hour = serializers.DecimalField(max_digits=10, decimal_places=4, help_text="Of one replica.")


class InstanceTypes(StudioView):
    tag = "Instance types"

    @extend_schema(responses=page_of(InstanceTypeSerializer))
    def get(self, request: Request) -> Response:
        """List instance types.

        Those that a deployment may ask for."""
        return listed(InstanceTypeSerializer(instance_types(), many=True).data)
