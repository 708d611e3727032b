"""The gateway as an Envoy that reads its configuration from files."""

from endpoints.gateway.envoy.command import envoy_command, prepare
from endpoints.gateway.envoy.gateway import EnvoyGateway
from endpoints.gateway.envoy.listener import Doors
from endpoints.gateway.envoy.tls import Tls
from endpoints.gateway.envoy.tracing import Tracing

__all__ = ["Doors", "EnvoyGateway", "Tls", "Tracing", "envoy_command", "prepare"]
