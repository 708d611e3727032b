"""Names of container images, as Docker reads them."""

import re

from endpoints.domain.errors import Invalid

DOCKER_HUB = "docker.io"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*(?::[0-9]{1,5})?"
_IMAGE = re.compile(
    rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?"
)
_SERVER = re.compile(_HOST)


def checked_image(image: object, *, field: str = "image") -> str:
    """Raises Invalid."""
    if not isinstance(image, str) or len(image) > 512 or not _IMAGE.fullmatch(image):
        raise Invalid({field: "Name an image as registry/name:tag, or registry/name@sha256:…, without a scheme."})
    return image


def checked_registry(server: str, *, field: str = "server") -> str:
    """A registry's host, or host:port. Raises Invalid."""
    server = server.strip().lower()
    if not _SERVER.fullmatch(server) or len(server) > 255:
        raise Invalid({field: "The registry's host, such as ghcr.io or registry.example.org:5000, without a scheme."})
    return server


def registry_of(image: str) -> str:
    """Its host; Docker Hub where the name has none."""
    first, slash, _ = image.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    return first.lower() if named else DOCKER_HUB
