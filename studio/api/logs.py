"""Logs: of a replica, and of an environment's build."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints import wiring
from endpoints.domain.replicas import LogChunk
from endpoints.enums import LogContainer
from endpoints.selectors.assets import environments_for
from endpoints.selectors.endpoints import replica_of
from endpoints.selectors.logs import MOST_LINES, build_log, tail_of
from endpoints.services.specification import built_hash
from studio.api.assets import version_of
from studio.api.parsing import StrictSerializer
from studio.api.view import StudioView

CHUNK_BYTES = 1024 * 1024
MAX_OFFSET = 2**53
DEFAULT_TAIL = 200
MAX_TAIL = MOST_LINES


class LogQuery(StrictSerializer):
    offset = serializers.IntegerField(
        required=False, min_value=0, max_value=MAX_OFFSET, help_text="Bytes: what came after. From an earlier answer."
    )
    tail = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_TAIL, help_text=f"So many last lines; {DEFAULT_TAIL} if not given."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if {"offset", "tail"} <= attrs.keys():
            raise serializers.ValidationError({"tail": "Give offset or tail, not both."})
        return attrs


class EnvironmentLogQuery(LogQuery):
    workspace = serializers.CharField(required=False, help_text="Needed where two of yours have this name.")


class LogSerializer(serializers.Serializer[Any]):
    lines = serializers.ListField(child=serializers.CharField())
    offset = serializers.IntegerField(help_text="Where to read on: ?offset=")
    size = serializers.IntegerField(help_text="Bytes of the whole log.")


class DeploymentLogQuery(StrictSerializer):
    container = serializers.ChoiceField(
        LogContainer.choices, required=False, help_text="inference-server if not given."
    )
    tail = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_TAIL, help_text=f"So many last lines; {DEFAULT_TAIL} if not given."
    )
    replica = serializers.IntegerField(required=False, min_value=0, max_value=1000, help_text="All if not given.")
    search = serializers.CharField(
        required=False, max_length=200, help_text="Only lines that hold it; a request id too."
    )


class DeploymentLogSerializer(serializers.Serializer[Any]):
    lines = serializers.ListField(child=serializers.CharField())


class DeploymentLog(StudioView):
    tag = "Logs"
    queries = {"get": DeploymentLogQuery}

    @extend_schema(responses=DeploymentLogSerializer)
    def get(self, request: Request, endpoint: str, name: str) -> Response:
        """Read a deployment's logs.

        Of all its replicas in the order of time, or of what made their files and environment ready; everything that
        is kept is searched."""
        asked = self.asked
        lines = tail_of(
            self.deployment(endpoint, name),
            container=LogContainer(asked.get("container", LogContainer.INFERENCE_SERVER)),
            ordinal=asked.get("replica"),
            lines=asked.get("tail", DEFAULT_TAIL),
            text=asked.get("search", ""),
        )
        return Response({"lines": lines})


class ReplicaLog(StudioView):
    tag = "Logs"
    queries = {"get": LogQuery}

    @extend_schema(responses=LogSerializer)
    def get(self, request: Request, endpoint: str, name: str, ordinal: int) -> Response:
        """Read a replica's log.

        Whole lines, at most 1 MiB at a time."""
        replica = replica_of(self.deployment(endpoint, name), ordinal)
        return _answer(self.asked, lambda **where: wiring.compute().read_log(replica.pk, **where))


class DeploymentBuildLog(StudioView):
    tag = "Logs"
    queries = {"get": LogQuery}

    @extend_schema(responses=LogSerializer)
    def get(self, request: Request, endpoint: str, name: str) -> Response:
        """Read the build log of a deployment.

        How its environment was built."""
        found = self.deployment(endpoint, name)
        return _answer(self.asked, lambda **where: build_log(found, **where))


class EnvironmentBuildLog(StudioView):
    tag = "Logs"
    queries = {"get": EnvironmentLogQuery}

    @extend_schema(responses=LogSerializer)
    def get(self, request: Request, name: str, version: str) -> Response:
        """Read the build log of an environment."""
        built = built_hash(version_of(self, environments_for, name, version))
        return _answer(self.asked, lambda **where: wiring.builder().read_log(built, **where))


def _answer(query: dict[str, Any], read: Callable[..., LogChunk]) -> Response:
    start = query.get("offset")
    chunk = read(limit=CHUNK_BYTES) if start is None else read(start=start, limit=CHUNK_BYTES)
    lines = chunk.lines
    shown = lines if start is not None else lines[-query.get("tail", DEFAULT_TAIL) :]
    return Response({"lines": shown, "offset": chunk.end, "size": chunk.size})
