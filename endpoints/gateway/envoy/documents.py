"""What every configuration document has in common."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

TYPES = "type.googleapis.com/"
METADATA = "endpoint_studio"  # of the routes: endpoint, deployment, auth_mode


def typed(message: str, **fields: Any) -> Json:
    """A protobuf Any. `message` is the full name of the message."""
    return {"@type": TYPES + message, **fields}


def extension(name: str, message: str, **fields: Any) -> Json:
    return {"name": name, "typed_config": typed(message, **fields)}


@dataclass(frozen=True, slots=True)
class Document:
    """A discovery file. Equal resources have equal versions, so that an unchanged file stays untouched."""

    version: str
    content: bytes


def discovery_document(resources: list[Json]) -> Document:
    encoded = encode(resources)
    version = hashlib.sha256(encoded).hexdigest()[:16]
    return Document(version, b'{"version_info":"%b","resources":%b}' % (version.encode(), encoded))


def encode(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
