"""The gateway as an Envoy that reads its configuration from files."""

from endpoints.gateway.envoy.command import envoy_command, prepare
from endpoints.gateway.envoy.gateway import EnvoyGateway

__all__ = ["EnvoyGateway", "envoy_command", "prepare"]
