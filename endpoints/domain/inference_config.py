"""Declared routes of a server that the user brings: Azure's `inference_config` (AML/how-to-deploy-custom-container)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from endpoints.domain.errors import Invalid

FIELD = "inference_config"
NAMES = ("liveness_route", "readiness_route", "scoring_route")
PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/-]*")
MAX_PATH = 500


@dataclass(frozen=True, slots=True)
class Route:
    """`port` is the one that the server was written for; 0 where it has but one, or none."""

    port: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    liveness: Route
    readiness: Route
    scoring: Route

    @property
    def ports(self) -> tuple[int, ...]:
        """Each once; that of scoring first."""
        return tuple(dict.fromkeys((self.scoring.port, self.readiness.port, self.liveness.port)))


def checked_config(config: object) -> dict[str, dict[str, Any]]:
    """The routes that were given, as {name: {"port": int, "path": str}}. Raises Invalid."""
    if not isinstance(config, Mapping):
        raise Invalid({FIELD: f"An object with {', '.join(NAMES)} is expected here."})
    unknown = [str(name) for name in config if name not in NAMES]
    if unknown:
        raise Invalid({FIELD: f"There is no “{unknown[0][:60]}”; there are {', '.join(NAMES)}."})
    return {name: _checked_route(name, route) for name, route in config.items()}


def _checked_route(name: str, route: object) -> dict[str, Any]:
    if not isinstance(route, Mapping) or not set(route) <= {"port", "path"}:
        raise Invalid({FIELD: f"{name}: an object with port and path is expected here."})
    port, path = route.get("port"), route.get("path")
    if not isinstance(port, int) or isinstance(port, bool) or not 0 < port < 65536:
        raise Invalid({FIELD: f"{name}: port is a whole number from 1 to 65535."})
    if not isinstance(path, str) or not PATH.fullmatch(path) or len(path) > MAX_PATH:
        raise Invalid({FIELD: f"{name}: path starts with / and has no query, no space and no escapes."})
    return {"port": port, "path": path}


def declared_routes(config: Mapping[str, Any]) -> Routes:
    """Of a checked config. Raises Invalid where one of the three is missing."""
    missing = [name for name in NAMES if name not in config]
    if missing:
        raise Invalid({FIELD: f"Say where the server answers: {', '.join(missing)} as {{port, path}}."})
    found = [Route(config[name]["port"], config[name]["path"]) for name in NAMES]
    return Routes(liveness=found[0], readiness=found[1], scoring=found[2])
