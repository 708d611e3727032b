"""A private registry for tests: an image that lies on disk in OCI's layout, for whoever knows its user and password."""

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PATH = re.compile(r"/v2/half/(manifests|blobs)/([a-z0-9:]+)")


@dataclass
class Registry:
    layout: Path
    username: str = "robot"
    password: str = "hush-of-the-registry"
    refused: list[str] = field(default_factory=list)  # paths that were asked for without them
    port: int = 0

    @property
    def image(self) -> str:
        return f"127.0.0.1:{self.port}/half:1"

    @property
    def credential(self) -> dict[str, str]:
        return {"username": self.username, "password": self.password, "serveraddress": f"127.0.0.1:{self.port}"}

    def knows(self, header: str) -> bool:
        wanted = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        return header == f"Basic {wanted}"

    def content(self, path: str) -> tuple[bytes, str, str] | None:
        """Bytes, media type, digest."""
        if path == "/v2/":
            return b"{}", "application/json", ""
        found = PATH.fullmatch(path)
        if found is None:
            return None
        (manifest,) = json.loads((self.layout / "index.json").read_text())["manifests"]
        digest = manifest["digest"] if found.group(2) == "1" else found.group(2)
        blob = self.layout / "blobs" / digest.replace(":", "/")
        kind = manifest["mediaType"] if found.group(1) == "manifests" else "application/octet-stream"
        return (blob.read_bytes(), kind, digest) if blob.is_file() else None


@contextmanager
def running_registry(layout: Path) -> Iterator[Registry]:
    registry = Registry(layout)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(registry))
    registry.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(registry: Registry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if not registry.knows(self.headers.get("authorization", "")):
                registry.refused.append(self.path)
                return self.answer(401, b"{}", {"www-authenticate": 'Basic realm="half"'})
            found = registry.content(self.path)
            if found is None:
                return self.answer(404, b"{}", {})
            body, kind, digest = found
            return self.answer(200, body, {"content-type": kind, "docker-content-digest": digest})

        do_HEAD = do_GET

        def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing for each request."""

    return Handler
