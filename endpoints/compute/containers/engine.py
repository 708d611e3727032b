"""The Docker API over its unix socket, which Podman speaks too: the few calls that replicas need.

Standard library only: the launcher runs it beside each container.
"""

import base64
import contextlib
import http.client
import json
import os
import socket
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

VERSION = "v1.40"
SOCKETS = ("/var/run/docker.sock", "/run/podman/podman.sock")
QUICK_SECONDS = 10.0


class EngineError(Exception):
    """What the engine said, or that it did not answer. `status` is that of its answer; 0 without one."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float | None) -> None:
        super().__init__("engine", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Engine:
    """`path` is that of its socket. Every call raises EngineError."""

    def __init__(self, path: str) -> None:
        self.path = path

    def name(self) -> str:
        """Such as "Podman Engine 4.3.1"."""
        found = self._json("GET", "/version", timeout=QUICK_SECONDS)
        parts = found.get("Components") or [{"Name": "Docker", "Version": found.get("Version", "")}]
        return f"{parts[0]['Name']} {parts[0]['Version']}"

    def has_image(self, image: str) -> bool:
        try:
            self._json("GET", f"/images/{quote(image, safe='/:@')}/json", timeout=QUICK_SECONDS)
        except EngineError as error:
            if error.status == 404:
                return False
            raise
        return True

    def pull(self, image: str, registry: Mapping[str, str], timeout: float) -> Iterator[str]:
        """What the engine says on the way."""
        name, tag = _name_and_tag(image)
        headers = {}
        if registry:
            headers["X-Registry-Auth"] = base64.urlsafe_b64encode(json.dumps(dict(registry)).encode()).decode()
        query = {"fromImage": name, **({"tag": tag} if tag else {})}
        with self._call("POST", "/images/create", query=query, headers=headers, timeout=timeout) as answer:
            for line in answer:
                told = json.loads(line) if line.strip() else {}
                if "error" in told:
                    raise EngineError(str(told["error"]))
                if told.get("status"):
                    yield f"{told['status']} {told.get('id', '')}".strip()

    def inspect(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._json("GET", f"/containers/{name}/json", timeout=QUICK_SECONDS)
        except EngineError as error:
            if error.status == 404:
                return None
            raise
        return found

    def labelled(self, label: str) -> list[dict[str, Any]]:
        query = {"all": "1", "filters": json.dumps({"label": [label]})}
        found: list[dict[str, Any]] = self._json("GET", "/containers/json", query=query, timeout=QUICK_SECONDS)
        return found

    def create(self, name: str, specification: Mapping[str, Any]) -> None:
        self._json("POST", "/containers/create", query={"name": name}, body=specification, timeout=60)

    def start(self, name: str) -> None:
        self._json("POST", f"/containers/{name}/start", timeout=60)

    def stop(self, name: str, seconds: float) -> None:
        """SIGTERM, or what the image says, and after so many seconds SIGKILL. Returns when it has ended."""
        self._json("POST", f"/containers/{name}/stop", query={"t": str(int(seconds))}, timeout=seconds + 30)

    def remove(self, name: str) -> None:
        """However it stands; nothing where it is gone already."""
        try:
            self._json("DELETE", f"/containers/{name}", query={"force": "1", "v": "1"}, timeout=60)
        except EngineError as error:
            if error.status != 404:
                raise

    def wait(self, name: str) -> int:
        """Its exit code, once it has ended."""
        return int(self._json("POST", f"/containers/{name}/wait", timeout=None)["StatusCode"])

    def output(self, name: str, *, since: int) -> Iterator[bytes]:
        """Both of its streams, as they come, until it ends. `since` is in seconds of the epoch."""
        query = {"follow": "1", "stdout": "1", "stderr": "1", "since": str(since)}
        with self._call("GET", f"/containers/{name}/logs", query=query, timeout=None) as answer:
            while len(head := answer.read(8)) == 8:
                left = int.from_bytes(head[4:], "big")
                while left and (part := answer.read(min(left, 65536))):
                    left -= len(part)
                    yield part

    def _json(self, method: str, path: str, **options: Any) -> Any:
        with self._call(method, path, **options) as answer:
            text = answer.read()
        return json.loads(text) if text.strip() else {}

    @contextlib.contextmanager
    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None,
    ) -> Iterator[http.client.HTTPResponse]:
        connection = _Connection(self.path, timeout)
        given = {"Content-Type": "application/json", **(headers or {})}
        url = f"/{VERSION}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            connection.request(method, url, json.dumps(body) if body is not None else None, given)
            answer = connection.getresponse()
            if answer.status >= 400:
                raise EngineError(_complaint(answer), answer.status)
            yield answer
        except (OSError, http.client.HTTPException) as error:
            raise EngineError(f"The container engine does not answer on {self.path}: {error}") from error
        finally:
            connection.close()


def _complaint(answer: http.client.HTTPResponse) -> str:
    text = answer.read(4000).decode("utf-8", "replace")
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return str(json.loads(text)["message"])
    return text.strip() or f"status {answer.status}"


def _name_and_tag(image: str) -> tuple[str, str]:
    """A digest stays with the name; without a tag it is `latest`, or an engine would pull all of them."""
    if "@" in image:
        return image, ""
    name, colon, tag = image.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (image, "latest")


def found_socket(wanted: str = "") -> str:
    """The one that was asked for; else that of DOCKER_HOST; else the first that is there. Empty: none."""
    host = os.environ.get("DOCKER_HOST", "")
    if wanted or host.startswith("unix://"):
        return wanted or host.removeprefix("unix://")
    return next((path for path in SOCKETS if os.path.exists(path)), "")  # noqa: PTH110 - as the rest of the launcher
