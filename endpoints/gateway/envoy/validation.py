"""Asks the Envoy program itself whether it would take a table, without a running Envoy."""

import re
import subprocess
import tempfile
from pathlib import Path

from endpoints.domain.routing import RouteTable
from endpoints.gateway.envoy.binary import envoy_binary
from endpoints.gateway.envoy.documents import Json, encode
from endpoints.gateway.envoy.files import write_private
from endpoints.gateway.envoy.listener import Doors, plain_listener
from endpoints.gateway.envoy.resources import Layout, Resources

VALIDATION_SECONDS = 120


def complaint(resources: Resources) -> str | None:
    """What Envoy says against the table; None when it would take it."""
    with tempfile.TemporaryDirectory(prefix="es-") as folder:
        path = Path(folder) / "static.json"
        write_private(path, encode(static_configuration(resources)))
        command = [envoy_binary(), "--mode", "validate", "--log-level", "error", "-c", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=VALIDATION_SECONDS, check=False)
    if done.returncode == 0:
        return None
    return first_error(done.stderr)


def first_error(log: str) -> str:
    """The sentence after the program's own preamble, and after the message it is about when that is quoted."""
    found = re.search(r"error initializing configuration '[^']*': (.+)", log, re.DOTALL)
    sentence = (found.group(1) if found else log).rpartition("\n: ")[2]
    return " ".join(sentence.split())[:500]


def without_keys(text: str, table: RouteTable) -> str:
    """`text` with every key of the table blotted out, for messages and logs."""
    keys = [re.escape(key) for endpoint in table.endpoints for key in endpoint.keys if key]
    return re.sub("|".join(keys), "***", text) if keys else text


def static_configuration(resources: Resources) -> Json:
    """The same table without discovery, because validation does not read discovered files."""
    plain = plain_listener(Layout(Path()), Doors(port=0), None)
    return {
        "static_resources": {
            "clusters": [untyped(resource) for resource in resources.clusters],
            "listeners": [static_listener(plain, resources)],
        }
    }


def static_listener(plain: Json, resources: Resources) -> Json:
    manager = plain["filter_chains"][0]["filters"][0]
    config = {key: value for key, value in manager["typed_config"].items() if key != "rds"}
    discovered = {each["name"]: untyped(each) for each in (resources.token_configuration, resources.rate_configuration)}
    config["http_filters"] = [discovered.get(each["name"], each) for each in config["http_filters"]]
    config["route_config"] = untyped(resources.route_configurations[0])
    return untyped(plain) | {"filter_chains": [{"filters": [manager | {"typed_config": config}]}]}


def untyped(resource: Json) -> Json:
    return {key: value for key, value in resource.items() if key != "@type"}
